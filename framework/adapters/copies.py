"""Third-party single environments as our batched contract: seeded, checked, and resumable by replay.

Every episode of every copy has a seed of its own: the first one is the seed that was asked for (so the first episodes equal Gymnasium's), later ones are
derived from it and the episode's number. Seed and actions so far are therefore all that a continuation needs: :meth:`Copies.set_state` plays
them again and compares the last observation. Nothing is ever pickled.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from wattloom.adapters.episode_log import EpisodeLog, derived_seed, fresh_seed, options_of_copy, same_frame
from wattloom.adapters.player import Frame, Played, Player
from wattloom.batched import CLIPPED
from wattloom.environment import Array, Snapshot, StepResult
from wattloom.errors import ConfigError, EnvironmentFault, place_of
from wattloom.resets import copy_mask, copy_seeds
from wattloom.spaces import ActionChecker

logger = logging.getLogger(__name__)


class Copies:
    """``num_envs`` third-party environments as one :class:`wattloom.environment.Environment`.

    Args:
        players: One a copy, all with the same agents.
        shared_reward: True where all agents earn one common reward.

    Attributes:
        resume_promise: ``"replay"``; ``"episode"`` once a replay did not reproduce: then :meth:`reset` the copies of ``needs_reset`` after ``set_state``.
        needs_reset: Bool ``(num_envs,)``, copies that have ended or were never reset.

    Raises:
        ConfigError: No players, or players with unequal agents.
    """

    def __init__(self, players: Sequence[Player], shared_reward: bool = False) -> None:
        if not players:
            raise ConfigError("env.num_envs must be at least 1, not 0")
        self._players = list(players)
        first = self._players[0]
        self.agents = first.agents
        if any(player.agents != first.agents for player in self._players):
            raise ConfigError("the copies of one environment must have equal agents and spaces; their factory returned different ones")
        self.num_envs = len(self._players)
        self.metric_columns = (*first.metric_columns, CLIPPED)
        self.state_space = first.state_space
        self.step_seconds = first.step_seconds
        self.shared_reward = shared_reward
        self.resume_promise = "replay"
        self.needs_reset = np.ones(self.num_envs, dtype=bool)
        self._logs: list[EpisodeLog | None] = [None] * self.num_envs
        self._frames: list[Frame] = [_blank(self)] * self.num_envs
        self._check = ActionChecker(self.agents, self.num_envs)

    # the contract

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, mask: Array | None = None, options: Mapping[str, Any] | None = None
    ) -> Snapshot:
        """Begin a new episode in the copies of ``mask``; see :meth:`wattloom.environment.Environment.reset`."""
        seeds = copy_seeds(seed, self.num_envs)
        for i in copy_mask(mask, self.num_envs):
            self._begin(int(i), seeds[int(i)], options_of_copy(options, int(i), self.num_envs))
        return self._snapshot()

    def step(self, actions: Mapping[str, Array]) -> StepResult:
        """Advance every copy by one step; see :meth:`wattloom.environment.Environment.step`."""
        return self.step_active(actions, np.ones(self.num_envs, dtype=bool))

    def step_active(self, actions: Mapping[str, Array], active: Array) -> StepResult:
        """Advance the copies of ``active`` by one step; the others stand still, earn 0 and need no valid action."""
        waiting = self.needs_reset & active
        if waiting.any():
            raise EnvironmentFault(
                f"step() on ended or never reset copies {np.flatnonzero(waiting)[:8].tolist()}: call reset(mask=...) first"
            )
        checked, clipped = self._check(actions, self._active_rows(active))
        played = [self._play(i, {name: value[i] for name, value in checked.items()}) if active[i] else None for i in range(self.num_envs)]
        result = self._result(played, clipped)
        self.needs_reset = result.ended
        return result

    def render(self, index: int = 0) -> Array | None:
        """Draw copy ``index``, or None where it was not made for pictures."""
        return self._players[index].render()

    def close(self) -> None:
        """Release every copy."""
        for player in self._players:
            player.close()

    # state: replay

    def get_state(self) -> dict[str, Any]:
        """Return each copy's episode seed, its actions so far and its last observation."""
        return {
            "episodes": [None if log is None else log.to_plain() for log in self._logs],
            "observations": [{name: value.copy() for name, value in frame.observations.items()} for frame in self._frames],
            "needs_reset": self.needs_reset.copy(),
        }

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Play every copy's episode again up to where it was; a copy that does not come out the same needs a reset and lowers the promise.

        Raises:
            ConfigError: The state has another number of copies.
        """
        if len(state["episodes"]) != self.num_envs:
            raise ConfigError(f"a state of {len(state['episodes'])} copies does not fit {self.num_envs} copies")
        self.needs_reset = np.array(state["needs_reset"], dtype=bool)
        for i, saved in enumerate(state["episodes"]):
            self._logs[i] = None if saved is None else EpisodeLog.from_plain(saved)
            if self._logs[i] is not None and not self._replay(i, state["observations"][i]):
                self._lower_promise(i)

    def _replay(self, index: int, expected: Mapping[str, Array]) -> bool:
        """Play the logged episode of one copy; return whether it ends in the expected observation."""
        log = self._logs[index]
        assert log is not None
        try:
            frame = self._players[index].reset(log.seed, log.options)
            for actions in log.actions:
                frame = self._players[index].step(actions).frame
        except Exception as error:
            logger.debug("replay of copy %d raised", index, exc_info=error)
            return False
        self._frames[index] = frame
        return same_frame(frame.observations, expected)

    def _lower_promise(self, index: int) -> None:
        """Say once that this environment does not reproduce."""
        if self.resume_promise == "replay":
            logger.warning(
                "copy %d does not come out the same when its episode is played again with the same seed and actions; "
                "it begins a new one (promise 'episode')",
                index,
            )
        self.resume_promise = "episode"
        self.needs_reset[index] = True

    # one copy

    def _begin(self, index: int, seed: int | None, options: Mapping[str, Any] | None) -> None:
        """Begin a new episode under its own seed."""
        log = self._logs[index]
        if seed is not None or log is None:
            base, episode = (fresh_seed() if seed is None else int(seed)), 0
        else:
            base, episode = log.base, log.episode + 1
        log = EpisodeLog(base, episode, base if episode == 0 else derived_seed(base, episode), options)
        try:
            self._frames[index] = self._players[index].reset(log.seed, options)
        except (Exception, SystemExit) as error:  # an environment that calls sys.exit() must not end a run, or a sweep, without a word
            raise _fault(index, "reset", log, error) from error
        self._logs[index] = log
        self.needs_reset[index] = False

    def _play(self, index: int, actions: dict[str, Array]) -> Played:
        """Advance one copy and log its action."""
        log = self._logs[index]
        assert log is not None
        log.actions.append({name: np.array(value) for name, value in actions.items()})
        try:
            played = self._players[index].step(actions)
        except (Exception, SystemExit) as error:
            raise _fault(index, f"step {len(log.actions)}", log, error) from error
        self._frames[index] = played.frame
        return played

    # all copies

    def _active_rows(self, active: Array) -> Mapping[str, Array] | None:
        """Return which rows of actions count: those of copies that step and agents that take part."""
        present = self._present()
        if present is None:
            return None if active.all() else {spec.name: active for spec in self.agents}
        return {name: value & active for name, value in present.items()}

    def _present(self) -> dict[str, Array] | None:
        """Return who takes part, bool ``(num_envs,)`` by agent; None: everybody."""
        if all(frame.active is None for frame in self._frames):
            return None
        return {spec.name: np.array([frame.active is None or frame.active[spec.name] for frame in self._frames]) for spec in self.agents}

    def _snapshot(self) -> Snapshot:
        """Stack what the copies show."""
        frames = self._frames
        names = [spec.name for spec in self.agents]
        observations = {name: np.stack([frame.observations[name] for frame in frames]) for name in names}
        masks = None
        if any(frame.masks is not None for frame in frames):
            widths = next(frame.masks for frame in frames if frame.masks is not None)
            masks = {n: np.stack([_allowed(frame, n, len(widths[n])) for frame in frames]) for n in widths}
        state = None
        if self.state_space is not None:
            blank = np.zeros(self.state_space.shape, self.state_space.dtype)
            state = np.stack([blank if frame.state is None else frame.state for frame in frames])
        return Snapshot(observations, state, masks, self._present())

    def _result(self, played: Sequence[Played | None], clipped: Array) -> StepResult:
        """Stack what the copies returned; copies that stood still earn 0."""
        names = [spec.name for spec in self.agents]
        rewards = {name: np.array([0.0 if p is None else p.rewards[name] for p in played]) for name in names}
        terminated = np.array([p is not None and p.terminated for p in played])
        truncated = np.array([p is not None and p.truncated for p in played])
        metrics = {c.name: np.array([0.0 if p is None else p.metrics[c.name] for p in played]) for c in self.metric_columns[:-1]}
        left = None
        if any(p is not None and p.agent_terminated is not None for p in played):
            left = {
                n: np.array([p is not None and p.agent_terminated is not None and p.agent_terminated[n] for p in played]) for n in names
            }
        return StepResult(self._snapshot(), rewards, terminated, truncated, {**metrics, CLIPPED.name: clipped}, left)


def _blank(copies: Copies) -> Frame:
    """Return zeros, shown by copies before their first reset."""
    return Frame({spec.name: np.zeros(spec.observation_space.shape, spec.observation_space.dtype) for spec in copies.agents})


def _allowed(frame: Frame, name: str, width: int) -> Array:
    """Return a copy's mask; everything where it has none."""
    return np.ones(width, dtype=bool) if frame.masks is None else frame.masks[name]


def _fault(index: int, where: str, log: EpisodeLog, error: BaseException) -> EnvironmentFault:
    """Name copy, step and the original error; a ValueError of the adapter says what was returned wrongly."""
    kind = f"{type(error).__name__}: {error}{place_of(error)}"
    return EnvironmentFault(f"environment copy {index} failed at {where} of episode {log.episode} (seed {log.seed}): {kind}")
