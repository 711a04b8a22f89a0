"""Receding-horizon reference (MPC): plan battery and load shifting by a linear programme, act, plan again.

The planner knows the model and, with ``forecast=perfect``, the true future: it is privileged, a bound that learners are compared with and not a
competitor. With a horizon of the whole episode and one plan it is the perfect-foresight plan at a fixed set-point.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from wattloom.algorithm import Algorithm, Policy
from wattloom.components.baselines.datacenter.battery import LABELS as BATTERY_LABELS
from wattloom.components.baselines.datacenter.cooling import SetpointScale, cooling_reads, setpoint_action
from wattloom.components.baselines.datacenter.outlook import Outlook, step_of_year
from wattloom.components.baselines.datacenter.programme import Horizon, Plan, Programme, Storage
from wattloom.components.baselines.datacenter.tangents import POINTS
from wattloom.components.baselines.datacenter.view import need, views
from wattloom.components.envs.datacenter.protocol import AGENTS
from wattloom.environment import Array, EnvironmentSpec, Snapshot
from wattloom.errors import ConfigError
from wattloom.seeding import Seeds

CLOCK = ("hour_sin", "hour_cos", "year_sin", "year_cos")
PARTS = {
    "load_shifting": ("flexible_share", "deadline", "limit"),
    "battery": ("size_mwh", "most_in", "most_out", "charge_efficiency", "self_discharge_per_h"),
    "hall": ("setpoint_low_c", "setpoint_high_c", "setpoint_step_k"),
    "episode": ("calendar", "inputs"),
}


class RecedingHorizon(Algorithm):
    """Model-predictive control of ``env=datacenter`` at a fixed supply set-point.

    Args:
        forecast: ``perfect`` (the truth) or ``persistence`` (the last day repeated, the present known).
        objective: ``carbon`` or ``cost``.
        horizon_h: h ahead; None: to the end of the episode.
        replan_steps: Steps between two plans.
        setpoint_c: °C, supply set-point that is held and planned with.

    Raises:
        ConfigError: A value out of range.
    """

    learns = False
    privileged = True

    def __init__(
        self,
        forecast: Literal["perfect", "persistence"] = "perfect",
        objective: Literal["carbon", "cost"] = "carbon",
        horizon_h: float | None = 24.0,
        replan_steps: int = 1,
        setpoint_c: float = 24.0,
    ) -> None:
        if forecast not in ("perfect", "persistence"):
            raise ConfigError(f"algorithm.forecast={forecast!r}: choose perfect or persistence")
        if objective not in ("carbon", "cost"):
            raise ConfigError(f"algorithm.objective={objective!r}: choose carbon or cost")
        if (horizon_h is not None and horizon_h <= 0) or replan_steps < 1:
            raise ConfigError(
                f"algorithm.horizon_h={horizon_h}, replan_steps={replan_steps}: give a positive number (or null) and at least 1"
            )
        self.forecast, self.objective, self.horizon_h, self.replan_steps = forecast, objective, horizon_h, replan_steps
        self.setpoint_c = setpoint_c
        self.infeasible = 0  # programmes without a solution, answered by doing nothing

    def setup(self, spec: EnvironmentSpec, seeds: Seeds, total_steps: int) -> None:
        """Find the agents and what they see.

        Raises:
            ConfigError: Other agents, or an entry that is read is not shown.
        """
        super().setup(spec, seeds, total_steps)
        self.views = views(spec, AGENTS, "receding_horizon")
        need(self.views["battery"], "receding_horizon", "state_of_charge")
        need(self.views["load_shifting"], "receding_horizon", "queue", *CLOCK)
        need(self.views["cooling"], "receding_horizon", *cooling_reads("fixed", self.views["cooling"].discrete))

    def bind(self, environment: Any) -> None:
        """Read sizes, the year's exogenous series and the plant's tangents; the environment itself is not kept.

        Raises:
            ConfigError: A part that the programme does not know.
        """
        for part, names in PARTS.items():
            missing = [name for name in names if not hasattr(getattr(environment, part, None), name)]
            if missing:
                raise ConfigError(
                    f"algorithm=receding_horizon plans with {part}.{missing[0]}, which this {part} has not: use env=datacenter"
                )
        queue, battery, hall = environment.load_shifting, environment.battery, environment.hall
        if not hall.setpoint_low_c <= self.setpoint_c <= hall.setpoint_high_c:
            raise ConfigError(f"algorithm.setpoint_c={self.setpoint_c}: give {hall.setpoint_low_c} .. {hall.setpoint_high_c} °C")
        self.step_hours, self.episode_steps = environment.site.step_hours, environment.horizon
        self.flexible, self.deadline, self.limit = queue.flexible_share, queue.deadline, queue.limit
        self.start_mwh = battery.soc_start * battery.size_mwh
        self.storage = _storage(battery, self.step_hours, self.objective)
        self.scale = SetpointScale(hall.setpoint_low_c, hall.setpoint_high_c, hall.setpoint_step_k)
        self.outlook = Outlook(environment, self.setpoint_c, self.forecast, self.objective)
        steps = self.episode_steps if self.horizon_h is None else max(round(self.horizon_h / self.step_hours), 1)
        self.capacity = float(getattr(environment.it_load, "max_utilisation", 1.0))
        self.programme = Programme(min(steps, self.episode_steps), len(POINTS), self.step_hours, self.storage, self.capacity)

    def policy(self, num_envs: int, explore: bool) -> Policy:
        """Return a planner with its own memory of arrivals and plans.

        Raises:
            ConfigError: :meth:`bind` has not been called.
        """
        if not hasattr(self, "programme"):
            raise ConfigError("algorithm=receding_horizon plans with the model: call bind(environment) first")
        return RecedingHorizonPolicy(self, num_envs)

    def plan(self, now: int, elapsed: int, stored: float, queue: float, arrived: Array) -> Plan | None:
        """Solve the programme of one copy.

        Args:
            now: Step of the year.
            elapsed: Steps of the episode that have passed.
            stored: MWh in the battery.
            queue: Work that waits, capacity-steps.
            arrived: Cumulative flexible arrivals after each past step, ``(elapsed,)``, capacity-steps.
        """
        steps = self.programme.steps
        end = min(steps, self.episode_steps - elapsed)
        index = self.outlook.index(now, steps)
        counts = np.arange(steps) < end
        fixed, fresh = self.split(self.outlook.demand[index] * counts)
        work = queue + np.cumsum(fresh)
        price = self.outlook.price[index]
        closing = elapsed + end == self.episode_steps
        return self.programme.solve(
            Horizon(
                price=price,
                fixed=fixed,
                needed=self._needed(work, queue, arrived, end),
                arrived=work,
                alpha=self.outlook.alpha[index],
                beta=self.outlook.beta[index],
                stored=stored,
                final=self.start_mwh if closing else 0.0,
                stored_value=0.0 if closing else self.storage.discharge_efficiency * float(np.median(np.maximum(price, 0.0))),
                end=end,
                chord=self.outlook.chord(index, fixed, self.capacity),
            )
        )

    def split(self, demand: Array) -> tuple[Array, Array]:
        """Return the work of a demand that runs at once and the work that may wait: the flexible share and what does not fit."""
        fixed = np.minimum((1.0 - self.flexible) * demand, self.capacity)
        return fixed, demand - fixed

    def _needed(self, work: Array, queue: float, arrived: Array, end: int) -> Array:
        """Return the least cumulative work of each step: deadlines, the queue's limit, and everything by the end."""
        past = arrived[-1] if len(arrived) else 0.0
        total = np.concatenate([np.zeros(self.deadline), arrived, past - queue + work])  # arrivals since before the episode
        first = self.deadline + len(arrived)
        due = total[first - self.deadline : first - self.deadline + len(work)] - (past - queue)
        needed: Array = np.maximum(np.maximum(due, work - self.limit), 0.0)
        needed[end - 1 :] = work[end - 1 :]
        return needed


