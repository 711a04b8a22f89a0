"""Rules for the data center's three agents, one of each kind: load shifting, cooling, battery.

They see what the agents see and nothing else, and take any number of copies at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from wattloom.algorithm import Algorithm, Policy
from wattloom.components.baselines.datacenter.battery import BATTERY, ChargeScale, battery_action
from wattloom.components.baselines.datacenter.cooling import COOLING, SetpointScale, cooling_action, cooling_reads, trim_memory
from wattloom.components.baselines.datacenter.memory import Memory
from wattloom.components.baselines.datacenter.shifting import READS, SHIFTING, carbon_memory, shifting_rule
from wattloom.components.baselines.datacenter.view import need, views
from wattloom.components.envs.datacenter.protocol import AGENTS
from wattloom.environment import Array, EnvironmentSpec, Snapshot
from wattloom.errors import ConfigError, did_you_mean
from wattloom.seeding import Seeds

SETPOINT_C = 24.0  # where nobody says
BATTERY_RULE = {"charge_below": 0.85, "discharge_above": 0.2, "full_charge_h": 4.21}  # likewise


def _check_read(agent: str, chosen: str, reads: str, keys: Mapping[str, float | None]) -> None:
    """Refuse values of ``keys`` that no rule but ``reads`` looks at."""
    given = [f"algorithm.{key}" for key, value in keys.items() if value is not None]
    if given and chosen != reads:
        raise ConfigError(
            f"{', '.join(given)} without effect with algorithm.{agent}={chosen}: set algorithm.{agent}={reads}, or them to null"
        )


class DataCenterRules(Algorithm):
    """One rule an agent.

    Args:
        load_shifting: ``none``, ``defer``, ``process``, ``carbon_threshold``, ``forecast_threshold`` or ``greedy``.
        cooling: ``hold``, ``coldest``, ``warmest``, ``fixed`` or ``trim_and_respond``.
        battery: ``idle`` or ``carbon_threshold``.
        setpoint_c: °C, supply set-point of ``cooling=fixed``; None: 24.
        charge_below: The battery rule charges below this state of charge; None: 0.85.
        discharge_above: It discharges above this state of charge; None: 0.2.
        full_charge_h: h that it reckons with for charging at full power from empty to full; None: 4.21.
        setpoint_low_c: °C, lower end of the hall's set-points.
        setpoint_high_c: °C, upper end of the hall's set-points.
        setpoint_step_k: K, one discrete step of the set-point.
        soc_low: State of charge that is shown as 0.
        soc_high: State of charge that is shown as 1.
        soc_start: State of charge at the start of an episode.

    Raises:
        ConfigError: An unknown rule, a value out of range, or one of a rule that was not chosen.
    """

    learns = False

    def __init__(
        self,
        load_shifting: str = "none",
        cooling: str = "hold",
        battery: str = "idle",
        setpoint_c: float | None = None,
        charge_below: float | None = None,
        discharge_above: float | None = None,
        full_charge_h: float | None = None,
        setpoint_low_c: float = 16.0,
        setpoint_high_c: float = 32.0,
        setpoint_step_k: float = 1.0,
        soc_low: float = 0.0,
        soc_high: float = 1.0,
        soc_start: float = 0.5,
    ) -> None:
        for agent, name, known in zip(AGENTS, (load_shifting, cooling, battery), (SHIFTING, COOLING, BATTERY), strict=True):
            if name not in known:
                raise ConfigError(f"algorithm.{agent}={name!r} is no rule{did_you_mean(name, known)}; choose {', '.join(known)}")
        thresholds = {"charge_below": charge_below, "discharge_above": discharge_above, "full_charge_h": full_charge_h}
        _check_read("cooling", cooling, "fixed", {"setpoint_c": setpoint_c})
        _check_read("battery", battery, "carbon_threshold", thresholds)
        setpoint = min(max(SETPOINT_C, setpoint_low_c), setpoint_high_c) if setpoint_c is None else setpoint_c
        below, above, hours = (BATTERY_RULE[key] if value is None else value for key, value in thresholds.items())
        if not setpoint_low_c < setpoint_high_c or setpoint_step_k <= 0:
            raise ConfigError("algorithm.setpoint_low_c < setpoint_high_c and setpoint_step_k > 0 are needed")
        if not setpoint_low_c <= setpoint <= setpoint_high_c:
            raise ConfigError(f"algorithm.setpoint_c={setpoint}: give {setpoint_low_c} .. {setpoint_high_c} °C")
        if not 0 <= above < below <= 1 or hours <= 0 or not soc_low < soc_high:
            raise ConfigError("algorithm: 0 <= discharge_above < charge_below <= 1, full_charge_h > 0 and soc_low < soc_high are needed")
        self.shifting_name, self.cooling_name, self.battery_name, self.setpoint_c = load_shifting, cooling, battery, setpoint
        self.setpoints = SetpointScale(setpoint_low_c, setpoint_high_c, setpoint_step_k)
        self.charge = ChargeScale(soc_low, soc_high, soc_start, hours, below, above)

    def setup(self, spec: EnvironmentSpec, seeds: Seeds, total_steps: int) -> None:
        """Find the agents and what they see.

        Raises:
            ConfigError: Other agents, or an entry that a rule reads is not shown.
        """
        super().setup(spec, seeds, total_steps)
        self.views = views(spec, AGENTS, "datacenter_rules")
        need(self.views["load_shifting"], self.shifting_name, *READS.get(self.shifting_name, ()))
        need(self.views["cooling"], self.cooling_name, *cooling_reads(self.cooling_name, self.views["cooling"].discrete))
        if self.battery_name != "idle":
            need(self.views["battery"], self.battery_name, "carbon", "state_of_charge")
        self.step_hours = spec.step_seconds / 3600.0

    def policy(self, num_envs: int, explore: bool) -> Policy:
        """Return the rules with a memory of their own."""
        return RulePolicy(self, num_envs)


class RulePolicy:
    """Rules and what they remember of each copy.

    Args:
        rules: Which rules.
        num_envs: Copies.
    """

    def __init__(self, rules: DataCenterRules, num_envs: int) -> None:
        self._rules, self._num_envs = rules, num_envs
        self._shift = shifting_rule(rules.shifting_name, rules.views["load_shifting"], num_envs)
        self._memories = self._empty()

    def _empty(self) -> dict[str, Memory]:
        """Return empty memories by agent."""
        n, hours = self._num_envs, self._rules.step_hours
        return {"load_shifting": carbon_memory(n, hours), "cooling": trim_memory(n), "battery": carbon_memory(n, hours)}

    def reset(self, mask: Array | None = None, seeds: Sequence[int | None] | None = None) -> None:
        """Forget the copies of ``mask``, bool ``(num_envs,)`` (default all)."""
        copies = np.ones(self._num_envs, dtype=bool) if mask is None else np.asarray(mask, dtype=bool)
        for agent, memory in self._empty().items():
            for name, value in memory.items():
                self._memories[agent][name][copies] = value[copies]

    def act(self, snapshot: Snapshot) -> Mapping[str, Array]:
        """Return the rules' actions."""
        rules, memories = self._rules, self._memories
        shift, cooling, battery = (rules.views[agent] for agent in AGENTS)
        level = self._shift(snapshot, memories["load_shifting"])
        return {
            "load_shifting": shift.choose(("defer", "pass", "process"), level),
            "cooling": cooling_action(rules.cooling_name, cooling, rules.setpoints, rules.setpoint_c, snapshot, memories["cooling"]),
            "battery": battery_action(rules.battery_name, battery, rules.charge, rules.step_hours, snapshot, memories["battery"]),
        }

    def state_dict(self) -> dict[str, Any]:
        """Return the memories."""
        return {agent: {name: value.copy() for name, value in memory.items()} for agent, memory in self._memories.items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the memories."""
        self._memories = {agent: {name: np.array(value) for name, value in memory.items()} for agent, memory in state.items()}
