"""Further devices beside inverters and batteries: what a device is, and all those of one environment together.

A device has *levers*, one action entry each, in the hands of the agent that owns the lever's bus, or of an agent of its own that sees the whole
network. It injects power at buses, or changes the network itself: the voltage at the substation, tap positions, lines.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
from gymnasium import spaces

from wattloom.components.envs.grid.network import Feeder
from wattloom.components.envs.grid.protocol import Floats, Inputs, Integers, State, Territory
from wattloom.components.envs.grid.variants import Setting
from wattloom.components.sources.protocol import Calendar
from wattloom.environment import ActionSpace, Array, Column
from wattloom.errors import ConfigError
from wattloom.figures import Figure


@dataclass(frozen=True, slots=True)
class Lever:
    """One action entry.

    Attributes:
        name: Of the action column.
        bus: Bus column; the agent that looks after it pulls the lever.
        low: Lowest action; the highest is 1.
    """

    name: str
    bus: int
    low: float = -1.0


@dataclass(frozen=True, slots=True)
class Reported:
    """One column of the tables of an evaluation.

    Attributes:
        name: Of the column, with its unit.
        summary: How the tables of days and runs take it: the sum of the steps, the end of an episode, or not at all.
        whole: Whether its numbers are whole ones.
    """

    name: str
    summary: Literal["sum", "last", "none"] = "none"
    whole: bool = False


@dataclass(slots=True, eq=False)
class Deed:
    """What one device does in a step.

    Attributes:
        after: Arrays of the state that it changes.
        cost: ``(n, n_lever)`` USD.
        metrics: Its columns, ``(n,)`` each.
        p, q: ``(n, n_lever)`` MW, MVAr injected at the buses of its levers; None: nothing.
        scale: ``(n,)`` voltage at the substation over that of the tables; None: 1.
        states: ``(n, n_line + n_trafo)`` as :class:`.variants.Setting` has them; None: it moves none.
        details: Further ``(n, n_lever)`` arrays that :meth:`Device.report` needs.
    """

    after: State
    cost: Floats
    metrics: Mapping[str, Array]
    p: Floats | None = None
    q: Floats | None = None
    scale: Floats | None = None
    states: Integers | None = None
    details: Mapping[str, Floats] = field(default_factory=dict)


class Device:
    """A device placed in a network; a kind of its own overrides what it needs.

    Attributes:
        levers: Its action entries.
        agent: Name of the agent of its own that pulls them; None: the owners of the buses.
        choices: Labels where its one lever is a choice instead of a number; empty: a number.
        lines, trafos: pandapower lines that it switches, transformers whose taps it moves.
        seen: Names of what it shows, each scaled to about -1 .. 1, with the bus whose agent sees it.
        columns: Its metrics.
        figures: What is said of them about an episode.
        reported: Its columns in the tables of an evaluation.
    """

    levers: tuple[Lever, ...] = ()
    agent: str | None = None
    choices: tuple[str, ...] = ()
    lines: tuple[int, ...] = ()
    trafos: tuple[int, ...] = ()
    seen: tuple[tuple[str, int], ...] = ()
    columns: tuple[Column, ...] = ()
    figures: tuple[Figure, ...] = ()
    reported: tuple[Reported, ...] = ()

    def initial(self, num_envs: int) -> State:
        """Return its arrays, leading axis ``num_envs``."""
        return {}

    def begin(self, state: State, copies: Array, generators: Sequence[np.random.Generator]) -> None:
        """Begin an episode in ``copies``; the row is chosen already."""

    def rest(self, state: State, inputs: Inputs) -> Deed:
        """Return what happens while nobody acts and no time passes."""
        raise NotImplementedError

    def run(self, state: State, inputs: Inputs, action: Floats, last: Array) -> Deed:
        """Carry out ``(n, n_lever)`` actions for a step; pure, :attr:`Deed.after` is stored by the environment. ``last``: the episode ends with it."""
        raise NotImplementedError

    def observe(self, state: State) -> Floats:
        """Return ``(n, n_seen)`` what is visible before the next action."""
        raise NotImplementedError

    def report(self, inputs: Inputs, deed: Deed) -> Floats:
        """Return ``(n, n_reported)`` what a step was, in the order of :attr:`reported`."""
        return np.zeros((len(inputs.row), 0))


class Kind(Protocol):
    """A configured device that is not placed yet."""

    def prepare(self, feeder: Feeder, calendar: Calendar, seed: int) -> Device | None:
        """Place it in a network; None: there is none."""
        ...


@dataclass
class Nothing:
    """No device of this kind."""

    def prepare(self, feeder: Feeder, calendar: Calendar, seed: int) -> Device | None:
        """Return None."""
        return None


@dataclass(slots=True, eq=False)
class Deeds:
    """What all devices do in a step, and ``each``: injections are added by :meth:`inject`, ``setting`` is the network's, ``cost`` ``(n, n_lever)`` USD."""

    each: Sequence[Deed]
    after: State
    cost: Floats
    metrics: dict[str, Array]
    setting: Setting
    injected: list[tuple[Integers, Floats, Floats | None]]

    def inject(self, p_inj: Floats, q_inj: Floats) -> None:
        """Add what the devices inject to ``(n, n_bus)`` MW and MVAr."""
        for buses, p, q in self.injected:
            for column, bus in enumerate(buses.tolist()):  # one by one: equal bits whatever the batch, and several may share a bus
                p_inj[:, bus] += p[:, column]
                if q is not None:
                    q_inj[:, bus] += q[:, column]


