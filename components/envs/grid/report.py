"""Tables of an evaluation with the column names that NeomFlex's notebooks read: ``step_metrics.csv``, ``daily_summary.csv``, ``run_summary.csv``.

The first columns are NeomFlex's, in its order, made for whatever buses, batteries, inverters and agents there are; on ``env=neomflex`` they are its 60.
Further columns follow behind them, those of the devices that there are at the very end. What is different on purpose: every method has equally many
rows (the rest of an episode that ended early is there, empty and marked ``played = False``), and ``terminated_early`` says what its name says.

A trained policy is the run ``controlled`` (sampled: ``controlled_sampled``), no control is ``baseline``; other references keep their names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from wattloom.components.envs.grid.devices import Reported, distinct
from wattloom.components.envs.grid.protocol import Record
from wattloom.environment import Array, Snapshot, StepResult
from wattloom.reports import Played

if TYPE_CHECKING:
    import pandas as pd

    from wattloom.components.envs.grid.environment import Grid

NO_CONTROL = "zero"
SUMMED = {
    "voltage_min_pu": ("min_voltage_pu", "min"),
    "voltage_max_pu": ("max_voltage_pu", "max"),
    "voltage_mean_pu": ("mean_voltage_pu", "mean"),
}
FURTHER = {  # column of the summaries: of what, how
    "losses_mwh": ("losses_mwh", "sum"),
    "losses_mean_kw": ("losses_kw", "mean"),
    "buses_outside": ("buses_outside", "sum"),
    "energy_left_mwh": ("energy_left_mwh", "last"),
    "steps_played": ("played", "sum"),
    "violated": ("violated", "any"),
    "diverged": ("diverged", "any"),
    "truncated": ("truncated", "any"),
}
DEVICE_COST = Reported("device_cost_usd", "sum")
WHO = ["policy", "training_seed", "seed", "episode"]


class GridReport:
    """Keeps every step of one method.

    Args:
        environment: The environment that is played in.
        played: Who plays.
    """

    def __init__(self, environment: Grid, played: Played) -> None:
        self._environment, self._played = environment, played
        fleet, rows = environment.fleet, environment.rows
        self._limits = environment.termination.low, environment.termination.high
        self._live = np.asarray(environment.feeder.live)
        self._supplied = np.setdiff1d(environment.feeder.live, environment.feeder.slack)
        self._agents = [agent.name for agent in environment.agents]
        self._batteries = distinct(fleet.battery_numbers)
        self._pvs = distinct(fleet.pv_numbers)
        self._buses = [int(bus) for bus in environment.feeder.model.bus_index]
        self._hours, self._calendar = rows.profiles.step_hours, rows.profiles.calendar
        self._shape = len(played.seeds), rows.profiles.horizon
        self._first = np.zeros(len(played.seeds), dtype=np.int64)
        self._devices = (*environment.devices.reported, DEVICE_COST) if environment.devices else ()
        self._columns = {name: np.full(self._shape, np.nan) for name in self._measured_names()}
        self._flags = {
            name: np.zeros(self._shape, dtype=bool) for name in ("terminated_early", "violated", "diverged", "truncated", "played")
        }

    @property
    def run(self) -> str:
        """What the column ``run`` says."""
        if self._played.is_reference:
            return "baseline" if self._played.name == NO_CONTROL else self._played.name
        return "controlled_sampled" if self._played.sampled else "controlled"

    def _measured_names(self) -> list[str]:
        """Return the columns of numbers, NeomFlex's first."""
        voltages = [f"voltage_{which}_pu" for which in ("min", "max", "mean")]
        assets = [f"battery_soc_bus_{bus}" for bus in self._batteries] + [f"battery_power_bus_{bus}_mw" for bus in self._batteries]
        assets += [name for bus in self._pvs for name in (f"pv_bus_{bus}_p_mw", f"pv_bus_{bus}_q_mvar")]
        names = ["losses_mw", *voltages, "voltage_violations", *(f"reward_{agent}" for agent in self._agents), *assets]
        names += [f"voltage_bus_{bus}_pu" for bus in self._buses]
        return [*names, "losses_kw", "losses_mwh", "buses_outside", "energy_left_mwh", *(column.name for column in self._devices)]

    def __call__(self, snapshot: Snapshot, actions: Mapping[str, Array], result: StepResult, episode: Array) -> None:
        """Keep one step of the copies that count."""
        record = self._environment.record
        copies = np.flatnonzero(episode >= 0)
        if record is None or not len(copies):
            return
        at = episode[copies], self._environment.elapsed[copies] - 1
        self._first[at[0]] = np.where(at[1] == 0, record.inputs.row[copies], self._first[at[0]])
        for name, values in self._measured(record, result).items():
            self._columns[name][at] = values[copies]
        flags = {
            "terminated_early": result.terminated,
            "violated": record.violated,
            "diverged": ~record.flow.converged,
            "truncated": result.truncated,
            "played": np.ones(len(episode), dtype=bool),
        }
        for name, raised in flags.items():
            self._flags[name][at] = raised[copies]

    def _measured(self, record: Record, result: StepResult) -> dict[str, Array]:
        """Return what the step was, ``(num_envs,)`` by column; NaN where the power flow has no solution."""
        known, dispatch = record.flow.converged, record.dispatch
        vm = np.where(known[:, None], record.vm, np.nan)
        losses = np.where(known, record.loss_mw, np.nan)
        with_supply = vm[:, self._live]
        values: dict[str, Array] = {
            "losses_mw": losses,
            "voltage_min_pu": with_supply.min(axis=1),
            "voltage_max_pu": with_supply.max(axis=1),
            "voltage_mean_pu": with_supply.mean(axis=1),
            "voltage_violations": _outside(with_supply, *self._limits),
            "losses_kw": 1e3 * losses,
            "losses_mwh": losses * self._hours,
            "buses_outside": _outside(vm[:, self._supplied], *self._environment.band),
            "energy_left_mwh": dispatch.soc.sum(axis=1),
        }
        values |= {f"reward_{agent}": result.rewards[agent] for agent in self._agents}
        for k, bus in enumerate(self._batteries):
            values |= {f"battery_soc_bus_{bus}": dispatch.soc[:, k], f"battery_power_bus_{bus}_mw": dispatch.battery_p[:, k]}
        for k, bus in enumerate(self._pvs):
            values |= {f"pv_bus_{bus}_p_mw": dispatch.pv_p[:, k], f"pv_bus_{bus}_q_mvar": dispatch.pv_q[:, k]}
        if dispatch.devices is not None:
            values |= self._environment.devices.report(record.inputs, dispatch.devices)
            values[DEVICE_COST.name] = dispatch.devices.cost.sum(axis=1)
        return values | {f"voltage_bus_{bus}_pu": vm[:, k] for k, bus in enumerate(self._buses)}

    def table(self) -> pd.DataFrame:
        """Return one row a step of every episode, whether it was played or not."""
        import pandas as pd

        episodes, horizon = self._shape
        rows, played = self._environment.rows, self._played
        row = ((self._first[:, None] + np.arange(horizon)) % rows.n_rows).reshape(-1)
        further = ("losses_mwh", "losses_kw", "buses_outside", "energy_left_mwh")
        numbers: dict[str, Any] = {name: values.reshape(-1) for name, values in self._columns.items()}
        flags = {name: values.reshape(-1) for name, values in self._flags.items()}
        head = {"run": self.run, "day": row // rows.per_day, "step": row % rows.per_day, "dataset_index": row}
        head |= {"load_factor": rows.demand[row], "solar_factor": rows.solar[row]}
        who = {"policy": played.name, "training_seed": played.training_seed, "seed": np.repeat(played.seeds, horizon)}
        who |= {"episode": np.repeat(np.arange(episodes), horizon), "time": self._calendar.local_seconds[row].astype("datetime64[s]")}
        for name in ("voltage_violations", "buses_outside", *(column.name for column in self._devices if column.whole)):
            numbers[name] = pd.array(numbers[name], dtype="Int64")
        devices = {column.name: numbers.pop(column.name) for column in self._devices}
        behind = {name: numbers.pop(name) for name in further}
        early = {"terminated_early": flags.pop("terminated_early")}
        return pd.DataFrame({**head, **numbers, **early, **who, **behind, **flags, **devices})

    def write(self, folder: Path, parts: Sequence[GridReport]) -> Sequence[Path]:
        """Write the three tables of ``parts``."""
        import pandas as pd

        steps = pd.concat([part.table() for part in parts], ignore_index=True)
        tables = {
            "step_metrics": steps,
            "daily_summary": summary(steps, ["run", "day"], self._agents, self._devices),
            "run_summary": summary(steps, ["run"], self._agents, self._devices),
        }
        paths = []
        for name, table in tables.items():
            paths.append(folder / f"{name}.csv")
            table.to_csv(paths[-1], index=False)
        return paths


def summary(steps: pd.DataFrame, keys: list[str], agents: Sequence[str], devices: Sequence[Reported] = ()) -> pd.DataFrame:
    """Return totals by ``keys`` and method: NeomFlex's columns, then further ones. An episode's days stay apart where ``day`` is a key."""
    further = FURTHER | {column.name: (column.name, column.summary) for column in devices if column.summary != "none"}
    who = [name for name in WHO if "day" in keys or name in ("policy", "training_seed")]
    totals = {name: (column, how) for column, (name, how) in SUMMED.items()}
    totals |= {"total_losses_mw": ("losses_mw", "sum"), "voltage_violations": ("voltage_violations", "sum")}
    totals |= {f"total_reward_{agent}": (f"reward_{agent}", "sum") for agent in agents}
    grouped = steps.groupby([*keys, *who], as_index=False, dropna=False, sort=True)
    named: Any = totals | further
    table = grouped.agg(**named)
    table["steps_missing"] = grouped.size()["size"] - table["steps_played"]
    if "day" not in keys:  # what each episode left at its end, together
        ends = [name for name, (_, how) in further.items() if how == "last"]
        last = steps[steps["played"]].groupby([*keys, *who, "seed", "episode"], dropna=False)[ends].last()
        table[ends] = last.groupby([*keys, *who], dropna=False).mean().to_numpy()
    ordered: pd.DataFrame = table[[*keys, *totals, *who, *FURTHER, "steps_missing", *(name for name in further if name not in FURTHER)]]
    return ordered


def _outside(vm: Array, low: float | None, high: float | None) -> Array:
    """Return how many buses are outside of the limits or unknown, float64 ``(n,)``."""
    inside = (vm >= (-np.inf if low is None else low)) & (vm <= (np.inf if high is None else high))
    count: Array = (~inside).sum(axis=1).astype(np.float64)
    return count
