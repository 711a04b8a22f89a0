"""An environment's own tables of an evaluation: it hears every step of every method and writes them when all have played."""

from __future__ import annotations

import numpy as np
from gymnasium import spaces

from wattloom.batched import BatchedEnvironment, Outcome
from wattloom.environment import AgentSpec, Column, Snapshot
from wattloom.evaluation import evaluate_policy
from wattloom.reports import Played, open_report, write_reports


class Counter(BatchedEnvironment):
    """Counts to a number that the seed draws."""

    def __init__(self, num_envs):
        box = spaces.Box(-1, 1, (1,), np.float32)
        super().__init__([AgentSpec("a", box, box, (Column("x", "1"),), (Column("u", "1"),))], num_envs, 20, (Column("count", "1"),))
        self.arrays = {"count": np.zeros(num_envs), "end": np.zeros(num_envs)}

    def _begin(self, copies, generators, options):
        self.arrays["count"][copies] = 0.0
        self.arrays["end"][copies] = [generator.integers(3, 15) for generator in generators]

    def _advance(self, actions):
        self.arrays["count"] += 1
        return Outcome({"a": np.zeros(self.num_envs)}, self.arrays["count"] >= self.arrays["end"], {"count": self.arrays["count"].copy()})

    def _observe(self):
        return Snapshot({"a": np.zeros((self.num_envs, 1), np.float32)})

    def report(self, played):
        return Table(played)


class Table:
    def __init__(self, played):
        self.played, self.last = played, [0.0] * len(played.seeds)

    def __call__(self, snapshot, actions, result, episode):
        for copy in np.flatnonzero(episode >= 0):
            self.last[episode[copy]] = result.metrics["count"][copy]

    def write(self, folder, parts):
        (folder / "counts.csv").write_text("".join(f"{part.played.name},{part.last}\n" for part in parts))
        return [folder / "counts.csv"]


class Idle:
    def __init__(self, num_envs):
        self.num_envs = num_envs

    def reset(self, mask=None, seeds=None):
        pass

    def act(self, snapshot):
        return {"a": np.zeros((self.num_envs, 1), np.float32)}


def test_an_environment_writes_what_it_heard(tmp_path):
    parts, lengths = [], []
    for name, copies in (("one", 1), ("three", 3)):
        environment = Counter(copies)
        parts.append(open_report(environment, Played(name, (5, 6, 7, 8))))
        lengths.append(evaluate_policy(environment, Idle, [5, 6, 7, 8], parts[-1]).lengths.tolist())
    assert lengths[0] == lengths[1]
    assert parts[0].last == parts[1].last == lengths[0], "surplus copies and resets are not heard"
    assert write_reports(tmp_path, parts) == [tmp_path / "counts.csv"]
    assert (tmp_path / "counts.csv").read_text().startswith("one,")


def test_an_environment_without_tables_writes_none(tmp_path):
    assert open_report(object(), Played("one", (1,))) is None
    assert write_reports(tmp_path, []) == []
    assert not list(tmp_path.iterdir())
