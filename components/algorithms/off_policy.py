"""What off-policy algorithms share: replay, cadence and state.

A step of E copies adds E rows and, after ``learning_starts``, ``E * updates_per_step`` credit; each whole credit buys one update. The credit is
part of the state, so that a ratio of 0.3 continues across a checkpoint as if there had been none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Protocol

import numpy as np
import torch

from wattloom.algorithm import Algorithm, Policy, Transition, UpdateReport
from wattloom.components.algorithms.exploration import Exploration, NoExploration
from wattloom.components.algorithms.learning_rates import rate_share
from wattloom.components.algorithms.off_policy_keys import OffPolicyKeys
from wattloom.components.algorithms.off_policy_policy import OffPolicyPolicy
from wattloom.components.algorithms.on_policy.advantages import shared_rewards
from wattloom.components.algorithms.on_policy.units import units_of
from wattloom.components.algorithms.replay_norms import ReplayNorms
from wattloom.components.algorithms.scaling import ActionCode, action_code
from wattloom.components.algorithms.team.policies import Actor
from wattloom.components.buffers.replay import ReplayBuffer
from wattloom.components.networks.adam import FlatAdam
from wattloom.environment import Array, EnvironmentSpec
from wattloom.errors import ConfigError, RunError
from wattloom.seeding import Seeds


class Learner(Protocol):
    """Networks and optimisers that learn from the samples of one batch."""

    @property
    def optimisers(self) -> Sequence[FlatAdam]:
        """Of everything that is learned: policies, critics, temperatures."""
        ...

    def update(self) -> Callable[[], dict[str, float]]:
        """Do one gradient update on the present sample; the result reads its losses, whenever it is called."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """Return tensors and plain values."""
        ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Copy ``state`` into the existing tensors."""
        ...


class Layout(Protocol):
    """Which columns a step fills; see :mod:`wattloom.components.buffers.transitions`."""

    columns: dict[str, int]

    def rows(self, transition: Transition, actions: Mapping[str, Array]) -> dict[str, Array]:
        """Return the value of every column."""
        ...


