"""Faults at the end of an episode: the successor is the true last observation, and an ended copy waits for its reset."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import numpy as np

from wattloom.environment import Environment, Snapshot
from wattloom.errors import WattloomError
from wattloom.testing.finding import Finding
from wattloom.testing.session import Actor, Build, difference, kept, snapshot_values

LONGEST = 1_000  # steps that an end is waited for
EPISODES = 4
"""Ends that must all look like a beginning: where there are few observations, as in a matrix game, one or two do by chance."""
FIRST = 31  # seed of the first episode
End: TypeAlias = tuple[int | None, Snapshot, Snapshot]  # steps of an episode, its last snapshot and the one before


def check_ends(build: Build, steps: int) -> Iterator[Finding]:
    """Play one copy to its end; compare the successor with the episode that a reset just before the end would have begun."""
    environment = build(1)
    end = _first_end(environment, 0)
    length, last, _ = end
    if length is None:
        return
    if _accepts_step(environment, last):
        yield Finding("step-after-end-accepted", f"step() on a copy that ended at step {length} must raise until it is reset")
    if _looks_begun(build, 0, end) and all(_looks_begun(build, seed, _first_end(build(1), seed)) for seed in range(1, EPISODES)):
        yield Finding(
            "successor-is-reset-observation",
            f"the observation after the last step ({length}) is the first one of the next episode; hand out the true last one and reset on request",
        )


def _looks_begun(build: Build, seed: int, end: End) -> bool:
    """Return whether the episode of ``seed`` ended with the observation that a reset just before its end would have shown."""
    length, last, before = end
    if length is None:
        return False
    twin = build(1)
    actor = Actor(twin, seed=seed)
    snapshot = twin.reset(seed=FIRST + seed)
    for _ in range(length - 1):
        snapshot = twin.step(actor.act(snapshot)).snapshot
    begun = [snapshot_values(twin.reset(mask=np.ones(1, dtype=bool)))]
    return not difference([snapshot_values(last)], begun) and bool(difference([snapshot_values(before)], begun))


def _first_end(environment: Environment, seed: int) -> End:
    """Return the length of the first episode (None: no end in sight), its last snapshot and the one before."""
    actor = Actor(environment, seed=seed)
    before = kept(environment.reset(seed=FIRST + seed))
    for step in range(1, LONGEST + 1):
        result = environment.step(actor.act(before))
        if result.ended.all():
            return step, kept(result.snapshot), before
        before = kept(result.snapshot)
    return None, before, before


def _accepts_step(environment: Environment, last: Snapshot) -> bool:
    """Return whether an ended copy can be stepped."""
    try:
        environment.step(Actor(environment, seed=1).act(last))
    except WattloomError:
        return False
    return True
