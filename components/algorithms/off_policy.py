"""What TD3 and SAC share: replay, cadence and state; one learner an agent.

A step of E copies adds E rows and, after ``learning_starts``, ``E * updates_per_step`` credit; each whole credit buys one update. The credit is
part of the state, so that a ratio of 0.3 continues across a checkpoint as if there had been none.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeAlias

import torch
from gymnasium import spaces
from torch import Tensor

from wattloom.algorithm import Algorithm, Policy, Transition, UpdateReport
from wattloom.components.algorithms import ranges
from wattloom.components.algorithms.batch import AgentBatch
from wattloom.components.algorithms.exploration import Exploration
from wattloom.components.algorithms.off_policy_policy import OffPolicyPolicy
from wattloom.components.algorithms.scaling import ActionScaling
from wattloom.components.buffers.replay import ReplayBuffer
from wattloom.components.buffers.transitions import TransitionLayout
from wattloom.components.networks.deployed import DeployedPolicy
from wattloom.environment import EnvironmentSpec
from wattloom.errors import ConfigError, RunError
from wattloom.seeding import Seeds

Actor: TypeAlias = Callable[[Tensor, Tensor | None], Tensor]
"""Observation ``(N, o)`` and noise ``(N, a)`` (None: act greedily) to actions ``(N, a)`` in [-1, 1]."""


class Learner(Protocol):
    """One agent's networks and optimisers."""

    def update(self, batch: AgentBatch) -> Callable[[], dict[str, float]]:
        """Do one gradient update; the result reads this update's losses, whenever it is called."""
        ...

    def actor(self, num_envs: int) -> Actor:
        """Return the live policy for ``num_envs`` rows."""
        ...

    def module(self, space: spaces.Box) -> DeployedPolicy:
        """Return a copy of the greedy policy that stands alone."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """Return tensors and plain values."""
        ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Copy ``state`` into the existing tensors."""
        ...


class OffPolicy(Algorithm):
    """Base of replay-based actor-critic algorithms over continuous actions.

    Subclasses set ``name`` and ``stochastic`` and implement :meth:`make_learner`.

    Args:
        engine: ``"analytic"`` or ``"autograd"``.
        batch_size: Transitions an update.
        buffer_size: Transitions kept.
        learning_starts: Env steps over all copies with uniform actions and no update.
        updates_per_step: Gradient updates an env step over all copies.
        exploration: What is added to actions while training.

    Attributes:
        name: The algorithm's option on the command line.
        stochastic: True where the policy itself samples while it explores.
        env_steps: Env steps observed over all copies.
    """

    name: str = ""
    stochastic: bool = False

    def __init__(
        self, engine: str, batch_size: int, buffer_size: int, learning_starts: int, updates_per_step: float, exploration: Exploration
    ) -> None:
        self.engine = ranges.one_of("algorithm.engine", engine, ("analytic", "autograd"))
        self.batch_size = ranges.count("algorithm.batch_size", batch_size)
        self.buffer_size = ranges.count("algorithm.buffer_size", buffer_size)
        self.learning_starts = ranges.count("algorithm.learning_starts", learning_starts, low=0)
        self.updates_per_step = ranges.at_least("algorithm.updates_per_step", updates_per_step, 0.0)
        self.exploration = exploration
        self.env_steps = 0
        self._credit = 0.0
        self._updates = 0

    def make_learner(self, sizes: tuple[int, int, int], seeds: Seeds) -> Learner:
        """Return a fresh learner of one agent; ``sizes`` are batch size, observation width and action width."""
        raise NotImplementedError

    def setup(self, spec: EnvironmentSpec, seeds: Seeds, total_steps: int) -> None:
        """Build a learner for every agent and the common replay buffer.

        Raises:
            ConfigError: An agent with discrete or unbounded actions, or a buffer smaller than the number of copies.
        """
        super().setup(spec, seeds, total_steps)
        self.scalings = {agent.name: ActionScaling(self.name, agent) for agent in spec.agents}
        if self.buffer_size < spec.num_envs:
            raise ConfigError(f"algorithm.buffer_size={self.buffer_size} cannot hold one step of env.num_envs={spec.num_envs} copies")
        self._layout = TransitionLayout(spec)
        self.buffer = ReplayBuffer(self._layout.columns, self.buffer_size, self.batch_size)
        self._sampler = seeds.torch("replay")
        self.learners: dict[str, Learner] = {}
        for agent in spec.agents:
            sizes = (self.batch_size, math.prod(agent.observation_space.shape), self.scalings[agent.name].size)
            self.learners[agent.name] = self.make_learner(sizes, seeds.child("learner").child(agent.name))
        self._batches = {name: AgentBatch.of(self.buffer, name, self._layout.masked) for name in self.learners}

    def policy(self, num_envs: int, explore: bool) -> Policy:
        """Return a policy on the live parameters; exploring, it acts uniformly until ``learning_starts``."""
        return OffPolicyPolicy(self, num_envs, explore)

    def module(self, agent: str) -> DeployedPolicy:
        """Return a copy of one agent's greedy policy; see :meth:`Algorithm.module`."""
        space = next(spec.action_space for spec in self.spec.agents if spec.name == agent)
        assert isinstance(space, spaces.Box)
        return self.learners[agent].module(space)

    @property
    def warming_up(self) -> bool:
        """True while actions are uniform."""
        return self.env_steps < self.learning_starts

    def observe(self, transition: Transition) -> None:
        """Store one row a copy and earn update credit."""
        actions = {name: scaling.to_unit(transition.actions[name]) for name, scaling in self.scalings.items()}
        self.buffer.add(self._layout.rows(transition, actions))
        copies = len(transition.result.terminated)
        past = min(copies, self.env_steps + copies - self.learning_starts)
        self.env_steps += copies
        self._credit += max(0, past) * self.updates_per_step

    def update(self) -> UpdateReport | None:
        """Spend whole credits: each samples one batch and updates every agent's learner on it."""
        due = int(self._credit + 1e-9)  # ten times 0.1 is a whole credit although its float sum is not
        if due < 1:
            return None
        self._credit -= due
        readers: dict[str, Callable[[], dict[str, float]]] = {}
        # without the bookkeeping of autograd a small network's update takes 8 % less time
        with torch.inference_mode(self.engine == "analytic"):
            for _ in range(due):
                self.buffer.sample(self._sampler)
                for name, learner in self.learners.items():
                    readers[name] = learner.update(self._batches[name])
        self._updates += due
        return UpdateReport(due, self._updates, lambda: _read(readers))

    def state_dict(self) -> dict[str, Any]:
        """Return learners, buffer, counters, credit and the sampling stream."""
        return {
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
        for name, learner in self.learners.items():
            learner.load_state_dict(state["learners"][name])
        self.buffer.load_state_dict(state["buffer"])
        self._sampler.set_state(state["sampler"])
        self.env_steps = int(state["env_steps"])
        self._updates = int(state["updates"])
        self._credit = float(state["credit"])


def _read(readers: Mapping[str, Callable[[], dict[str, float]]]) -> dict[str, float]:
    """Return the losses of a single agent under their own names, those of several under ``AGENT/``."""
    if len(readers) == 1:
        return next(iter(readers.values()))()
    return {f"{agent}/{key}": value for agent, read in readers.items() for key, value in read().items()}