class OffPolicy(OffPolicyKeys, Algorithm):
    """Base of replay-based actor-critic algorithms.

    Subclasses set ``name``, ``stochastic`` and ``discrete`` and implement :meth:`make_layout`, :meth:`make_learners` and :meth:`actor`.

    Attributes:
        name: The algorithm's option on the command line.
        discrete: True where discrete actions are served too.
        env_steps: Env steps observed over all copies.
        explorer: What is added to continuous actions while training.
        codes: Between each agent's actions and what is stored.
        units: Which policy serves which agents.
        norms: Statistics of what was seen.
        learners: What is updated, by name.
    """

    name: ClassVar[str] = ""
    discrete: ClassVar[bool] = False

    @property
    def sharing(self) -> float:
        """Share of the team's mean in every agent's reward."""
        return 0.0

    @property
    def shares(self) -> bool:
        """Whether agents of one group share a policy."""
        return False

    env_steps = 0
    _credit = 0.0
    _updates = 0

    def default_exploration(self) -> Exploration:
        """Return what is added to actions where nothing is configured."""
        return NoExploration()

    def make_layout(self, spec: EnvironmentSpec) -> Layout:
        """Return the replay's columns."""
        raise NotImplementedError

    def make_learners(self, seeds: Seeds) -> dict[str, Learner]:
        """Return fresh learners on ``self.buffer``."""
        raise NotImplementedError

    def actor(self, agent: str, num_envs: int) -> Actor:
        """Return the live policy of one agent for ``num_envs`` rows."""
        raise NotImplementedError

    def setup(self, spec: EnvironmentSpec, seeds: Seeds, total_steps: int) -> None:
        """Build the learners and the common replay buffer.

        Raises:
            ConfigError: An agent whose actions cannot be served, or a buffer smaller than the number of copies.
        """
        super().setup(spec, seeds, total_steps)
        self.explorer = self.exploration or self.default_exploration()
        self.codes = {agent.name: self._code(agent.name) for agent in spec.agents}
        if self.buffer_size < spec.num_envs:
            raise ConfigError(f"algorithm.buffer_size={self.buffer_size} cannot hold one step of env.num_envs={spec.num_envs} copies")
        self.total_steps = total_steps
        self.units = units_of(spec.agents, self.shares)
        self._layout = self.make_layout(spec)
        self.buffer = ReplayBuffer(self._layout.columns, self.buffer_size, self.batch_size)
        self.norms = ReplayNorms(spec, self.units, self.buffer, self.normalize_observations)
        self._sampler = seeds.torch("replay")
        self.learners = self.make_learners(seeds)

    def _code(self, name: str) -> ActionCode:
        """Return the code of an agent's actions."""
        agent = next(agent for agent in self.spec.agents if agent.name == name)
        code = action_code(self.name, agent, self.discrete)
        if code.discrete and not isinstance(self.explorer, NoExploration):
            raise ConfigError(
                f"exploration adds noise to continuous actions, but agent '{name}' has {agent.action_space}: "
                f"set exploration=none, algorithm={self.name} samples its choices"
            )
        return code

    def policy(self, num_envs: int, explore: bool) -> Policy:
        """Return a policy on the live parameters; exploring, it acts uniformly until ``learning_starts``."""
        return OffPolicyPolicy(self, num_envs, explore)

    @property
    def warming_up(self) -> bool:
        """True while actions are uniform."""
        return self.env_steps < self.learning_starts

    def observe(self, transition: Transition) -> None:
        """Store one row a copy, take it into the statistics, and earn update credit."""
        actions = {name: code.to_unit(transition.actions[name]) for name, code in self.codes.items()}
        self.buffer.add(self._layout.rows(self._with_shared_rewards(transition), actions))
        self.norms.take(transition.snapshot)
        copies = len(transition.result.terminated)
        past = min(copies, self.env_steps + copies - self.learning_starts)
        self.env_steps += copies
        self._credit += max(0, past) * self.updates_per_step

    def _with_shared_rewards(self, transition: Transition) -> Transition:
        """Return the transition with ``(1 - share) r_i + share mean_j r_j`` for every agent."""
        if self.sharing == 0.0 or len(self.codes) == 1:
            return transition
        rewards = transition.result.rewards
        mixed = shared_rewards(np.stack([rewards[name] for name in self.codes]), self.sharing)
        return replace(transition, result=replace(transition.result, rewards=dict(zip(self.codes, mixed, strict=True))))

    def sample(self) -> None:
        """Draw the next batch: stored as it was seen, scaled by what is known now."""
        self.buffer.sample(self._sampler)
        self.norms.scale_sample()

    def update(self) -> UpdateReport | None:
        """Spend whole credits: each samples one batch and updates every learner on it."""
        due = int(self._credit + 1e-9)  # ten times 0.1 is a whole credit although its float sum is not
        if due < 1:
            return None
        self._credit -= due
        self._set_learning_rates()
        readers: dict[str, Callable[[], dict[str, float]]] = {}
        # without the bookkeeping of autograd a small network's update takes 8 % less time
        with torch.inference_mode(self.analytic):
            for _ in range(due):
                self.sample()
                for name, learner in self.learners.items():
                    readers[name] = learner.update()
        self._updates += due
        return UpdateReport(due, self._updates, lambda: _read(readers))

    def _set_learning_rates(self) -> None:
        """Scale all learning rates to what the schedule leaves of them."""
        if self.learning_rate_schedule == "constant":
            return
        share = rate_share(self.learning_rate_schedule, self.env_steps - self.spec.num_envs, self.total_steps)
        for learner in self.learners.values():
            for optimiser in learner.optimisers:
                optimiser.set_share(share)

    def state_dict(self) -> dict[str, Any]:
        """Return learners, statistics if there are any, buffer, counters, credit and the sampling stream."""
        return ({"norms": self.norms.state_dict()} if self.normalize_observations else {}) | {
            "learners": {name: learner.state_dict() for name, learner in self.learners.items()},
            "buffer": self.buffer.state_dict(),
            "sampler": self._sampler.get_state(),
            "env_steps": self.env_steps,
            "updates": self._updates,
            "credit": self._credit,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore :meth:`state_dict` into the existing tensors.

        Raises:
            RunError: Other agents, spaces or network sizes; names the first difference.
        """
        if list(state["learners"]) != list(self.learners):
            raise RunError(f"saved learners are of agents {list(state['learners'])}, this environment has {list(self.learners)}")
        self._load_norms(state.get("norms"))
        for name, learner in self.learners.items():
            learner.load_state_dict(state["learners"][name])
        self.buffer.load_state_dict(state["buffer"])
        self._sampler.set_state(state["sampler"])
        self.env_steps = int(state["env_steps"])
        self._updates = int(state["updates"])
        self._credit = float(state["credit"])

    def _load_norms(self, saved: Mapping[str, Any] | None) -> None:
        """Restore the statistics; networks that learned with them mean nothing without, and the other way round."""
        found = saved is not None
        if found != self.normalize_observations:
            raise RunError(
                f"the saved policy was trained with algorithm.normalize_observations={str(found).lower()}, here it is "
                f"{str(self.normalize_observations).lower()}: keep it as it was"
            )
        if saved is not None:
            self.norms.load_state_dict(saved)


def _read(readers: Mapping[str, Callable[[], dict[str, float]]]) -> dict[str, float]:
    """Return the losses of a single learner under their own names, those of several under ``NAME/``."""
    if len(readers) == 1:
        return next(iter(readers.values()))()
    return {f"{agent}/{key}": value for agent, read in readers.items() for key, value in read().items()}
