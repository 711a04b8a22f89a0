"""Whole updates against the papers written down plainly: one loop an agent, torch.distributions, autograd, torch.optim.Adam, float64.

The plain version reads what happened from the transitions and knows nothing of replay columns, stacks, flat parameters or hand-written gradients. It is
given the same initial parameters, the same rows and the same random numbers.
"""

import math

import pytest
import torch
from gymnasium import spaces
from torch.distributions import Categorical, Normal
from torch.distributions.transforms import TanhTransform

from wattloom.components.algorithms.hasac import HASAC
from wattloom.components.algorithms.hatd3 import HATD3
from wattloom.components.algorithms.masac import MASAC
from wattloom.components.algorithms.matd3 import MATD3

GAMMA, TAU, RATE = 0.9, 0.3, 1e-2
KEYS = {"gamma": GAMMA, "tau": TAU, "actor_learning_rate": RATE, "critic_learning_rate": RATE}


def tensors(params):
    return {name: view.double().clone().requires_grad_() for name, view in params.items()}


def evaluate(params, member, x):
    """A perceptron as the textbook writes it."""
    i = 0
    while f"layer_{i}" in params:
        layer = params[f"layer_{i}"][member]
        x = torch.relu(x @ layer[:-1] + layer[-1])
        i += 1
    head = params["head"][member]
    return x @ head[:, :-1].T + head[:, -1]


def adam(params, rate=RATE):
    return torch.optim.Adam(list(params.values()) if isinstance(params, dict) else [params], lr=rate, eps=1e-8)


def step(optimiser, loss):
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()


def follow(target, params):
    with torch.no_grad():
        for name, tensor in target.items():
            tensor.copy_((1 - TAU) * tensor + TAU * params[name])


def mean(values, active):
    """The mean over rows in which the agent took part."""
    return (values * active).sum() / max(1.0, float(active.sum()))


class Plain:
    """What both families share: who there is, the critics, and their targets."""

    def __init__(self, algorithm, order):
        self.spec, self.learner, self.order = algorithm.spec, algorithm.team, order
        self.names = [agent.name for agent in self.spec.agents]
        self.spaces = {agent.name: agent.action_space for agent in self.spec.agents}
        self.own = algorithm.reward_sharing < 1.0
        self.actors = {policy.name: tensors(policy.params) for policy in self.learner.policies}
        self.critics = tensors(self.learner.critics.params)
        self.targets = {name: tensor.detach().clone() for name, tensor in self.critics.items()}
        self.actor_adams = {name: adam(params) for name, params in self.actors.items()}
        self.critic_adam = adam(self.critics)
        self.noise = {policy.name: torch.Generator() for policy in self.learner.policies}
        for policy in self.learner.policies:
            self.noise[policy.name].set_state(policy._generator.get_state())

    def stream(self, name):
        return self.names.index(name) if self.own else 0

    def joint(self, actions, state):
        return torch.cat([*(actions[name] for name in self.names), state], 1)

    def least(self, params, name, actions, state):
        c = self.stream(name)
        x = self.joint(actions, state)
        return torch.minimum(evaluate(params, 2 * c, x)[:, 0], evaluate(params, 2 * c + 1, x)[:, 0])

    def stored(self, name, actions):
        """One-hots, or the action scaled to [-1, 1]."""
        space = self.spaces[name]
        if isinstance(space, spaces.Box):
            low, high = torch.as_tensor(space.low), torch.as_tensor(space.high)
            return ((actions.float() - low) / ((high - low) / 2) - 1).clamp(-1, 1).double()  # scaled in single precision
        counts = [space.n] if isinstance(space, spaces.Discrete) else list(space.nvec)
        columns = actions.long().reshape(len(actions), -1)
        return torch.cat([torch.nn.functional.one_hot(columns[:, k], int(n)).double() for k, n in enumerate(counts)], 1)

    def fit_critics(self, seen, y):
        actions = {name: self.stored(name, seen.action(name)) * seen.active(name)[:, None] for name in self.names}
        x, loss = self.joint(actions, seen.state()), 0.0
        for name in self.names if self.own else self.names[:1]:
            c = self.stream(name)
            active = seen.active(name) if self.own else torch.ones(len(x), dtype=torch.float64)
            for member in (2 * c, 2 * c + 1):
                loss = loss + mean((evaluate(self.critics, member, x)[:, 0] - y[c]) ** 2, active)
        step(self.critic_adam, loss)

    def bootstrapped(self, seen, value):
        """``value(name)``: the successor's value in the stream of that agent."""
        names = self.names if self.own else self.names[:1]
        return [seen.reward(n) + GAMMA * (1 - seen.terminated(n, team=not self.own)) * value(n) for n in names]


