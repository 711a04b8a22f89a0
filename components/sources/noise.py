"""Autoregressive noise, and what an hourly series leaves out: quick variation around the hourly line, with the hourly means kept.

Sub-hour noise was fitted on 15-minute SimBench profiles as the deviation from the hourly line, in shares of the rated value: PV 0.015 with
neighbouring steps correlated by 0.67, a single household 0.045 (white), business 0.04 and 0.2, wind 0.020 and 0.68.
"""

from __future__ import annotations

import numpy as np

from wattloom.components.sources.calendar import Calendar
from wattloom.components.sources.seeds import generator
from wattloom.components.sources.series import HOUR, Floats


def with_noise(values: Floats, calendar: Calendar, std: float, phi: float, seed: int, place: str) -> Floats:
    """Return values with sub-hour noise, shape (n_steps,); unchanged where a step is an hour or longer.

    Args:
        values: Shape (n_steps,), not negative.
        calendar: The clock.
        std: Standard deviation of the noise, unit of the values.
        phi: Correlation of noise 15 minutes apart.
        seed: Base seed.
        place: Whose noise.
    """
    per_hour = HOUR // calendar.step_seconds
    if per_hour < 2 or std <= 0:
        return values
    step_phi = phi ** (calendar.step_seconds / 900.0) if phi > 0 else 0.0
    hours = -(-values.size // per_hour)
    noise = std * ar1(generator(seed, "subhour", place), hours * per_hour, step_phi).reshape(hours, per_hour)
    noise -= noise.mean(axis=1, keepdims=True)
    padded = np.concatenate([values, np.zeros(hours * per_hour - values.size)]).reshape(hours, per_hour)
    room = np.minimum.reduce(padded, axis=1, keepdims=True)
    deepest = -noise.min(axis=1, keepdims=True)
    noise *= np.minimum(
        1.0, np.divide(room, deepest, out=np.ones_like(room), where=deepest > 0)
    )  # smaller, rather than clipped: the mean stays
    return (padded + noise).reshape(-1)[: values.size]


def ar1(rng: np.random.Generator, n: int, phi: float) -> Floats:
    """Stationary AR(1) of unit variance, shape (n,): ``u[t] = phi u[t-1] + sqrt(1 - phi^2) e[t]``."""
    from scipy.signal import lfilter

    e = rng.normal(size=n)
    e[1:] *= np.sqrt(1.0 - phi**2)
    u: Floats = lfilter([1.0], [1.0, -phi], e)
    return u
