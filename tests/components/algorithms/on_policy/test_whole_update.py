"""Whole updates against a straightforward implementation: modules, torch.distributions, autograd, torch.optim.Adam, a loop over agents."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.distributions import Categorical, Normal

from wattloom.components.algorithms.haa2c import HAA2C
from wattloom.components.algorithms.happo import HAPPO
from wattloom.components.algorithms.ippo import IPPO
from wattloom.components.algorithms.mappo import MAPPO

NAMES = "abcd"
GAMMA, LAMBDA = 0.97, 0.9


def module_of(params):
    """A plain nn.Sequential in float64 with the weights of one of our networks."""
    layers = []
    for name in [key for key in params if "layer" in key]:
        layer = nn.Linear(params[name].shape[1] - 1, params[name].shape[2], dtype=torch.float64)
        layer.weight.data, layer.bias.data = params[name][0, :-1].T.double().clone(), params[name][0, -1].double().clone()
        layers += [layer, nn.Tanh()]
    head = params["net.head"][0].double()
    last = nn.Linear(head.shape[1] - 1, head.shape[0], dtype=torch.float64)
    last.weight.data, last.bias.data = head[:, :-1].clone(), head[:, -1].clone()
    return nn.Sequential(*layers, last)


class Agent:
    """One policy of the reference."""

    def __init__(self, params, space, rate):
        self.net, self.space = module_of(params), space
        self.log_std = nn.Parameter(params["log_std"][0, :, 0].double().clone()) if "log_std" in params else None
        self.adam = torch.optim.Adam(self.parameters(), lr=rate, eps=1e-5)

    def parameters(self):
        return [*self.net.parameters(), *([] if self.log_std is None else [self.log_std])]

    def evaluate(self, observation, action):
        """Log-density of the joint action and entropy."""
        head = self.net(observation)
        if self.log_std is not None:
            normal = Normal(head, self.log_std.exp())
            return normal.log_prob((action - 0.5) / 2.5).sum(1), normal.entropy().sum(1)
        counts = [int(self.space.n)] if action.ndim == 1 else [int(n) for n in self.space.nvec]
        columns = action.view(len(action), -1)
        each = [Categorical(logits=part) for part in head.split(counts, 1)]
        return sum(d.log_prob(columns[:, k]) for k, d in enumerate(each)), sum(d.entropy() for d in each)


def flat(params):
    return torch.cat([p.data.flatten() for p in params])


def ours(member):
    """Our parameters in the order of the reference's."""
    parts = []
    for name in [key for key in member if "layer" in key]:
        parts += [member[name][0, :-1].T.flatten(), member[name][0, -1]]
    parts += [member["net.head"][0, :, :-1].flatten(), member["net.head"][0, :, -1]]
    return torch.cat([*parts, *([member["log_std"].flatten()] if "log_std" in member else [])]).double()


def reference_gae(reward, value, following, terminated, ended):
    advantage = np.zeros_like(reward)
    for t in reversed(range(len(reward))):
        delta = reward[t] + GAMMA * (1.0 - terminated[t]) * following[t] - value[t]
        later = advantage[t + 1] if t + 1 < len(reward) else 0.0
        advantage[t] = delta + GAMMA * LAMBDA * (1.0 - ended[t]) * later
    return advantage


def fit_critic(critic, adam, state, target, epochs):
    for _ in range(epochs):
        loss = 0.5 * (critic(state)[:, 0] - target).square().mean()
        adam.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(critic.parameters(), 0.5)
        adam.step()


