"""Optimal power flow with perfect foresight: the least losses, or the highest reward, that inverters and batteries reach with every voltage in its band.

The controls of all steps of an episode are found at once by L-BFGS-B with exact gradients (:mod:`.opf_gradient`): shares a of the reactive capability in
[-1, 1], and the energy stored e after every step, whose window is a box. The power of a battery follows from e,

    P = (e_before - e_after) / h * (eta_d if discharging else 1 / eta_c),

and its rating is a penalty, like the voltage band; both sharpen in stages, and so does the hinge of the reward, whose corner is rounded off. The
battery ends as full as it began. It is a very good feasible point, not a proven optimum; it knows the model and the true future, so that it is a
bound to compare with and no controller.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from wattloom.algorithm import Algorithm, Policy
from wattloom.components.baselines.opf_gradient import Band, Sensitivities
from wattloom.environment import Array, EnvironmentSpec, Snapshot
from wattloom.errors import ConfigError, RunError
from wattloom.seeding import Seeds

STAGES = (
    (1e2, 1e-2),
    (1e3, 3e-3),
    (1e4, 1e-3),
    (1e5, 3e-4),
)  # MW a squared p.u. (and a hundredth a squared MW); p.u., rounding of the hinge


class Opf(Algorithm):
    """Optimal reactive power, and battery power, on ``env=grid``; knows the model and the future.

    Args:
        band: p.u., voltages that are allowed.
        margin: p.u. by which the penalty's band lies inside it.
        batteries: Whether batteries take part; False: they rest.
        objective: ``"losses"``: the fewest; ``"reward"``: the most that the losses and the band of the environment's reward leave.
        iterations: Most iterations a stage.

    Raises:
        ConfigError: A value out of range.
    """

    privileged = True
    learns = False

    def __init__(
        self,
        band: Sequence[float] = (0.95, 1.05),
        margin: float = 2e-4,
        batteries: bool = False,
        objective: Literal["losses", "reward"] = "losses",
        iterations: int = 150,
    ) -> None:
        if len(band) != 2 or not band[0] + margin < band[1] - margin or margin < 0:
            raise ConfigError(f"algorithm.band={list(band)}, margin={margin}: give a lower and an upper limit with room between")
        if iterations < 1:
            raise ConfigError(f"algorithm.iterations={iterations}: give at least 1")
        if objective not in ("losses", "reward"):
            raise ConfigError(f"algorithm.objective={objective!r}: choose losses or reward")
        self.band, self.batteries, self.iterations = (band[0] + margin, band[1] - margin), batteries, iterations
        self.objective = objective
        self._environment: Any = None

    def setup(self, spec: EnvironmentSpec, seeds: Seeds, total_steps: int) -> None:
        """Find inverters and batteries among the actions.

        Raises:
            ConfigError: There are none, or other devices beside them.
        """
        super().setup(spec, seeds, total_steps)
        names = [column.name for agent in spec.agents for column in agent.action_columns]
        if not any(name.startswith("pv_") for name in names):
            raise ConfigError("algorithm=opf sets inverters (action columns pv_BUS); this environment has none: use env=grid")
        others = [name for name in names if not name.startswith(("pv_", "battery_"))]
        if others:
            raise ConfigError(
                f"algorithm=opf plans inverters and batteries alone, and this environment has '{others[0]}' too: leave that device out"
            )

    def bind(self, environment: Any) -> None:
        """Receive the environment whose network and future are known.

        Raises:
            ConfigError: A network that the gradients do not serve, or a reward without a band and losses where it is the objective.
        """
        self._environment = environment
        self._sensitivities = Sensitivities(environment.feeder)
        self._hinge = _hinge(environment.reward) if self.objective == "reward" else None

    def bands(self, weight: float, width: float) -> list[Band]:
        """Return what voltages cost in the stage of this penalty ``weight`` and this ``width`` of the hinge."""
        allowed = Band(*self.band, weight)
        return [allowed] if self._hinge is None else [allowed, Band(*self._hinge, width)]

    def policy(self, num_envs: int, explore: bool) -> Policy:
        """Return a policy that plans when an episode begins."""
        return _Planned(self, self._environment, num_envs)

    def plan(self, rows: Array, soc: Array) -> tuple[Array, Array]:
        """Return the best shares of reactive capability ``(T, n_pv)`` and powers of the batteries ``(T, n_battery)`` MW.

        Args:
            rows: ``(T,)`` rows of the profiles.
            soc: ``(n_battery,)`` MWh before the first of them.
        """
        from scipy.optimize import minimize

        problem = _Problem(self._environment, self._sensitivities, rows, soc, self.batteries)
        x = problem.start()
        for weight, width in STAGES:
            found = minimize(
                problem.cost,
                x,
                (weight, self.bands(weight, width)),
                "L-BFGS-B",
                jac=True,
                bounds=problem.bounds(),
                options={"maxiter": self.iterations, "maxcor": 20},
            )
            x = found.x
        share, energy = problem.split(x)
        return share, np.clip(problem.power(energy)[0], -problem.rating, problem.rating)


def _hinge(reward: Any) -> tuple[float, float, float]:
    """Return the band of the reward and what a p.u. outside it costs in MW lost."""
    low, high = getattr(reward, "band", (0.0, 0.0))
    outside, lost = getattr(reward, "band_weight", 0.0), getattr(reward, "loss_weight", 0.0)
    others = [
        name for name in ("barrier_weight", "energy_weight", "reactive_weight", "wear_weight", "idle_weight") if getattr(reward, name, 0.0)
    ]
    if not lost > 0 or not low < high or others:
        raise ConfigError(
            f"algorithm.objective=reward serves rewards of losses (reward.loss_weight > 0) and a band (reward.band_weight); {type(reward).__name__} "
            f"has loss_weight={lost:g}" + "".join(f", and {name}" for name in others)
        )
    return float(low), float(high), float(outside) / float(lost)


class _Problem:
    """The rows of one episode: variables to injections, and gradients back."""

    def __init__(self, environment: Any, sensitivities: Sensitivities, rows: Array, soc: Array, batteries: bool) -> None:
        self._environment, self._sensitivities, self._soc = environment, sensitivities, soc
        fleet = self._fleet = environment.fleet
        self._inputs, self._hours = environment.rows.inputs(rows), fleet.step_hours
        self.rating, self._with = fleet.parameters.power_mw, batteries and fleet.n_battery > 0 and len(rows) > 1
        pv_p = fleet.pv_mw * self._inputs.solar
        self._capability = fleet.assets.reactive_share * np.sqrt(np.maximum(fleet.pv_mva**2 - pv_p**2, 0.0))
        self._steps, self._pvs, self._batteries = len(rows), fleet.n_pv, fleet.n_battery

    def start(self) -> Array:
        """Return shares of 0 and batteries that stay as they are."""
        energy = np.tile(self._soc, (self._steps - 1, 1)).reshape(-1) if self._with else np.zeros(0)
        return np.concatenate([np.zeros(self._steps * self._pvs), energy])

    def bounds(self) -> list[tuple[float, float]]:
        """Return the box of the variables."""
        window = list(zip(self._fleet.parameters.low_mwh.tolist(), self._fleet.parameters.high_mwh.tolist(), strict=True))
        return [(-1.0, 1.0)] * (self._steps * self._pvs) + (window * (self._steps - 1) if self._with else [])

    def split(self, x: Array) -> tuple[Array, Array]:
        """Return shares ``(T, n_pv)`` and the energy stored ``(T + 1, n_battery)`` MWh, the first and last given."""
        share, inner = x[: self._steps * self._pvs].reshape(self._steps, self._pvs), x[self._steps * self._pvs :]
        if not self._with:
            return share, np.tile(self._soc, (self._steps + 1, 1))
        return share, np.concatenate([self._soc[None], inner.reshape(-1, self._batteries), self._soc[None]])

    def power(self, energy: Array) -> tuple[Array, Array]:
        """Return the batteries' power ``(T, n_battery)`` MW, and its derivative by the energy taken out."""
        taken = energy[:-1] - energy[1:]
        p = self._fleet.parameters
        slope = np.where(taken > 0, p.discharge_efficiency, 1.0 / p.charge_efficiency) / self._hours
        return taken * slope, slope

    def cost(self, x: Array, weight: float, bands: Sequence[Band]) -> tuple[float, Array]:
        """Return the losses of all rows with what bands and ratings charge, MW, and their gradient."""
        environment, fleet = self._environment, self._fleet
        share, energy = self.split(x)
        power, slope = self.power(energy)
        pv_p = fleet.pv_mw * self._inputs.solar
        p_inj, q_inj = environment.feeder.fixed_p - self._inputs.load_p, environment.feeder.fixed_q - self._inputs.load_q
        np.add.at(p_inj.T, fleet.pv_bus, pv_p.T)
        np.add.at(p_inj.T, fleet.battery_bus, power.T)
        np.add.at(q_inj.T, fleet.pv_bus, (share * self._capability).T)
        found = self._sensitivities(p_inj, q_inj, bands)
        over = np.sign(power) * np.maximum(np.abs(power) - self.rating, 0.0)
        total = float(found.loss_mw.sum() + found.bands_mw.sum() + 0.01 * weight * np.square(over).sum())
        if not np.isfinite(total):
            return 1e12, np.zeros_like(x)
        by_share = (found.by_q[:, fleet.pv_bus] * self._capability).reshape(-1)
        if not self._with:
            return total, by_share
        by_taken = (found.by_p[:, fleet.battery_bus] + 0.02 * weight * over) * slope
        return total, np.concatenate([by_share, (by_taken[1:] - by_taken[:-1]).reshape(-1)])


