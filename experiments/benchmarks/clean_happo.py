"""The usual way to write HAPPO in PyTorch: one module an agent, torch.distributions, autograd, one optimiser a network, a loop over agents.

This is the yardstick of the benchmark, kept apart from the library. Networks, objectives, epochs and minibatches are those of our HAPPO; it is given
the fastest stock optimiser, Adam(fused=True), and gathers each column of a minibatch once.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn


def perceptron(inputs: int, outputs: int, gain: float) -> nn.Sequential:
    layers = [nn.Linear(inputs, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, outputs)]
    for layer in layers[::2]:
        nn.init.orthogonal_(layer.weight, gain if layer is layers[-1] else 5 / 3)
        nn.init.zeros_(layer.bias)
    return nn.Sequential(*layers)


class CleanHAPPO:
    def __init__(self, widths, choices, state_width, minibatches, epochs, lr=5e-4, clip=0.2, entropy=0.01, gamma=0.99, lam=0.95) -> None:
        self.actors = [perceptron(width, choices, 0.01) for width in widths]
        self.critic = perceptron(state_width, 1, 1.0)
        self.adams = [torch.optim.Adam(actor.parameters(), lr=lr, eps=1e-5, fused=True) for actor in self.actors]
        self.critic_adam = torch.optim.Adam(self.critic.parameters(), lr=lr, eps=1e-5, fused=True)
        self.minibatches, self.epochs, self.clip, self.entropy, self.gamma, self.lam = minibatches, epochs, clip, entropy, gamma, lam

    def log_prob(self, i, observation, action):
        return torch.distributions.Categorical(logits=self.actors[i](observation)).log_prob(action)

    def returns(self, state, reward, done):
        with torch.no_grad():
            values = self.critic(state).squeeze(-1).double().numpy()
        advantages, running = np.zeros_like(reward), np.zeros(reward.shape[1])
        for t in reversed(range(len(reward))):
            delta = reward[t] + self.gamma * values[t + 1] * (1 - done[t]) - values[t]
            running = delta + self.gamma * self.lam * (1 - done[t]) * running
            advantages[t] = running
        return advantages, advantages + values[:-1]

    def minibatch_indices(self, rows):
        return torch.randperm(rows).view(self.minibatches, -1)

    def update(self, observations, actions, state, reward, done) -> None:
        """Observations and actions are lists, an agent each, of ``(T * N, …)``; state ``(T + 1, N, s)``, reward and done ``(T, N)``."""
        advantages, returns = self.returns(state, reward, done)
        advantage = torch.from_numpy(((advantages - advantages.mean()) / (advantages.std() + 1e-5)).reshape(-1)).float()
        factor = torch.ones_like(advantage)
        for i in torch.randperm(len(self.actors)).tolist():
            with torch.no_grad():
                old = self.log_prob(i, observations[i], actions[i])
            for _ in range(self.epochs):
                for index in self.minibatch_indices(len(advantage)):
                    self.step_actor(i, observations[i][index], actions[i][index], old[index], (advantage * factor)[index])
            with torch.no_grad():
                factor = factor * (self.log_prob(i, observations[i], actions[i]) - old).exp()
        rows, target = state[:-1].reshape(-1, state.shape[-1]), torch.from_numpy(returns.reshape(-1)).float()
        for _ in range(self.epochs):
            for index in self.minibatch_indices(len(advantage)):
                loss = 0.5 * (self.critic(rows[index]).squeeze(-1) - target[index]).square().mean()
                self.critic_adam.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(self.critic.parameters(), 0.5)
                self.critic_adam.step()

    def step_actor(self, i, observation, action, old, advantage) -> None:
        distribution = torch.distributions.Categorical(logits=self.actors[i](observation))
        ratio = (distribution.log_prob(action) - old).exp()
        clipped = ratio.clamp(1 - self.clip, 1 + self.clip)
        loss = -torch.min(ratio * advantage, clipped * advantage).mean() - self.entropy * distribution.entropy().mean()
        self.adams[i].zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.actors[i].parameters(), 0.5)
        self.adams[i].step()
