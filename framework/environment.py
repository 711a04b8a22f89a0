"""The batched multi-agent contract: what every environment looks like to the runner, to algorithms and to analysis.

One environment simulates ``num_envs`` independent copies at once; one copy is a batch of one. Gymnasium and PettingZoo are views of this contract
(:mod:`wattloom.adapters`). Environments of ours derive from :class:`wattloom.batched.BatchedEnvironment`, which supplies seeding, masked resets,
checked actions and row-wise state.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, runtime_checkable

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

if TYPE_CHECKING:
    from wattloom.figures import Figure

Array: TypeAlias = NDArray[Any]
ActionSpace: TypeAlias = spaces.Box | spaces.Discrete | spaces.MultiDiscrete


@dataclass(frozen=True, slots=True)
class Column:
    """Name, unit and direction of one number that an environment reports.

    Attributes:
        name: Plain identifier, e.g. ``"energy_total"``.
        unit: Physical unit as printed, e.g. ``"kWh"``; ``"1"`` for a fraction or count.
        better: Which direction an operator prefers; ``"none"`` where neither.
    """

    name: str
    unit: str
    better: Literal["lower", "higher", "none"] = "none"


@dataclass(frozen=True, slots=True)
class AgentSpec:
    """Everything that is fixed about one agent for the life of an environment.

    Attributes:
        name: Unique name, e.g. ``"battery"``.
        observation_space: Box, float32 (or uint8 for images).
        action_space: Box, Discrete or MultiDiscrete, in physical units of the environment.
        observation_columns: One column an observation entry.
        action_columns: One column an action dimension.
        action_labels: For discrete dimensions, the label of each value.
        group: Agents of one group may share parameters; empty: the agent is its own group.
    """

    name: str
    observation_space: spaces.Box
    action_space: ActionSpace
    observation_columns: tuple[Column, ...]
    action_columns: tuple[Column, ...]
    action_labels: tuple[tuple[str, ...], ...] = ()
    group: str = ""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is visible before an action; after a step, the TRUE last observation, never one of a reset.

    Attributes:
        observations: Agent name to array ``(num_envs, *observation_shape)``.
        state: ``(num_envs, n)`` for centralised critics, or None.
        action_masks: Agent name to bool ``(num_envs, sum of choices)``, True where allowed, or None.
        active: Agent name to bool ``(num_envs,)``; None: every agent takes part in every copy.
    """

    observations: Mapping[str, Array]
    state: Array | None = None
    action_masks: Mapping[str, Array] | None = None
    active: Mapping[str, Array] | None = None


@dataclass(frozen=True, slots=True)
class StepResult:
    """What one step of all copies led to.

    Attributes:
        snapshot: The successor.
        rewards: Agent name to float64 ``(num_envs,)``.
        terminated: bool ``(num_envs,)``, the episode ended and its continuation is worth 0.
        truncated: bool ``(num_envs,)``, the episode was cut: bootstrap from the successor. Never both flags.
        metrics: Column name to float64 ``(num_envs,)``, as declared in ``metric_columns``.
        agent_terminated: Agent name to bool ``(num_envs,)``, the agent left at THIS step with value 0; None: nobody.
    """

    snapshot: Snapshot
    rewards: Mapping[str, Array]
    terminated: Array
    truncated: Array
    metrics: Mapping[str, Array]
    agent_terminated: Mapping[str, Array] | None = None

    @property
    def ended(self) -> Array:
        """Bool ``(num_envs,)``: terminated or truncated."""
        return np.logical_or(self.terminated, self.truncated)


@runtime_checkable
class Environment(Protocol):
    """``num_envs`` independent copies of one controllable system.

    The environment owns its horizon (``truncated``). ``step`` on an ended copy is an error: reset it by mask first. Arrays handed out
    are the caller's: the next call does not change them, because a learner stores a snapshot only after the step that followed it, and changing them does
    not change the environment. Every leaf of :meth:`get_state` is an array with leading axis ``num_envs`` or a list of
    ``num_envs`` plain values, so that rows can be selected, copied, swapped and branched.
    """

    @property
    def agents(self) -> tuple[AgentSpec, ...]:
        """Agents in an order that is fixed for life."""
        ...

    @property
    def num_envs(self) -> int:
        """Number of independent copies."""
        ...

    @property
    def metric_columns(self) -> tuple[Column, ...]:
        """Declared metrics with units."""
        ...

    @property
    def state_space(self) -> spaces.Box | None:
        """Space of ``Snapshot.state``, or None."""
        ...

    @property
    def shared_reward(self) -> bool:
        """True where all agents earn one common reward (a joint face reports it once instead of the sum)."""
        ...

    @property
    def step_seconds(self) -> float:
        """Simulated seconds a step."""
        ...

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, mask: Array | None = None, options: Mapping[str, Any] | None = None
    ) -> Snapshot:
        """Begin a new episode in the copies of ``mask`` (default all) and return the snapshot of ALL copies.

        ``seed=s`` seeds copy i as ``gymnasium.utils.seeding.np_random(s + i)``; a sequence gives each copy its own; None continues the stream.
        """
        ...

    def step(self, actions: Mapping[str, Array]) -> StepResult:
        """Advance every copy; Box ``(num_envs, n)``, Discrete ``(num_envs,)``, MultiDiscrete ``(num_envs, k)``, in units of the space.

        Raises:
            ActionError: Wrong shape, NaN or an index out of range, naming agent and copy.
        """
        ...

    def get_state(self) -> dict[str, Any]:
        """Return everything that a continuation needs, one row a copy."""
        ...

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Continue bit-exactly from a (selection of a) saved state."""
        ...

    def render(self, index: int = 0) -> Array | None:
        """Draw copy ``index`` as uint8 ``(H, W, 3)``, or None."""
        ...

    def close(self) -> None:
        """Release what the environment holds."""
        ...


@dataclass(frozen=True, slots=True)
class EnvironmentSpec:
    """What an algorithm is set up with: the environment's declarations without the environment.

    Attributes:
        agents: Agent specifications in order.
        num_envs: Copies that the training loop steps at once.
        state_space: Space of the central state, or None.
        shared_reward: True where all agents earn one common reward.
        step_seconds: Simulated seconds a step.
        metric_columns: Declared metrics.
        figures: Figures of an episode that the environment declares; empty: the mean of every metric stands for them.
    """

    agents: tuple[AgentSpec, ...]
    num_envs: int
    state_space: spaces.Box | None = None
    shared_reward: bool = False
    step_seconds: float = 1.0
    metric_columns: tuple[Column, ...] = ()
    figures: tuple[Figure, ...] = ()

    @classmethod
    def of(cls, environment: Environment) -> EnvironmentSpec:
        """Read the declarations of ``environment``."""
        return cls(
            tuple(environment.agents),
            environment.num_envs,
            environment.state_space,
            environment.shared_reward,
            environment.step_seconds,
            tuple(environment.metric_columns),
            tuple(getattr(environment, "figures", ())),
        )