class _Planned:
    """Plays the plan of every copy, which is made when its episode begins."""

    def __init__(self, algorithm: Opf, environment: Any, num_envs: int) -> None:
        self._algorithm, self._environment = algorithm, environment
        self._plans: list[tuple[int, Array, Array] | None] = [None] * num_envs

    def reset(self, mask: Array | None = None, seeds: Sequence[int | None] | None = None) -> None:
        """Forget the plans of ended copies."""
        for copy in np.flatnonzero(np.ones(len(self._plans), dtype=bool) if mask is None else mask):
            self._plans[copy] = None

    def act(self, snapshot: Snapshot) -> Mapping[str, Array]:
        """Return the step that is due, planning first where an episode has begun."""
        environment = self._environment
        if snapshot.state is None or not np.array_equal(snapshot.state, environment.observation.observe(environment.arrays)[1]):
            raise RunError("algorithm=opf is bound to another environment than it acts in; evaluate it with wattloom evaluate")
        shares, powers = [], []
        for copy in range(len(self._plans)):
            elapsed, row = int(environment.elapsed[copy]), int(environment.arrays["row"][copy])
            plan = self._plans[copy]
            if plan is None or plan[0] + elapsed != row or elapsed >= len(plan[1]):
                rows = (row + np.arange(environment.horizon - elapsed)) % environment.rows.n_rows
                share, power = self._algorithm.plan(rows, environment.arrays["soc"][copy])
                before = np.zeros((elapsed, share.shape[1])), np.zeros((elapsed, power.shape[1]))
                plan = self._plans[copy] = (row - elapsed, np.concatenate([before[0], share]), np.concatenate([before[1], power]))
            shares.append(plan[1][elapsed])
            powers.append(plan[2][elapsed] / environment.fleet.parameters.power_mw)
        return self._actions(np.array(shares), np.array(powers))

    def _actions(self, shares: Array, powers: Array) -> Mapping[str, Array]:
        fleet = self._environment.fleet
        value = {f"pv_{bus}": shares[:, k] for k, bus in enumerate(fleet.pv_numbers)}
        value |= {f"battery_{bus}": powers[:, k] for k, bus in enumerate(fleet.battery_numbers)}
        columns = {agent.name: [value[column.name] for column in agent.action_columns] for agent in self._algorithm.spec.agents}
        return {name: np.stack(parts, axis=1).astype(np.float32) for name, parts in columns.items()}

    def state_dict(self) -> dict[str, Any]:
        """Return nothing: a plan is made again from the state of the environment."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Forget every plan."""
        self.reset()
