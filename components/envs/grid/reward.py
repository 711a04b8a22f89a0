"""What agents earn: a sum of weighted costs, each a physical quantity of the step.

    voltage     band_weight * p.u. outside the band, over the own buses; barrier_weight * barrier function, mean over all buses
    losses      loss_weight * MW lost, shared by number of buses
    energy      energy_weight * USD paid at the slack, shared likewise
    reactive    reactive_weight * MVAr of the inverters, mean over all of them
    batteries   wear_weight * USD of wear, stored_weight * MWh given up in the step (storing counts the other way), idle_weight * share of the
                power left unused while the sun shines, and at the end terminal_weight * MWh missing from what was stored when the episode began
    devices     devices_weight * USD that further devices cost, those of one's own levers

With ``team`` every agent earns the sum.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from wattloom.components.envs.grid.barriers import BARRIERS
from wattloom.components.envs.grid.protocol import Floats, Integers, Record, State
from wattloom.environment import Array
from wattloom.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from wattloom.components.envs.grid.environment import Grid

PARTS = ("voltage", "losses", "energy", "reactive", "batteries")


@dataclass
class ComponentReward:
    """Weights of the costs; see the module's text.

    Attributes:
        band: p.u., lowest and highest voltage without a cost.
        band_weight: Reward per p.u. outside the band and bus; the slack bus is left out.
        barrier: ``l1``, ``l2``, ``bowl``, ``courant_beltrami`` or ``bump``; None: none.
        barrier_weight: Reward per unit of the barrier's mean over all buses; None: 1 where one is named.
        loss_weight: Reward per MW lost.
        energy_weight: Reward per USD paid.
        reactive_weight: Reward per MVAr, mean over the inverters.
        wear_weight: Reward per USD of battery wear.
        stored_weight: Reward per MWh that a battery gives up in a step, what it stores counting the other way: a price of stored energy that is felt at
            once. Over an episode it comes to what ``terminal_weight`` settles at its end.
        terminal_weight: Reward per MWh that a battery lacks, at the end, of what it held at the beginning; what it gained counts the other way.
        idle_weight: Reward a step of a battery that does not charge and leaves its power unused, between ``idle_steps`` of the day.
        idle_steps: First step of the day in which ``idle_weight`` applies, and the first in which it no longer does.
        devices_weight: Reward per USD that further devices cost.
        team: Whether every agent earns the sum of all.

    Raises:
        ConfigError: A value out of range.
    """

    band: Sequence[float] = (0.95, 1.05)
    band_weight: float = 100.0
    barrier: str | None = None
    barrier_weight: float | None = None
    loss_weight: float = 50.0
    energy_weight: float = 0.0
    reactive_weight: float = 0.0
    wear_weight: float = 0.0
    stored_weight: float = 0.0
    terminal_weight: float = 0.0
    idle_weight: float = 0.0
    idle_steps: Sequence[int] = (14, 35)
    devices_weight: float = 0.0
    team: bool = False

    knows_devices: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if len(self.band) != 2 or not self.band[0] < self.band[1]:
            raise ConfigError(f"reward.band={list(self.band)}: give the lowest and the highest voltage without a cost, e.g. [0.95, 1.05]")
        if self.barrier is not None and self.barrier not in BARRIERS:
            raise ConfigError(f"reward.barrier={self.barrier!r} is unknown{did_you_mean(self.barrier, BARRIERS)}")
        if self.barrier is None and self.barrier_weight is not None:
            raise ConfigError("reward.barrier_weight has no effect without reward.barrier; choose one of " + ", ".join(BARRIERS))
        for name, value in vars(self).items():
            if name.endswith("_weight") and value is not None and not (value >= 0 and np.isfinite(value)):
                raise ConfigError(f"reward.{name}={value}: give a number from 0")

    @property
    def shared(self) -> bool:
        """True where all agents earn one common reward."""
        return self.team

    def bind(self, environment: Grid) -> None:
        """Learn who owns what."""
        territories = environment.territories
        self._names = [territory.name for territory in territories]
        self._fleet, self._hours = environment.fleet, environment.rows.profiles.step_hours
        self._per_day, self._rows = environment.rows.per_day, environment.rows
        bus = np.zeros((2, environment.feeder.n_bus))
        bus[0, environment.feeder.live] = self.band_weight
        bus[0, environment.feeder.slack] = 0.0
        bus[1] = (1.0 if self.barrier_weight is None else self.barrier_weight) / environment.feeder.n_bus
        self._bus_weights = bus
        self._by_bus = _Sums([territory.buses for territory in territories])
        self._by_battery = _Sums([territory.batteries for territory in territories])
        self._by_pv = _Sums([territory.pvs for territory in territories])
        self._by_lever = _Sums([territory.levers for territory in territories])
        self._share = np.array([len(territory.buses) for territory in territories]) / environment.feeder.n_bus

    def rewards(self, state: State, record: Record) -> tuple[Mapping[str, Array], Mapping[str, Array]]:
        """Return float64 ``(n,)`` by agent, and the parts of the sum over the agents (with ``team`` of what each earns)."""
        voltage, system = self._voltage(record.vm), self._system(record)
        batteries, reactive = self._batteries(state, record), self._reactive(record)
        deeds = record.dispatch.devices
        devices = self.devices_weight * deeds.cost if deeds is not None else None
        if self.team:
            parts = {"voltage": voltage.sum(axis=1), **system}
            parts["batteries"] = _total(batteries, record)
            parts["reactive"] = _total(reactive, record)
            if devices is not None:
                parts["devices"] = devices.sum(axis=1)
            earned = -sum(parts.values())
            return dict.fromkeys(self._names, earned), {name: -parts[name] for name in parts}
        own = self._by_bus(voltage)
        parts = {"voltage": own.sum(axis=1)}
        own = own + sum(system.values())[:, None] * self._share  # type: ignore[index]  # arrays, at least one
        owned = (("batteries", batteries, self._by_battery), ("reactive", reactive, self._by_pv), ("devices", devices, self._by_lever))
        for name, cost, sums in owned:
            if cost is not None:
                of_agents = sums(cost)
                own += of_agents
                parts[name] = of_agents.sum(axis=1)
        share = self._share.sum()
        parts |= {name: cost * share for name, cost in system.items()}
        return {name: -own[:, k] for k, name in enumerate(self._names)}, {name: -cost for name, cost in parts.items()}

    def _voltage(self, vm: Floats) -> Floats:
        """Return what every bus costs, ``(n, n_bus)``."""
        low, high = self.band
        cost: Floats = np.maximum(vm - high, 0.0)
        cost += np.maximum(low - vm, 0.0)
        cost *= self._bus_weights[0]
        if self.barrier is not None:
            cost += self._bus_weights[1] * BARRIERS[self.barrier](vm)
        return cost

    def _system(self, record: Record) -> dict[str, Floats]:
        """Return what the network costs, ``(n,)`` by part."""
        costs = {"losses": self.loss_weight * record.loss_mw}
        if self.energy_weight:
            costs["energy"] = (self.energy_weight * self._hours) * record.inputs.price * record.import_mw
        return costs

    def _reactive(self, record: Record) -> Floats | None:
        """Return what every inverter costs, ``(n, n_pv)``; None: nothing."""
        if not self.reactive_weight:
            return None
        cost: Floats = np.abs(record.dispatch.pv_q) * (self.reactive_weight / self._fleet.n_pv)
        return cost

    def _batteries(self, state: State, record: Record) -> Floats | None:
        """Return what every battery costs, ``(n, n_battery)``; None: nothing."""
        dispatch, cost = record.dispatch, None
        if self.wear_weight:
            cost = np.abs(dispatch.battery_p) * (self.wear_weight * self._hours * self._fleet.assets.wear_usd_per_mwh)
        if self.stored_weight:
            given = self.stored_weight * (dispatch.soc_before - dispatch.soc)
            cost = given if cost is None else cost + given
        if self.idle_weight:
            step = record.inputs.row % self._per_day
            sunny = (step >= self.idle_steps[0]) & (step < self.idle_steps[1])
            unused = (self._fleet.parameters.power_mw - dispatch.battery_p) / self._fleet.parameters.power_mw
            idle = self.idle_weight * np.where(sunny[:, None] & (dispatch.battery_p >= 0), unused, 0.0)
            cost = idle if cost is None else cost + idle
        if self.terminal_weight and record.last.any():
            missing = self.terminal_weight * np.where(record.last[:, None], state["soc_begun"] - dispatch.soc, 0.0)
            cost = missing if cost is None else cost + missing
        return cost


class _Sums:
    """Sums of columns by group, ``(n, columns)`` -> ``(n, groups)``; each row by itself, so equal bits whatever the batch."""

    def __init__(self, groups: Sequence[Integers]) -> None:
        self._count = len(groups)
        self._full = np.array([k for k, group in enumerate(groups) if len(group)], dtype=np.int64)
        self._order = np.concatenate([*groups]).astype(np.int64)
        sizes = [len(groups[k]) for k in self._full]
        self._starts = np.concatenate([[0], np.cumsum(sizes[:-1])]).astype(np.int64)

    def __call__(self, values: Floats) -> Floats:
        if not len(self._full):
            return np.zeros((len(values), self._count))
        sums: Floats = np.add.reduceat(values.take(self._order, axis=1), self._starts, axis=1)
        if len(self._full) == self._count:
            return sums
        spread = np.zeros((len(values), self._count))
        spread[:, self._full] = sums
        return spread


def _total(cost: Floats | None, record: Record) -> Floats:
    """Return the sum over assets, ``(n,)``."""
    return np.zeros(len(record.vm)) if cost is None else cost.sum(axis=1)
