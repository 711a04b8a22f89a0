"""Faults at the call: buffers that caller and environment share, actions that should be refused, clipped or copied."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from gymnasium import spaces

from wattloom.environment import AgentSpec, Environment, Snapshot
from wattloom.errors import WattloomError
from wattloom.testing.finding import Finding
from wattloom.testing.session import Actor, Build, Seen, difference, kept, play, result_values, scribble, snapshot_values


def check_buffers(build: Build, steps: int) -> Iterator[Finding]:
    """Overwrite everything that was handed out and everything that was handed in; the episode must not notice."""
    plain = play(build(2), 51, steps)
    if where := difference(plain, _play_carelessly(build(2), 51, steps)):
        yield Finding("aliasing-buffers", f"a caller that writes into returned arrays or into its own actions changes the episode: {where}")
    environment = build(2)
    actor = Actor(environment)
    snapshot = environment.reset(seed=51)
    for step in range(1, steps + 1):
        before = snapshot_values(snapshot)
        result = environment.step(actor.act(snapshot))
        if where := difference([before], [snapshot_values(snapshot)]):
            yield Finding("aliasing-buffers", f"step {step} wrote into the snapshot before it, which learners still need: {where}")
            return
        snapshot = environment.reset(mask=result.ended) if result.ended.any() else result.snapshot


def check_actions(build: Build, steps: int) -> Iterator[Finding]:
    """Wrong actions are refused with the agent's name, actions beyond a Box's bounds are clipped and counted."""
    environment = build(2)
    snapshot = kept(environment.reset(seed=61))
    for spec in environment.agents:
        for what, value in _bad_actions(spec).items():
            actions: dict[str, Any] = Actor(environment).act(snapshot) | {spec.name: value}
            yield from _must_refuse(environment, actions, spec.name, what)
    actions = Actor(environment).act(snapshot)
    del actions[environment.agents[0].name]
    yield from _must_refuse(environment, actions, environment.agents[0].name, "no action")
    yield from _check_clipping(build(2))


def _play_carelessly(environment: Environment, seed: int, steps: int) -> list[Seen]:
    """Play as :func:`play` does, but overwrite every array after reading it."""
    actor = Actor(environment)
    seen: list[Seen] = []

    def read(snapshot: Snapshot) -> Snapshot:
        """Keep a copy and scribble over the original."""
        own = kept(snapshot)
        for part in (snapshot.observations, snapshot.action_masks, snapshot.active, {"state": snapshot.state}):
            scribble(part)
        return own

    snapshot = read(environment.reset(seed=seed))
    seen.append(snapshot_values(snapshot))
    for _ in range(steps):
        actions = actor.act(snapshot)
        result = environment.step(actions)
        seen.append(result_values(result))
        ended = result.ended.copy()
        for part in (actions, result.rewards, result.metrics, {"terminated": result.terminated, "truncated": result.truncated}):
            scribble(part)
        snapshot = read(result.snapshot)
        if ended.any():
            snapshot = read(environment.reset(mask=ended))
            seen.append(snapshot_values(snapshot))
    return seen


def _bad_actions(spec: AgentSpec) -> dict[str, Any]:
    """Return actions that must be refused, for two copies, by what is wrong with them."""
    space = spec.action_space
    if isinstance(space, spaces.Box):
        not_a_number = np.zeros((2, *space.shape), dtype=np.float32)
        not_a_number[1] = np.nan
        return {"NaN": not_a_number, "three rows for two copies": np.zeros((3, *space.shape), dtype=np.float32)}
    shape = () if isinstance(space, spaces.Discrete) else space.shape
    highest = np.asarray(space.start) + (space.n if isinstance(space, spaces.Discrete) else space.nvec)
    return {
        "an index above the range": np.zeros((2, *shape), dtype=np.int64) + highest,
        "an index below the range": np.zeros((2, *shape), dtype=np.int64) + np.asarray(space.start) - 1,
        "three rows for two copies": np.zeros((3, *shape), dtype=np.int64) + np.asarray(space.start),
    }


def _must_refuse(environment: Environment, actions: dict[str, Any], agent: str, what: str) -> Iterator[Finding]:
    """Report where ``actions`` is taken, or refused without the agent's name."""
    try:
        environment.step(actions)
    except WattloomError as error:
        if agent not in str(error):
            yield Finding("bad-action-unclear", f"the error for {what} of agent '{agent}' does not name the agent: {error}")
    except Exception as error:
        yield Finding("bad-action-unclear", f"{what} of agent '{agent}' raised {type(error).__name__} ({error}) instead of an ActionError")
    else:
        yield Finding("bad-action-accepted", f"{what} of agent '{agent}' was taken")
        environment.reset(seed=61)


def _check_clipping(environment: Environment) -> Iterator[Finding]:
    """Send one copy beyond the bounds."""
    boxes = [spec for spec in environment.agents if isinstance(spec.action_space, spaces.Box) and np.isfinite(spec.action_space.high).all()]
    if not boxes:
        return
    snapshot = environment.reset(seed=61)
    actions = Actor(environment).act(snapshot)
    space = boxes[0].action_space
    actions[boxes[0].name][1] = space.high + np.float32(1.0) + np.abs(space.high)  # type: ignore[union-attr]  # a Box
    counted = environment.step(actions).metrics.get("clipped_actions")
    if counted is None or counted[0] != 0 or counted[1] < 1:
        yield Finding(
            "clip-not-counted",
            f"an action of '{boxes[0].name}' beyond its bounds in copy 1 gave clipped_actions {counted}, expected [0, n]",
        )
