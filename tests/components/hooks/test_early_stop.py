"""Early stop: the threshold, patience, and what survives a resume."""

from types import SimpleNamespace

import numpy as np
import pytest

from wattloom.components.hooks.early_stop import EarlyStop
from wattloom.errors import ConfigError


class Asked:
    def __init__(self):
        self.reasons = []

    def stop(self, reason):
        self.reasons.append(reason)


def stopped_after(hook, means):
    """Return after how many evaluations the hook asked to stop, and why."""
    run = Asked()
    for number, mean in enumerate(means, 1):
        hook.on_evaluate_end(run, SimpleNamespace(returns=np.array([mean - 1.0, mean + 1.0])))
        if run.reasons:
            return number, run.reasons[0]
    return None, ""


def test_the_threshold_is_judged_on_the_mean():
    number, reason = stopped_after(EarlyStop(threshold=-200), [-500, -200.5, -200.0, -100])
    assert number == 3
    assert "hooks.early_stop.threshold=-200" in reason


@pytest.mark.parametrize(
    ("options", "means", "number"),
    [
        ({"patience": 2}, [1, 0, 0, 5], 3),
        ({"patience": 2}, [1, 0, 2, 1, 3, 2], None),
        ({"patience": 1}, [1, 1], 2),
        ({"patience": 2, "min_delta": 1.0}, [0, 0.5, 0.9], 3),
        ({"patience": 2, "min_delta": 1.0}, [0, 0.5, 1.5, 2.0, 2.4], 5),
        ({}, [5, 4, 3, 2, 1], None),
    ],
)
def test_patience_counts_evaluations_without_improvement(options, means, number):
    assert stopped_after(EarlyStop(**options), means)[0] == number


def test_patience_goes_on_after_a_resume():
    first = EarlyStop(patience=3)
    assert stopped_after(first, [5, 1])[0] is None
    second = EarlyStop(patience=3)
    second.load_state_dict(first.state_dict())
    number, reason = stopped_after(second, [4, 4, 4])
    assert number == 2
    assert "no improvement over 5" in reason


def test_a_run_stops_at_the_threshold_as_completed(make_run, execute):
    run = make_run({"early_stop": EarlyStop(threshold=-1e9)}, total=200, evaluate_every=30)
    summary = execute(run)
    assert summary.status == "completed"
    assert "threshold" in summary.reason
    assert run.counters.env_steps == 30


@pytest.mark.parametrize("options", [{"patience": 0}, {"min_delta": -1.0}])
def test_nonsense_is_refused(options):
    with pytest.raises(ConfigError, match=r"hooks\.early_stop\."):
        EarlyStop(**options)
