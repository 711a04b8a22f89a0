"""Schedules of learning rates: shares of the first step size, driven by env steps over the run's total."""

from __future__ import annotations

LEARNING_RATE_SCHEDULES = ("constant", "linear")


def rate_share(schedule: str, env_steps: int, total_steps: int) -> float:
    """Return the share of the first step size that holds after ``env_steps`` over all copies.

    Args:
        schedule: ``constant``, or ``linear``: down to 0 at the end of the run.
        env_steps: Env steps before those that an update learns from for the first time, so that a run begins at 1 and its last update still moves.
        total_steps: Env steps planned.
    """
    return 1.0 if schedule == "constant" else max(0.0, 1.0 - env_steps / total_steps)
