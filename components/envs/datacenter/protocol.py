"""The parts of a data center and what they hand to one another in a step.

A part holds parameters only. Everything that changes lives in one flat dictionary of arrays with leading axis ``num_envs`` (the environment's
``arrays``); a part adds its own names in ``initial``, resets rows in ``begin`` and reads and writes them in its step. So states can be saved,
selected and swapped row by row, and a part of a user's own needs no code for that. All parts work on arrays ``(num_envs,)``; none loops over copies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeAlias, runtime_checkable

import numpy as np
from gymnasium import spaces

from wattloom.components.sources.calendar import Calendar
from wattloom.environment import ActionSpace, Array, Column

State: TypeAlias = dict[str, Array]
ActionKind: TypeAlias = Literal["discrete", "continuous"]
AGENTS = ("load_shifting", "cooling", "battery")


class Table(Protocol):
    """What is read of a source's table (:class:`wattloom.components.sources.table.Table` is one): columns on the steps of a calendar."""

    @property
    def calendar(self) -> Calendar:
        """The clock."""
        ...

    @property
    def values(self) -> Array:
        """All columns, float64 ``(n_steps, k)``."""
        ...

    def column(self, name: str) -> Array:
        """Return one column, ``(n_steps,)``."""
        ...

    def select(self, *names: str) -> Table:
        """Return a table of the named columns."""
        ...

    def wrapped(self, index: Array) -> Array:
        """Return the step that each index stands for, also before and after the data."""
        ...


@dataclass(frozen=True, slots=True)
class Control:
    """How an agent acts on a part.

    Attributes:
        space: Discrete, or Box of shape (1,).
        column: Name and unit of the one action dimension.
        labels: Label of each discrete value; empty for a Box.
    """

    space: ActionSpace
    column: Column
    labels: tuple[str, ...] = ()


def three_way(column: Column, labels: tuple[str, str, str]) -> Control:
    """Return a control of three labelled choices."""
    return Control(spaces.Discrete(3), column, labels)


def unit_interval(column: Column) -> Control:
    """Return a control by one number in [-1, 1]."""
    return Control(spaces.Box(-1.0, 1.0, (1,), np.float32), column)


@dataclass(slots=True)
class Site:
    """What the parts are told about the site when an environment is built.

    Attributes:
        nameplate_w: IT nameplate power, W.
        step_seconds: Length of a step, s.
        horizon: Steps an episode.
        dynamic_w: IT power that work adds, at full work, W.
        peak_power_mw: Largest facility power that the plant was sized for, MW; the plant sets it.
    """

    nameplate_w: float
    step_seconds: float
    horizon: int
    dynamic_w: float = 0.0
    peak_power_mw: float = 0.0

    @property
    def step_hours(self) -> float:
        """Length of a step, h."""
        return self.step_seconds / 3600.0


@dataclass(slots=True)
class Weather:
    """Weather of one step (or of a whole series), any shape.

    Attributes:
        dry_bulb: °C.
        wet_bulb: °C.
        humidity_ratio: kg water per kg dry air.
        dew_point: °C.
    """

    dry_bulb: Array
    wet_bulb: Array
    humidity_ratio: Array
    dew_point: Array


@dataclass(slots=True)
class Inputs:
    """Exogenous values of one step, each ``(num_envs,)``.

    Attributes:
        demand: IT work that arrives, share of capacity.
        weather: Outdoor air.
        carbon: Carbon intensity of the grid, g CO2 per kWh.
        price: Price of energy, USD per MWh.
        carbon_day: Mean carbon intensity of the last 24 h.
        price_day: Mean price of the last 24 h.
        plant: Columns that the cooling plant precomputed from the weather, ``(num_envs, k)``.
        index: Row of the exogenous data that the step belongs to.
        row: Everything that the episode part keeps of the step, ``(num_envs, m)``.
    """

    demand: Array
    weather: Weather
    carbon: Array
    price: Array
    carbon_day: Array
    price_day: Array
    plant: Array
    index: Array
    row: Array


