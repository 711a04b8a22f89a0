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

from wattloom.components.envs.datacenter.protocol import AGENTS, Record, State
from wattloom.components.envs.datacenter.sustaindc.battery import SustainDcBattery
from wattloom.components.envs.datacenter.sustaindc.entries import entries
from wattloom.components.envs.datacenter.sustaindc.episode import SustainDcEpisode
from wattloom.components.envs.datacenter.sustaindc.queue import SustainDcQueue
from wattloom.components.physics.compiled import compiled, quickest
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
COOLING_ENTRIES = np.array([*range(10), 13, 26, 14, 27])  # of the central state
BATTERY_ENTRIES = np.array([*range(10), 13, 14, 28])
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
            state["observation_view"][part] = entries(state["episode_values"][part], bounds, start, self._horizon + 1)

    def after(self, state: State, record: Record) -> None:
        """Keep nothing: queue and battery show themselves."""

    def observe(self, state: State, elapsed: Array) -> tuple[dict[str, Array], Array]:
        """Return the observations of the time ``elapsed`` steps after the start."""
        arrays = (state["observation_view"], elapsed, state["queue_view"], state["battery_mwh"] / self._battery_mwh)
        central, *seen = quickest(seen_rows, seen_loop)(*arrays)
        return dict(zip(AGENTS, seen, strict=True)), central


def seen_rows(view: Array, elapsed: Array, queue: Array, charge: Array) -> tuple[Array, Array, Array, Array]:
    """Return the central state and the three agents' observations of the times ``elapsed``, float32."""
    central = view[np.arange(len(elapsed)), elapsed]
    central[:, 10:13] = queue[:, :3]
    central[:, 21:26] = queue[:, 3:]
    central[:, 28] = charge
    return central, central[:, :26].copy(), central.take(COOLING_ENTRIES, axis=1), central.take(BATTERY_ENTRIES, axis=1)


@compiled
def seen_loop(view: Array, elapsed: Array, queue: Array, charge: Array) -> tuple[Array, Array, Array, Array]:
    """Do what :func:`seen_rows` does, copy by copy."""
    n, entries = len(elapsed), view.shape[2]
    central = np.empty((n, entries), dtype=np.float32)
    shifting, cooling, battery = (np.empty((n, 26), np.float32), np.empty((n, 14), np.float32), np.empty((n, 13), np.float32))
    for i in range(n):
        for k in range(entries):
            central[i, k] = view[i, elapsed[i], k]
        for k in range(3):
            central[i, 10 + k] = queue[i, k]
        for k in range(5):
            central[i, 21 + k] = queue[i, 3 + k]
        central[i, 28] = charge[i]
        shifting[i] = central[i, :26]
        for k in range(14):
            cooling[i, k] = central[i, COOLING_ENTRIES[k]]
        for k in range(13):
            battery[i, k] = central[i, BATTERY_ENTRIES[k]]
    return central, shifting, cooling, battery
