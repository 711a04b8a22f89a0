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

Two switches make learning easier and leave the order of policies as it is: ``book_debt: step`` pays the debt of battery and queue as it grows and shrinks
(the sum over an episode is the same), ``from_rest`` counts carbon, energy, cost and water from those of a site at rest under the same weather and demand
(the difference of two policies is the same).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from wattloom.components.envs.datacenter.protocol import AGENTS, Record, State
from wattloom.components.envs.datacenter.rest import rest
from wattloom.components.envs.datacenter.settlement import settlement_mwh
from wattloom.environment import Array
from wattloom.errors import ConfigError, did_you_mean

COMPONENTS = ("carbon", "energy", "cost", "water", "sla", "comfort", "unmet", "move", "terminal")
PUE_REFERENCE, LOAD_REFERENCE, WATER_REFERENCE = 1.25, 0.65, 1.8  # 1, share of nameplate, L per kWh of IT


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
                if not np.isfinite(weight):
                    raise ConfigError(f"reward.{agent}.{name}={weight}: give a finite weight")
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
        self._factors = {agent: {n: -w / references[n] for n, w in weights.items()} for agent, weights in self._weights.items()}

    def _set_rest(self, environment: Any) -> None:
        """Prepare what is subtracted of facility and cooling, kWh, and of water, L, by row of the year: nothing, or a site at rest.

        Raises:
            ConfigError: The episode does not lie on a calendar.
        """
        if self.from_rest and not hasattr(environment.episode, "tables"):
            raise ConfigError("reward.from_rest needs an episode on the calendar (episode=calendar)")
        if self.from_rest:
            total, reference, water = rest(environment, np.arange(environment.episode.calendar.n_steps))
            hours = self._site.step_hours * 1e-3
            self._rest = np.stack([total * hours, (total - reference) * hours, water], axis=1)

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
        energies, debts = self._energies(record), self._debts(state, record)
        own = []
        for agent, kwh, debt in zip(AGENTS, energies, debts, strict=True):
            factors = self._factors[agent]
            terms = [self._quantity(name, agent, kwh, state, record) * f for name, f in factors.items() if name != "terminal"]
            if debt is not None and "terminal" in factors:
                terms.append(debt * factors["terminal"])
            own.append(sum(terms[1:], terms[0]) if terms else np.zeros(len(kwh)))
        if self._moves:
            state["reward_setpoint"] = state["setpoint"]
        alpha, share = self.individual_reward_weight, (1.0 - self.individual_reward_weight) / (len(own) - 1)
        everyone = own[0] + own[1] + own[2]
        return {agent: (alpha - share) * mine + share * everyone for agent, mine in zip(AGENTS, own, strict=True)}

    def _energies(self, record: Record) -> tuple[Array, Array, Array]:
        """Return the energy that each agent answers for, kWh."""
        hours = self._site.step_hours * 1e-3
        facility, cooling = record.total_w * hours, (record.total_w - record.it.reference_w) * hours
        if self.from_rest:
            at_rest = self._rest.take(record.inputs.index, axis=0)
            facility, cooling = facility - at_rest[:, 0], cooling - at_rest[:, 1]
        return facility, cooling, (record.power.charge_w - record.power.discharge_w) * hours

    def _quantity(self, name: str, agent: str, kwh: Array, state: State, record: Record) -> Array:
        """Return a component's quantity of the step, in the unit of its reference."""
        x, room = record.inputs, record.room_c
        quantity: Array
        if name == "carbon":
            quantity = kwh * x.carbon
        elif name == "energy":
            quantity = kwh
        elif name == "cost":
            quantity = kwh * x.price * 1e-3 + (record.power.wear_usd if agent == "battery" else 0.0)
        elif name == "water":
            quantity = record.plant.water_l - (self._rest[record.inputs.index, 2] if self.from_rest else 0.0)
        elif name == "sla":
            quantity = 10.0 * record.work.dropped + record.work.overdue
        elif name == "comfort":
            quantity = np.maximum(room - 27.0, 0.0) + np.maximum(18.0 - room, 0.0) + 4.0 * np.maximum(room - 32.0, 0.0)
        elif name == "unmet":
            quantity = np.maximum(record.plant.supply - record.air.setpoint, 0.0)
        else:  # move
            quantity = np.abs(state["setpoint"] - state["reward_setpoint"])
        return quantity

    def _debts(self, state: State, record: Record) -> tuple[Array | None, None, Array | None]:
        """Return what queue and battery pay for their debts in this step, over its reference; None: nothing."""
        if not (self._books or record.ending):
            return None, None, None
        x = record.inputs
        price = (x.carbon_day if self.terminal_in == "carbon" else x.price_day) * (1.0 / self._owed)
        battery, backlog = settlement_mwh(record, self._site)
        late = np.where(record.last, record.work.overdue * (1.0 / self._work), 0.0)
        if not self._books:
            return np.where(record.last, backlog * price, 0.0) + late, None, np.where(record.last, battery * price, 0.0)
        owed = np.stack([backlog * price, self._battery.debt_mwh(state) * price], axis=1)
        paid = owed - state["reward_booked"]
        state["reward_booked"] = owed
        return paid[:, 0] + late, None, paid[:, 1]
