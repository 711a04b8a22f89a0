"""Chargers of electric vehicles: cars come, need energy, and leave at a time that does not wait.

Each charger serves one car, or one fleet of cars that come and go together, at a time. From power p at the grid (charging positive), efficiency eta
and step h, the energy n that the car still needs goes

    n' = n - p h eta     charging          n' = n - p h / eta     discharging (``discharge``)

With ``guarantee`` the charger itself never lets n' exceed what full power can still deliver before the car leaves; without it, what is missing then
is counted and paid for. Arrivals, stays and needs are drawn once for the whole calendar, as the weather is, so that they depend on the data seed
alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from wattloom.components.envs.grid.assets import Numbers, catalogue, ratings, sites
from wattloom.components.envs.grid.devices import Deed, Device, Lever, Reported, at_buses
from wattloom.components.envs.grid.network import Feeder
from wattloom.components.envs.grid.protocol import Floats, Inputs, Integers, State
from wattloom.components.sources.protocol import Calendar
from wattloom.environment import Array, Column
from wattloom.errors import ConfigError
from wattloom.figures import Figure

COUNT = 2  # chargers, where nobody says

REPORTED = (
    Reported("p_mw"),
    Reported("drawn_mwh", "sum"),
    Reported("delivered_mwh", "sum"),
    Reported("needed_mwh"),
    Reported("unserved_mwh", "sum"),
    Reported("connected", whole=True),
)
LOAD_SHARE, BATTERY_HOURS = 0.1, 6.0  # of the network's load in all chargers; h of full power that a battery holds


@dataclass
class Chargers:
    """Chargers, each with one car or fleet a day.

    Attributes:
        buses: Their buses; None: ``count`` of them, spread over the network.
        count: Number of them, None for two.
        power_mw: MW, charging power; None: sized to the network, all together a tenth of its load.
        battery_mwh: MWh, capacity of the car or fleet; None: six hours of ``power_mw``.
        efficiency: Energy stored over energy drawn, and energy delivered over energy taken out.
        arrival_hour: Local hour at which cars come, mean.
        arrival_spread: h, its standard deviation.
        stay_hours: h between arrival and departure, mean.
        stay_spread: h, its standard deviation.
        need: Lowest and highest share of the battery that a car needs; cut to what fits into its stay.
        daily: Probability that a car comes on a day.
        guarantee: Whether the charger itself sees to it that a car leaves with what it needs.
        discharge: Whether cars may feed back.
        missing_usd_per_mwh: USD for each MWh that a car lacks when it leaves.

    Raises:
        ConfigError: A value out of range.
    """

    buses: Sequence[int] | None = None
    count: int | None = None
    power_mw: Numbers | None = None
    battery_mwh: Numbers | None = None
    efficiency: float = 0.92
    arrival_hour: float = 8.5
    arrival_spread: float = 1.0
    stay_hours: float = 8.0
    stay_spread: float = 1.0
    need: Sequence[float] = (0.3, 0.8)
    daily: float = 0.9
    guarantee: bool = True
    discharge: bool = False
    missing_usd_per_mwh: float = 500.0

    def __post_init__(self) -> None:
        for name in ("efficiency", "daily"):
            if not 0 < getattr(self, name) <= 1:
                raise ConfigError(f"ev_charger.{name}={getattr(self, name)}: give 0 < {name} <= 1")
        if len(self.need) != 2 or not 0 < self.need[0] <= self.need[1] <= 1:
            raise ConfigError(f"ev_charger.need={list(self.need)}: give two shares, 0 < low <= high <= 1")
        if not (0 <= self.arrival_hour < 24 and 0 < self.stay_hours < 24):
            raise ConfigError(f"ev_charger.arrival_hour={self.arrival_hour}, stay_hours={self.stay_hours}: give hours below 24")
        for name in ("arrival_spread", "stay_spread", "missing_usd_per_mwh"):
            if not getattr(self, name) >= 0:
                raise ConfigError(f"ev_charger.{name}={getattr(self, name)}: give a number from 0")

    def prepare(self, feeder: Feeder, calendar: Calendar, seed: int) -> Device:
        """Place them in a network.

        Raises:
            ConfigError: An unknown bus, or as many values as there are no chargers.
        """
        return _Placed(self, feeder, calendar, seed)


@dataclass(frozen=True, slots=True, eq=False)
class Sessions:
    """Who stands at the chargers, ``(n_rows, n_charger)`` each.

    Attributes:
        new: Whether a car comes at the beginning of the row.
        left: Rows until it leaves, this one included; 0: nobody is there.
        need: MWh that the car in the row came to get.
    """

    new: Array
    left: Integers
    need: Floats


def draw(kind: Chargers, power: Floats, battery: Floats, calendar: Calendar, seed: int) -> Sessions:
    """Draw all sessions of a calendar; a car that would come before the one before has left does not come."""
    rows, hours = calendar.n_steps, calendar.step_seconds / 3600
    new, left = np.zeros((rows, len(power)), dtype=bool), np.zeros((rows, len(power)), dtype=np.int64)
    need = np.zeros((rows, len(power)))
    for k in range(len(power)):
        generator = np.random.default_rng([seed, *b"ev_charger", k])
        free = 0
        for midnight in range(0, rows, calendar.steps_per_day):
            comes, when, stay, share = generator.random(), *generator.standard_normal(2), generator.uniform(kind.need[0], kind.need[1])
            first = midnight + round((kind.arrival_hour + kind.arrival_spread * when) / hours)
            last = first + max(1, round((kind.stay_hours + kind.stay_spread * stay) / hours))
            if comes >= kind.daily or first < free or last > rows:
                continue
            new[first, k], left[first:last, k], free = True, np.arange(last - first, 0, -1), last
            need[first:last, k] = min(share * battery[k], power[k] * kind.efficiency * hours * (last - first))
    return Sessions(new, left, need)


class _Placed(Device):
    columns = (Column("ev_energy", "MWh", "none"), Column("ev_missing", "MWh", "lower"))
    figures = (Figure.total("ev_energy", Column("ev_charged", "MWh")), Figure.total("ev_missing", Column("ev_lacking", "MWh", "lower")))

    def __init__(self, kind: Chargers, feeder: Feeder, calendar: Calendar, seed: int) -> None:
        self._kind, self._hours = kind, calendar.step_seconds / 3600
        numbers = sites("ev_charger.", kind.buses, kind.count, COUNT, feeder)
        sized = catalogue(LOAD_SHARE * float(feeder.load_p.sum()) / max(len(numbers), 1))
        self.power = ratings("ev_charger.power_mw", kind.power_mw, len(numbers), sized)
        self.battery = ratings("ev_charger.battery_mwh", kind.battery_mwh, len(numbers), BATTERY_HOURS * self.power)
        self.sessions = draw(kind, self.power, self.battery, calendar, seed)
        buses = feeder.model.bus_positions(numbers).tolist()
        low = -1.0 if kind.discharge else 0.0
        self.levers = tuple(Lever(f"ev_{number}", bus, low) for number, bus in zip(numbers, buses, strict=True))
        shown = [[(f"{word}_{number}", bus) for number, bus in zip(numbers, buses, strict=True)] for word in ("ev_needed", "ev_left")]
        self.seen = (*shown[0], *shown[1])
        self.reported = at_buses("ev", numbers, REPORTED)

    def initial(self, num_envs: int) -> State:
        return {"ev_needed": np.zeros((num_envs, len(self.levers)))}

    def begin(self, state: State, copies: Array, generators: Sequence[np.random.Generator]) -> None:
        """A car that is there already has got nothing yet, but needs no more than it can still get."""
        row = state["row"][copies]
        fits = self.power * (self._kind.efficiency * self._hours) * self.sessions.left[row]
        needed = state["ev_needed"].copy()
        needed[copies] = np.minimum(self.sessions.need[row], fits)
        state["ev_needed"] = needed

    def rest(self, state: State, inputs: Inputs) -> Deed:
        return Deed({}, np.zeros_like(state["ev_needed"]), {})

    def run(self, state: State, inputs: Inputs, action: Floats, last: Array) -> Deed:
        row, hours, eta = inputs.row, self._hours, self._kind.efficiency
        left, needed = self.sessions.left.take(row, axis=0), self._needed(state, row)
        low, high = self._limits(needed, left)
        power = np.where(left > 0, np.clip(action * self.power, low, high), 0.0)
        after = needed - hours * np.where(power > 0, power * eta, power / eta)
        after = np.where(power == needed / (hours * eta), 0.0, after)  # full: no rest of rounding
        leaves = left == 1
        missing = np.where(leaves, after, 0.0)
        metrics = {"ev_energy": power.sum(axis=1) * hours, "ev_missing": missing.sum(axis=1)}
        cost = self._kind.missing_usd_per_mwh * missing
        stays = np.where(leaves | (left == 0), 0.0, after)
        return Deed({"ev_needed": stays}, cost, metrics, -power, details={"missing": missing})

    def _needed(self, state: State, row: Integers) -> Floats:
        """Return what is needed at the beginning of a row, MWh."""
        return np.where(self.sessions.new.take(row, axis=0), self.sessions.need.take(row, axis=0), state["ev_needed"])

    def _limits(self, needed: Floats, left: Integers) -> tuple[Floats, Floats]:
        """Return the lowest and highest power, MW."""
        hours, eta = self._hours, self._kind.efficiency
        high = np.minimum(self.power, needed / (hours * eta))
        low = np.zeros_like(high)
        if self._kind.discharge:  # down to an empty battery
            low = -np.minimum(self.power, np.maximum(self.battery - needed, 0.0) * eta / hours)
        if self._kind.guarantee:
            room = self.power * (hours * eta) * np.maximum(left - 1, 0) - needed  # MWh that may be put off
            low = np.maximum(low, np.where(room < 0, -room / (hours * eta), -room * eta / hours))
        return np.minimum(low, high), high

    def observe(self, state: State) -> Floats:
        """Show the row to come: a car is seen when it has come."""
        row = state["row"]
        left = self.sessions.left.take(row, axis=0)
        needed = np.where(left > 0, self._needed(state, row), 0.0)
        return np.concatenate([needed / self.battery, left * (self._hours / 24)], axis=1)

    def report(self, inputs: Inputs, deed: Deed) -> Floats:
        """Return power, energy drawn, energy that reached the cars, what they still need, what they left without, and whether one is there."""
        assert deed.p is not None
        power, eta = -deed.p, self._kind.efficiency
        delivered = self._hours * np.where(power > 0, power * eta, power / eta)
        connected = self.sessions.left.take(inputs.row, axis=0) > 0
        return np.concatenate(
            [power, power * self._hours, delivered, deed.after["ev_needed"], deed.details["missing"], connected], axis=1, dtype=np.float64
        )
