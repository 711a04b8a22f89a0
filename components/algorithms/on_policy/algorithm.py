"""The frame of on-policy learning: collect T steps, value them once, improve the policies, fit the critics.

Everything is computed from what the policies really saw: while a rollout is collected, parameters and observation statistics stand still, so that
log-densities and values of all its rows come out of one batch each when it closes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch

from wattloom.algorithm import Algorithm, Policy, Transition, UpdateReport
from wattloom.components.algorithms import ranges
from wattloom.components.algorithms.learning_rates import LEARNING_RATE_SCHEDULES, rate_share
from wattloom.components.algorithms.observation_norm import ObservationNorm
from wattloom.components.algorithms.on_policy.actor import Actor, policy_stack
from wattloom.components.algorithms.on_policy.advantages import ADVANTAGE_SCOPES, shared_rewards, standardised
from wattloom.components.algorithms.on_policy.critic import Critic
from wattloom.components.algorithms.on_policy.deploy import deployed
from wattloom.components.algorithms.on_policy.distributions import ActionCode
from wattloom.components.algorithms.on_policy.gae import gae
from wattloom.components.algorithms.on_policy.policy import OnPolicyPolicy
from wattloom.components.algorithms.on_policy.settings import ActorSettings, CriticSettings, NetworkSettings
from wattloom.components.algorithms.on_policy.steady import STARTS, steady_value
from wattloom.components.algorithms.on_policy.units import stacks, units_of
from wattloom.components.algorithms.on_policy.value_norm import VALUE_SCALES, make_value_scale
from wattloom.components.algorithms.on_policy.values import CentralValues, LocalValues, Values
from wattloom.components.buffers.rollout import RolloutBuffer
from wattloom.components.networks.deployed import DeployedPolicy
from wattloom.environment import Array, EnvironmentSpec
from wattloom.errors import ConfigError, RunError
from wattloom.seeding import Seeds


@dataclass(kw_only=True, eq=False)
class OnPolicy(Algorithm):
    """Base of on-policy algorithms; the keys that all of them have.

    Attributes:
        rollout_steps: T, env steps a copy between updates.
        gamma: Discount factor γ.
        gae_lambda: λ of the advantages.
        reward_sharing: Share of the team's mean in every agent's reward: 0 individual, 1 team, in between weighted.
        bootstrap_truncated: True: an episode that was cut keeps the value of its last observation; False: it counts as terminated.
        advantage_scope: Over what advantages are standardised: ``agent``, ``joint`` (all agents together) or ``none``.
        normalize_observations: Scale observations (and the central state) by running statistics, saved with the policy.
        value_scale: What the critics learn: ``none`` (returns), ``valuenorm`` or ``popart``.
        value_scale_decay: Weight of the past in the scale's running means, a rollout.
        value_start: Where values begin: ``mean``, what a constant would have to be on the first rollout, or ``zero``.
        critic_learning_rate: Adam's step size for the critics.
        critic_epochs: Passes of the critics over a rollout.
        critic_minibatches: Minibatches a pass.
        value_clip: How far a value may move from the rollout's in one update, in units of the scale; None: freely.
        huber_delta: Threshold of Huber's loss, in units of the scale; None: squared error.
        learning_rate_schedule: ``constant``, or ``linear``: down to 0 at the end of the run.
        adam_eps: Added to the root of Adam's second moment.
        max_grad_norm: Largest Euclidean norm of one network's gradient; None: unlimited.
        hidden_sizes: Widths of the hidden layers, of policies and critics.
        activation: ``tanh`` or ``relu``.
        initial_std: Standard deviation of Box actions at the start, in units of the scaled action.
        engine: ``analytic`` (hand-written gradients) or ``autograd`` (reference, slower); equal to rounding.
    """

    rollout_steps: int = 128
    gamma: float = 0.99
    gae_lambda: float = 0.95
    reward_sharing: float = 1.0
    bootstrap_truncated: bool = True
    advantage_scope: str = "agent"
    normalize_observations: bool = False
    value_scale: str = "popart"
    value_scale_decay: float = 0.99
    value_start: str = "mean"
    critic_learning_rate: float = 5e-4
    critic_epochs: int = 5
    critic_minibatches: int = 1
    value_clip: float | None = None
    huber_delta: float | None = None
    learning_rate_schedule: str = "constant"
    adam_eps: float = 1e-5
    max_grad_norm: float | None = 0.5
    hidden_sizes: tuple[int, ...] = (64, 64)
    activation: str = "tanh"
    initial_std: float = 1.0
    engine: str = "analytic"

    stochastic = True
    centralised: ClassVar[bool] = True
    """Whether critics see the central state."""

    def __post_init__(self) -> None:
        """Check the ranges of all keys.

        Raises:
            ConfigError: A value out of range.
        """
        for key in ("rollout_steps", "critic_epochs", "critic_minibatches"):
            ranges.count(f"algorithm.{key}", getattr(self, key))
        for key in ("gamma", "gae_lambda", "reward_sharing", "value_scale_decay"):
            ranges.within(f"algorithm.{key}", getattr(self, key), 0.0, 1.0)
        for key in ("bootstrap_truncated", "normalize_observations"):
            ranges.flag(f"algorithm.{key}", getattr(self, key))
        for key in ("critic_learning_rate", "adam_eps", "initial_std"):
            ranges.positive(f"algorithm.{key}", getattr(self, key))
        for key in ("value_clip", "huber_delta", "max_grad_norm"):
            if getattr(self, key) is not None:
                ranges.positive(f"algorithm.{key}", getattr(self, key))
        ranges.one_of("algorithm.advantage_scope", self.advantage_scope, ADVANTAGE_SCOPES)
        ranges.one_of("algorithm.value_scale", self.value_scale, VALUE_SCALES)
        ranges.one_of("algorithm.value_start", self.value_start, STARTS)
        ranges.one_of("algorithm.learning_rate_schedule", self.learning_rate_schedule, LEARNING_RATE_SCHEDULES)
        ranges.one_of("algorithm.activation", self.activation, ("tanh", "relu"))
        ranges.one_of("algorithm.engine", self.engine, ("analytic", "autograd"))
        self.hidden_sizes = ranges.sizes("algorithm.hidden_sizes", self.hidden_sizes)

    # what an algorithm of this kind decides

    @property
    def objective(self) -> ActorSettings:
        """What the policies maximise."""
        raise NotImplementedError

    @property
    def policy_network(self) -> NetworkSettings:
        """Shape and optimiser of the policies."""
        raise NotImplementedError

    @property
    def policy_minibatches(self) -> int:
        """Minibatches of one pass over the policies' rows."""
        return 1

    @property
    def stacked(self) -> bool:
        """Whether policies of equal shape are improved together."""
        return False

    @property
    def shares(self) -> bool:
        """Whether agents of one group share parameters."""
        return False

    def improve(self, advantages: Array) -> int:
        """Improve the policies and return the gradient steps made a policy; ``advantages`` are ``(agents, T * N)``."""
        raise NotImplementedError

    def policy_readers(self) -> list[Callable[[], dict[str, dict[str, float]]]]:
        """Return what reads the figures of the policies' last update, by policy."""
        return [actor.reader() for actor in self.actors]

    # the contract

    def setup(self, spec: EnvironmentSpec, seeds: Seeds, total_steps: int) -> None:
        """Build policies, critics and the rollout; see :meth:`Algorithm.setup`.

        Raises:
            ConfigError: More minibatches than rows, or agents of one group that cannot share parameters.
        """
        super().setup(spec, seeds, total_steps)
        self.total_steps, self.env_steps, self._updates = total_steps, 0, 0
        self._block = self.rollout_steps * spec.num_envs
        for key, count in (("minibatches", self.policy_minibatches), ("critic_minibatches", self.critic_minibatches)):
            if count > self._block:
                raise ConfigError(
                    f"algorithm.{key}={count} is more than the {self._block} rows of a rollout "
                    f"(algorithm.rollout_steps={self.rollout_steps} times env.num_envs={spec.num_envs})"
                )
        self.rollout = RolloutBuffer(spec, self.rollout_steps)
        self.codes = {agent.name: ActionCode(agent.action_space) for agent in spec.agents}
        self.units = units_of(spec.agents, self.shares)
        self.norms = {unit.name: ObservationNorm(unit.width, self.normalize_observations) for unit in self.units}
        network = self.policy_network
        init = seeds.child("actor")
        groups = stacks(self.units, lambda unit: unit.policy_shape)
        self.policies = [(units, policy_stack(units, network, self.initial_std, init)) for units in groups]
        self.actors = self._make_actors()
        self.values = self._make_values()
        self.generators = {name: seeds.torch(name) for name in ("policy_minibatches", "critic_minibatches", "order")}

    def _make_actors(self) -> list[Actor]:
        """Return one learner a stack, or one a policy, in the order of the agents."""
        sizes = (self._block, self.policy_minibatches)
        if self.stacked:
            return [Actor(units, params, self.policy_network, self.objective, sizes) for units, params in self.policies]
        alone = {
            unit.name: Actor([unit], params.rows(e, e + 1), self.policy_network, self.objective, sizes)
            for units, params in self.policies
            for e, unit in enumerate(units)
        }
        return [alone[unit.name] for unit in self.units]

    def _make_values(self) -> Values:
        """Return the central critics, or those of the agents."""
        network = self._network(self.critic_learning_rate)
        objective, seeds = CriticSettings(self.value_clip, self.huber_delta), self.seeds.child("critic")

        def critic(names: list[str], inputs: int, rows: int) -> Critic:
            scale = make_value_scale(self.value_scale, len(names), self.value_scale_decay)
            return Critic(names, inputs, network, objective, scale, (rows, self.critic_minibatches), seeds)

        agents = [agent.name for agent in self.spec.agents]
        if self.centralised:
            names = ["critic"] if self.reward_sharing == 1.0 else agents
            width = self.rollout.state_width
            return CentralValues(critic(names, width, self._block), ObservationNorm(width, self.normalize_observations))
        groups = stacks(self.units, lambda unit: unit.critic_shape)
        made = [(units, critic([unit.name for unit in units], units[0].inputs, len(units[0].agents) * self._block)) for units in groups]
        return LocalValues(made, agents, self.norms)

    def _network(self, learning_rate: float) -> NetworkSettings:
        """Return a network's settings."""
        analytic = self.engine == "analytic"
        return NetworkSettings(self.hidden_sizes, self.activation, learning_rate, self.adam_eps, self.max_grad_norm, analytic)

    def policy(self, num_envs: int, explore: bool) -> Policy:
        """Return a policy on the live parameters: sampling where it explores, else the most probable choice or the mean."""
        return OnPolicyPolicy(self, num_envs, explore)

    def module(self, agent: str) -> DeployedPolicy:
        """Return a copy of one agent's greedy policy; see :meth:`Algorithm.module`."""
        return deployed(self, agent)

    def observe(self, transition: Transition) -> None:
        """Store one step of all copies."""
        self.rollout.add(transition)
        self.env_steps += self.spec.num_envs

    def update(self) -> UpdateReport | None:
        """Learn from the rollout once it is full."""
        if not self.rollout.full:
            return None
        with torch.inference_mode(self.engine == "analytic"):
            report = self._learn()
        self.rollout.clear()
        return report

    def _learn(self) -> UpdateReport:
        """Value the rollout, improve the policies, fit the critics, and only then move the observation statistics."""
        rollout = self.rollout
        share = rate_share(self.learning_rate_schedule, self.env_steps - self._block, self.total_steps)
        for learner in (*self.actors, *self.values.critics):
            learner.set_learning_rate(share)
        advantages = self._value(rollout)
        self._load(rollout)
        steps = self.improve(advantages)
        for critic in self.values.critics:
            critic.fit(self.critic_epochs, self.generators["critic_minibatches"])
        self._finish(rollout)
        self._updates += steps
        readers = [*self.policy_readers(), *(critic.reader() for critic in self.values.critics)]
        return UpdateReport(steps, self._updates, lambda: _read(readers), rollout_closed=True)

    def _value(self, rollout: RolloutBuffer) -> Array:
        """Set the critics' returns and return the standardised advantages of every agent, float64 ``(agents, T * N)``."""
        values, following = self.values.evaluate(rollout)
        team = len(values) < len(rollout.rewards)  # one stream for all
        rewards = shared_rewards(rollout.rewards, self.reward_sharing)[: len(values)]
        terminated = rollout.team_terminated[None] if team else rollout.terminated
        ended = rollout.team_ended[None] if team else rollout.ended
        if not self.bootstrap_truncated:
            terminated = ended
        weight = np.ones_like(values) if team else rollout.active.astype(np.float64)
        if self._updates == 0 and self.value_start == "mean":
            self.values.raise_by(steady_value(rewards, terminated, weight, self.gamma))
            values, following = self.values.evaluate(rollout)  # once a run; a bias in single precision does not add up exactly
        advantages = gae(rewards, values, following, terminated, ended, self.gamma, self.gae_lambda)
        self.values.set_returns(advantages + values, values, weight)
        each = np.broadcast_to(advantages, rollout.rewards.shape)
        return standardised(each, rollout.active, self.advantage_scope).reshape(len(each), -1)

    def _load(self, rollout: RolloutBuffer) -> None:
        """Hand every policy its rows."""
        for actor in self.actors:
            for e, unit in enumerate(actor.units):
                seen = [rollout.observations[self.spec.agents[i].name][:-1] for i in unit.agents]
                unit.fill(actor.inputs_of(e), [rows.reshape(self._block, -1) for rows in seen], self.norms[unit.name])
            actor.load(rollout, self.spec.agents, [self.codes[agent.name] for agent in self.spec.agents])

    def _finish(self, rollout: RolloutBuffer) -> None:
        """Move the observation statistics by the rows in which an agent took part."""
        for unit in self.units:
            for i in unit.agents:
                rows = rollout.observations[self.spec.agents[i].name][:-1].reshape(self._block, -1)
                self.norms[unit.name].update(rows[rollout.active[i].reshape(-1)])
        self.values.finish(rollout)

    def state_dict(self) -> dict[str, Any]:
        """Return parameters, moments, scales, statistics, the rollout so far, counters and streams."""
        return {
            "actors": [actor.state_dict() for actor in self.actors],
            "values": self.values.state_dict(),
            "norms": {name: norm.state_dict() for name, norm in self.norms.items()},
            "rollout": self.rollout.state_dict(),
            "generators": {name: generator.get_state() for name, generator in self.generators.items()},
            "env_steps": self.env_steps,
            "updates": self._updates,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore :meth:`state_dict` into the existing tensors.

        Raises:
            RunError: Other agents, spaces or network sizes; names the first difference.
        """
        if list(state["norms"]) != list(self.norms):
            raise RunError(f"saved policies are of {list(state['norms'])}, this environment has {list(self.norms)}")
        for actor, saved in zip(self.actors, state["actors"], strict=True):
            actor.load_state_dict(saved)
        self.values.load_state_dict(state["values"])
        for name, norm in self.norms.items():
            norm.load_state_dict(state["norms"][name])
        self.rollout.load_state_dict(state["rollout"])
        for name, generator in self.generators.items():
            generator.set_state(state["generators"][name])
        self.env_steps, self._updates = int(state["env_steps"]), int(state["updates"])


def _read(readers: list[Callable[[], dict[str, dict[str, float]]]]) -> dict[str, float]:
    """Return a single agent's figures under their own names, those of several under ``NAME/``."""
    merged: dict[str, dict[str, float]] = {}
    for read in readers:
        for name, figures in read().items():
            merged.setdefault(name, {}).update(figures)
    if len(merged) == 1 or (len(merged) == 2 and "critic" in merged):
        return {key: value for figures in merged.values() for key, value in figures.items()}
    return {f"{name}/{key}": value for name, figures in merged.items() for key, value in figures.items()}
