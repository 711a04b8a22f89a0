"""Which inverters and batteries there are, where, and how an episode begins for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from wattloom.components.envs.grid import battery
from wattloom.components.envs.grid.layout import spread_buses
from wattloom.components.envs.grid.network import Feeder
from wattloom.components.envs.grid.protocol import Dispatch, Floats, Inputs, Integers, State
from wattloom.components.envs.grid.pv import reactive_limit
from wattloom.environment import Array
from wattloom.errors import ConfigError

Numbers = float | Sequence[float]
PV_SHARE, BATTERY_SHARE, BATTERY_HOURS = (
    0.81,
    0.4,
    4.0,
)  # of the load, of the load, h: 1 MW, 0.5 MW and 2 MWh for three on the 33-bus feeder
COUNT, SOC_START = 3, 0.5  # where nobody says


@dataclass
class Assets:
    """Photovoltaic inverters and batteries. A value may be one number for all, or a list with one an asset.

    Attributes:
        pv_buses: Buses with an inverter; None: ``pv_count`` of them, spread over the network.
        pv_count: Number of inverters; None: the buses that the network names, or else 3.
        pv_mw: MW, power of the panels in full sun; None: sized to the network, all together 0.81 of its load (or
            as large as its own generators, where those are the inverters).
        pv_mva: MVA, rating of the inverters; None: as ``pv_mw``.
        reactive_share: Share of the free reactive capability that an action of 1 uses.
        battery_buses: Buses with a battery; None: ``battery_count`` of them, spread over the network.
        battery_count: Number of batteries; None: the buses that the network names, or else 3.
        battery_mwh: MWh, capacity; None: four hours of ``battery_mw``.
        battery_mw: MW, power of the converter; None: sized to the network, all together 0.4 of its load.
        soc_low, soc_high: Window of the state of charge, share of the capacity.
        charge_efficiency: Energy stored over energy drawn.
        discharge_efficiency: Energy delivered over energy taken out.
        soc_start: State of charge at the start of an episode, share of the capacity; None: 0.5, where it is not drawn.
        start: ``"fixed"``: at ``soc_start``; ``"random"``: anywhere in the window; ``"carry"``: as the episode before left it, but at ``soc_start`` on
            the first day of the data, and after a violation as it was when the violating episode began.
        pv_at_start: Whether the inverters run (without reactive power) in the power flow that the first observation shows.
        wear_usd_per_mwh: USD for each MWh moved in or out.

    Raises:
        ConfigError: A value out of range.
    """

    pv_buses: Sequence[int] | None = None
    pv_count: int | None = None
    pv_mw: Numbers | None = None
    pv_mva: Numbers | None = None
    reactive_share: float = 1.0
    battery_buses: Sequence[int] | None = None
    battery_count: int | None = None
    battery_mwh: Numbers | None = None
    battery_mw: Numbers | None = None
    soc_low: float = 0.1
    soc_high: float = 0.9
    charge_efficiency: float = 0.95
    discharge_efficiency: float = 0.95
    soc_start: float | None = None
    start: Literal["fixed", "random", "carry"] = "fixed"
    pv_at_start: bool = True
    wear_usd_per_mwh: float = 0.0

    def __post_init__(self) -> None:
        if self.start not in ("fixed", "random", "carry"):
            raise ConfigError(f"assets.start={self.start!r}: choose fixed, random or carry")
        if self.start == "random" and self.soc_start is not None:
            raise ConfigError(f"assets.soc_start={self.soc_start} has no effect with assets.start=random; set it to null")
        if not 0 <= self.soc_low <= self.first_soc <= self.soc_high <= 1 or self.soc_low == self.soc_high:
            raise ConfigError(
                f"assets.soc_low={self.soc_low}, soc_start={self.first_soc}, soc_high={self.soc_high}: give 0 <= low <= start <= high <= 1"
            )
        for name in ("charge_efficiency", "discharge_efficiency"):
            if not 0 < getattr(self, name) <= 1:
                raise ConfigError(f"assets.{name}={getattr(self, name)}: give 0 < efficiency <= 1")
        if not 0 < self.reactive_share <= 1:
            raise ConfigError(f"assets.reactive_share={self.reactive_share}: give 0 < share <= 1")
        if not (self.wear_usd_per_mwh >= 0 and np.isfinite(self.wear_usd_per_mwh)):
            raise ConfigError(f"assets.wear_usd_per_mwh={self.wear_usd_per_mwh}: give a number from 0")

    @property
    def first_soc(self) -> float:
        """State of charge at the start of an episode, share of the capacity."""
        if self.soc_start is not None:
            return self.soc_start
        return min(max(SOC_START, self.soc_low), self.soc_high) if self.start == "random" else SOC_START

    def prepare(self, feeder: Feeder, step_hours: float) -> Fleet:
        """Place the assets on a network.

        Raises:
            ConfigError: An unknown or dead bus, or as many values as there are no assets.
        """
        return Fleet(self, feeder, step_hours)


class Fleet:
    """The assets of one network, ready to run.

    Attributes:
        pv_bus, battery_bus: ``(n_pv,)`` and ``(n_battery,)`` bus columns.
        pv_numbers, battery_numbers: The same as pandapower numbers.
        pv_mw, pv_mva, capacity_mwh: Ratings by asset.
        parameters: Of the batteries.
        takes_generators: Whether the inverters are the network's own static generators.
        device_bus: Bus columns of further devices, which make an agent's territory too.
    """

    def __init__(self, assets: Assets, feeder: Feeder, step_hours: float) -> None:
        self.assets, self.step_hours = assets, step_hours
        self.pv_numbers = sites("assets.pv_", assets.pv_buses, assets.pv_count, COUNT, feeder, feeder.pv_buses)
        self.battery_numbers = sites("assets.battery_", assets.battery_buses, assets.battery_count, COUNT, feeder, feeder.battery_buses)
        self.pv_bus, self.battery_bus = feeder.model.bus_positions(self.pv_numbers), feeder.model.bus_positions(self.battery_numbers)
        self.device_bus = np.zeros(0, dtype=np.int64)
        pvs, batteries = len(self.pv_bus), len(self.battery_bus)
        if not pvs + batteries:
            raise ConfigError("assets: there is neither an inverter nor a battery, so nobody can act; give pv_buses or battery_buses")
        _check_rated(assets, pvs, batteries)
        load = float(feeder.load_p.sum())
        self.takes_generators = feeder.generators == "inverters" and assets.pv_buses is None and assets.pv_count is None
        rated = feeder.generator_p[self.pv_bus] if self.takes_generators else catalogue(PV_SHARE * load / max(pvs, 1))
        self.pv_mw = ratings("assets.pv_mw", assets.pv_mw, pvs, rated)
        self.pv_mva = ratings("assets.pv_mva", assets.pv_mva, pvs, self.pv_mw)
        power = ratings("assets.battery_mw", assets.battery_mw, batteries, catalogue(BATTERY_SHARE * load / max(batteries, 1)))
        self.capacity_mwh = ratings("assets.battery_mwh", assets.battery_mwh, batteries, BATTERY_HOURS * power)
        self.parameters = battery.Batteries(
            power,
            assets.soc_low * self.capacity_mwh,
            assets.soc_high * self.capacity_mwh,
            np.full(batteries, assets.charge_efficiency),
            np.full(batteries, assets.discharge_efficiency),
        )
        self._all, self._pv = layers(np.concatenate([self.pv_bus, self.battery_bus])), layers(self.pv_bus)

    @property
    def n_pv(self) -> int:
        """Number of inverters."""
        return len(self.pv_bus)

    @property
    def n_battery(self) -> int:
        """Number of batteries."""
        return len(self.battery_bus)

    def initial(self, num_envs: int) -> State:
        """Return the energy stored, now and when the episode began, and what the assets last did."""
        shape = (num_envs, self.n_battery)
        power = {name: np.zeros((num_envs, self.n_pv)) for name in ("pv_p", "pv_q")}
        return {"soc": np.zeros(shape), "soc_begun": np.zeros(shape), "battery_p": np.zeros(shape), **power}

    def begin(self, state: State, copies: Array, generators: Sequence[np.random.Generator], fresh: Array) -> None:
        """Set the energy stored in ``copies`` at the start of an episode; ``fresh`` ones carry nothing over."""
        assets, soc = self.assets, state["soc"].copy()
        start = assets.first_soc * self.capacity_mwh
        if assets.start == "carry":
            carried = np.where(state["violated"][copies, None], state["soc_begun"][copies], soc[copies])
            first = (state["day"][copies] == 0) & ~state["violated"][copies]
            soc[copies] = np.where((fresh | first)[:, None], start, carried)
        elif assets.start == "random":
            low, high = self.parameters.low_mwh, self.parameters.high_mwh
            soc[copies] = low + (high - low) * np.array([generator.random(self.n_battery) for generator in generators])
        else:
            soc[copies] = start
        begun = state["soc_begun"].copy()
        begun[copies] = soc[copies]
        state["soc"], state["soc_begun"] = soc, begun

    def idle(self, state: State, inputs: Inputs) -> Dispatch:
        """Return what runs while nobody acts: the panels, if they run at the start, without reactive power."""
        pv_p = self.pv_mw * inputs.solar if self.assets.pv_at_start else np.zeros_like(inputs.solar)
        soc = state["soc"]
        return Dispatch(pv_p, np.zeros_like(pv_p), np.zeros_like(soc), soc, soc)

    def run(self, state: State, inputs: Inputs, battery_action: Floats, pv_action: Floats) -> Dispatch:
        """Carry out the actions, ``(n, n_battery)`` and ``(n, n_pv)`` in [-1, 1], for one step."""
        before = state["soc"]
        power, after = battery.run(self.parameters, before, battery_action, self.step_hours)
        pv_p = self.pv_mw * inputs.solar
        pv_q = pv_action * (self.assets.reactive_share * reactive_limit(pv_p, self.pv_mva))
        return Dispatch(pv_p, pv_q, power.astype(np.float64, copy=False), before, after.astype(np.float64, copy=False))

    def inject(self, dispatch: Dispatch, p_inj: Floats, q_inj: Floats) -> None:
        """Add what the assets inject to ``(n, n_bus)`` MW and MVAr."""
        p = np.concatenate([dispatch.pv_p, dispatch.battery_p], axis=1)
        for columns, buses in self._all:
            p_inj[:, buses] += p[:, columns]
        for columns, buses in self._pv:
            q_inj[:, buses] += dispatch.pv_q[:, columns]


def _check_rated(assets: Assets, pvs: int, batteries: int) -> None:
    """Refuse ratings of assets that there are none of."""
    for kind, number, names in (("inverter", pvs, ("pv_mw", "pv_mva")), ("battery", batteries, ("battery_mw", "battery_mwh"))):
        rated = [f"assets.{name}" for name in names if getattr(assets, name) is not None]
        if rated and not number:
            raise ConfigError(f"{' and '.join(rated)} without effect: there is no {kind}; set to null, or give buses or a count")


def sites(
    key: str, given: Sequence[int] | None, count: int | None, default: int, feeder: Feeder, suggested: Sequence[int] | None = None
) -> tuple[int, ...]:
    """Return the pandapower numbers of the buses of one kind of asset.

    Args:
        key: Beginning of the names of its settings, e.g. ``"assets.pv_"``.
        given: Buses that were named.
        count: Number that was named; they are spread over the network.
        default: Number where neither was named, nor buses by the network.
        feeder: The network.
        suggested: Buses that the network names.

    Raises:
        ConfigError: Buses and a number, an unknown bus, one without supply, or more assets than load buses.
    """
    if given is not None and count is not None:
        raise ConfigError(f"{key}count={count} has no effect beside {key}buses={list(given)}: set one of them to null")
    if given is None and count is None:
        given = suggested
    if given is None:
        return spread_buses(feeder, default if count is None else count, key)
    try:
        columns = feeder.model.bus_positions(list(given))
    except ConfigError as error:
        raise ConfigError(f"{key}buses={list(given)}: {error}") from error
    dead = [int(bus) for bus, column in zip(given, columns, strict=True) if column not in feeder.live]
    if dead:
        raise ConfigError(f"{key}buses: bus {dead[0]} of network '{feeder.model.name}' has no supply")
    return tuple(int(bus) for bus in given)


def catalogue(mw: float) -> float:
    """Return a rating with one significant digit, as catalogues have them."""
    digit = 10.0 ** np.floor(np.log10(mw))
    return float(round(mw / digit) * digit)


def ratings(key: str, value: Numbers | None, count: int, sized: float | Floats) -> Floats:
    """Return one positive value an asset; ``sized`` where none is given.

    Raises:
        ConfigError: Values that are not positive, or as many as there are no assets.
    """
    values = np.atleast_1d(np.asarray(sized if value is None else value, dtype=np.float64))
    if values.ndim != 1 or len(values) not in (1, count):
        raise ConfigError(f"{key}={value}: give one number, or a list of {count}, one an asset")
    if not ((values > 0) & np.isfinite(values)).all():
        raise ConfigError(f"{key}={value}: give positive numbers")
    return np.broadcast_to(values, count).copy()


def layers(buses: Integers) -> list[tuple[slice | Integers, Integers]]:
    """Return columns and their buses in groups that name no bus twice, so that adding by index adds all; equal bits whatever the batch."""
    left, groups = np.arange(len(buses)), []
    while len(left):
        first = np.unique(buses[left], return_index=True)[1]
        columns = left[np.sort(first)]
        groups.append((slice(None) if len(columns) == len(buses) else columns, buses[columns]))
        left = np.setdiff1d(left, columns)
    return groups
