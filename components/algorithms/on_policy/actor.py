"""Policies of one shape, trained on the clipped (or plain) surrogate, by hand or by autograd."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from wattloom.components.algorithms.on_policy.distributions import ActionCode, Categorical
from wattloom.components.algorithms.on_policy.initial import POLICY_GAIN, orthogonal
from wattloom.components.algorithms.on_policy.settings import ActorSettings, NetworkSettings
from wattloom.components.algorithms.on_policy.surrogate import approximate_divergence, importance_ratio, joint, surrogate
from wattloom.components.algorithms.on_policy.trainable import Trainable
from wattloom.components.algorithms.on_policy.units import Unit
from wattloom.components.buffers.rollout import RolloutBuffer
from wattloom.components.networks.masking import ILLEGAL
from wattloom.components.networks.mlp import MLPShape
from wattloom.components.networks.stack import ParameterStack
from wattloom.environment import AgentSpec
from wattloom.seeding import Seeds


def policy_stack(units: Sequence[Unit], network: NetworkSettings, initial_std: float, seeds: Seeds) -> ParameterStack:
    """Return fresh policies of equal shape, each drawn from the stream of its own name."""
    kind = units[0].distribution
    shapes: dict[str, tuple[int, ...]] = dict(MLPShape(units[0].inputs, network.hidden_sizes, kind.outputs).tensors("net"))
    if kind.free:
        shapes["log_std"] = (1, kind.free, 1)
    stack = ParameterStack(shapes, len(units))
    for e, unit in enumerate(units):
        orthogonal(stack.member(e).section("net"), seeds.torch(unit.name), network.activation, POLICY_GAIN)
    if kind.free:
        stack.views["log_std"].fill_(math.log(initial_std))
    return stack


class SurrogateRows(NamedTuple):
    """All rows of a policy's surrogate, for whole-rollout steps."""

    inputs: Tensor  # (E, R, inputs)
    action: Tensor  # (E, columns, R)
    old: Tensor  # (E, 1, R)
    advantage: Tensor  # (E, 1, R), times the compound factor
    share: Tensor  # (E, 1, R), each row's share in the mean
    penalty: Tensor | None  # (E, out, R), what rules out masked choices


