"""Centralised SAC: one learner plays all agents at once, as if the team were a single agent.

Its observation is the central state (all observations side by side where the environment declares none), its action everybody's action side by side, its
reward the team's mean. It is the reference for what decentralised policies lose, and grows with the team.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from gymnasium import spaces

from wattloom.adapters.layout import JointLayout
from wattloom.algorithm import Policy, Transition
from wattloom.components.algorithms.batch import AgentBatch
from wattloom.components.algorithms.off_policy import Learner, OffPolicy
from wattloom.components.algorithms.off_policy_keys import SoftKeys
from wattloom.components.algorithms.sac import soft_learner
from wattloom.components.algorithms.team.policies import Actor
from wattloom.components.buffers.transitions import TransitionLayout
from wattloom.environment import AgentSpec, Array, EnvironmentSpec, Snapshot, StepResult
from wattloom.errors import ConfigError
from wattloom.seeding import Seeds
from wattloom.spaces import choices, numbered_columns

TEAM = "team"


@dataclass(kw_only=True, eq=False)
class CSAC(SoftKeys, OffPolicy):
    """SAC over the joint action of a team; all agents act by Box, or all by choices."""

    name: ClassVar[str] = "csac"
    stochastic = True
    discrete: ClassVar[bool] = True

    def setup(self, spec: EnvironmentSpec, seeds: Seeds, total_steps: int) -> None:
        """Build the one learner; see :meth:`OffPolicy.setup`.

        Raises:
            ConfigError: Agents mix continuous and discrete actions.
        """
        self._team = TeamAsOne(spec)
        super().setup(self._team.spec, seeds, total_steps)
        self.spec = spec

    def make_layout(self, spec: EnvironmentSpec) -> TransitionLayout:
        """Return the columns of the one agent."""
        return TransitionLayout(spec)

    def make_learners(self, seeds: Seeds) -> dict[str, Learner]:
        """Return the one learner."""
        (unit,) = self.units
        self._learner = soft_learner(self, unit, AgentBatch.of(self.buffer, TEAM, masked=False), seeds.child("learner"))
        return {TEAM: self._learner}

    def actor(self, agent: str, num_envs: int) -> Actor:
        """Return the live policy of the team."""
        return self._learner.actor(num_envs)

    def policy(self, num_envs: int, explore: bool) -> Policy:
        """Return a policy that acts for all agents from the central state."""
        return TeamPolicy(super().policy(num_envs, explore), self._team)

    def observe(self, transition: Transition) -> None:
        """Store one row a copy and earn update credit."""
        super().observe(self._team.transition(transition))


class TeamAsOne:
    """A team's declarations, snapshots, actions and transitions as those of one agent.

    Args:
        spec: Declarations of the environment.

    Attributes:
        spec: Declarations with the one agent.
    """

    def __init__(self, spec: EnvironmentSpec) -> None:
        self._agents = spec.agents
        self._central = spec.state_space is not None
        try:
            self._layout = JointLayout(spec.agents)
        except ConfigError as error:
            raise ConfigError(
                f"algorithm=csac plays all agents by one action: {error.args[0].split(';')[0]}; choose algorithm=masac"
            ) from error
        seen: Any = spec.state_space if spec.state_space is not None else self._layout.observation_space
        acts: Any = self._layout.action_space
        width = math.prod(acts.shape) or 1
        one = AgentSpec(TEAM, seen, acts, numbered_columns("s", math.prod(seen.shape)), numbered_columns("a", width))
        self.spec = EnvironmentSpec((one,), spec.num_envs, spec.state_space, True, spec.step_seconds, spec.metric_columns)

    def snapshot(self, snapshot: Snapshot) -> Snapshot:
        """Return what the one agent sees."""
        seen = snapshot.state if self._central and snapshot.state is not None else self._layout.join(snapshot)
        return Snapshot({TEAM: seen}, None, self._masks(snapshot))

    def _masks(self, snapshot: Snapshot) -> dict[str, Array] | None:
        """Return the masks of all agents side by side."""
        masks = snapshot.action_masks
        if masks is None:
            return None
        count = len(next(iter(snapshot.observations.values())))
        free = {agent.name: np.ones((count, sum(choices(agent.action_space))), dtype=bool) for agent in self._agents}
        return {TEAM: np.concatenate([masks.get(name, everything) for name, everything in free.items()], axis=1)}

    def join(self, actions: Mapping[str, Array]) -> Array:
        """Return everybody's actions as one, ``(num_envs, …)``."""
        if len(self._agents) == 1:
            return actions[self._agents[0].name]
        starts = [0 if isinstance(agent.action_space, spaces.Box) else agent.action_space.start for agent in self._agents]
        parts = [np.asarray(actions[agent.name]) - start for agent, start in zip(self._agents, starts, strict=True)]
        return np.concatenate([part.reshape(len(part), -1) for part in parts], axis=1)

    def split(self, action: Array) -> dict[str, Array]:
        """Return the one action by agent, in units of their spaces."""
        return self._layout.split(action)

    def transition(self, transition: Transition) -> Transition:
        """Return the step as the one agent lived it."""
        result = transition.result
        reward = np.mean([result.rewards[agent.name] for agent in self._agents], axis=0)
        following = self.snapshot(result.snapshot)
        lived = StepResult(following, {TEAM: reward}, result.terminated, result.truncated, result.metrics)
        return Transition(self.snapshot(transition.snapshot), {TEAM: self.join(transition.actions)}, lived)


class TeamPolicy:
    """Acts for all agents by one policy.

    Args:
        policy: The policy of the one agent.
        team: Between the two.
    """

    def __init__(self, policy: Policy, team: TeamAsOne) -> None:
        self._policy, self._team = policy, team

    def reset(self, mask: Array | None = None, seeds: Sequence[int | None] | None = None) -> None:
        """Begin new episodes."""
        self._policy.reset(mask, seeds)

    def act(self, snapshot: Snapshot) -> Mapping[str, Array]:
        """Return actions by agent in units of the action space."""
        return self._team.split(self._policy.act(self._team.snapshot(snapshot))[TEAM])

    def state_dict(self) -> dict[str, Any]:
        """Return what the one policy remembers."""
        return self._policy.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what :meth:`state_dict` returned."""
        self._policy.load_state_dict(state)
