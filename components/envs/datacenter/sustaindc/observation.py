"""SustainDC's observations: 26 entries for load shifting, 14 for cooling, 13 for the battery.

A block of 10 is common: clock (cosine and sine of the hour), normalised carbon intensity, its future and past slope, and features of its next 8 values
(mean, std, z-score, next peak, next valley). Everything but the queue's and the battery's entries is exogenous and computed when an episode begins.

Defects kept: the z-score explodes where its window is constant (std + 1e-8), the hour's fraction is rounded to 3 decimals, normalisation looks 30 days
ahead, values leave the original's declared boxes (ours declares none), and before 04:00 on 1 January the past slope is 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from wattloom.components.envs.datacenter.protocol import AGENTS, Record, State
from wattloom.components.envs.datacenter.sustaindc.battery import SustainDcBattery
from wattloom.components.envs.datacenter.sustaindc.episode import DEMAND, DRY, LEAD, SustainDcEpisode
from wattloom.components.envs.datacenter.sustaindc.queue import SustainDcQueue
from wattloom.environment import Array, Column
from wattloom.errors import ConfigError

FEATURES = ("mean", "std", "z_score", "peak_in", "valley_in")
BLOCK = ("cos_hour", "sin_hour", "carbon", "carbon_future_slope", "carbon_past_slope", *(f"carbon_{name}" for name in FEATURES))
WEATHER = ("demand", "temperature", "temperature_slope", *(f"temperature_{name}" for name in FEATURES))
QUEUE = ("oldest_age", "mean_age", "queue")
AGE_SHARES = ("age_0_6", "age_6_12", "age_12_18", "age_18_24", "age_over_24")
NAMES = {
    "load_shifting": (*BLOCK, *QUEUE, *WEATHER, *AGE_SHARES),
    "cooling": (*BLOCK, "demand", "demand_next", "temperature", "temperature_next"),
    "battery": (*BLOCK, "demand", "temperature", "state_of_charge"),
}
STATE = (*NAMES["load_shifting"], "demand_next", "temperature_next", "state_of_charge")
COOLING_ENTRIES = [*range(10), 13, 26, 14, 27]  # of the central state
BATTERY_ENTRIES = [*range(10), 13, 14, 28]
CHUNK = 16  # copies whose features are computed together


class SustainDcObservation:
    """The original's observations; nothing to configure."""

    def bind(self, environment: Any) -> None:
        """Remember the battery's size.

        Raises:
            ConfigError: A part that this observation reads is not the original's.
        """
        for name, kind in (("episode", SustainDcEpisode), ("load_shifting", SustainDcQueue), ("battery", SustainDcBattery)):
            if not isinstance(getattr(environment, name), kind):
                raise ConfigError(f"observation=sustaindc shows the original's {name}: set {name}=sustaindc, or another observation")
        self._horizon = environment.horizon
        self._battery_mwh = environment.battery.size_mwh

    @property
    def columns(self) -> Mapping[str, tuple[Column, ...]]:
        """Columns by agent and of the central state."""
        return {name: tuple(Column(entry, "1") for entry in entries) for name, entries in (*NAMES.items(), ("state", STATE))}

    @property
    def bounds(self) -> Mapping[str, tuple[Array, Array]]:
        """No bounds: the original's values have none."""
        return {name: (np.full(len(c), -np.inf, np.float32), np.full(len(c), np.inf, np.float32)) for name, c in self.columns.items()}

    def initial(self, num_envs: int) -> State:
        """Return the exogenous entries of every step of an episode."""
        return {"observation_view": np.zeros((num_envs, self._horizon + 1, len(STATE)), dtype=np.float32)}

    def begin(self, state: State, copies: Array) -> None:
        """Compute the exogenous entries of the copies' episodes."""
        for first in range(0, len(copies), CHUNK):
            part = copies[first : first + CHUNK]
            start, bounds = state["episode_start"][part], state["episode_bounds"][part]
            state["observation_view"][part] = exogenous_entries(state["episode_values"][part], bounds, start, self._horizon + 1)

    def after(self, state: State, record: Record) -> None:
        """Keep nothing: queue and battery show themselves."""

    def observe(self, state: State, elapsed: Array) -> tuple[dict[str, Array], Array]:
        """Return the observations of the time ``elapsed`` steps after the start."""
        central = state["observation_view"][np.arange(len(elapsed)), elapsed]
        queue = state["queue_view"]
        central[:, 10:13] = queue[:, :3]
        central[:, 21:26] = queue[:, 3:]
        central[:, 28] = state["battery_mwh"] / self._battery_mwh
        seen = (central[:, :26], central.take(COOLING_ENTRIES, axis=1), central.take(BATTERY_ENTRIES, axis=1))
        return dict(zip(AGENTS, seen, strict=True)), central


