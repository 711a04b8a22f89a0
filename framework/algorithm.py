"""What the runner knows of an algorithm: it acts through a policy, observes transitions, and updates when it sees fit.

The runner knows nothing of replay or rollouts: cadence (warm-up, updates an env step, rollout length) lives in the algorithm and is part of its
state, so that a resumed run equals an uninterrupted one. A baseline is an algorithm that learns nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from wattloom.environment import Array, EnvironmentSpec, Snapshot, StepResult
from wattloom.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from wattloom.seeding import Seeds


@dataclass(frozen=True, slots=True)
class Transition:
    """One step of all copies, as the learner sees it.

    Attributes:
        snapshot: What the policy saw.
        actions: What it did, agent name to array ``(num_envs, …)``.
        result: What came of it; ``result.snapshot`` is the true successor.
    """

    snapshot: Snapshot
    actions: Mapping[str, Array]
    result: StepResult


@dataclass(frozen=True, slots=True)
class UpdateReport:
    """What one call of :meth:`Algorithm.update` did.

    Attributes:
        updates: Gradient updates made in this call.
        total_updates: Gradient updates since the run began.
        read: Reads the losses and gauges as floats; called only when somebody logs, because reading a tensor costs time.
        rollout_closed: True where the call consumed an on-policy rollout.
    """

    updates: int
    total_updates: int
    read: Callable[[], dict[str, float]] = field(default=dict)
    rollout_closed: bool = False


class Policy(Protocol):
    """Acts for all agents of ``num_envs`` copies, with its own memory and random stream and the algorithm's live parameters."""

    def reset(self, mask: Array | None = None, seeds: Sequence[int | None] | None = None) -> None:
        """Forget the copies of ``mask`` (default all), bool ``(num_envs,)``; ``seeds`` restart their random streams."""
        ...

    def act(self, snapshot: Snapshot) -> Mapping[str, Array]:
        """Return actions by agent in the units of the action space."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """Return memory and random streams (plain values, arrays, tensors)."""
        ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what :meth:`state_dict` returned."""
        ...


POLICY_METHODS = tuple(name for name in vars(Policy) if not name.startswith("_"))


def check_policy(algorithm: Algorithm, policy: Any) -> Policy:
    """Return what ``algorithm.policy`` returned, if it is a policy.

    Raises:
        ConfigError: It lacks a method of :class:`Policy`.
    """
    missing = [name for name in POLICY_METHODS if not callable(getattr(policy, name, None))]
    if missing:
        raise ConfigError(
            f"algorithm: {type(algorithm).__name__}.policy() returned {type(policy).__name__}, which has no method {missing[0]}(); "
            f"a policy has {', '.join(POLICY_METHODS)} (wattloom.algorithm.Policy)"
        )
    return policy  # type: ignore[no-any-return]  # all of the protocol's methods were found


class Algorithm:
    """Base class of algorithms and baselines; override what applies.

    The constructor takes hyper-parameters only (they come from YAML) and checks their ranges; :meth:`setup` then builds networks and buffers.

    Attributes:
        privileged: True where the algorithm reads the model or the true future; printed in every table and refused by export.
        learns: False for baselines: nothing is stored and evaluation needs no training.
        stochastic: True where the policy is a distribution, so that evaluations play it both ways: the most probable action (or the mean), and drawn ones.
        spec: Declarations of the environment, from :meth:`setup` on.
    """

    privileged: bool = False
    learns: bool = True
    stochastic: bool = False
    spec: EnvironmentSpec

    def setup(self, spec: EnvironmentSpec, seeds: Seeds, total_steps: int) -> None:
        """Build networks, buffers and streams for ``spec``.

        Args:
            spec: Declarations of the training environment.
            seeds: Named streams of this run's algorithm.
            total_steps: Env steps planned over all copies (for schedules of learning rates).

        Raises:
            ConfigError: The algorithm cannot serve these agents' spaces.
        """
        self.spec = spec
        self.seeds = seeds

    @property
    def is_set_up(self) -> bool:
        """Whether :meth:`setup` has been called."""
        return hasattr(self, "spec")

    def bind(self, environment: Any) -> None:
        """Receive an environment read-only; called for ``privileged`` algorithms alone, before the first act."""

    def policy(self, num_envs: int, explore: bool) -> Policy:
        """Return a policy over ``num_envs`` copies that shares the live parameters but has its own memory and random stream."""
        raise NotImplementedError

    def module(self, agent: str) -> Any:
        """Return a copy of one agent's greedy policy as a ``torch.nn.Module`` that stands alone, for ``wattloom export``.

        It maps float32 observations ``(B, *observation_shape)`` and, for discrete actions, a bool ``action_mask`` ``(B, sum of choices)`` or None, to
        named tensors: ``action`` first, in units of the action space and within its bounds, then what the policy's density is made of.

        Raises:
            UsageError: There is no network behind this algorithm.
        """
        raise UsageError(f"{type(self).__name__} has no network that could be exported for agent '{agent}'")

    def observe(self, transition: Transition) -> None:
        """Store one step; arrays must be copied, they are only valid until the next step."""

    def update(self) -> UpdateReport | None:
        """Learn, if something is due; None where nothing was."""
        return None

    def state_dict(self) -> dict[str, Any]:
        """Return everything that a bit-exact continuation needs: parameters, optimisers, buffers, normalisers, counters, streams."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what :meth:`state_dict` returned, into the existing tensors.

        Raises:
            RunError: The state belongs to other spaces or network sizes; names the first difference.
        """