class PlainSoft(Plain):
    def __init__(self, algorithm, order):
        super().__init__(algorithm, order)
        self.log_alpha = {name: torch.zeros(1, dtype=torch.float64, requires_grad=True) for name in self.names}
        self.alpha_adams = {name: adam(tensor, algorithm.alpha_learning_rate) for name, tensor in self.log_alpha.items()}
        self.share = algorithm.target_entropy_share

    def counts(self, name):
        space = self.spaces[name]
        return [] if isinstance(space, spaces.Box) else [space.n] if isinstance(space, spaces.Discrete) else [int(n) for n in space.nvec]

    def laws(self, name, seen, after):
        """The categorical distributions of each dimension, masked choices ruled out."""
        output, counts = evaluate(self.actors[name], 0, seen.seen(name, after)), self.counts(name)
        legal = seen.mask(name, sum(counts), after)
        masked = output.masked_fill(~legal, -math.inf)
        return [Categorical(logits=part) for part in masked.split(counts, 1)], legal.split(counts, 1)

    def sample(self, name, seen, noise, after=False):
        counts = self.counts(name)
        if not counts:
            mean, log_std = evaluate(self.actors[name], 0, seen.seen(name, after)).chunk(2, 1)
            std = log_std.clamp(-20, 2).exp()
            u = mean + std * noise.T
            log_density = Normal(mean, std).log_prob(u) - TanhTransform().log_abs_det_jacobian(u, u.tanh())
            return u.tanh(), log_density.sum(1)
        laws, _ = self.laws(name, seen, after)
        chosen = [(law.probs.cumsum(1) <= noise[k][:, None]).sum(1).detach() for k, law in enumerate(laws)]
        one_hots = [torch.nn.functional.one_hot(c, n).double() for c, n in zip(chosen, counts, strict=True)]
        return torch.cat(one_hots, 1), sum(law.log_prob(c) for law, c in zip(laws, chosen, strict=True))

    def draw(self, name, rows):
        counts = self.counts(name)
        generator = self.noise[name]
        if counts:
            return torch.empty(len(counts), rows).uniform_(generator=generator).double()
        return torch.empty(self.spaces[name].shape[0], rows).normal_(generator=generator).double()

    def goal(self, name, seen):
        if not self.counts(name):
            return -float(self.spaces[name].shape[0])
        return self.share * sum(legal.double().sum(1).log() for legal in self.laws(name, seen, False)[1])

    def objective(self, name, seen, actions, own, log_density, alpha):
        """α log π - min Q; the expectation over an agent's own choices, one dimension after the other."""
        state = seen.state()
        if not self.counts(name):
            return alpha * log_density - self.least(self.critics, name, actions | {name: own}, state)
        laws, loss, first = self.laws(name, seen, False)[0], 0.0, 0
        for law in laws:
            for choice in range(law.probs.shape[1]):
                other = own.clone()
                other[:, first : first + law.probs.shape[1]] = 0.0
                other[:, first + choice] = 1.0
                q = self.least(self.critics, name, actions | {name: other}, state).detach()
                p = law.probs[:, choice]
                loss = loss + torch.where(p > 0, p * (alpha * law.logits[:, choice].clamp(min=-1e9) - q), 0.0)
            first += law.probs.shape[1]
        return loss

    def update(self, seen, turns):
        rows = len(seen.rows)
        alpha = {name: self.log_alpha[name].detach().exp() for name in self.names}
        now, later, log_now, log_later = {}, {}, {}, {}
        for name in self.names:
            noise = self.draw(name, 2 * rows)
            own, log_now[name] = self.sample(name, seen, noise[:, :rows])
            following, log_later[name] = self.sample(name, seen, noise[:, rows:], after=True)
            now[name], later[name] = own * seen.active(name)[:, None], following.detach() * seen.active(name, True)[:, None]
        goals = {name: self.goal(name, seen) for name in self.names}
        for name in self.names:
            loss = mean(-self.log_alpha[name] * (log_now[name].detach() + goals[name]), seen.active(name))
            step(self.alpha_adams[name], loss)
        bonus = sum(alpha[name] * log_later[name].detach() * seen.active(name, True) for name in self.names)
        self.y = self.bootstrapped(seen, lambda n: self.least(self.targets, n, later, seen.state(True)) - bonus)
        self.fit_critics(seen, self.y)
        joint = {name: action.detach() for name, action in now.items()}
        for i, name in enumerate(turns):
            loss = mean(self.objective(name, seen, joint, now[name], log_now[name], alpha[name]), seen.active(name))
            step(self.actor_adams[name], loss)
            if self.order and i + 1 < len(turns):
                joint[name] = self.sample(name, seen, self.draw(name, rows))[0].detach() * seen.active(name)[:, None]
        follow(self.targets, self.critics)