class Reference:
    """The whole update of one rollout, from the transitions that the loop recorded."""

    def __init__(self, algorithm, environment):
        spaces = {spec.name: spec.action_space for spec in environment.agents}
        member = {name: actor.params.member(e) for actor in algorithm.actors for e, name in enumerate(actor.names)}
        self.agents = {name: Agent(member[name], spaces[name], algorithm.learning_rate) for name in NAMES}
        self.critics = {n: module_of(c.params.member(e)) for c in algorithm.values.critics for e, n in enumerate(c.names)}
        rate = algorithm.critic_learning_rate
        self.adams = {name: torch.optim.Adam(critic.parameters(), lr=rate, eps=1e-5) for name, critic in self.critics.items()}
        self.algorithm = algorithm

    def values(self, critic, rows):
        with torch.no_grad():
            shape = np.asarray(rows).shape
            return critic(torch.from_numpy(np.asarray(rows).reshape(-1, shape[-1])).double())[:, 0].view(shape[:-1]).numpy()

    def paid(self, seen, name):
        """Rewards of one stream, and which steps terminated or ended."""
        central = "critic" in self.critics
        rewards = np.stack([np.mean([t.result.rewards[n] for n in NAMES], axis=0) if central else t.result.rewards[name] for t in seen])
        terminated, ended = (np.stack([getattr(t.result, key) for t in seen]).astype(float) for key in ("terminated", "ended"))
        return rewards, terminated, ended

    def begin(self, seen):
        """Raise every critic to the constant that equals the mean reward and its own discounted continuation, found by iteration."""
        for name, critic in self.critics.items():
            rewards, terminated, _ = self.paid(seen, name)
            value = 0.0
            for _ in range(2000):
                value = rewards.mean() + GAMMA * (1.0 - terminated.mean()) * value
            critic[-1].bias.data += value

    def advantages(self, seen, name):
        """Returns, advantages and critic inputs of one stream; the critic reads the state, or the agent's observation."""
        central = "critic" in self.critics
        critic = self.critics["critic" if central else name]
        look = (lambda s: s.state) if central else (lambda s: s.observations[name])
        before, after = np.stack([look(t.snapshot) for t in seen]), np.stack([look(t.result.snapshot) for t in seen])
        rewards, terminated, ended = self.paid(seen, name)
        value = self.values(critic, before)
        advantage = reference_gae(rewards, value, self.values(critic, after), terminated, ended)
        return before, advantage, advantage + value

    def update(self, seen, order, clip, sequential):
        algorithm, factor = self.algorithm, 1.0
        for name in order:
            agent = self.agents[name]
            _, advantage, _ = self.advantages(seen, name)
            scaled = torch.from_numpy(((advantage - advantage.mean()) / (advantage.std() + 1e-5)).reshape(-1))
            observation = torch.from_numpy(np.stack([t.snapshot.observations[name] for t in seen])).flatten(0, 1).double()
            action = torch.from_numpy(np.stack([t.actions[name] for t in seen])).flatten(0, 1)
            with torch.no_grad():
                old, _ = agent.evaluate(observation, action)
            for _ in range(algorithm.epochs):
                new, entropy = agent.evaluate(observation, action)
                rho = (new - old).exp()
                gain = rho * scaled * factor
                if clip is not None:
                    gain = torch.minimum(gain, rho.clamp(1 - clip, 1 + clip) * scaled * factor)
                loss = -gain.mean() - algorithm.entropy_coefficient * entropy.mean()
                agent.adam.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(agent.parameters(), 0.5)
                agent.adam.step()
            if sequential:
                with torch.no_grad():
                    factor = factor * (agent.evaluate(observation, action)[0] - old).exp()
        streams = {name: self.advantages(seen, name) for name in self.critics}
        for name, critic in self.critics.items():
            rows, _, returns = streams[name]
            state = torch.from_numpy(rows).flatten(0, 1).double()
            fit_critic(critic, self.adams[name], state, torch.from_numpy(returns).flatten(), algorithm.critic_epochs)


CASES = [
    pytest.param(IPPO, {}, NAMES, 0.2, False, id="ippo"),
    pytest.param(MAPPO, {}, NAMES, 0.2, False, id="mappo"),
    pytest.param(HAPPO, {"update_order": "fixed"}, NAMES, 0.2, True, id="happo"),
    pytest.param(HAPPO, {"update_order": "reverse", "clip": 0.05}, NAMES[::-1], 0.05, True, id="happo-reverse"),
    pytest.param(HAA2C, {"update_order": "fixed", "epochs": 4}, NAMES, None, True, id="haa2c"),
]


PRECISIONS = [
    pytest.param(torch.float32, 1e-6, "zero", id="single"),  # values far from 0 cost digits that are not the update's
    pytest.param(torch.float64, 1e-10, "zero", id="double"),
    pytest.param(torch.float64, 1e-10, "mean", id="double-from-mean"),
]


@pytest.mark.parametrize(("dtype", "bar", "start"), PRECISIONS)
@pytest.mark.parametrize(("kind", "options", "order", "clip", "sequential"), CASES)
def test_two_updates(loop, crew, in_precision, dtype, bar, start, kind, options, order, clip, sequential):
    keys = {
        "rollout_steps": 15,
        "hidden_sizes": (12, 8),
        "value_scale": "none",
        "value_start": start,
        "gamma": GAMMA,
        "gae_lambda": LAMBDA,
        "learning_rate": 3e-3,
    }
    with in_precision(dtype):
        algorithm = kind(**keys | options)
        run = loop(algorithm, crew(limit=2.5))
        reference = Reference(algorithm, crew())
        for update in range(2):
            seen = run.step(15).transitions[15 * update :]
            if update == 0 and start == "mean":
                reference.begin(seen)
            reference.update(seen, order, clip, sequential)
            assert any(t.result.truncated.any() for t in seen)
            for actor in algorithm.actors:
                for e, name in enumerate(actor.names):
                    torch.testing.assert_close(ours(actor.params.member(e)), flat(reference.agents[name].parameters()), rtol=0, atol=bar)
            for critic in algorithm.values.critics:
                for e, name in enumerate(critic.names):
                    torch.testing.assert_close(ours(critic.params.member(e)), flat(reference.critics[name].parameters()), rtol=0, atol=bar)
