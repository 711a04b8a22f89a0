"""The usual way to write TD3 and SAC in PyTorch: one module a network, one optimiser a group, autograd, a loop over parameters for the targets.

This is the yardstick of the benchmark, kept apart from the library. Targets, losses and network sizes are those of our TD3 and SAC.
"""

from __future__ import annotations

import copy

import numpy as np
import torch
from torch import nn
from torch.nn import functional


def perceptron(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, outputs))


class Replay:
    """Five arrays, one fancy index each."""

    def __init__(self, capacity: int, batch: int, generator: np.random.Generator) -> None:
        self.observation, self.next_observation = np.zeros((capacity, 3), np.float32), np.zeros((capacity, 3), np.float32)
        self.action, self.reward, self.terminated = (np.zeros((capacity, 1), np.float32) for _ in range(3))
        self.size, self.batch, self.generator = 0, batch, generator

    def add(self, observation, action, reward, next_observation) -> None:
        i = self.size
        self.observation[i], self.action[i], self.reward[i], self.next_observation[i] = observation, action, reward, next_observation
        self.size += 1

    def sample(self) -> tuple[torch.Tensor, ...]:
        index = self.generator.integers(0, self.size, self.batch)
        columns = (self.observation, self.action, self.reward, self.next_observation, self.terminated)
        return tuple(torch.from_numpy(column[index]) for column in columns)


def polyak(online: nn.Module, target: nn.Module, tau: float) -> None:
    for p, q in zip(online.parameters(), target.parameters(), strict=True):
        q.data.copy_(tau * p.data + (1 - tau) * q.data)


class CleanTD3:
    def __init__(self, hidden: int, gamma: float = 0.98, tau: float = 0.005) -> None:
        self.gamma, self.tau, self.updates = gamma, tau, 0
        self.actor, self.q1, self.q2 = perceptron(3, hidden, 1), perceptron(4, hidden, 1), perceptron(4, hidden, 1)
        self.actor_target, self.q1_target, self.q2_target = (copy.deepcopy(net) for net in (self.actor, self.q1, self.q2))
        self.actor_adam = torch.optim.Adam(self.actor.parameters(), lr=1e-3)
        self.critic_adam = torch.optim.Adam([*self.q1.parameters(), *self.q2.parameters()], lr=1e-3)

    @torch.no_grad()
    def act(self, observation) -> float:
        action = torch.tanh(self.actor(torch.from_numpy(observation[None])))[0].numpy()
        return float(np.clip(action + 0.1 * np.random.default_rng(self.updates).standard_normal(1), -1, 1)[0])

    def update(self, batch) -> None:
        observation, action, reward, next_observation, terminated = batch
        self.updates += 1
        with torch.no_grad():
            noise = (torch.randn_like(action) * 0.2).clamp(-0.5, 0.5)
            pair = torch.cat([next_observation, (torch.tanh(self.actor_target(next_observation)) + noise).clamp(-1, 1)], 1)
            y = reward + (1 - terminated) * self.gamma * torch.min(self.q1_target(pair), self.q2_target(pair))
        pair = torch.cat([observation, action], 1)
        loss = functional.mse_loss(self.q1(pair), y) + functional.mse_loss(self.q2(pair), y)
        self.critic_adam.zero_grad()
        loss.backward()
        self.critic_adam.step()
        if self.updates % 2 == 0:
            loss = -self.q1(torch.cat([observation, torch.tanh(self.actor(observation))], 1)).mean()
            self.actor_adam.zero_grad()
            loss.backward()
            self.actor_adam.step()
            for online, target in ((self.actor, self.actor_target), (self.q1, self.q1_target), (self.q2, self.q2_target)):
                polyak(online, target, self.tau)


class CleanSAC:
    def __init__(self, hidden: int, gamma: float = 0.98, tau: float = 0.005) -> None:
        self.gamma, self.tau = gamma, tau
        self.actor, self.q1, self.q2 = perceptron(3, hidden, 2), perceptron(4, hidden, 1), perceptron(4, hidden, 1)
        self.q1_target, self.q2_target = copy.deepcopy(self.q1), copy.deepcopy(self.q2)
        self.log_alpha = torch.zeros(1, requires_grad=True)
        self.actor_adam = torch.optim.Adam(self.actor.parameters(), lr=1e-3)
        self.critic_adam = torch.optim.Adam([*self.q1.parameters(), *self.q2.parameters()], lr=1e-3)
        self.alpha_adam = torch.optim.Adam([self.log_alpha], lr=1e-3)

    def sample(self, observation) -> tuple[torch.Tensor, torch.Tensor]:
        mean, log_std = self.actor(observation).chunk(2, 1)
        normal = torch.distributions.Normal(mean, log_std.clamp(-20, 2).exp())
        u = normal.rsample()
        action = torch.tanh(u)
        return action, (normal.log_prob(u) - torch.log(1 - action.pow(2) + 1e-6)).sum(1, keepdim=True)

    @torch.no_grad()
    def act(self, observation) -> float:
        return float(self.sample(torch.from_numpy(observation[None]))[0][0, 0])

    def update(self, batch) -> None:
        observation, action, reward, next_observation, terminated = batch
        new_action, log_density = self.sample(observation)
        alpha = self.log_alpha.exp().detach()
        alpha_loss = -(self.log_alpha * (log_density - 1.0).detach()).mean()
        self.alpha_adam.zero_grad()
        alpha_loss.backward()
        self.alpha_adam.step()
        with torch.no_grad():
            next_action, next_log_density = self.sample(next_observation)
            pair = torch.cat([next_observation, next_action], 1)
            value = torch.min(self.q1_target(pair), self.q2_target(pair)) - alpha * next_log_density
            y = reward + (1 - terminated) * self.gamma * value
        pair = torch.cat([observation, action], 1)
        loss = functional.mse_loss(self.q1(pair), y) + functional.mse_loss(self.q2(pair), y)
        self.critic_adam.zero_grad()
        loss.backward()
        self.critic_adam.step()
        pair = torch.cat([observation, new_action], 1)
        loss = (alpha * log_density - torch.min(self.q1(pair), self.q2(pair))).mean()
        self.actor_adam.zero_grad()
        loss.backward()
        self.actor_adam.step()
        polyak(self.q1, self.q1_target, self.tau)
        polyak(self.q2, self.q2_target, self.tau)