class PlainDelayed(Plain):
    def __init__(self, algorithm, order):
        super().__init__(algorithm, order)
        self.actor_targets = {name: {k: v.detach().clone() for k, v in params.items()} for name, params in self.actors.items()}
        self.count = 0

    def act(self, params, name, seen, after=False):
        return evaluate(params[name], 0, seen.seen(name, after)).tanh() * seen.active(name, after)[:, None]

    def update(self, seen, turns):
        self.count += 1
        later = {}
        for name in self.names:
            size = (self.spaces[name].shape[0], len(seen.rows))
            noise = torch.empty(size).normal_(generator=self.noise[name]).double().T
            action = evaluate(self.actor_targets[name], 0, seen.seen(name, True)).tanh()
            smoothed = (action + (0.2 * noise).clamp(-0.5, 0.5)).clamp(-1, 1)
            later[name] = smoothed.detach() * seen.active(name, True)[:, None]
        self.y = [v.detach() for v in self.bootstrapped(seen, lambda n: self.least(self.targets, n, later, seen.state(True)))]
        self.fit_critics(seen, self.y)
        if self.count % 2:
            return
        joint = {name: self.stored(name, seen.action(name)) * seen.active(name)[:, None] for name in self.names}
        if self.order:
            joint = {name: self.act(self.actors, name, seen).detach() for name in self.names}
        for name in turns:
            own = self.act(self.actors, name, seen)
            q = evaluate(self.critics, 2 * self.stream(name), self.joint(joint | {name: own}, seen.state()))[:, 0]
            step(self.actor_adams[name], mean(-q, seen.active(name)))
            if self.order:
                joint[name] = self.act(self.actors, name, seen).detach()
        follow(self.targets, self.critics)
        for name in self.names:
            follow(self.actor_targets[name], self.actors[name])


