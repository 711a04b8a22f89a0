"""The ring of rows: what goes in comes out, the oldest goes first, and a saved buffer continues."""

import io

import numpy as np
import pytest
import torch

from wattloom.components.buffers.replay import ReplayBuffer
from wattloom.errors import ConfigError, RunError

COLUMNS = {"a": 2, "b": 1, "c": 3}


def rows(first, count):
    """Rows numbered from ``first``: column a holds the number, b its negative, c its tenfold."""
    n = np.arange(first, first + count, dtype=np.float64)
    return {"a": np.stack([n, n], 1), "b": -n, "c": np.stack([10 * n] * 3, 1)}


@pytest.mark.parametrize(("capacity", "chunk"), [(7, 1), (7, 3), (10, 5), (4, 4)])
def test_ring_keeps_the_newest(capacity, chunk):
    buffer = ReplayBuffer(COLUMNS, capacity, 2)
    for first in range(0, 30, chunk):
        buffer.add(rows(first, chunk))
    total = len(range(0, 30, chunk)) * chunk
    kept = sorted(buffer.stored("a")[:, 0].tolist())
    assert kept == list(range(total - capacity, total))
    torch.testing.assert_close(buffer.stored("c"), 10 * buffer.stored("a")[:, :1].expand(-1, 3))
    torch.testing.assert_close(buffer.stored("b"), -buffer.stored("a")[:, :1])


def test_sample_is_uniform_and_shows_in_views():
    buffer = ReplayBuffer(COLUMNS, 100, 5_000)
    column, span = buffer.column("b"), buffer.span("a", "b")
    buffer.add(rows(0, 10))
    buffer.sample(torch.Generator().manual_seed(1))
    counts = torch.bincount((-column[:, 0]).long(), minlength=10)
    assert len(counts) == 10
    assert int(counts.min()) > 420 < int(counts.max()) < 580  # 500 expected, standard deviation 21
    torch.testing.assert_close(span[:, 2:], column)
    torch.testing.assert_close(span[:, 0], -span[:, 2])


def test_arrays_are_copied():
    buffer = ReplayBuffer({"a": 1}, 4, 1)
    values = np.ones((1, 1))
    buffer.add({"a": values})
    values[:] = 5.0
    assert float(buffer.stored("a")) == 1.0


def test_saves_only_the_filled_part_and_continues_bit_equal():
    buffer = ReplayBuffer(COLUMNS, 1_000_000, 8)
    buffer.add(rows(0, 5))
    file = io.BytesIO()
    torch.save(buffer.state_dict(), file)
    assert file.tell() < 5_000
    file.seek(0)
    other = ReplayBuffer(COLUMNS, 1_000_000, 8)
    other.load_state_dict(torch.load(file, weights_only=True))
    for one in (buffer, other):
        one.add(rows(5, 3))
        one.sample(torch.Generator().manual_seed(2))
    assert len(other) == 8
    assert torch.equal(buffer.batch, other.batch)


def test_full_ring_continues_at_its_seam():
    buffer, other = ReplayBuffer(COLUMNS, 4, 2), ReplayBuffer(COLUMNS, 4, 2)
    buffer.add(rows(0, 3))
    buffer.add(rows(3, 3))
    other.load_state_dict(buffer.state_dict())
    for one in (buffer, other):
        one.add(rows(6, 1))
    assert torch.equal(buffer.stored("a"), other.stored("a"))
    assert sorted(other.stored("a")[:, 0].tolist()) == [3, 4, 5, 6]


def test_state_of_other_columns():
    state = ReplayBuffer(COLUMNS, 4, 2).state_dict()
    with pytest.raises(RunError, match="column 'c' has width 3, here it is 5"):
        ReplayBuffer(COLUMNS | {"c": 5}, 4, 2).load_state_dict(state)
    with pytest.raises(RunError, match="capacity is 4 rows, here it is 9"):
        ReplayBuffer(COLUMNS, 9, 2).load_state_dict(state)


def test_impossible_sizes():
    with pytest.raises(ConfigError, match="at least 1 row"):
        ReplayBuffer(COLUMNS, 0, 2)
    with pytest.raises(ConfigError, match="cannot take 5 copies"):
        ReplayBuffer(COLUMNS, 4, 2).add(rows(0, 5))