class Devices:
    """All devices of one environment.

    Args:
        kinds: The configured ones.
        feeder: The network; it is told which lines and taps may move.
        calendar: The clock.
        seed: Of what is drawn once for the calendar.

    Attributes:
        levers: All of them, device after device.
        columns, figures: All metrics, and what is said of them about an episode.
        seen: All names shown.
        reported: All columns of the tables of an evaluation.
    """

    def __init__(self, kinds: Iterable[Kind], feeder: Feeder, calendar: Calendar, seed: int) -> None:
        placed = (kind.prepare(feeder, calendar, seed) for kind in kinds)
        self._devices = [device for device in placed if device is not None]
        self.levers = tuple(lever for device in self._devices for lever in device.levers)
        self.columns = tuple(column for device in self._devices for column in device.columns)
        self.figures = tuple(figure for device in self._devices for figure in device.figures)
        self.seen = tuple(name for device in self._devices for name, _ in device.seen)
        self.reported = tuple(column for device in self._devices for column in device.reported)
        ends = np.cumsum([len(device.levers) for device in self._devices]).tolist()
        self._slices = [slice(end - len(device.levers), end) for end, device in zip(ends, self._devices, strict=True)]
        self._owner: dict[str, list[int]] = {}
        lines = [line for device in self._devices for line in device.lines]
        trafos = [trafo for device in self._devices for trafo in device.trafos]
        if lines or trafos:
            feeder.make_switchable(lines, trafos)

    def __bool__(self) -> bool:
        return bool(self._devices)

    @property
    def buses(self) -> Integers:
        """Bus columns of the levers that belong to whoever owns the bus."""
        return np.array([lever.bus for device in self._devices if device.agent is None for lever in device.levers], dtype=np.int64)

    def assign(self, territories: Sequence[Territory], n_bus: int) -> tuple[Territory, ...]:
        """Give every lever to an agent; devices with an agent of their own add one that sees every bus.

        Raises:
            ConfigError: A lever at a bus that belongs to no agent, or an agent's name that is taken.
        """
        own: dict[str, list[int]] = {territory.name: [] for territory in territories}
        for device, place in zip(self._devices, self._slices, strict=True):
            for number, lever in zip(range(place.start, place.stop), device.levers, strict=True):
                own.setdefault(device.agent or _owner(territories, lever), []).append(number)
        none = np.zeros(0, dtype=np.int64)
        known = {territory.name for territory in territories}
        if taken := known & {device.agent for device in self._devices}:
            raise ConfigError(f"territories.zones: a device has an agent '{taken.pop()}' of its own already; call the zone something else")
        everything = [Territory(name, np.arange(n_bus), none, none) for name in own if name not in known]
        self._owner = own
        self._territories = [*territories, *everything]
        return tuple(dataclasses.replace(t, levers=np.array(own[t.name], dtype=np.int64)) for t in self._territories)

    def space(self, agent: str, low: Array, dtype: Any) -> tuple[ActionSpace, tuple[tuple[str, ...], ...]]:
        """Return the action space of an agent whose own entries begin with ``low``, and the labels of a choice."""
        for device in self._devices:
            if device.agent == agent and device.choices:
                return spaces.Discrete(len(device.choices)), (device.choices,)
        lows = np.concatenate([low, [self.levers[k].low for k in self._owner.get(agent, [])]]).astype(dtype)
        return spaces.Box(lows, np.ones_like(lows), dtype=dtype), ()

    def shown_to(self, agent: str) -> list[int]:
        """Return the entries of :attr:`seen` that an agent sees: those of its own devices, or at its own buses."""
        found, number = [], 0
        for device in self._devices:
            for _, bus in device.seen:
                owner = device.agent or next((t.name for t in self._territories if bus in t.buses), None)
                found += [number] if owner == agent else []
                number += 1
        return found

    def initial(self, num_envs: int) -> State:
        """Return the arrays of all devices."""
        return {name: array for device in self._devices for name, array in device.initial(num_envs).items()}

    def begin(self, state: State, copies: Array, generators: Sequence[np.random.Generator]) -> None:
        """Begin an episode in ``copies``."""
        for device in self._devices:
            device.begin(state, copies, generators)

    def rest(self, state: State, inputs: Inputs) -> Deeds:
        """Return what happens while nobody acts and no time passes."""
        return self._together([device.rest(state, inputs) for device in self._devices], len(inputs.row))

    def run(self, state: State, inputs: Inputs, actions: Floats, last: Array) -> Deeds:
        """Carry out ``(n, n_lever)`` actions."""
        deeds = [device.run(state, inputs, actions[:, place], last) for device, place in zip(self._devices, self._slices, strict=True)]
        return self._together(deeds, len(inputs.row))

    def observe(self, state: State) -> Floats:
        """Return ``(n, n_seen)``, in the order of :attr:`seen`."""
        return np.concatenate([device.observe(state) for device in self._devices], axis=1)

    def report(self, inputs: Inputs, deeds: Deeds) -> dict[str, Array]:
        """Return ``(n,)`` by the names of :attr:`reported`."""
        values = [device.report(inputs, deed) for device, deed in zip(self._devices, deeds.each, strict=True)]
        return dict(zip((column.name for column in self.reported), np.concatenate(values, axis=1).T, strict=True))

    def _together(self, deeds: Sequence[Deed], rows: int) -> Deeds:
        after = {name: array for deed in deeds for name, array in deed.after.items()}
        metrics = {name: value for deed in deeds for name, value in deed.metrics.items()}
        scale: Floats | None = None
        injected, lines, taps = [], [np.zeros((rows, 0), dtype=np.int64)], [np.zeros((rows, 0), dtype=np.int64)]
        for device, deed in zip(self._devices, deeds, strict=True):
            if deed.p is not None:
                injected.append((np.array([lever.bus for lever in device.levers], dtype=np.int64), deed.p, deed.q))
            if deed.scale is not None:
                scale = deed.scale if scale is None else scale * deed.scale
            if deed.states is not None:
                lines.append(deed.states[:, : len(device.lines)])
                taps.append(deed.states[:, len(device.lines) :])
        states = np.concatenate([*lines, *taps], axis=1)
        cost = np.concatenate([deed.cost for deed in deeds], axis=1)
        return Deeds(deeds, after, cost, metrics, Setting(scale, states if states.shape[1] else None), injected)


def _owner(territories: Sequence[Territory], lever: Lever) -> str:
    """Return the agent of a lever's bus."""
    for territory in territories:
        if lever.bus in territory.buses:
            return territory.name
    raise ConfigError(f"territories.zones: '{lever.name}' stands at a bus that belongs to no agent; add it to one")


def at_buses(kind: str, buses: Sequence[int], columns: Sequence[Reported]) -> tuple[Reported, ...]:
    """Return ``columns`` at every bus: ``p_mw`` of kind ``ev`` becomes ``ev_bus_7_p_mw``, ``ev_bus_9_p_mw``, …; then comes the next column."""
    return tuple(dataclasses.replace(column, name=f"{kind}_bus_{bus}_{column.name}") for column in columns for bus in distinct(buses))


def distinct(buses: Sequence[int]) -> list[str]:
    """Return the numbers as text; a further asset at the same bus is ``7_2``."""
    seen: dict[int, int] = {}
    names = []
    for bus in buses:
        seen[bus] = seen.get(bus, 0) + 1
        names.append(str(bus) if seen[bus] == 1 else f"{bus}_{seen[bus]}")
    return names
