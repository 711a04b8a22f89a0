"""HATRPO's whole step against a straightforward one: torch.distributions, a dense Fisher matrix by autograd, a textbook conjugate gradient."""

import pytest
import torch
from torch.distributions import Categorical, Normal, kl_divergence

from wattloom.components.algorithms.hatrpo import HATRPO, trust_region_step
from wattloom.components.algorithms.on_policy.trust_region import TrustRegion


class Dense:
    """One policy as a function of its flat parameters, with the rows it was loaded with."""

    def __init__(self, algorithm, i):
        self.actor, agent = algorithm.actors[i], algorithm.spec.agents[i]
        block, rollout = algorithm._block, algorithm.rollout
        self.rows = torch.from_numpy(rollout.observations[agent.name][:-1].reshape(block, -1)).double()
        self.actions = torch.from_numpy(rollout.actions[agent.name].reshape(block, -1))
        self.theta = self.actor.params.data[0].double().clone()
        self.gain = self.actor.column("advantage")[0, :, 0].double().clone()

    def distributions(self, theta):
        """One distribution a dimension."""
        net = {name: view[0] for name, view in self.actor.params.views_of(theta[None]).items()}
        x = self.rows
        for name in [key for key in net if "layer" in key]:
            x = torch.tanh(x @ net[name][:-1] + net[name][-1])
        head = x @ net["net.head"][:, :-1].T + net["net.head"][:, -1]
        if self.actor.kind.free:
            return [Normal(head[:, k], net["log_std"][k, 0].exp()) for k in range(head.shape[1])]
        return [Categorical(logits=part) for part in head.split(self.actor.kind.counts, 1)]

    def log_prob(self, theta):
        taken = (self.actions.float() - 0.5) / 2.5 if self.actor.kind.free else self.actions
        return sum(d.log_prob(taken[:, k]) for k, d in enumerate(self.distributions(theta)))

    def improvement(self, theta):
        return (((self.log_prob(theta) - self.log_prob(self.theta).detach()).exp() - 1.0) * self.gain).mean()

    def divergence(self, theta):
        fixed = [
            type(d)(logits=d.logits.detach()) if isinstance(d, Categorical) else Normal(d.loc.detach(), d.scale.detach()) for d in self.old
        ]
        return sum(kl_divergence(a, b) for a, b in zip(fixed, self.distributions(theta), strict=True)).mean()

    def step(self, region):
        """Algorithm 3 of the paper, line by line."""
        self.old = self.distributions(self.theta)
        gradient = torch.autograd.functional.jacobian(self.improvement, self.theta)
        fisher = torch.autograd.functional.hessian(self.divergence, self.theta) + region.damping * torch.eye(len(self.theta))
        x = textbook_conjugate_gradient(fisher, gradient, region.steps)
        full = torch.sqrt(2.0 * region.radius / (x @ fisher @ x)) * x
        for j in range(region.tries):
            share = region.backtrack**j
            candidate = self.theta + share * full
            gained = float(self.improvement(candidate))
            if float(self.divergence(candidate)) < region.radius and gained > max(0.0, region.accept * share * float(gradient @ full)):
                return candidate, j
        return self.theta, None


def textbook_conjugate_gradient(a, b, steps):
    """Hestenes and Stiefel with every quantity written out."""
    x, r = torch.zeros_like(b), b
    p = r
    for _ in range(steps):
        if r @ r < 1e-10:
            return x
        alpha = (r @ r) / (p @ a @ p)
        x, following = x + alpha * p, r - alpha * (a @ p)
        p = following + ((following @ following) / (r @ r)) * p
        r = following
    return x


@pytest.mark.parametrize("radius", [0.01, 0.5], ids=["whole", "back"])
def test_each_agent_goes_where_the_straightforward_step_goes(loop, crew, in_precision, radius):
    region = TrustRegion(radius, steps=10, damping=0.1, tries=10, backtrack=0.8, accept=0.5)
    with in_precision(torch.float64):
        algorithm = HATRPO(rollout_steps=20, hidden_sizes=(5,), update_order="fixed")
        found = []

        def compared(actor):
            dense = Dense(algorithm, "abcd".index(actor.names[0]))
            expected, tries = dense.step(region)
            outcome = trust_region_step(actor, region)
            torch.testing.assert_close(outcome.params, expected, rtol=0, atol=1e-10)
            found.append((outcome.accepted, tries))
            actor.params.data[0].copy_(outcome.params)
            return 1

        def take_turn(actor):
            with torch.inference_mode(False), torch.enable_grad():
                return compared(actor)

        algorithm.take_turn = take_turn
        algorithm.policy_readers = lambda: []
        loop(algorithm, crew(limit=2.5)).step(40)
    assert len(found) == 8
    assert any(accepted for accepted, _ in found)
    if radius == 0.5:
        assert any(tries for _, tries in found)  # some went back
