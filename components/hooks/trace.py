"""``logs/steps.csv``: every action and reward of chosen training episodes, for analysis."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from wattloom.components.hooks.recording import EpisodeRecorder, Recording
from wattloom.environment import EnvironmentSpec
from wattloom.events import RunSummary
from wattloom.hooks.schedule import Schedule, Unit
from wattloom.telemetry.files import GrowingFile

if TYPE_CHECKING:
    from wattloom.run import Run


class Trace(EpisodeRecorder):
    """One row a step and agent: ``episode, copy, step, agent, action_0 …, reward``; the rows of an episode stand together.

    Actions are in the units of the environment; an agent with fewer components than another leaves the rest empty. Rows of an episode are written when
    it ends, so memory holds one episode a watched copy, and the ring of the last ones.

    Args:
        at: Marks, e.g. episodes [0, 10].
        every: Period of marks.
        last: How many of the last episodes to write when the run ends.
        unit: What marks count: ``episode``, ``env_step`` or ``update``.
        copies: Which copies of the training environment are watched.

    Raises:
        ConfigError: A value out of range.
    """

    def __init__(
        self,
        at: Sequence[int] = (),
        every: int | None = 1,
        last: int = 0,
        unit: Unit = "episode",
        copies: Sequence[int] = (0,),
    ) -> None:
        super().__init__(Schedule(at, every, last, False, unit, "hooks.trace"), copies, needs_state=False, key="hooks.trace")
        self._file: GrowingFile | None = None
        self._restored: Mapping[str, Any] = {}
        self._width = 0

    def on_run_start(self, run: Run) -> None:
        """Open the table."""
        self._check_copies(run)
        self._width = max(_components(run.spec))
        self._file = GrowingFile(run.directory.logs / "steps.csv")
        if self._restored:
            self._file.load_state_dict(self._restored)
        if self._file.size() == 0:
            names = [f"action_{k}" for k in range(self._width)]
            self._file.write(",".join(["episode", "copy", "step", "agent", *names, "reward"]) + "\n")

    def _keep(self, run: Run, recording: Recording) -> None:
        if self._file is not None:
            self._file.write("".join(self._rows(recording)))

    def _rows(self, recording: Recording) -> list[str]:
        """Return the lines of one episode, by step, then by agent."""
        rows = []
        for step in range(len(recording)):
            for agent, rewards in recording.rewards.items():
                action = [repr(value) for value in np.asarray(recording.actions[agent][step]).reshape(-1).tolist()]
                cells = [*action, *[""] * (self._width - len(action)), repr(rewards[step])]
                rows.append(f"{recording.episode},{recording.copy},{step},{agent},{','.join(cells)}\n")
        return rows

    def on_run_end(self, run: Run, summary: RunSummary) -> None:
        """Write the last episodes and close the table."""
        super().on_run_end(run, summary)
        if self._file is not None:
            self._file.close()

    def state_dict(self) -> dict[str, Any]:
        """Return what the recorder holds, and the length of the table."""
        return super().state_dict() | {"table": {} if self._file is None else self._file.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue; the table is cut back when the run starts."""
        super().load_state_dict(state)
        self._restored = state["table"]


def _components(spec: EnvironmentSpec) -> list[int]:
    """Return the number of action components of each agent."""
    return [max(math.prod(agent.action_space.shape or ()), 1) for agent in spec.agents]
