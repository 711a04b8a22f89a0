"""How the best checkpoint of a run did on episodes that had no part in choosing it."""

from __future__ import annotations

from typing import Any

import numpy as np

from wattloom.environment import EnvironmentSpec
from wattloom.evaluation import EvaluationResult
from wattloom.statistics import mean_interval


def held_back_facts(checkpoint: str, result: EvaluationResult) -> dict[str, Any]:
    """Return what ``status.json`` says: checkpoint, seeds, and mean, lower and upper end of the 95 % interval of return and figures."""
    return {
        "checkpoint": checkpoint,
        "seeds": list(result.seeds),
        "return": mean_interval(result.returns),
        "figures": {name: mean_interval(values) for name, values in result.figures.items()},
    }


def held_back_record(spec: EnvironmentSpec, result: EvaluationResult) -> dict[str, float]:
    """Return the metric record: return with its interval, and the mean of every figure that the environment declares."""
    mean, low, high = mean_interval(result.returns)
    values = {"held_back/return_mean": mean, "held_back/return_low": low, "held_back/return_high": high}
    values["held_back/episodes"] = float(len(result.seeds))
    return values | {f"held_back/figure/{figure.name}": float(np.mean(result.figures[figure.name])) for figure in spec.figures}
