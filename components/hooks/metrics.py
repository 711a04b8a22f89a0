"""Writes what happened: losses every so many env steps, every episode, every evaluation; one CSV row an episode."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from wattloom.components.hooks.columns import declared_columns
from wattloom.environment import EnvironmentSpec
from wattloom.errors import ConfigError
from wattloom.events import EpisodeEnd, EvaluationEnd, RunSummary, UpdateEvent
from wattloom.hooks.base import Hook
from wattloom.hooks.schedule import Schedule
from wattloom.telemetry.files import GrowingFile, write_bytes_atomically
from wattloom.telemetry.json import dumps

if TYPE_CHECKING:
    from wattloom.run import Run


class Metrics(Hook):
    """Feeds the loggers, and keeps ``logs/episodes.csv`` and ``logs/columns.jsonl`` (name, unit and meaning of every column).

    Records: ``update`` (``train/…``, the latest losses and gauges, and rates), ``episode`` (``rollout/…`` and ``env/…``, means over the copies that
    ended in one step), ``evaluation`` (``eval/…``).

    Args:
        every: Env steps between update records; losses are read only then.
        window: Episodes in the running means.

    Raises:
        ConfigError: A value below 1.
    """

    required = True

    def __init__(self, every: int = 500, window: int = 100) -> None:
        if window < 1:
            raise ConfigError(f"hooks.metrics.window must be at least 1 episode, not {window}")
        self._schedule = Schedule(every=every, key="hooks.metrics")
        self._returns: deque[float] = deque(maxlen=window)
        self._lengths: deque[int] = deque(maxlen=window)
        self._table: EpisodeTable | None = None
        self._restored: Mapping[str, Any] = {}
        self._since = (time.perf_counter(), 0, 0)

    def on_run_start(self, run: Run) -> None:
        """Declare the columns and open the table of episodes."""
        columns = "".join(dumps(row) + "\n" for row in declared_columns(run.spec))
        write_bytes_atomically(run.directory.logs / "columns.jsonl", columns.encode())
        self._table = EpisodeTable(GrowingFile(run.directory.logs / "episodes.csv"), run.spec, self._restored)
        self._since = (time.perf_counter(), run.counters.env_steps, run.counters.updates)

    def on_update(self, run: Run, event: UpdateEvent) -> None:
        """Write the latest losses when they are due."""
        counters = run.counters
        if not self._schedule.due(counters.env_steps):
            return
        now = time.perf_counter()
        then, steps, updates = self._since
        seconds = max(now - then, 1e-9)
        self._since = (now, counters.env_steps, counters.updates)
        losses = {f"train/{name}": value for name, value in event.report.read().items()}
        rates = {
            "time/env_steps_per_second": (counters.env_steps - steps) / seconds,
            "time/updates_per_second": (counters.updates - updates) / seconds,
        }
        run.log("update", losses | rates)

    def on_episode_end(self, run: Run, event: EpisodeEnd) -> None:
        """Write one record for the copies that ended together, and one row for each."""
        totals = event.total_returns(run.spec.shared_reward)
        self._returns.extend(totals.tolist())
        self._lengths.extend(event.lengths.tolist())
        values = {
            "rollout/episode": int(event.episodes.max()),
            "rollout/count": len(event.copies),
            "rollout/return": float(totals.mean()),
            "rollout/length": float(event.lengths.mean()),
            "rollout/return_mean": sum(self._returns) / len(self._returns),
            "rollout/length_mean": sum(self._lengths) / len(self._lengths),
        }
        if len(event.returns) > 1:
            values |= {f"rollout/{agent}/return": float(value.mean()) for agent, value in event.returns.items()}
        run.log("episode", values | {f"env/{name}": float(value.mean()) for name, value in event.metrics.items()})
        if self._table is not None:
            self._table.add(event, totals, run.counters.env_steps)

    def on_evaluate_end(self, run: Run, event: EvaluationEnd) -> None:
        """Write the outcome of an evaluation."""
        values = {
            "eval/return_mean": float(event.returns.mean()),
            "eval/return_std": float(event.returns.std()),
            "eval/return_min": float(event.returns.min()),
            "eval/return_max": float(event.returns.max()),
            "eval/length_mean": float(event.lengths.mean()),
            "eval/episodes": len(event.returns),
            "eval/is_best": int(event.is_best),
        }
        metrics = {f"eval/{name}": float(value.mean()) for name, value in event.metrics.items()}
        metrics |= {f"eval/figure/{figure.name}": float(event.figures[figure.name].mean()) for figure in run.spec.figures}
        run.log("evaluation", values | metrics | {"time/evaluation_seconds": event.seconds}, source="evaluation")

    def on_run_end(self, run: Run, summary: RunSummary) -> None:
        """Close the table of episodes."""
        if self._table is not None:
            self._table.file.close()

    def state_dict(self) -> dict[str, Any]:
        """Return marks, running means and the length of the table."""
        table = {} if self._table is None else self._table.file.state_dict()
        return {"schedule": self._schedule.state_dict(), "returns": list(self._returns), "lengths": list(self._lengths), "table": table}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue the marks and means; the table is cut back when the run starts."""
        self._schedule.load_state_dict(state["schedule"])
        self._returns.extend(state["returns"])
        self._lengths.extend(state["lengths"])
        self._restored = state["table"]


class EpisodeTable:
    """``episodes.csv``: one row a completed training episode, in the order in which they ended.

    Columns: ``episode, copy, step`` (env steps over all copies when it ended), ``length, return, terminated``, then the return of each agent where
    there are several, then the mean of every metric.

    Args:
        file: Where the rows go.
        spec: Declarations of the environment.
        restored: Length of the file at the checkpoint; empty for a new run.
    """

    def __init__(self, file: GrowingFile, spec: EnvironmentSpec, restored: Mapping[str, Any]) -> None:
        self.file = file
        self._agents = [agent.name for agent in spec.agents] if len(spec.agents) > 1 else []
        self._metrics = [column.name for column in spec.metric_columns]
        if restored:
            file.load_state_dict(restored)
        if file.size() == 0:
            names = ["episode", "copy", "step", "length", "return", "terminated"]
            file.write(",".join([*names, *(f"{name}/return" for name in self._agents), *self._metrics]) + "\n")

    def add(self, event: EpisodeEnd, totals: np.ndarray[Any, Any], step: int) -> None:
        """Append one row an ended copy; columns are turned into text at once, since a thousand copies may end together."""
        columns = [
            event.episodes.tolist(),
            event.copies.tolist(),
            [step] * len(totals),
            event.lengths.tolist(),
            totals.tolist(),
            event.terminated.astype(int).tolist(),
            *(event.returns[name].tolist() for name in self._agents),
            *(event.metrics[name].tolist() for name in self._metrics),
        ]
        self.file.write("".join(",".join(map(repr, row)) + "\n" for row in zip(*columns, strict=True)))
