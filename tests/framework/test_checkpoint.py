"""Checkpoints: what goes in comes out, damage is named, an older whole one is used, a kill loses nothing."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

from wattloom.checkpoint import CheckpointStore, decode, encode
from wattloom.errors import RunError


def some_state(step: int) -> dict:
    rng = np.random.default_rng(step)
    return {
        "weights": torch.arange(1000, dtype=torch.float32) + step,
        "buffer": rng.normal(size=(7, 3)),
        "flags": np.array([True, False]),
        "empty": np.zeros((0, 4), dtype=np.float32),
        "scalar": np.float64(0.1) + step,
        "nested": [{"rng": rng.bit_generator.state}, (1, None, "text")],
    }


@pytest.fixture
def store(tmp_path):
    return CheckpointStore(tmp_path, keep=2)


def write(store, step, best=False):
    return store.save(step, {"algorithm": some_state(step), "run": {"step": step}}, {"promise": "state"}, best)


def test_round_trip_keeps_types_shapes_and_bits(store, assert_same):
    write(store, 10)
    loaded = store.load()
    assert loaded.step == 10
    assert_same(loaded.parts["algorithm"], some_state(10))


def test_encoded_trees_hold_no_pickled_object(tmp_path, assert_same):
    torch.save(encode(some_state(1)), tmp_path / "state.pt")
    assert_same(decode(torch.load(tmp_path / "state.pt", weights_only=True)), some_state(1))


def test_keeps_the_newest_and_the_best(store):
    write(store, 1, best=True)
    for step in (2, 3, 4):
        write(store, step)
    assert [path.name for path in store.steps()] == ["step_000000001", "step_000000003", "step_000000004"]
    assert store.load("best").step == 1
    assert store.load("latest").step == 4
    assert store.load("3").step == 3


def test_the_same_step_twice_keeps_the_newer(store, assert_same):
    write(store, 5)
    store.save(5, {"algorithm": some_state(6)}, {})
    assert_same(store.load().parts["algorithm"], some_state(6))
    assert not list(store.folder.glob(".*"))


@pytest.mark.parametrize("damage", ["flip", "truncate", "remove", "manifest"])
def test_damage_names_the_file_and_falls_back(store, damage):
    write(store, 1)
    victim = write(store, 2) / ("manifest.json" if damage == "manifest" else "algorithm.pt")
    content = bytearray(victim.read_bytes())
    if damage == "flip":
        content[len(content) // 2] ^= 1
        victim.write_bytes(content)
    elif damage == "truncate":
        victim.write_bytes(content[: len(content) // 2])
    elif damage == "manifest":
        victim.write_text("{")
    else:
        victim.unlink()
    loaded = store.load()
    assert loaded.step == 1
    assert any(victim.name in reason for reason in loaded.skipped)
    with pytest.raises(RunError, match=victim.name):
        store.load("2")


def test_all_damaged_is_an_error_that_names_every_file(store):
    for step in (1, 2):
        (write(store, step) / "run.pt").write_bytes(b"")
    with pytest.raises(RunError, match=r"step_000000002.*run\.pt.*step_000000001.*run\.pt"):
        store.load()


def test_unknown_checkpoint_lists_what_there_is(store):
    write(store, 7)
    with pytest.raises(RunError, match="step_000000007"):
        store.find("8")


def test_a_killed_replacement_is_put_back(store):
    path = write(store, 3)
    path.rename(store._aside(path))
    assert store.load().step == 3


WRITER = """
import sys, numpy as np
from pathlib import Path
from wattloom.checkpoint import CheckpointStore
store = CheckpointStore(Path(sys.argv[1]), keep=2)
step = int(sys.argv[2])
while True:
    step += 1
    value = np.full(200_000, float(step))
    store.save(step, {"algorithm": {"value": value}, "run": {"step": step}}, {}, best=step % 3 == 0)
    print(step, flush=True)
"""


@pytest.mark.slow
def test_sigkill_at_twenty_random_moments_leaves_a_loadable_checkpoint(tmp_path):
    rng = random.Random(1)
    step = 0
    for _ in range(20):
        process = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), str(step)], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        process.stdout.readline()  # at least one is complete
        time.sleep(rng.uniform(0.0, 0.1))
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        printed = [int(line) for line in process.stdout.read().split()]
        process.stdout.close()
        store = CheckpointStore(tmp_path, keep=2)
        loaded = store.load()
        assert loaded.step >= max(printed, default=step + 1), "a checkpoint that was reported as written is lost"
        assert (loaded.parts["algorithm"]["value"] == loaded.parts["run"]["step"]).all()
        best = store.pointed("best")
        assert best is None or store.load("best").step % 3 == 0
        step = loaded.step