@dataclass(slots=True)
class Work:
    """What the queue let run, each ``(num_envs,)`` in shares of capacity.

    Attributes:
        utilisation: Executed in this step.
        queued: In the queue afterwards.
        dropped: Refused in this step.
        overdue: In the queue past its deadline.
        shifted: Flexible work that arrived.
        extra: Further columns of this part, for tables.
    """

    utilisation: Array
    queued: Array
    dropped: Array
    overdue: Array
    shifted: Array
    extra: Mapping[str, Array] = field(default_factory=dict)


@dataclass(slots=True)
class ItPower:
    """Electrical and thermal side of the servers in one step, each ``(num_envs,)``.

    Attributes:
        power_w: All IT power, W.
        fan_w: Server fans alone, W.
        liquid_w: Heat that a liquid loop carries away, W.
        heat_rate: Heat capacity flow of the server air, W/K.
        reference_w: IT power at the same work and an inlet of 20 °C, W: what the servers need whatever the cooling does.
        extra: Further columns of this part, for tables.
    """

    power_w: Array
    fan_w: Array
    liquid_w: Array
    heat_rate: Array
    reference_w: Array
    extra: Mapping[str, Array] = field(default_factory=dict)


@dataclass(slots=True)
class Air:
    """Air side of one step: heat to remove is ``heat_0 - heat_1 * supply``, in W and W/K.

    Attributes:
        heat_0: W.
        heat_1: W/K, at least 0.
        flow: Heat capacity flow of the room's air handlers, W/K.
        fan_w: Power of the air handlers, W, all of it heat in the supply air.
        fan_rise: Warming of the supply air by its fans, K.
        setpoint: Supply temperature asked for, °C.
        room: Coefficients that the room needs to settle.
    """

    heat_0: Array
    heat_1: Array
    flow: Array
    fan_w: Array
    fan_rise: Array
    setpoint: Array
    room: tuple[Array, ...] = ()


@dataclass(slots=True)
class Plant:
    """What the cooling plant did, each ``(num_envs,)``.

    Attributes:
        supply: Supply air temperature, °C.
        heat_w: Heat taken from the room's air, W.
        coil_w: The part of it that the chilled-water coil took, W.
        chiller_w: Compressors, W.
        chilled_pump_w: Chilled-water pumps, W.
        condenser_pump_w: Condenser-water pumps, W.
        tower_w: Cooling-tower fans, W.
        liquid_loop_w: Pumps and dry coolers of the liquid loop, W.
        evaporation_l: Evaporated water, L.
        blowdown_l: Bled water, L.
        water_l: All water, L.
        condenser_c: Temperature at which heat is rejected, °C.
        economiser: Share that a waterside economiser pre-cools.
        capacity_w: Heat the coil could have taken, W.
        part_load: Chiller load over capacity.
        extra: Further columns of this part, for tables.
    """

    supply: Array
    heat_w: Array
    coil_w: Array
    chiller_w: Array
    chilled_pump_w: Array
    condenser_pump_w: Array
    tower_w: Array
    liquid_loop_w: Array
    evaporation_l: Array
    blowdown_l: Array
    water_l: Array
    condenser_c: Array
    economiser: Array
    capacity_w: Array
    part_load: Array
    extra: Mapping[str, Array] = field(default_factory=dict)


@dataclass(slots=True)
class Power:
    """Battery side of one step.

    Attributes:
        grid_kwh: Energy drawn from the grid, kWh.
        charge_w: Mean charging power at the terminals, W.
        discharge_w: Mean discharging power at the terminals, W.
        loss_kwh: Energy lost in the battery, kWh.
        wear_usd: Cost of wear, USD.
        soc: State of charge afterwards, 0..1.
        extra: Further columns of this part, for tables.
    """

    grid_kwh: Array
    charge_w: Array
    discharge_w: Array
    loss_kwh: Array
    wear_usd: Array
    soc: Array
    extra: Mapping[str, Array] = field(default_factory=dict)