def _storage(battery: Any, step_hours: float, objective: str) -> Storage:
    """Return the battery of the environment as the programme knows it."""
    return Storage(
        battery.most_in,
        battery.most_out,
        battery.charge_efficiency,
        battery.discharge_efficiency,
        float(np.exp(-battery.self_discharge_per_h * step_hours)),
        battery.soc_low * battery.size_mwh,
        battery.soc_high * battery.size_mwh,
        battery.wear_usd_per_mwh if objective == "cost" else 0.0,
        battery.allow_export,
    )


class RecedingHorizonPolicy:
    """Plans for each copy and follows its plan; sees charge, queue and clock, and remembers which work arrived when.

    Args:
        planner: The algorithm.
        num_envs: Copies.
    """

    def __init__(self, planner: RecedingHorizon, num_envs: int) -> None:
        self._planner, self._num_envs = planner, num_envs
        self._memory = self._empty()

    def _empty(self) -> dict[str, Array]:
        """Return the memory before a first step: clock, arrivals, and the plan (executed, charge, discharge, then queue and charge) with its age."""
        n, steps = self._num_envs, self._planner.programme.steps
        return {
            "elapsed": np.zeros(n, dtype=np.int64),
            "start": np.zeros(n, dtype=np.int64),
            "arrived": np.zeros((n, self._planner.episode_steps)),
            "plan": np.zeros((n, steps, 5)),
            "age": np.zeros(n, dtype=np.int64),
        }

    def reset(self, mask: Array | None = None, seeds: Sequence[int | None] | None = None) -> None:
        """Forget the copies of ``mask``, bool ``(num_envs,)`` (default all)."""
        copies = np.ones(self._num_envs, dtype=bool) if mask is None else np.asarray(mask, dtype=bool)
        for name, value in self._empty().items():
            self._memory[name][copies] = value[copies]

    def act(self, snapshot: Snapshot) -> Mapping[str, Array]:
        """Return the actions of the plans."""
        planner, memory = self._planner, self._memory
        shift, cooling, battery = (planner.views[agent] for agent in AGENTS)
        first = memory["elapsed"] == 0
        clock = [shift.read(snapshot, name) for name in CLOCK]
        here = step_of_year((clock[0], clock[1]), (clock[2], clock[3]), planner.outlook.day, planner.outlook.steps)
        memory["start"] = np.where(first, here, memory["start"])
        low, high = planner.storage.low, planner.storage.high
        stored = low + battery.read(snapshot, "state_of_charge") * (high - low)
        queue = np.maximum(shift.read(snapshot, "queue") * planner.limit, 0.0)
        wanted = np.array([self._follow(copy, stored[copy], queue[copy]) for copy in range(self._num_envs)])
        setpoint = np.full(self._num_envs, planner.setpoint_c)
        return {
            "load_shifting": shift.choose(("defer", "pass", "process"), wanted[:, 0]),
            "cooling": setpoint_action(cooling, planner.scale, snapshot, setpoint),
            "battery": battery.choose(BATTERY_LABELS, wanted[:, 1]),
        }

    def _follow(self, copy: int, stored: float, queue: float) -> tuple[float, float]:
        """Advance one copy by a step and return its levels of shifting and battery."""
        planner, memory = self._planner, self._memory
        elapsed, arrived = int(memory["elapsed"][copy]), memory["arrived"][copy]
        now = int(memory["start"][copy]) + elapsed
        age = int(memory["age"][copy])
        if elapsed == 0 or age >= min(planner.replan_steps, planner.programme.steps):
            plan = planner.plan(now, elapsed, stored, queue, arrived[:elapsed])
            memory["plan"][copy] = self._rows(plan, now, queue, stored)
            age = 0
        executed, charge, discharge, queue_after, stored_after = memory["plan"][copy, age]
        fixed, fresh = (float(x) for x in planner.split(planner.outlook.demand[now % planner.outlook.steps]))
        if elapsed < len(arrived):
            arrived[elapsed] = (arrived[elapsed - 1] if elapsed else 0.0) + fresh
        memory["elapsed"][copy], memory["age"][copy] = elapsed + 1, age + 1
        shift = shift_level(executed, fresh, queue)
        power = charge / planner.storage.most_in - discharge / planner.storage.most_out
        if planner.views["load_shifting"].discrete:
            shift = nearest_shift(queue_after, queue, fresh, planner.capacity - fixed)
        if planner.views["battery"].discrete:
            power = nearest_power(stored_after, stored, planner.storage, planner.step_hours)
        return shift, power

    def _rows(self, plan: Plan | None, now: int, queue: float, stored: float) -> Array:
        """Return a plan as rows of work, charge, discharge, then queue and stored energy; without one work passes and the battery rests."""
        planner = self._planner
        fresh = planner.split(planner.outlook.demand[planner.outlook.index(now, planner.programme.steps)])[1]
        if plan is None:
            planner.infeasible += 1
            rest = np.zeros_like(fresh)
            return np.stack([fresh, rest, rest, rest + queue, rest + stored], axis=1)
        waiting = queue + np.cumsum(fresh - plan.executed)
        return np.stack([plan.executed, plan.charge, plan.discharge, waiting, plan.stored], axis=1)

    def state_dict(self) -> dict[str, Any]:
        """Return the memory."""
        return {name: value.copy() for name, value in self._memory.items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the memory."""
        self._memory = {name: np.array(value) for name, value in state.items()}


def shift_level(executed: float, fresh: float, queue: float) -> float:
    """Return the action that runs ``executed`` work when ``fresh`` arrives and ``queue`` waits: -1 defers all, +1 drains the queue."""
    if executed < fresh:
        return max(executed / fresh, 0.0) - 1.0
    return min((executed - fresh) / queue, 1.0) if queue > 1e-9 else 0.0


def nearest_shift(target: float, queue: float, fresh: float, room: float) -> float:
    """Return the whole action, -1, 0 or +1, that brings the queue nearest to ``target``; so what rounding leaves undone is made up for later."""
    after = {0.0: queue, -1.0: queue + fresh, 1.0: max(queue + fresh - room, 0.0)}
    return min(after, key=lambda level: abs(after[level] - target))


def nearest_power(target: float, stored: float, battery: Storage, hours: float) -> float:
    """Return the whole action, -1, 0 or +1, that brings the stored energy nearest to ``target``, MWh."""
    kept = stored * battery.keep
    full = min(kept + battery.charge_efficiency * hours * battery.most_in, max(battery.high, kept))
    empty = max(kept - hours * battery.most_out / battery.discharge_efficiency, min(battery.low, kept))
    after = {0.0: kept, 1.0: full, -1.0: empty}
    return min(after, key=lambda level: abs(after[level] - target))
