"""Inverters that answer their own voltage with reactive power, on a curve: what most of them do today.

A curve gives reactive power over v, linear between its points and flat beyond them. Two are usual:

    droop            +1 at 0.95, -1 at 1.05 p.u., as a share of what the inverter has left beside its active power
    IEEE 1547-2018   Category B default: +0.44 at 0.92, 0 from 0.98 to 1.02, -0.44 at 1.08 p.u., as a share of its rating (table 8)

``delayed`` answers the voltage last measured, as a controller with the step of the environment does. ``equilibrium`` is the state in which the fast
loops of real inverters come to rest: v and q(v) agree. It is found by a damped fixed point over the power flow, and so needs the model and the
loads of the step to come.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from wattloom.algorithm import Algorithm, Policy
from wattloom.components.baselines.memoryless import MemorylessPolicy
from wattloom.environment import Array, Column, EnvironmentSpec, Snapshot
from wattloom.errors import ConfigError, RunError
from wattloom.seeding import Seeds

TOLERANCE, MOST = 1e-7, 400  # share of the curve's unit; iterations
DAMPING = 0.3  # where nobody says


class VoltVar(Algorithm):
    """Volt-var control of every inverter of ``env=grid``; batteries rest.

    Args:
        voltages: p.u., rising, the curve's points.
        shares: Reactive power at them, falling.
        of: What the shares are of: the ``"capability"`` left beside the active power, or the ``"rating"``.
        mode: ``"delayed"`` or ``"equilibrium"``.
        damping: For the equilibrium: share by which reactive power follows the curve in an iteration; None: 0.3.

    Raises:
        ConfigError: A value out of range.
    """

    learns = False

    def __init__(
        self,
        voltages: Sequence[float] = (0.95, 1.05),
        shares: Sequence[float] = (1.0, -1.0),
        of: Literal["capability", "rating"] = "capability",
        mode: Literal["delayed", "equilibrium"] = "delayed",
        damping: float | None = None,
    ) -> None:
        self.voltages, self.shares = np.array(voltages, dtype=np.float64), np.array(shares, dtype=np.float64)
        if len(self.voltages) != len(self.shares) or len(self.voltages) < 2 or (np.diff(self.voltages) <= 0).any():
            raise ConfigError(f"algorithm.voltages={list(voltages)}, shares={list(shares)}: give as many of both, voltages rising")
        if (np.abs(self.shares) > 1).any() or (np.diff(self.shares) > 0).any():
            raise ConfigError(f"algorithm.shares={list(shares)}: give falling shares within -1 .. 1; a rising curve is unstable")
        if of not in ("capability", "rating") or mode not in ("delayed", "equilibrium"):
            raise ConfigError(f"algorithm.of={of!r}, mode={mode!r}: choose capability or rating, delayed or equilibrium")
        if of == "rating" and mode == "delayed":
            raise ConfigError(
                "algorithm.of=rating needs algorithm.mode=equilibrium: an action is a share of the capability, which is not observed"
            )
        if damping is not None and not 0 < damping <= 1:
            raise ConfigError(f"algorithm.damping={damping}: give 0 < damping <= 1")
        if damping is not None and mode == "delayed":
            raise ConfigError(f"algorithm.damping={damping} has no effect with algorithm.mode=delayed; set it to null")
        self.of, self.mode, self.damping = of, mode, DAMPING if damping is None else damping
        self.privileged = mode == "equilibrium"
        self._environment: Any = None

    def setup(self, spec: EnvironmentSpec, seeds: Seeds, total_steps: int) -> None:
        """Find the inverters and the voltages at their buses.

        Raises:
            ConfigError: The environment has no inverters, or does not show an agent the voltage at its own.
        """
        super().setup(spec, seeds, total_steps)
        self._own = {agent.name: [_inverter(column.name) for column in agent.action_columns] for agent in spec.agents}
        if not any(bus is not None for buses in self._own.values() for bus in buses):
            raise ConfigError(
                "algorithm=droop and volt_var control inverters (action columns pv_BUS); this environment has none: use env=grid"
            )
        self._seen: dict[str, list[tuple[int, float, float] | None]] = {}
        for agent in spec.agents if self.mode == "delayed" else ():
            where = _voltages(agent.observation_columns)
            missing = [bus for bus in self._own[agent.name] if bus is not None and bus not in where]
            if missing:
                raise ConfigError(f"agent '{agent.name}' does not see voltage_{missing[0]}: algorithm.mode=delayed needs it")
            self._seen[agent.name] = [None if bus is None else where[bus] for bus in self._own[agent.name]]

    def bind(self, environment: Any) -> None:
        """Receive the environment whose network is solved."""
        self._environment = environment

    def policy(self, num_envs: int, explore: bool) -> Policy:
        """Return the controller."""
        return MemorylessPolicy(self._delayed if self.mode == "delayed" else self._equilibrium)

    def _delayed(self, snapshot: Snapshot) -> Mapping[str, Array]:
        """Answer the voltages observed."""
        actions = {}
        for name, entries in self._seen.items():
            seen = snapshot.observations[name]
            answer = np.zeros((len(seen), len(entries)), dtype=np.float32)
            for column, entry in enumerate(entries):
                if entry is not None:
                    answer[:, column] = self.curve(entry[2] + seen[:, entry[0]].astype(np.float64) * entry[1])
            actions[name] = answer
        return actions

    def _equilibrium(self, snapshot: Snapshot) -> Mapping[str, Array]:
        """Solve v = v(q), q = q(v) in the step to come."""
        environment = self._environment
        if snapshot.state is None or not np.array_equal(snapshot.state, environment.observation.observe(environment.arrays)[1]):
            raise RunError(
                "algorithm=volt_var, mode=equilibrium, is bound to another environment than it acts in; evaluate it with wattloom evaluate"
            )
        fleet, state = environment.fleet, environment.arrays
        inputs = environment.rows.inputs(state["row"])
        rest = np.zeros_like(state["soc"])
        share = np.zeros_like(inputs.solar)
        for _ in range(MOST):
            dispatch = fleet.run(state, inputs, rest, share)
            flow = environment.solve(inputs, dispatch)[2]
            wanted = self._share(flow.vm[:, fleet.pv_bus], fleet, dispatch)
            if np.abs(wanted - share).max(initial=0.0) < TOLERANCE:
                break
            share = share + self.damping * (np.nan_to_num(wanted) - share)
        column = {f"pv_{bus}": k for k, bus in enumerate(fleet.pv_numbers)}
        return {agent.name: self._of_agent([c.name for c in agent.action_columns], column, share) for agent in self.spec.agents}

    def _share(self, vm: Array, fleet: Any, dispatch: Any) -> Array:
        """Return the wanted actions, shares of the capability."""
        wanted = self.curve(vm)
        if self.of == "rating":
            capability = np.sqrt(np.maximum(fleet.pv_mva**2 - dispatch.pv_p**2, 0.0))
            wanted = wanted * fleet.pv_mva / np.maximum(capability, 1e-9)
        return np.clip(wanted, -1.0, 1.0)

    @staticmethod
    def _of_agent(names: Sequence[str], column: Mapping[str, int], share: Array) -> Array:
        answer = np.zeros((len(share), len(names)), dtype=np.float32)
        for entry, name in enumerate(names):
            if name in column:
                answer[:, entry] = share[:, column[name]]
        return answer

    def curve(self, vm: Array) -> Array:
        """Return the curve's reactive power at voltages in p.u."""
        return np.interp(vm, self.voltages, self.shares)


def _inverter(column: str) -> int | None:
    """Return the bus of an action column ``pv_BUS``."""
    found = re.fullmatch(r"pv_(\d+)", column)
    return int(found.group(1)) if found else None


def _voltages(columns: Sequence[Column]) -> dict[int, tuple[int, float, float]]:
    """Return entry, p.u. a unit and p.u. at 0 of every observed voltage, by bus: ``voltage_BUS`` is a deviation from 1, ``vm_BUS`` the voltage."""
    found = {}
    for entry, column in enumerate(columns):
        kind = re.fullmatch(r"(voltage|vm)_(\d+)", column.name)
        if kind:
            found[int(kind.group(2))] = (entry, _in_pu(column.unit), 1.0 if kind.group(1) == "voltage" else 0.0)
    return found


def _in_pu(unit: str) -> float:
    """Return what one unit of an observed deviation is in p.u.: ``"p.u."`` or ``"0.05 p.u."``."""
    factor = unit.removesuffix("p.u.").strip()
    return float(factor) if factor else 1.0