class Actor(Trainable):
    """E policies of one shape with the rows of their agents.

    Args:
        units: One a policy.
        params: Their parameters.
        network: Shape and optimiser.
        objective: What is maximised.
        sizes: Env steps of a rollout over all copies, and minibatches they are cut into.
    """

    def __init__(
        self, units: Sequence[Unit], params: ParameterStack, network: NetworkSettings, objective: ActorSettings, sizes: tuple[int, int]
    ) -> None:
        self.units, self.objective = tuple(units), objective
        self.kind = kind = units[0].distribution
        self._free = kind.free > 0
        kept = kind.dimensions if objective.aggregation == "mean" else 1
        columns = {"action": kind.columns, "old": kept, "advantage": 1, "weight": 1}
        columns |= {"penalty": kind.columns} if isinstance(kind, Categorical) else {}
        rows = len(units[0].agents) * sizes[0]
        super().__init__([unit.name for unit in units], params, network, rows, rows // sizes[1], columns, units[0].inputs)
        self._entropy = objective.entropy / (kind.dimensions if objective.entropy_mean else 1)
        self._masked = False

    def load(self, rollout: RolloutBuffer, agents: Sequence[AgentSpec], codes: Sequence[ActionCode]) -> None:
        """Take up actions, masks and who took part (inputs are filled by the caller), and compute log-densities once."""
        steps = rollout.steps * rollout.copies
        self._masked = self._partial = False
        for e, unit in enumerate(self.units):
            for j, i in enumerate(unit.agents):
                rows = slice(j * steps, (j + 1) * steps)
                name = agents[i].name
                actions = rollout.actions[name].reshape(steps, *rollout.actions[name].shape[2:])
                self.column("action")[e, rows] = torch.from_numpy(codes[i].encode(actions))
                self.column("weight")[e, rows, 0] = torch.from_numpy(rollout.active[i].reshape(-1))
                self._partial |= not rollout.active[i].all()
                if name in rollout.masks:
                    legal = torch.from_numpy(rollout.masks[name].reshape(steps, -1))
                    self.column("penalty")[e, rows] = torch.where(legal, 0.0, ILLEGAL)
                    self._masked |= not bool(legal.all())
        self.column("old").copy_(self.log_prob().transpose(1, 2))

    def log_prob(self) -> Tensor:
        """Return what is kept of the log-densities of every row under the present policies, ``(E, 1 or k, R)``."""
        head = self.head(self.outputs(), self.column("penalty") if self._masked else None)
        action = self.column("action").transpose(1, 2)
        return joint(self.kind.evaluate(head, self.params.views.get("log_std"), action).log_prob, self.objective.aggregation)

    def ratio(self) -> Tensor:
        """Return π_new / π_old of every row, ``(E, R)``; 1 where the agent took no part."""
        rho = importance_ratio(self.log_prob(), self.column("old").transpose(1, 2))[:, 0]
        return torch.where(self.column("weight")[:, :, 0] > 0, rho, 1.0) if self._partial else rho

    def set_advantages(self, advantages: Tensor) -> None:
        """Set what multiplies the ratio, ``(E, R)``."""
        self.column("advantage")[:, :, 0] = advantages * self.column("weight")[:, :, 0] if self._partial else advantages

    def surrogate_rows(self) -> SurrogateRows:
        """Return views of all loaded rows."""
        weight = self.column("weight").transpose(1, 2)
        return SurrogateRows(
            self.rows[:, :, : self.inputs],
            self.column("action").transpose(1, 2),
            self.column("old").transpose(1, 2),
            self.column("advantage").transpose(1, 2),
            weight / weight.sum(2, keepdim=True).clamp_min(1.0),
            self.column("penalty").transpose(1, 2) if self._masked else None,
        )

    @staticmethod
    def head(output: Tensor, penalty: Tensor | None) -> Tensor:
        """Return the head with masked choices ruled out; ``penalty`` is ``(E, B, out)``."""
        return output if penalty is None else output + penalty.transpose(1, 2)

    def gradient(self) -> None:
        """Differentiate - mean(surrogate) - c H by hand; an inactive row's advantage is 0 already."""
        views, objective = self._views, self.objective
        output = self._network.forward(self._x)
        head = output.add_(views["penalty"]) if self._masked else output
        found = self.kind.evaluate(head, self.params.views.get("log_std"), views["action"])
        log_ratio = found.log_prob - views["old"] if objective.aggregation == "mean" else joint(found.log_prob, "product") - views["old"]
        each = log_ratio.exp()
        rho = each if each.shape[1] == 1 else each.mean(1, keepdim=True)
        advantage, share = views["advantage"], self.share()
        gain = rho * advantage
        # dL/d log π = - share ρ A, and 0 where the clipped branch is the smaller one
        slope = each * (advantage / each.shape[1]) if each.shape[1] > 1 else gain
        if objective.clip is not None:
            held = rho.clamp(1.0 - objective.clip, 1.0 + objective.clip).mul_(advantage)
            slope = slope * (gain <= held)
        d_head, d_free = found.backward(slope * -share, -self._entropy * share if self._entropy else 0.0)
        self._network.backward(d_head)
        if d_free is not None:
            self._gradient.views["log_std"].copy_(d_free)
        self._remember(log_ratio, gain, found.entropy)

    def loss(self, output: Tensor, views: Mapping[str, Tensor]) -> Tensor:
        """Return - mean(surrogate) - c H, as the papers write it."""
        batch, objective = self._views, self.objective
        head = output + batch["penalty"] if self._masked else output
        found = self.kind.evaluate(head, views.get("log_std"), batch["action"])
        log_prob = joint(found.log_prob, objective.aggregation)
        rho = importance_ratio(log_prob, batch["old"])
        share = self.share()
        entropy = found.entropy().expand(len(head), self.kind.dimensions, head.shape[2]).sum(1, keepdim=True)
        self._remember((log_prob - batch["old"]).detach(), (rho * batch["advantage"]).detach(), lambda: found.entropy().detach())
        return -(share * surrogate(rho, batch["advantage"], objective.clip)).sum() - self._entropy * (share * entropy).sum()

    def _remember(self, log_ratio: Tensor, gain: Tensor, entropy: Callable[[], Tensor]) -> None:
        """Keep this minibatch's own tensors for whoever reads them."""
        self._seen = (log_ratio, gain, entropy)

    def divergence(self) -> float:
        """Return the estimated divergence from the rollout's policies over all rows, nats."""
        log_ratio = (self.log_prob() - self.column("old").transpose(1, 2)).sum(1)
        return float(approximate_divergence(log_ratio * self.column("weight")[:, :, 0]))

    def reader(self) -> Callable[[], dict[str, dict[str, float]]]:
        """Return a function that reads the last minibatch's figures by policy."""
        log_ratio, gain, entropy = self._seen
        clip, names = self.objective.clip, self.names

        def read() -> dict[str, dict[str, float]]:
            whole, total = importance_ratio(log_ratio, torch.zeros_like(log_ratio)), entropy().sum(1)
            figures = {}
            for e, name in enumerate(names):
                figures[name] = {"policy_loss": -float(gain[e].mean()), "entropy": float(total[e].mean())}
                figures[name] |= {"divergence": float(approximate_divergence(log_ratio[e].sum(0))), "ratio": float(whole[e].mean())}
                if clip is not None:
                    figures[name]["clip_fraction"] = float(((whole[e] - 1.0).abs() > clip).float().mean())
            return figures

        return read
