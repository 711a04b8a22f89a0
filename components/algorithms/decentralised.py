"""Decentralised policies: each agent acts on its own observation, by a network of its own or by one that its group shares."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor, nn

from wattloom.components.algorithms.losses import LOG_STD_MAX, LOG_STD_MIN
from wattloom.components.algorithms.off_policy import OffPolicy
from wattloom.components.algorithms.on_policy.units import Unit
from wattloom.components.algorithms.team.policies import Actor
from wattloom.components.networks.deployed import Choices, DeployedPolicy, Perceptron, Squashed
from wattloom.environment import AgentSpec


class Decentralised(OffPolicy):
    """Base of all off-policy algorithms whose agents can be sent out alone."""

    def unit_actor(self, unit: Unit, num_envs: int) -> Actor:
        """Return the live policy of a unit for ``num_envs`` rows."""
        raise NotImplementedError

    def policy_params(self, unit: Unit) -> Mapping[str, Tensor]:
        """Return the tensors of a unit's policy network."""
        raise NotImplementedError

    def place_of(self, agent: str) -> tuple[AgentSpec, Unit, int]:
        """Return an agent's declarations, the unit that serves it, and its place in the unit."""
        index = [one.name for one in self.spec.agents].index(agent)
        unit = next(unit for unit in self.units if index in unit.agents)
        return self.spec.agents[index], unit, unit.agents.index(index)

    def actor(self, agent: str, num_envs: int) -> Actor:
        """Return the live policy of one agent; in a group a one-hot follows the observation."""
        _, unit, place = self.place_of(agent)
        actor = self.unit_actor(unit, num_envs)
        if not unit.shared:
            return actor
        inputs = torch.zeros(num_envs, unit.inputs)
        inputs[:, unit.width + place] = 1.0

        def run(observation: Tensor, noise: Tensor | None, penalty: Tensor | None) -> Tensor:
            inputs[:, : unit.width] = observation
            return actor(inputs, noise, penalty)

        return run

    def module(self, agent: str) -> DeployedPolicy:
        """Return a copy of one agent's greedy policy; see :meth:`Algorithm.module`."""
        spec, unit, place = self.place_of(agent)
        one_hot = np.eye(len(unit.agents))[place] if unit.shared else None
        perceptron = Perceptron(self.policy_params(unit), self.activation)
        return DeployedPolicy(perceptron, self._head(spec), self.norms.agents[agent].module(), one_hot)

    def _head(self, spec: AgentSpec) -> nn.Module:
        """Return what turns the network's output into an action."""
        if isinstance(spec.action_space, spaces.Box):
            return Squashed(spec.action_space, (LOG_STD_MIN, LOG_STD_MAX) if self.stochastic else None)
        return Choices(spec.action_space)
