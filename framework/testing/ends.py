"""Faults at the end of an episode: the successor is the true last observation, and an ended copy waits for its reset."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from wattloom.environment import Environment, Snapshot
from wattloom.errors import WattloomError
from wattloom.testing.finding import Finding
from wattloom.testing.session import Actor, Build, difference, kept, snapshot_values

LONGEST = 1_000  # steps that an end is waited for


def check_ends(build: Build, steps: int) -> Iterator[Finding]:
    """Play one copy to its end; compare the successor with the episode that a reset just before the end would have begun."""
    environment = build(1)
    length, last, before = _first_end(environment)
    if length is None:
        return
    if _accepts_step(environment, last):
        yield Finding("step-after-end-accepted", f"step() on a copy that ended at step {length} must raise until it is reset")
    twin = build(1)
    actor = Actor(twin)
    snapshot = twin.reset(seed=31)
    for _ in range(length - 1):
        snapshot = twin.step(actor.act(snapshot)).snapshot
    begun = [snapshot_values(twin.reset(mask=np.ones(1, dtype=bool)))]
    shown = [snapshot_values(last)]
    if not difference(shown, begun) and difference([snapshot_values(before)], begun):
        yield Finding(
            "successor-is-reset-observation",
            f"the observation after the last step ({length}) is the first one of the next episode; hand out the true last one and reset on request",
        )


def _first_end(environment: Environment) -> tuple[int | None, Snapshot, Snapshot]:
    """Return the length of the first episode (None: no end in sight), its last snapshot and the one before."""
    actor = Actor(environment)
    before = kept(environment.reset(seed=31))
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
