"""The small teams of the on-policy tests serve here too; and what happened, read from transitions rather than from the replay."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch
from gymnasium import spaces

_SPEC = importlib.util.spec_from_file_location("small_teams", Path(__file__).parents[1] / "on_policy" / "conftest.py")
_TEAMS = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(_TEAMS)
SMALL = {"hidden_sizes": (12, 10), "batch_size": 16, "learning_starts": 32, "buffer_size": 400}


class Boxes(_TEAMS.Crew):
    """A crew of three with continuous actions of unequal widths; b is cut after five steps, c leaves after three."""

    def __init__(self, num_envs=3, **options):
        wide = {"a": (4, 1), "b": (3, 3), "c": (4, 2)}
        kinds = {name: (seen, spaces.Box(-1.0, 3.0, (acts,), np.float32)) for name, (seen, acts) in wide.items()}
        before = dict(_TEAMS.CREW)
        _TEAMS.CREW.update(kinds)
        try:
            super().__init__("abc", num_envs, **options)
        finally:
            _TEAMS.CREW.update(before)


class History:
    """Columns of the rows that a learner sampled, straight from the transitions: row r is copy r mod E of step r div E."""

    def __init__(self, transitions, rows, sharing):
        self.transitions, self.sharing = transitions, sharing
        self.copies = len(transitions[0].result.terminated)
        self.rows = [(int(r) // self.copies, int(r) % self.copies) for r in rows]
        self.names = list(transitions[0].result.rewards)

    def gather(self, read):
        return torch.as_tensor(np.array([np.asarray(read(self.transitions[t]))[i] for t, i in self.rows], dtype=np.float64))

    def seen(self, name, after=False):
        return self.gather(lambda t: (t.result.snapshot if after else t.snapshot).observations[name])

    def state(self, after=False):
        return self.gather(lambda t: (t.result.snapshot if after else t.snapshot).state)

    def active(self, name, after=False):
        def read(t):
            flags = (t.result.snapshot if after else t.snapshot).active
            return np.ones(self.copies) if flags is None else flags[name]

        return self.gather(read)

    def mask(self, name, size, after=False):
        def read(t):
            masks = (t.result.snapshot if after else t.snapshot).action_masks
            return np.ones((self.copies, size)) if masks is None or name not in masks else masks[name]

        return self.gather(read).bool()

    def action(self, name):
        return self.gather(lambda t: t.actions[name])

    def reward(self, name):
        every = torch.stack([self.gather(lambda t, n=n: t.result.rewards[n]) for n in self.names])
        return (1 - self.sharing) * every[self.names.index(name)] + self.sharing * every.mean(0)

    def terminated(self, name, team):
        def read(t):
            left = t.result.agent_terminated
            return t.result.terminated if team or left is None else t.result.terminated | left[name]

        return self.gather(read)


@pytest.fixture
def small():
    return SMALL


@pytest.fixture
def crew():
    return _TEAMS.Crew


@pytest.fixture
def boxes():
    return Boxes


@pytest.fixture
def matrix_game():
    return _TEAMS.MatrixGame


@pytest.fixture
def history():
    return History


@pytest.fixture
def double():
    """Compute in float64 within a test."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)
