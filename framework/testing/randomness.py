"""Faults of seeding: what a copy does must follow from its own seed and actions and from nothing else."""

from __future__ import annotations

import random
from collections.abc import Iterator

import numpy as np

from wattloom.testing.finding import Finding
from wattloom.testing.session import Actor, Build, difference, go_on, play, snapshot_values


def check_seeding(build: Build, steps: int) -> Iterator[Finding]:
    """Equal seeds and actions give equal episodes, in a fresh environment and in a used one."""
    first, second = build(2), build(2)
    once = play(first, 3, steps)
    if where := difference(once, play(second, 3, steps)):
        yield Finding("reset-not-seeded", f"two fresh environments with equal seed and actions differ: {where}")
        return
    play(first, 4, steps)
    if where := difference(once, play(first, 3, steps)):
        yield Finding("reset-keeps-history", f"seeds 3, 4, 3 in one environment do not give the first episode again: {where}")


def check_global_generators(build: Build, steps: int) -> Iterator[Finding]:
    """Nothing draws from or seeds the generators of the process, which are left as they were."""
    saved = np.random.get_state(), random.getstate()  # noqa: NPY002 - the global generator is what is watched
    try:
        np.random.seed(977)  # noqa: NPY002 - a state that no environment would leave behind by chance
        random.seed(977)
        before, python_before = _numpy_state(), random.getstate()
        play(build(2), 3, steps)
        numpy_used, python_used = before != _numpy_state(), python_before != random.getstate()
    finally:
        np.random.set_state(saved[0])  # noqa: NPY002
        random.setstate(saved[1])
    if numpy_used:
        yield Finding("global-rng-used", "numpy.random's global generator was used or seeded; draw from the generators passed in")
    if python_used:
        yield Finding("global-rng-used", "the module random was used or seeded; draw from the generators passed in")


def check_independence(build: Build, steps: int) -> Iterator[Finding]:
    """A copy's episode depends on no other copy's seed and not on how many copies there are."""
    batch = play(build(3), [5, 6, 7], steps)
    if where := difference(batch, play(build(3), [5, 16, 17], steps), row=0):
        yield Finding("copies-share-randomness", f"other seeds of copies 1 and 2 change copy 0: {where}")
    if where := difference(batch, play(build(1), 5, steps), row=0):
        yield Finding("batch-size-dependence", f"copy 0 of 3 and a batch of one with the same seed differ: {where}")
    counted = snapshot_values(build(3).reset(seed=5))
    if where := difference(batch[:1], [counted]):
        yield Finding("seed-not-counted", f"reset(seed=5) must seed copy i with 5 + i, as reset(seed=[5, 6, 7]) does: {where}")


def check_mask(build: Build, steps: int) -> Iterator[Finding]:
    """A masked reset leaves the other copies bit-equal, and begins the chosen one."""
    touched, control = build(3), build(3)
    actors = Actor(touched), Actor(control)
    touched.reset(mask=touched.step(actors[0].act(touched.reset(seed=21))).ended)
    plain = control.reset(mask=control.step(actors[1].act(control.reset(seed=21))).ended)
    after = touched.reset(mask=np.array([False, True, False]), seed=[91, 92, 93])
    shown, changed = [snapshot_values(plain)], [snapshot_values(after)]
    if where := difference(shown, changed, row=0) or difference(shown, changed, row=2):
        yield Finding("mask-disturbs-other-copies", f"reset(mask=copy 1) changed what another copy shows: {where}")
        return
    if where := difference([snapshot_values(build(3).reset(seed=[91, 92, 93]))], changed, row=1):
        yield Finding("mask-not-reset", f"reset(mask=copy 1, seed) did not begin that copy's episode: {where}")
    there, here = go_on(touched, after, steps, actors[0]), go_on(control, plain, steps, actors[1])
    if where := difference(there, here, row=0) or difference(there, here, row=2):
        yield Finding("mask-disturbs-other-copies", f"reset(mask=copy 1) changed how another copy goes on: {where}")


def _numpy_state() -> str:
    """Return the state of NumPy's global generator, comparable."""
    state = np.random.get_state(legacy=False)  # noqa: NPY002 - the global generator is what is watched
    return repr(state["state"]["key"].tolist()) + repr(state["state"]["pos"])