def compare(loop, history, algorithm, environment, plain_kind, order, updates, tolerance):
    algorithm.learning_starts = 1_000
    run = loop(algorithm, environment).step(32)
    assert run.reports == []
    learner, plain = algorithm.team, plain_kind(algorithm, order)
    towards, found = learner.critics._online.towards, {}
    learner.critics._online.towards = lambda batch, y: (found.update(y=y.clone()), towards(batch, y))[1]
    names = plain.names
    for _ in range(updates):
        drawn = torch.Generator()
        drawn.set_state(learner._order.get_state())
        turns = {"reverse": names[::-1], "random": [names[i] for i in torch.randperm(len(names), generator=drawn)]}.get(order, names)
        with torch.inference_mode(algorithm.analytic):
            algorithm.sample()
            learner.update()
        seen = history(run.transitions, algorithm.buffer._index, algorithm.reward_sharing)
        plain.update(seen, turns)
        y, expected = found["y"][0::2, 0].double(), torch.stack(plain.y).detach()
        assert float(((y - expected) / expected.abs().clamp(min=1.0)).abs().max()) < tolerance
    return learner, plain


def compare_parameters(learner, plain, tolerance):
    close = {"rtol": 0, "atol": tolerance}
    for policy in learner.policies:
        for name, view in policy.params.items():
            torch.testing.assert_close(view, plain.actors[policy.name][name].detach().to(view.dtype), **close)
    for params, expected in ((learner.critics.params, plain.critics), (learner.critics.target, plain.targets)):
        for name, view in params.items():
            torch.testing.assert_close(view, expected[name].detach().to(view.dtype), **close)


ENDS = {"masks": True, "leaving": True, "start_at": 1.0, "limit": 6.0}
SOFT = [(MASAC, None), (HASAC, "fixed"), (HASAC, "reverse"), (HASAC, "random")]


@pytest.mark.parametrize(("kind", "order"), SOFT)
@pytest.mark.parametrize(("sharing", "engine"), [(1.0, "analytic"), (0.4, "analytic"), (0.4, "autograd")])
def test_soft_updates_equal_the_paper_in_double_precision(loop, crew, history, small, double, kind, order, sharing, engine):
    options = {"update_order": order} if order else {}
    algorithm = kind(engine=engine, reward_sharing=sharing, alpha_learning_rate=0.02, **KEYS | small | options)
    learner, plain = compare(loop, history, algorithm, crew(**ENDS), PlainSoft, order, 4, 1e-10)
    compare_parameters(learner, plain, 1e-9)
    for u, name in enumerate(plain.names):
        assert float(learner.log_alpha[u]) == pytest.approx(float(plain.log_alpha[name].detach()), abs=1e-10)
        assert abs(float(learner.log_alpha[u])) > 0.01


@pytest.mark.parametrize(("kind", "order"), [(MATD3, None), (HATD3, "fixed"), (HATD3, "reverse"), (HATD3, "random")])
@pytest.mark.parametrize(("sharing", "engine"), [(1.0, "analytic"), (0.4, "analytic"), (0.4, "autograd")])
def test_delayed_updates_equal_the_paper_in_double_precision(loop, boxes, history, small, double, kind, order, sharing, engine):
    options = {"update_order": order} if order else {}
    algorithm = kind(engine=engine, reward_sharing=sharing, **KEYS | small | options)
    learner, plain = compare(loop, history, algorithm, boxes(leaving=True, limit=30.0), PlainDelayed, order, 5, 1e-10)
    compare_parameters(learner, plain, 1e-9)
    for policy in learner.policies:
        for name, view in policy.target.items():
            torch.testing.assert_close(view, plain.actor_targets[policy.name][name], rtol=0, atol=1e-10)


def test_single_precision_targets_equal_the_paper(loop, crew, boxes, history, small):
    """Each target y = r + γ (1 - terminated) (...) to 1e-6 of its size."""
    for kind, plain, environment in (
        (MASAC, PlainSoft, crew(**ENDS)),
        (HASAC, PlainSoft, crew(**ENDS)),
        (MATD3, PlainDelayed, boxes(leaving=True)),
        (HATD3, PlainDelayed, boxes(leaving=True)),
    ):
        compare(loop, history, kind(reward_sharing=0.4, **KEYS | small), environment, plain, None, 1, 1e-6)