@dataclass(slots=True)
class Record:
    """Everything that happened in one step; what rewards, metrics, tables and pictures are made of.

    Attributes:
        inputs: Exogenous values.
        work: Of the queue.
        it: Of the servers.
        air: Of the air side.
        room_c: Mean server inlet temperature over the step, °C.
        plant: Of the cooling plant.
        loss_w: Electrical losses and the site's other loads, W.
        cooling_w: Air handlers, plant and liquid loop, W.
        total_w: Facility power without the battery, W.
        power: Of the battery.
        last: True ``(num_envs,)`` where the episode ends with this step.
        ending: True where any copy's episode does.
        debt_mwh: Grid energy that settles the battery, MWh, ``(num_envs,)``; None unless ``ending``.
    """

    inputs: Inputs
    work: Work
    it: ItPower
    air: Air
    room_c: Array
    plant: Plant
    loss_w: Array
    cooling_w: Array
    total_w: Array
    power: Power
    last: Array
    ending: bool
    debt_mwh: Array | None


@runtime_checkable
class Episode(Protocol):
    """Which stretch of the exogenous data an episode is, and what is read from it."""

    @property
    def step_seconds(self) -> float:
        """Length of a step, s."""
        ...

    @property
    def horizon(self) -> int:
        """Steps an episode."""
        ...

    @property
    def reset_options(self) -> tuple[str, ...]:
        """Names that ``reset(options=...)`` takes."""
        ...

    @property
    def calendar(self) -> Calendar:
        """Clock that the sources are laid on."""
        ...

    @property
    def scaled_on(self) -> Array:
        """Steps of the calendar that scales may be taken from, bool ``(n_steps,)``: those of training, or all."""
        ...

    def bind(self, sources: Mapping[str, Table], cooling: Cooling, num_envs: int) -> None:
        """Take the exogenous data and precompute what depends on them alone."""
        ...

    def initial(self, num_envs: int) -> State:
        """Return the arrays of this part."""
        ...

    def begin(self, state: State, copies: Array, generators: Sequence[np.random.Generator], options: Mapping[str, Any]) -> None:
        """Choose the stretch of each of ``copies``."""
        ...

    def means(self) -> tuple[float, float, float]:
        """Return mean demand, carbon intensity (g/kWh) and positive price (USD/MWh; 1 where there is none)."""
        ...

    def inputs(self, state: State, elapsed: Array) -> Inputs:
        """Return the exogenous values of step ``elapsed`` of every copy."""
        ...


@runtime_checkable
class LoadShifting(Protocol):
    """Decides which flexible work runs now and which waits."""

    def bind(self, site: Site) -> None:
        """Learn about the site."""
        ...

    def control(self, kind: ActionKind) -> Control:
        """Return how the agent acts."""
        ...

    def initial(self, num_envs: int) -> State:
        """Return the arrays of this part."""
        ...

    def begin(self, state: State, copies: Array) -> None:
        """Start with an empty queue."""
        ...

    def view(self, state: State) -> Array:
        """Return ``(num_envs, 8)``: queue over its limit; share of its work waiting 0-6, 6-12, 12-18, 18-24, over 24 h; due in an hour; overdue."""
        ...

    def execute(self, state: State, inputs: Inputs, action: Array, capacity: Array | float) -> Work:
        """Take in the demand of a step and run a share of it; ``capacity`` is the share of IT that may run."""
        ...


@runtime_checkable
class ItLoad(Protocol):
    """Servers: power and air flow from work and inlet temperature."""

    @property
    def nameplate_w(self) -> float:
        """IT power at full work and a cool inlet, W."""
        ...

    @property
    def dynamic_w(self) -> float:
        """IT power that work adds, at full work, W."""
        ...

    @property
    def liquid_share(self) -> float:
        """Share of the processors' heat that a liquid loop carries."""
        ...

    @property
    def design_heat_rate(self) -> float:
        """Heat capacity flow of the server air at full work and a cool inlet, W/K."""
        ...

    def capacity(self, inlet_c: Array) -> Array | float:
        """Return the share of IT that may run at this inlet temperature."""
        ...

    def power(self, inlet_c: Array, utilisation: Array) -> ItPower:
        """Return the servers' power and air flow."""
        ...


