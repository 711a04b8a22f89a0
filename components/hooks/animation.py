"""Short films of chosen episodes: a GIF and its metadata, drawn by replaying what was recorded, apart from training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from wattloom.components.hooks.gif import MAX_FPS, as_rgb, delays, shrink, subsample, write_gif
from wattloom.components.hooks.recording import EpisodeRecorder, Recording
from wattloom.environment import Array, Environment, Snapshot, StepResult
from wattloom.errors import ConfigError
from wattloom.evaluation import evaluate_policy
from wattloom.events import EvaluationEnd, RunSummary
from wattloom.hooks.schedule import Schedule, Unit
from wattloom.telemetry.files import GrowingFile
from wattloom.telemetry.json import dumps

if TYPE_CHECKING:
    from PIL.Image import Image

    from wattloom.run import Run

NO_FRAMES = "the environment drew no picture: no GIF was written"
NO_REPLAY = "the episode did not come out the same when it was played again to be drawn: no GIF was written"
DEFAULT_FPS = 20.0


class Animation(EpisodeRecorder):
    """Writes ``captures/<name>.gif`` and ``.json``, and a line in ``captures/captures.jsonl``.

    Training episodes are recorded as first state and actions and replayed in a capture environment of their own, so that drawing touches neither the
    training environment nor a random stream; ``replay_exact`` in the metadata says whether the replay earned the same rewards. ``unit: evaluation``
    (and ``on_best``) films the policy without exploration instead, on the seed that gave the latest evaluation its median return. The last episode
    is filmed however the run ends. Names hold no metrics: ``ep000123-env0-train.gif``, ``eval000005-seed1000-evaluation.gif``.

    Args:
        at: Marks, e.g. episodes [0, 10].
        every: Period of marks.
        last: How many of the last episodes to film when the run ends.
        on_best: Also film the evaluation policy at each new best evaluation.
        unit: What marks count: ``episode``, ``env_step``, ``update`` (training episodes), or ``evaluation``.
        copies: Which copies of the training environment are filmed.
        fps: Frames a second, at most 50; None: real time where a step lasts 0.02 s to 1 s, else 20.
        max_frames: Frames a GIF holds at most, spread evenly over the episode; None: all.
        size: Longer side of the picture, pixels; None: as drawn.

    Raises:
        ConfigError: A value out of range.
    """

    draws = True

    def __init__(
        self,
        at: Sequence[int] = (0,),
        every: int | None = None,
        last: int = 1,
        on_best: bool = False,
        unit: Unit = "episode",
        copies: Sequence[int] = (0,),
        fps: float | None = None,
        max_frames: int | None = 200,
        size: int | None = 320,
    ) -> None:
        key = "hooks.animation"
        if fps is not None and not 0 < fps <= MAX_FPS:
            raise ConfigError(f"{key}.fps must lie in (0, {MAX_FPS}], a GIF cannot show more, not {fps}")
        if max_frames is not None and max_frames < 2:
            raise ConfigError(f"{key}.max_frames must be at least 2 (null: all), not {max_frames}")
        if size is not None and size < 16:
            raise ConfigError(f"{key}.size must be at least 16 pixels (null: as drawn), not {size}")
        schedule = Schedule(at, every, last, on_best, unit, key)
        super().__init__(schedule, copies, needs_state=True, key=key)
        self._of_evaluation = unit == "evaluation"
        self._fps, self._max_frames, self._size = fps, max_frames, size
        self._index: GrowingFile | None = None
        self._restored: Mapping[str, Any] = {}
        self._environment: Environment | None = None
        self._filmed = -1  # the evaluation that was filmed last
        self._evaluated: tuple[int, int, float] | None = None  # seed, updates and return of its median episode

    def on_run_start(self, run: Run) -> None:
        """Check the copies and open the index."""
        self._check_copies(run)
        self._index = GrowingFile(run.directory.captures / "captures.jsonl")
        if self._restored:
            self._index.load_state_dict(self._restored)

    def _is_marked(self, run: Run, episode: int) -> bool:
        return not self._of_evaluation and super()._is_marked(run, episode)

    def on_evaluate_end(self, run: Run, event: EvaluationEnd) -> None:
        """Film the evaluation policy where a mark or a new best says so."""
        middle = int(np.argsort(event.returns, kind="stable")[(len(event.returns) - 1) // 2])
        self._evaluated = (int(event.seeds[middle]), run.counters.updates, float(event.returns[middle]))
        due = self._of_evaluation and self._schedule.due(run.counters.evaluations)
        if due or (self._schedule.on_best and event.is_best):
            self._film_evaluation(run)

    def on_run_end(self, run: Run, summary: RunSummary) -> None:
        """Film the last episodes and release the capture environment."""
        if not self._of_evaluation:
            super().on_run_end(run, summary)
        elif self._schedule.last and summary.status != "failed":
            self._film_evaluation(run)
        if self._environment is not None:
            self._environment.close()
            self._environment = None
        if self._index is not None:
            self._index.close()

    # filming

    def _capture_environment(self, run: Run) -> Environment:
        if self._environment is None:
            self._environment = run.make_capture_environment()
        return self._environment

    def _film_evaluation(self, run: Run) -> None:
        """Play one episode without exploration, on the seed of the latest evaluation's median episode, and film it."""
        number = run.counters.evaluations
        if number == self._filmed:
            return
        self._filmed = number
        seed, updates, evaluated = self._evaluated or (run.seeds.integer("capture"), -1, np.nan)
        recording = Recording(number, 0, {}, seed)

        def listen(_: Snapshot, actions: Mapping[str, Array], result: StepResult, episode: Array) -> None:
            recording.add(actions, result)
            recording.terminated = bool(result.terminated[0])

        environment = self._capture_environment(run)
        with run.bound_to(environment):
            evaluate_policy(environment, lambda copies: run.algorithm.policy(copies, explore=False), [seed], listen)
        extra = {"evaluated_return": evaluated} if updates == run.counters.updates else {}
        self._film(run, recording, f"eval{number:06d}-seed{seed}-evaluation", "evaluation", extra)

    def _keep(self, run: Run, recording: Recording) -> None:
        self._film(run, recording, f"ep{recording.episode:06d}-env{recording.copy}-train", "train", {})

    def _film(self, run: Run, recording: Recording, name: str, phase: str, extra: Mapping[str, Any]) -> None:
        """Replay, draw and write."""
        fps = self._fps or real_time(run.spec.step_seconds)
        film = replay(self._capture_environment(run), recording, self._max_frames, self._size, run.spec.shared_reward)
        shown = delays(film.numbers, fps) if film.images else []
        path = run.directory.captures / f"{name}.gif"
        if film.images:
            write_gif(path, film.images, shown)
        about = {
            "file": path.name if film.images else None,
            "phase": phase,
            "step": run.counters.env_steps,
            **_about_episode(recording, phase, run.spec.shared_reward),
            **extra,
            "replay_exact": film.exact,
            "frames_total": len(recording) + 1,
            "frames_written": len(film.images),
            "frame_stride": len(recording) / max(len(film.numbers) - 1, 1),
            "fps": fps,
            "duration_s": sum(shown) / 1000.0,
        }
        if not film.images:
            about["warning"] = NO_FRAMES if film.exact else NO_REPLAY
        self._write_metadata(path, about)

    def _write_metadata(self, path: Path, about: Mapping[str, Any]) -> None:
        path.with_suffix(".json").write_text(dumps(about, indent=2) + "\n")
        if self._index is not None:
            self._index.write(dumps(about) + "\n")

    def state_dict(self) -> dict[str, Any]:
        """Return what the recorder holds, and the length of the index."""
        index = {} if self._index is None else self._index.state_dict()
        return super().state_dict() | {"index": index, "filmed": self._filmed, "evaluated": self._evaluated}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue; the index is cut back when the run starts."""
        super().load_state_dict(state)
        self._restored, self._filmed = state["index"], int(state["filmed"])
        self._evaluated = None if state["evaluated"] is None else tuple(state["evaluated"])


def _about_episode(recording: Recording, phase: str, shared_reward: bool) -> dict[str, Any]:
    """Return what the metadata says about the episode itself."""
    return {
        "evaluation" if phase == "evaluation" else "episode": recording.episode,
        "copy": recording.copy,
        "seed": recording.seed,
        "length": len(recording),
        "return": recording.total(shared_reward),
        "agent_returns": {name: float(np.sum(values)) for name, values in recording.rewards.items()},
        "terminated": bool(recording.terminated),
        "complete": recording.terminated is not None,
    }


def real_time(step_seconds: float) -> float:
    """Return frames a second at which one simulated second lasts one second, or 20 where that is too fast or too slow to watch."""
    return 1.0 / step_seconds if 1.0 / MAX_FPS <= step_seconds <= 1.0 else DEFAULT_FPS


@dataclass(frozen=True, slots=True)
class Film:
    """The pictures of a replayed episode.

    Attributes:
        images: The frames that were kept.
        numbers: Their numbers; frame k shows what step k led to, frame 0 the start.
        exact: Whether the replay earned the recorded rewards.
    """

    images: list[Image]
    numbers: list[int]
    exact: bool


def replay(environment: Environment, recording: Recording, most: int | None, longest: int | None, shared_reward: bool) -> Film:
    """Play ``recording`` again in a capture environment of one copy and draw at most ``most`` frames, the first and the last among them.

    An environment that does not reproduce cannot be drawn afterwards: where its start or its end comes out differently there are no images.
    """
    numbers = subsample(len(recording) + 1, most)
    wanted = set(numbers)
    environment.reset(seed=recording.seed)
    if recording.start:
        environment.set_state(recording.start)
    if getattr(environment, "needs_reset", np.zeros(1)).any():  # a third-party environment whose state could not be restored
        return Film([], numbers, False)
    frames = [environment.render(0)]
    again = Recording(recording.episode, 0, {})
    for step in range(len(recording)):
        actions = {name: np.asarray(rows[step])[None] for name, rows in recording.actions.items()}
        result = environment.step(actions)
        again.add(actions, result)
        if result.ended.any() and step + 1 < len(recording):
            return Film([], numbers, False)
        if step + 1 in wanted:
            frames.append(environment.render(0))
    exact = all(np.array_equal(again.rewards[name], values) for name, values in recording.rewards.items())
    if any(frame is None for frame in frames):
        return Film([], numbers, exact)
    return Film([shrink(as_rgb(frame), longest) for frame in frames], numbers, exact)
