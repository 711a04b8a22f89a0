"""What each recorded column means: written once beside the metrics, so that analysis and figures never guess a unit."""

from __future__ import annotations

from wattloom.environment import EnvironmentSpec

COLUMNS = {
    "rollout/episode": ("1", "number of the episode that ended, the highest where several ended in one step"),
    "rollout/count": ("1", "episodes that ended in this step"),
    "rollout/return": ("1", "undiscounted return of the training episodes that ended in this step, mean"),
    "rollout/length": ("env steps", "their length, mean"),
    "rollout/return_mean": ("1", "return, mean of the last episodes (hooks.metrics.window)"),
    "rollout/length_mean": ("env steps", "length, mean of the same episodes"),
    "eval/return_mean": ("1", "undiscounted return of the evaluation episodes, mean"),
    "eval/return_std": ("1", "its standard deviation over the episodes"),
    "eval/return_min": ("1", "worst evaluation episode"),
    "eval/return_max": ("1", "best evaluation episode"),
    "eval/length_mean": ("env steps", "length of the evaluation episodes, mean"),
    "eval/episodes": ("1", "number of evaluation episodes"),
    "eval/is_best": ("1", "1 where the mean of what evaluation.best names is the best so far"),
    "held_back/return_mean": ("1", "return of the best checkpoint on held-back seeds, mean"),
    "held_back/return_low": ("1", "lower end of its 95 % interval over episodes"),
    "held_back/return_high": ("1", "upper end of it"),
    "held_back/episodes": ("1", "number of held-back episodes"),
    "time/env_steps_per_second": ("1/s", "env steps over all copies since the last update record"),
    "time/updates_per_second": ("1/s", "gradient updates since the last update record"),
    "time/evaluation_seconds": ("s", "wall time of the evaluation"),
    "time/elapsed_seconds": ("s", "wall time of this process"),
}
"""Column name to unit and meaning."""


def declared_columns(spec: EnvironmentSpec) -> list[dict[str, str]]:
    """Return ``{"name", "unit", "better", "meaning"}`` of every column known when a run begins; losses follow under ``train/``."""
    rows = [_row(name, unit, "none", meaning) for name, (unit, meaning) in COLUMNS.items()]
    if len(spec.agents) > 1:
        rows += [_row(f"rollout/{agent.name}/return", "1", "higher", f"return of agent {agent.name}") for agent in spec.agents]
    for column in spec.metric_columns:
        for kind, phase in (("env", "training"), ("eval", "evaluation")):
            rows.append(_row(f"{kind}/{column.name}", column.unit, column.better, f"mean over the steps of the {phase} episodes"))
    for figure in spec.figures:
        column = figure.column
        for kind, of in (("eval", "the evaluation episodes"), ("held_back", "the held-back episodes")):
            rows.append(_row(f"{kind}/figure/{column.name}", column.unit, column.better, f"{figure.how} over the steps, mean of {of}"))
    return rows


def _row(name: str, unit: str, better: str, meaning: str) -> dict[str, str]:
    return {"name": name, "unit": unit, "better": better, "meaning": meaning}
