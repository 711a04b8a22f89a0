"""Heterogeneous-agent TRPO: agents take turns at a natural-gradient step within a trust region.

J. G. Kuba et al., "Trust Region Policy Optimisation in Multi-Agent Reinforcement Learning", ICLR 2022, algorithm 3. The surrogate is mean ρ M A over the
whole rollout; no entropy, no minibatches for the policies.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from wattloom.components.algorithms import ranges
from wattloom.components.algorithms.on_policy.actor import Actor
from wattloom.components.algorithms.on_policy.sequential import Sequential
from wattloom.components.algorithms.on_policy.settings import ActorSettings, NetworkSettings
from wattloom.components.algorithms.on_policy.trust_region import Outcome, TrustRegion, fisher_product, line_search, natural_step
from wattloom.components.networks.stack import stacked_mlp, under
from wattloom.environment import EnvironmentSpec
from wattloom.seeding import Seeds


@dataclass(kw_only=True, eq=False)
class HATRPO(Sequential):
    """Each agent in turn steps to the edge of its trust region and back until the surrogate improves as foreseen.

    Attributes:
        trust_region: δ, nats: largest mean divergence of one step.
        cg_steps: Steps of the conjugate gradient.
        cg_damping: Added to the Fisher matrix's diagonal.
        line_search_steps: Tries of the line search; where none is accepted the policy stays.
        backtrack: Share of the step kept at each try.
        accept_ratio: Least share of the foreseen improvement that must be found.
    """

    trust_region: float = 0.01
    cg_steps: int = 10
    cg_damping: float = 0.1
    line_search_steps: int = 10
    backtrack: float = 0.8
    accept_ratio: float = 0.5

    def __post_init__(self) -> None:
        """Check the ranges of all keys."""
        super().__post_init__()
        for key in ("cg_steps", "line_search_steps"):
            ranges.count(f"algorithm.{key}", getattr(self, key))
        ranges.positive("algorithm.trust_region", self.trust_region)
        ranges.at_least("algorithm.cg_damping", self.cg_damping, 0.0)
        for key in ("backtrack", "accept_ratio"):
            ranges.within(f"algorithm.{key}", getattr(self, key), 0.0, 1.0)

    @property
    def objective(self) -> ActorSettings:
        """The plain surrogate of the joint action, without entropy."""
        return ActorSettings(None, "product", 0.0, False, self.initial_std)

    @property
    def policy_network(self) -> NetworkSettings:
        """Shape of the policies; they have no optimiser of their own."""
        return self._network(self.critic_learning_rate)

    def setup(self, spec: EnvironmentSpec, seeds: Seeds, total_steps: int) -> None:
        """Build policies, critics and the rollout."""
        super().setup(spec, seeds, total_steps)
        self._outcomes: dict[str, Outcome] = {}

    def take_turn(self, actor: Actor) -> int:
        """Step within the trust region."""
        region = TrustRegion(self.trust_region, self.cg_steps, self.cg_damping, self.line_search_steps, self.backtrack, self.accept_ratio)
        with torch.inference_mode(False), torch.no_grad():
            outcome = trust_region_step(actor, region)
            actor.params.data[0].copy_(outcome.params)
        self._outcomes[actor.names[0]] = outcome
        return 1

    def policy_readers(self) -> list[Callable[[], dict[str, dict[str, float]]]]:
        """Return what reads the line searches' outcomes by policy."""
        outcomes = dict(self._outcomes)

        def read() -> dict[str, dict[str, float]]:
            return {
                name: {"improvement": o.improvement, "divergence": o.divergence, "accepted": float(o.accepted)}
                for name, o in outcomes.items()
            }

        return [read]


def trust_region_step(actor: Actor, region: TrustRegion) -> Outcome:
    """Return where algorithm 3 takes a single policy on its loaded rows."""
    rows = actor.surrogate_rows()
    kind, stack = actor.kind, actor.params
    params = stack.data[0].clone()

    def heads(theta: Tensor) -> tuple[Tensor, Tensor]:
        views = stack.views_of(theta[None])
        head = stacked_mlp(under(views, "net"), rows.inputs, actor.settings.activation)
        return head if rows.penalty is None else head + rows.penalty, views.get("log_std", torch.zeros(1))

    found = torch.func.vjp(heads, params)
    (head, free), pull = found[0], found[1]
    log_std = free if kind.free else None

    # g = the gradient of mean ρ M A at ρ = 1
    d_head, d_free = kind.evaluate(head, log_std, rows.action).backward(rows.share * rows.advantage, 0.0)
    (gradient,) = pull((d_head, torch.zeros_like(free) if d_free is None else d_free))
    product = fisher_product(heads, params, kind, rows.share, region.damping)
    step = natural_step(gradient, product, region)

    def judge(candidate: Tensor) -> tuple[float, float]:
        new_head, new_free = heads(candidate)
        new_log_std = new_free if kind.free else None
        rho = (kind.evaluate(new_head, new_log_std, rows.action).log_prob.sum(1, keepdim=True) - rows.old).exp()
        improvement = (rows.share * (rho - 1.0) * rows.advantage).sum()
        divergence = (rows.share[:, 0] * kind.kl(head, log_std, new_head, new_log_std)).sum()
        return float(improvement), float(divergence)

    return line_search(params, step, float(gradient.dot(step)), judge, region)
