"""Replay of recorded NeomFlex episodes: profiles and actions in, a table of every step out.

The entry for checking ``env=neomflex`` against recordings of the original, whatever their start day, actions or profiles:

    from wattloom.components.envs.grid.replay import replay

    recording = numpy.load("test_random_s3_d2.npz")
    table = replay(recording, recording["actions"])
    table["vm_pu"]                 # (steps, 33), compare with recording["vm_pu"]

Names, shapes and units of the columns are those of the recordings. Every episode that ends is followed by a reset and the actions go on, as there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from wattloom.components.envs.grid.environment import Grid
from wattloom.components.power_flow.protocol import Backend
from wattloom.components.sources.protocol import Table
from wattloom.compose import compose
from wattloom.environment import Array, Column, Snapshot
from wattloom.errors import DataError
from wattloom.targets import build

ACTIONS = {"agent_1": slice(0, 2), "agent_2": slice(2, 5), "agent_3": slice(5, 6)}  # columns of the recorded actions
IDLE_WEIGHT = 30.0  # of the original's solar penalty
DAY = 48  # steps


def replay(
    profiles: Mapping[str, ArrayLike],
    actions: ArrayLike,
    *,
    start_day: int | None = None,
    solar_penalty: bool | None = None,
    days: int | None = None,
    power_flow: Backend | None = None,
) -> dict[str, Array]:
    """Run the original's rules on recorded profiles and actions.

    Args:
        profiles: ``demand`` and ``solar``, one value a recorded step of data row ``t`` (without ``t``: all rows in order). Where present, the
            recorded observations fill in rows that no step met. Optional: ``meta_start_day``, ``meta_solar_penalty``. Other keys are ignored.
        actions: (steps, 6): battery 23, inverter 20, batteries 7 and 14, inverters 16 and 31. The original computed the state of charge in the
            precision of its actions, and so is it here.
        start_day: First day, from 0; None: ``meta_start_day``, else the day of the first ``t``, else 0.
        solar_penalty: Whether the solar penalty is on; None: ``meta_solar_penalty``, else off.
        days: Days of the data, after which the first follows; None: 15, or as many as the rows given need.
        power_flow: How the network is solved; None: as ``env=neomflex`` does.

    Returns:
        Columns by name, one row a step, and ``reset_*`` with one row a reset.

    Raises:
        DataError: A missing series, or actions of a wrong shape.
    """
    chosen = np.asarray(actions)
    if chosen.ndim != 2 or chosen.shape[1] != 6 or not len(chosen):
        raise DataError(f"replay: actions have shape {chosen.shape}, expected (steps, 6)")
    chosen = chosen if chosen.dtype in (np.float32, np.float64) else chosen.astype(np.float64)
    demand, solar = _rows(profiles, days)
    first = np.asarray(profiles["t"])[:1] // DAY if "t" in profiles else np.zeros(1, dtype=np.int64)
    day = int(np.asarray(profiles.get("meta_start_day", first[0]))) if start_day is None else start_day
    penalty = bool(np.asarray(profiles.get("meta_solar_penalty", False))) if solar_penalty is None else solar_penalty
    environment = original(demand, solar, penalty, chosen.dtype.type, power_flow)
    return _play(environment, chosen, day)


def original(
    demand: Array, solar: Array, solar_penalty: bool, precision: type[np.floating] = np.float64, power_flow: Backend | None = None
) -> Grid:
    """Return one copy of ``env=neomflex`` on profiles ``(days * 48,)``, whose actions are carried out in ``precision``."""
    weight = IDLE_WEIGHT if solar_penalty else 0.0
    node = compose(["env=neomflex", f"profiles.days={len(demand) // DAY}", f"reward.idle_weight={weight}"]).config["env"]
    calendar = build(node["profiles"], "profiles").calendar
    given: dict[str, Any] = {} if power_flow is None else {"power_flow": power_flow}
    for name, values in (("demand", demand), ("solar", solar)):
        given[name] = Table(calendar, (Column(name, "1"),), values[:, None])
    parts = {name: build(part, name) if isinstance(part, Mapping) else part for name, part in node.items() if name not in given}
    parts.pop("_target_")
    recorded: type[Grid] = type("Recorded", (Grid,), {"action_dtype": precision, "precision": precision})
    return recorded(**parts, **given)


def _rows(profiles: Mapping[str, ArrayLike], days: int | None) -> tuple[Array, Array]:
    """Return demand and sun of every row of the data; rows that nobody met repeat the one before."""
    for name in ("demand", "solar"):
        if name not in profiles:
            raise DataError(f"replay: '{name}' is missing; profiles are arrays demand and solar, one value a step")
    values = np.stack([np.asarray(profiles[name], dtype=np.float64) for name in ("demand", "solar")], axis=1)
    rows = np.asarray(profiles["t"], dtype=np.int64) if "t" in profiles else np.arange(len(values))
    if len(rows) != len(values):
        raise DataError(f"replay: {len(rows)} rows in t, {len(values)} values of demand and solar")
    known = np.full((DAY * (days or max(15, int(rows.max()) // DAY + 1)), 2), np.nan)
    for seen, after in (("obs_1", "t_after"), ("reset_obs_1", "reset_t")):
        if seen in profiles and after in profiles:
            known[np.asarray(profiles[after])] = np.asarray(profiles[seen], dtype=np.float64)[:, 12:14]
    known[rows] = values
    met = ~np.isnan(known[:, 0])
    filled = known[np.maximum.accumulate(np.where(met, np.arange(len(known)), rows[0]))]
    return filled[:, 0], filled[:, 1]


def _play(environment: Grid, actions: Array, day: int) -> dict[str, Array]:
    """Step through the actions and keep every column."""
    steps: list[dict[str, Any]] = []
    resets: list[dict[str, Any]] = []
    snapshot = environment.reset(seed=0, options={"start_day": day})
    resets.append({"before_step": 0, **_reset_columns(environment, snapshot)})
    for number, action in enumerate(actions):
        before = {"actions": action, "t": environment.arrays["row"][0], "day": environment.arrays["day"][0]}
        result = environment.step({name: action[None, columns] for name, columns in ACTIONS.items()})
        reward = [result.rewards[name][0] for name in ACTIONS]
        steps.append({**before, **_step_columns(environment, result.snapshot), "reward": reward, "done": result.ended[0]})
        if result.ended[0]:
            snapshot = environment.reset()
            resets.append({"before_step": number + 1, **_reset_columns(environment, snapshot)})
    table = {name: np.stack([step[name] for step in steps]) for name in steps[0]}
    return table | {f"reset_{name}": np.stack([reset[name] for reset in resets]) for name in resets[0]}


def _step_columns(environment: Grid, snapshot: Snapshot) -> dict[str, Any]:
    """Return the columns of the step just made, without the copy axis."""
    record, arrays = environment.record, environment.arrays
    assert record is not None
    dispatch, flow = record.dispatch, record.flow
    return {
        "t_after": arrays["row"][0],
        "day_after": arrays["day"][0],
        "demand": environment.rows.demand[record.inputs.row[0]],
        "solar": environment.rows.solar[record.inputs.row[0]],
        "vm_pu": flow.vm[0],
        "va_degree": np.degrees(np.arctan2(flow.voltage.imag, flow.voltage.real))[0],
        "line_loss_total_mw": flow.loss_mw[0],
        "line_loss_mw": environment.feeder.line_losses(flow)[0].astype(np.float32),
        "load_p_mw": record.inputs.load_p[0].sum(),
        "load_q_mvar": record.inputs.load_q[0].sum(),
        "sgen_p_mw": np.concatenate([dispatch.pv_p[0], dispatch.battery_p[0]]),
        "sgen_q_mvar": np.concatenate([dispatch.pv_q[0], np.zeros_like(dispatch.battery_p[0])]),
        "soc_mwh": dispatch.soc[0],
        **_observations(snapshot),
        "violation": record.violated[0],
        "nonconverged": not record.flow.converged[0],
    }


def _reset_columns(environment: Grid, snapshot: Snapshot) -> dict[str, Any]:
    """Return the columns after a reset."""
    arrays = environment.arrays
    return {"t": arrays["row"][0], "soc_mwh": arrays["soc"][0], "vm_pu": arrays["vm"][0], **_observations(snapshot)}


def _observations(snapshot: Snapshot) -> dict[str, Array]:
    return {f"obs_{k + 1}": snapshot.observations[name][0] for k, name in enumerate(ACTIONS)}