def exogenous_entries(values: Array, bounds: Array, start: Array, times: int) -> Array:
    """Return float32 ``(copies, times, 29)``: columns :data:`STATE`, with the queue's and the battery's left 0.

    Args:
        values: Stretches, ``(copies, length, k)``.
        bounds: Temperature min, max, carbon min, max, ``(copies, 4)``.
        start: 15-min index of the year of the first step, ``(copies,)``.
        times: Number of times, the first of them the reset.
    """
    temperature = (values[:, :, DRY] - bounds[:, 0:1]) / (bounds[:, 1:2] - bounds[:, 0:1])
    carbon = (values[:, :, 3] - bounds[:, 2:3]) / (bounds[:, 3:4] - bounds[:, 2:3])
    now = slice(LEAD, LEAD + times)
    view = np.zeros((len(values), times, len(STATE)), dtype=np.float32)
    quarter = start[:, None] + np.arange(times)
    angle = np.round(quarter % 96 / 96, 3) * 2 * np.pi
    view[..., 0], view[..., 1] = 0.5 * np.cos(angle) + 0.5, 0.5 * np.sin(angle) + 0.5
    view[..., 2] = carbon[:, now]
    view[..., 3] = sliding_window_view(carbon, 9, axis=1)[:, now] @ _slope(9, 4)
    past = sliding_window_view(carbon, 17, axis=1)[:, :times] @ _slope(17, 4)
    view[..., 4] = np.where(quarter < LEAD, 0.0, past)
    view[..., 5:10] = window_features(sliding_window_view(carbon, 9, axis=1)[:, now])
    ahead = sliding_window_view(temperature, 17, axis=1)[:, now]
    view[..., 13], view[..., 14] = values[:, now, DEMAND], temperature[:, now]
    view[..., 15] = ahead @ _slope(17, 1)
    view[..., 16:21] = window_features(ahead)
    following = slice(LEAD + 1, LEAD + 1 + times)
    view[..., 26], view[..., 27] = values[:, following, DEMAND], temperature[:, following]
    return view


def _slope(length: int, average: int) -> Array:
    """Return weights of the least-squares slope (per step) of the moving average of ``length`` values."""
    n = length - average + 1
    x = np.arange(n) - (n - 1) / 2
    weights: Array = np.convolve(x / (x @ x), np.full(average, 1 / average))
    return weights


def window_features(window: Array) -> Array:
    """Return mean, std, z-score, next peak and next valley, ``(..., 5)``, of the future in ``(..., 1 + k)`` windows that begin with the present."""
    future, k = window[..., 1:], window.shape[-1] - 1
    mean, std = future.mean(-1), future.std(-1)
    gradient = np.empty(window.shape)
    gradient[..., 1:-1] = window[..., 2:] - window[..., :-2]
    gradient[..., 0] = window[..., 1] - window[..., 0]
    gradient[..., -1] = window[..., -1] - window[..., -2]
    rising, falling = gradient > 0, gradient < 0
    peak = _first(rising[..., :-1] & ~rising[..., 1:])
    valley = _first(falling[..., :-1] & ~falling[..., 1:])
    return np.stack([mean, std, (window[..., 0] - mean) / (std + 1e-8), peak / k, valley / k], axis=-1)


def _first(flags: Array) -> Array:
    """Return the index of the first True along the last axis, or its length."""
    first: Array = np.where(flags.any(-1), flags.argmax(-1), flags.shape[-1])
    return first
