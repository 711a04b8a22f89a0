"""Replay of recorded SustainDC episodes: exogenous series and actions in, a table of every step out.

The entry for checking ``env=sustaindc`` against recordings of the original, whatever their place, month or seed:

    from wattloom.components.envs.datacenter.replay import replay

    recording = numpy.load("ny_m06_alibaba1__random.npz")
    table = replay(recording, recording["actions"], location="ny")
    table["info_dc_total_power_kW"]        # (steps,), compare with recording["info_dc_total_power_kW"]

Names, shapes and units of the columns are those of the recordings: ``obs_agent_ls/dc/bat`` (row 0 is the reset), ``rewards``, ``done_flags``, ``info_*``
(what the original reports) and ``int_*`` (its internals). A second episode that follows a first takes the set-point and the energies of the first.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from wattloom.components.envs.datacenter.protocol import AGENTS
from wattloom.components.envs.datacenter.sustaindc.columns import step_columns
from wattloom.components.envs.datacenter.sustaindc.preset import original, sizing
from wattloom.components.envs.datacenter.sustaindc.racks import SERVERS_W
from wattloom.components.envs.datacenter.sustaindc.recording import RecordedEpisode, bounds_of, series_of, start_of
from wattloom.components.envs.datacenter.sustaindc.reward import SustainDcReward
from wattloom.environment import Array, Snapshot
from wattloom.errors import DataError

__all__ = ["replay", "sizing"]


def replay(
    exogenous: Mapping[str, ArrayLike],
    actions: ArrayLike,
    *,
    location: str | None = None,
    capacity_mw: float = 1.0,
    setpoint: float | None = None,
    history: ArrayLike = (),
) -> dict[str, Array]:
    """Run the original's model on recorded inputs and actions.

    Args:
        exogenous: ``in_workload`` (share), ``in_temp``, ``in_wetbulb`` (°C), ``in_ci`` (g/kWh): values from 16 steps of 15 min before the first
            step to at least 17 after the last, shape (n,). Optional: ``norm_temp_min_max`` and ``norm_ci_min_max`` (2,), bounds of the
            normalisation, or the normalised series ``in_norm_temp`` and ``in_norm_ci`` (default: bounds of the series from the first step on, up
            to 2880 steps); ``start_day_hour`` (day from 0, hour) or ``t0`` (15-min index of the year), default 0; ``rack_full_load_idle_W``
            (racks, 2), default the original's; ``setpoint0`` (°C). Other keys are ignored.
        actions: int (steps, 3): load shifting, cooling, battery; 0..2 each.
        location: Two-letter place, which decides the outdoor temperature the tower is sized for: ny 30, wa 20, every other place 50 °C; None: 50.
        capacity_mw: The original's ``datacenter_capacity_mw``.
        setpoint: °C before the first step; None: ``setpoint0``, else 18.
        history: Energies (kWh) of earlier steps that the reward remembers, oldest first.

    Returns:
        Columns by name, one row a step; see the module's text.

    Raises:
        DataError: A missing or too short series, or actions of a wrong shape.
    """
    chosen = np.asarray(actions, dtype=np.int64)
    if chosen.ndim != 2 or chosen.shape[1] != 3 or len(chosen) == 0:
        raise DataError(f"replay: actions have shape {chosen.shape}, expected (steps, 3)")
    steps = len(chosen)
    racks = np.asarray(exogenous["rack_full_load_idle_W"]).tolist() if "rack_full_load_idle_W" in exogenous else SERVERS_W
    start = start_of(exogenous)
    warm = setpoint if setpoint is not None else float(np.asarray(exogenous["setpoint0"])) if "setpoint0" in exogenous else 18.0
    built = original(
        RecordedEpisode(series_of(exogenous, steps), bounds_of(exogenous), start, steps), racks, location, capacity_mw, float(warm)
    )
    environment = built.environment
    snapshot = environment.reset(seed=0)
    for energy in np.asarray(history, dtype=np.float64):
        SustainDcReward.unusual(environment.arrays, np.array([energy]))
    rows, rewards, ended = [_observed(snapshot)], [], []
    columns: dict[str, list[Any]] = {}
    for step in range(steps):
        result = environment.step({name: chosen[step, i : i + 1] for i, name in enumerate(AGENTS)})
        rows.append(_observed(result.snapshot))
        rewards.append([float(result.rewards[name][0]) for name in AGENTS])
        ended.append([bool(result.terminated[0]), bool(result.truncated[0]), *[False] * 3, *[bool(result.truncated[0])] * 3])
        for name, value in step_columns(built, chosen[step], start + step + 1).items():
            columns.setdefault(name, []).append(value)
    table = {f"obs_agent_{name}": np.array([row[i] for row in rows]) for i, name in enumerate(("ls", "dc", "bat"))}
    table.update(rewards=np.array(rewards), done_flags=np.array(ended), actions=chosen)
    table.update({name: np.array(values) for name, values in columns.items()})
    return table


def _observed(snapshot: Snapshot) -> list[Array]:
    """Return the three observations of copy 0."""
    return [snapshot.observations[name][0].copy() for name in AGENTS]