@runtime_checkable
class Hall(Protocol):
    """The room: set-point actuator, air handlers, and temperature."""

    def bind(self, site: Site, it_load: ItLoad) -> None:
        """Size the air handlers."""
        ...

    def control(self, kind: ActionKind) -> Control:
        """Return how the agent acts."""
        ...

    def initial(self, num_envs: int) -> State:
        """Return the arrays of this part."""
        ...

    def begin(self, state: State, copies: Array, fresh: Array) -> None:
        """Start an episode; ``fresh`` (one bool a copy of ``copies``) marks those that carry nothing over from the episode before."""
        ...

    def actuate(self, state: State, action: Array) -> Array:
        """Move the set-point and return it, °C."""
        ...

    def inlet(self, state: State) -> Array:
        """Return the server inlet temperature of the step's start, °C."""
        ...

    def air(self, state: State, setpoint: Array, it: ItPower, weather: Weather) -> Air:
        """Return the air side of the step."""
        ...

    def settle(self, state: State, air: Air, supply: Array) -> Array:
        """Advance the room under this supply temperature; return the mean inlet temperature over the step, °C."""
        ...


@runtime_checkable
class Cooling(Protocol):
    """A plant that takes heat out of the air and rejects it."""

    def bind(self, site: Site, it_load: ItLoad) -> None:
        """Size the plant."""
        ...

    def columns(self, weather: Weather) -> Array:
        """Return what depends on the weather alone, shape ``(..., k)``; computed once a data set."""
        ...

    def cool(self, air: Air, it: ItPower, weather: Weather, columns: Array) -> Plant:
        """Serve the air side as far as the plant can."""
        ...


@runtime_checkable
class Losses(Protocol):
    """Electrical losses and other loads of the site."""

    def power(self, it_w: Array, nameplate_w: float) -> Array:
        """Return W, ``(num_envs,)``."""
        ...


@runtime_checkable
class Battery(Protocol):
    """Stores energy between the grid and the facility."""

    def bind(self, site: Site) -> None:
        """Learn about the site."""
        ...

    def control(self, kind: ActionKind) -> Control:
        """Return how the agent acts."""
        ...

    def initial(self, num_envs: int) -> State:
        """Return the arrays of this part."""
        ...

    def begin(self, state: State, copies: Array) -> None:
        """Start an episode."""
        ...

    def view(self, state: State) -> tuple[Array, Array, Array]:
        """Return where the charge lies in its window (0..1), and the shares of full charging and discharging power that the next step can take."""
        ...

    def debt_mwh(self, state: State) -> Array:
        """Return the grid energy that would bring the battery back to its start, MWh; negative where it holds more."""
        ...

    def dispatch(self, state: State, action: Array, total_w: Array) -> Power:
        """Charge or discharge during one step; the facility draws ``total_w``."""
        ...


@runtime_checkable
class Observation(Protocol):
    """What the agents see."""

    def bind(self, environment: Any) -> None:
        """Learn constants of the environment (fixed at construction)."""
        ...

    @property
    def columns(self) -> Mapping[str, tuple[Column, ...]]:
        """Columns by agent, plus ``"state"`` for the central state."""
        ...

    @property
    def bounds(self) -> Mapping[str, tuple[Array, Array]]:
        """Lower and upper bound of each entry, float32, by agent, plus ``"state"``."""
        ...

    def initial(self, num_envs: int) -> State:
        """Return the arrays of this part."""
        ...

    def begin(self, state: State, copies: Array) -> None:
        """Start an episode; called after the physical parts have begun."""
        ...

    def after(self, state: State, record: Record) -> None:
        """Keep what is shown of the step that has just been simulated."""
        ...

    def observe(self, state: State, elapsed: Array) -> tuple[dict[str, Array], Array]:
        """Return float32 observations by agent ``(num_envs, n)`` and the central state."""
        ...


@runtime_checkable
class Reward(Protocol):
    """What the agents earn."""

    def bind(self, environment: Any) -> None:
        """Learn constants of the environment (fixed at construction)."""
        ...

    def initial(self, num_envs: int) -> State:
        """Return the arrays of this part."""
        ...

    def begin(self, state: State, copies: Array, fresh: Array) -> None:
        """Start an episode; see :meth:`Hall.begin`."""
        ...

    def rewards(self, state: State, elapsed: Array, record: Record) -> dict[str, Array]:
        """Return float64 rewards ``(num_envs,)`` by agent."""
        ...
