"""Rewards as weighted components, free of history: each is the negative quantity of the step over a reference fixed at construction, near -1 a step.

    carbon, energy, cost   of the grid energy that the agent answers for (cost includes battery wear)
    water                  of the whole site
    sla                    -(10 dropped + overdue)/(flexible share * mean demand)
    comfort                -[max(T - 27, 0) + max(18 - T, 0) + 4 max(T - 32, 0)]/5,  T the mean inlet temperature
    unmet                  -(supply - set-point, where positive)/5
    move                   -|change of set-point|/10
    terminal               what the battery and the queue still owe in the last step, at the mean carbon intensity (or price) of the last 24 h

Energy answered for: load shifting, the facility; cooling, the facility less what the servers would draw at a 20 °C inlet (so fans and leakage caused by a
warm set-point are its own); battery, charge less discharge. Mixing: r_i = alpha own_i + (1 - alpha)/(n - 1) sum of the others' own.

Two switches make learning easier and leave what is best as it is. ``book_debt: step`` pays the debt of battery and queue as it grows and shrinks: the
sum over an episode is the same. ``from_rest`` counts carbon, energy, cost and water from those of a site at rest under the same weather: for load shifting
and water one where work runs as it arrives, for cooling one that runs the same work, so that what shifting does to cooling is shifting's alone. What an
agent's own actions change is the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from wattloom.components.envs.datacenter.protocol import AGENTS, Record, State
from wattloom.components.envs.datacenter.rest import rest
from wattloom.components.envs.datacenter.settlement import settlement_mwh
from wattloom.components.physics.compiled import compiled, constants, law, quickest
from wattloom.environment import Array
from wattloom.errors import ConfigError, did_you_mean

COMPONENTS = ("carbon", "energy", "cost", "water", "sla", "comfort", "unmet", "move", "terminal")
REST_POINTS = 6  # utilisations, evenly from 0 to 1, between which cooling at rest is interpolated
PUE_REFERENCE, LOAD_REFERENCE, WATER_REFERENCE = 1.25, 0.65, 1.8  # 1, share of nameplate, L per kWh of IT


class Factors(NamedTuple):
    """Minus weight over reference of every component of one agent; 0: not weighed. ``terminal`` is in the unit of its debt already."""

    carbon: float
    energy: float
    cost: float
    water: float
    sla: float
    comfort: float
    unmet: float
    move: float
    terminal: float


class RewardConstants(NamedTuple):
    """Constants of the rewards.

    Attributes:
        load_shifting: Factors.
        cooling: Factors.
        battery: Factors.
        kwh_per_w: h/1000.
        own: Weight of an agent's own reward beyond the others'.
        share: Weight of everyone's.
    """

    load_shifting: Factors
    cooling: Factors
    battery: Factors
    kwh_per_w: float
    own: float
    share: float


@law
def weighed(
    f: Factors, kwh: Array, carbon: Array, price: Array, water: Array, late: Array, inlet: Array, unmet: Array, moved: Array, owed: Array
) -> Array:
    """Return one agent's own reward.

    Args:
        f: Factors.
        kwh: Energy that the agent answers for, kWh.
        carbon: g CO2/kWh.
        price: USD/MWh.
        water: L.
        late: 10 dropped + overdue work.
        inlet: Mean inlet temperature, °C.
        unmet: Supply above the set-point, K.
        moved: Change of the set-point, K.
        owed: Debt in the last step over its reference.
    """
    rate = f.energy + f.carbon * carbon
    if f.cost != 0:
        rate = rate + f.cost * 1e-3 * price
    reward = kwh * rate + f.terminal * owed
    if f.water != 0:
        reward = reward + f.water * water
    if f.sla != 0:
        reward = reward + f.sla * late
    if f.comfort != 0:
        outside = np.maximum(inlet - 27.0, 0.0) + np.maximum(18.0 - inlet, 0.0) + 4.0 * np.maximum(inlet - 32.0, 0.0)
        reward = reward + f.comfort * outside
    if f.unmet != 0:
        reward = reward + f.unmet * np.maximum(unmet, 0.0)
    if f.move != 0:
        reward = reward + f.move * np.abs(moved)
    return reward


@law
def mixed_rewards(
    p: RewardConstants,
    facility_w: Array,
    cooling_w: Array,
    exchanged_w: Array,
    wear: Array,
    carbon: Array,
    price: Array,
    water: Array,
    late: Array,
    inlet: Array,
    unmet: Array,
    moved: Array,
    backlog: Array,
    missing: Array,
) -> tuple[Array, Array, Array]:
    """Return the rewards of load shifting, cooling and battery; see :func:`weighed`.

    Args beyond those of :func:`weighed`:
        p: Constants.
        facility_w: Power that load shifting answers for, W.
        cooling_w: Power that cooling answers for, W.
        exchanged_w: Charge less discharge, W.
        wear: Of the battery, USD.
        backlog: Debt of load shifting.
        missing: Debt of the battery.
    """
    h, none = p.kwh_per_w, 0.0 * facility_w
    one = weighed(p.load_shifting, facility_w * h, carbon, price, water, late, inlet, unmet, moved, backlog)
    two = weighed(p.cooling, cooling_w * h, carbon, price, water, late, inlet, unmet, moved, none)
    three = weighed(p.battery, exchanged_w * h, carbon, price, water, late, inlet, unmet, moved, missing) + p.battery.cost * wear
    everyone = p.share * (one + two + three)
    return p.own * one + everyone, p.own * two + everyone, p.own * three + everyone


@compiled
def mixed_rewards_loop(
    p: RewardConstants,
    facility_w: Array,
    cooling_w: Array,
    exchanged_w: Array,
    wear: Array,
    carbon: Array,
    price: Array,
    water: Array,
    late: Array,
    inlet: Array,
    unmet: Array,
    moved: Array,
    backlog: Array,
    missing: Array,
) -> Array:
    """Return the three of :func:`mixed_rewards` for every copy, ``(3, num_envs)``."""
    out = np.empty((3, len(facility_w)))
    for i in range(len(facility_w)):
        out[0, i], out[1, i], out[2, i] = mixed_rewards(
            p,
            facility_w[i],
            cooling_w[i],
            exchanged_w[i],
            wear[i],
            carbon[i],
            price[i],
            water[i],
            late[i],
            inlet[i],
            unmet[i],
            moved[i],
            backlog[i],
            missing[i],
        )
    return out


@dataclass
class ComponentReward:
    """Weights of components by agent.

    Attributes:
        load_shifting: Weight by component.
        cooling: Weight by component.
        battery: Weight by component.
        individual_reward_weight: alpha, share of an agent's own reward; the rest is the mean of the others'.
        terminal_in: ``"carbon"`` or ``"cost"``: what a debt at the end is counted in.
        book_debt: ``"end"``: a debt is paid in the last step; ``"step"``: every step pays what was added to it.
        from_rest: Count carbon, energy, cost and water from a site at rest (see :mod:`wattloom.components.envs.datacenter.rest`).

    Raises:
        ConfigError: An unknown component, or a weight that is not finite.
    """

    load_shifting: Mapping[str, float] = field(default_factory=lambda: {"carbon": 1.0, "sla": 1.0, "terminal": 1.0})
    cooling: Mapping[str, float] = field(default_factory=lambda: {"carbon": 1.0, "comfort": 0.5, "unmet": 1.0})
    battery: Mapping[str, float] = field(default_factory=lambda: {"carbon": 1.0, "terminal": 1.0})
    individual_reward_weight: float = 0.8
    terminal_in: str = "carbon"
    book_debt: str = "end"
    from_rest: bool = False

    def __post_init__(self) -> None:
        for agent in AGENTS:
            for name, weight in getattr(self, agent).items():
                if name not in COMPONENTS:
                    raise ConfigError(f"reward.{agent}.{name} is no component{did_you_mean(name, COMPONENTS)}")
                if isinstance(weight, bool) or not isinstance(weight, int | float) or not np.isfinite(weight):
                    raise ConfigError(f"reward.{agent}.{name}={weight!r}: give a finite number as weight")
                if name == "terminal" and agent == "cooling" and weight:
                    raise ConfigError("reward.cooling.terminal has no effect: cooling owes nothing at the end of an episode")
                if name == "move" and agent != "cooling" and weight:
                    raise ConfigError(f"reward.{agent}.move has no effect: only cooling moves the set-point")
        if not 0 <= self.individual_reward_weight <= 1:
            raise ConfigError(f"reward.individual_reward_weight={self.individual_reward_weight}: give 0 .. 1")
        if self.terminal_in not in ("carbon", "cost"):
            raise ConfigError(f"reward.terminal_in={self.terminal_in!r}: choose carbon or cost")
        if self.book_debt not in ("end", "step"):
            raise ConfigError(f"reward.book_debt={self.book_debt!r}: choose end or step")
        self._weights = {agent: {n: float(w) for n, w in getattr(self, agent).items() if w} for agent in AGENTS}
        self._moves = any("move" in weights for weights in self._weights.values())
        self._books = self.book_debt == "step" and any("terminal" in weights for weights in self._weights.values())

    def bind(self, environment: Any) -> None:
        """Fix the references for this site and place."""
        site = environment.site
        demand, carbon, price = environment.episode.means()
        self._site, self._battery = site, environment.battery
        self._set_rest(environment)
        kwh = site.nameplate_w * PUE_REFERENCE * LOAD_REFERENCE * site.step_hours * 1e-3
        work = getattr(environment.load_shifting, "flexible_share", 0.2) * demand
        self._owed = {"carbon": max(kwh * carbon * 1e-3, 1e-12), "cost": max(kwh * price * 1e-3, 1e-12)}[self.terminal_in]  # kg or USD
        self._work = max(work, 1e-3)
        references = {
            "carbon": max(kwh * carbon, 1e-9),  # g
            "energy": kwh,
            "cost": max(kwh * price * 1e-3, 1e-12),  # USD
            "water": WATER_REFERENCE * LOAD_REFERENCE * site.nameplate_w * site.step_hours * 1e-3,  # L
            "sla": self._work,
            "comfort": 5.0,  # K
            "unmet": 5.0,  # K
            "move": 10.0,  # K
            "terminal": 1.0,
        }
        alpha, share = self.individual_reward_weight, (1.0 - self.individual_reward_weight) / (len(AGENTS) - 1)
        factors = {
            agent: Factors(*(-weights.get(name, 0.0) / references[name] for name in COMPONENTS)) for agent, weights in self._weights.items()
        }
        self._constants = constants(RewardConstants, *(factors[agent] for agent in AGENTS), site.step_hours * 1e-3, alpha - share, share)
        self._mixed = quickest(mixed_rewards, mixed_rewards_loop)

    def _set_rest(self, environment: Any) -> None:
        """Prepare what is subtracted by row of the year: facility and cooling (at points of utilisation), W, and water, L; or nothing.

        Raises:
            ConfigError: The episode does not lie on a calendar.
        """
        if self.from_rest and not hasattr(environment.episode, "tables"):
            raise ConfigError("reward.from_rest needs an episode on the calendar (episode=calendar)")
        if self.from_rest:
            steps = np.arange(environment.episode.calendar.n_steps)
            facility, _, water = rest(environment, steps)
            at_work = [rest(environment, steps, u) for u in np.linspace(0.0, 1.0, REST_POINTS)]
            cooling = [total - reference for total, reference, _ in at_work]
            self._rest = np.stack([facility, water, *cooling], axis=1)

    def initial(self, num_envs: int) -> State:
        """Return the last set-point where moves are charged, and the debts booked where they are paid as they arise."""
        moves = {"reward_setpoint": np.full(num_envs, np.nan)} if self._moves else {}
        return {**moves, "reward_booked": np.zeros((num_envs, 2))} if self._books else moves

    def begin(self, state: State, copies: Array, fresh: Array) -> None:
        """Remember the first set-point; nothing is owed yet."""
        if self._moves:
            state["reward_setpoint"][copies] = state["setpoint"][copies]
        if self._books:
            state["reward_booked"][copies] = 0.0

    def rewards(self, state: State, elapsed: Array, record: Record) -> dict[str, Array]:
        """Return the mixed rewards of a step."""
        x, work, plant, power = record.inputs, record.work, record.plant, record.power
        facility, cooling, water = self._counted(record)
        backlog, missing = self._debts(state, record)
        found = self._mixed(
            self._constants,
            facility,
            cooling,
            power.charge_w - power.discharge_w,
            power.wear_usd,
            x.carbon,
            x.price,
            water,
            10.0 * work.dropped + work.overdue,
            record.room_c,
            plant.supply - record.air.setpoint,
            self._moved(state, record),
            backlog,
            missing,
        )
        return dict(zip(AGENTS, found, strict=True))

    def _counted(self, record: Record) -> tuple[Array, Array, Array]:
        """Return the power that load shifting and cooling answer for, W, and the water, L: all of it, or what goes beyond a site at rest."""
        facility, cooling, water = record.total_w, record.total_w - record.it.reference_w, record.plant.water_l
        if not self.from_rest:
            return facility, cooling, water
        row, place = record.inputs.index, record.work.utilisation * (REST_POINTS - 1.0)
        below = np.minimum(place.astype(np.int64), REST_POINTS - 2)
        low, high = self._rest[row, 2 + below], self._rest[row, 3 + below]
        at_work = low + (place - below) * (high - low)
        return facility - self._rest[row, 0], cooling - at_work, water - self._rest[row, 1]

    def _moved(self, state: State, record: Record) -> Array:
        """Return the change of the set-point, K, where it is charged."""
        if not self._moves:
            return np.zeros(len(record.total_w))
        moved: Array = state["setpoint"] - state["reward_setpoint"]
        state["reward_setpoint"] = state["setpoint"].copy()
        return moved

    def _debts(self, state: State, record: Record) -> tuple[Array, Array]:
        """Return what queue and battery pay for their debts in this step, over its reference."""
        if not (self._books or record.ending):
            none = np.zeros(len(record.total_w))
            return none, none
        x = record.inputs
        price = (x.carbon_day if self.terminal_in == "carbon" else x.price_day) * (1.0 / self._owed)
        battery, backlog = settlement_mwh(record, self._site)
        late = np.where(record.last, record.work.overdue * (1.0 / self._work), 0.0)
        if not self._books:
            return np.where(record.last, backlog * price, 0.0) + late, np.where(record.last, battery * price, 0.0)
        owed = np.stack([backlog * price, self._battery.debt_mwh(state) * price], axis=1)
        paid = owed - state["reward_booked"]
        state["reward_booked"] = owed
        return np.ascontiguousarray(paid[:, 0]) + late, np.ascontiguousarray(paid[:, 1])
