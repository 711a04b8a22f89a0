"""Faults that show in what an environment declares and hands out."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from gymnasium import spaces

from wattloom.environment import AgentSpec, Array, Environment, Snapshot, StepResult
from wattloom.spaces import choices
from wattloom.testing.finding import Finding
from wattloom.testing.session import Actor, Build


def check_declarations(build: Build, steps: int) -> Iterator[Finding]:
    """Names are unique, spaces are ours, every entry has a column, the number of copies is as asked."""
    environment = build(2)
    if environment.num_envs != 2:
        yield Finding("num-envs-ignored", f"asked for 2 copies, got {environment.num_envs}")
    names = [spec.name for spec in environment.agents]
    if not names or len(set(names)) < len(names):
        yield Finding("declaration-invalid", f"agents must exist and have unique names, not {names}")
    metrics = [column.name for column in environment.metric_columns]
    if len(set(metrics)) < len(metrics):
        yield Finding("declaration-invalid", f"metric names are not unique: {metrics}")
    if not environment.step_seconds > 0:
        yield Finding("declaration-invalid", f"step_seconds must be positive, not {environment.step_seconds}")
    for spec in environment.agents:
        yield from _check_agent(spec)
    picture_owner = build(1)
    picture_owner.reset(seed=0)
    picture = picture_owner.render(0)
    if picture is not None and (picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3):
        yield Finding("render-invalid", f"render must return None or uint8 (H, W, 3), not {picture.dtype} {picture.shape}")


def check_values(build: Build, steps: int) -> Iterator[Finding]:
    """Everything handed out has the declared shape, type and range, at every step of some episodes."""
    environment = build(3)
    actor = Actor(environment)
    snapshot = environment.reset(seed=11)
    yield from check_snapshot(environment, snapshot, "after the reset")
    for step in range(1, steps + 1):
        result = environment.step(actor.act(snapshot))
        where = f"at step {step}"
        faults = [*check_snapshot(environment, result.snapshot, where), *_check_result(environment, result, where)]
        if faults:
            yield from faults
            return
        snapshot = environment.reset(mask=result.ended) if result.ended.any() else result.snapshot


def check_snapshot(environment: Environment, snapshot: Snapshot, where: str) -> Iterator[Finding]:
    """Observations, masks and central state are in their spaces."""
    for spec in environment.agents:
        if spec.name not in snapshot.observations:
            yield Finding("observation-not-in-space", f"no observation of agent '{spec.name}' {where}")
            continue
        problem = _outside(np.asarray(snapshot.observations[spec.name]), spec.observation_space, environment.num_envs)
        if problem:
            yield Finding("observation-not-in-space", f"observation of agent '{spec.name}' {problem} {where}")
    if environment.state_space is not None:
        problem = "is missing" if snapshot.state is None else _outside(snapshot.state, environment.state_space, environment.num_envs)
        if problem:
            yield Finding("central-state-not-in-space", f"central state {problem} {where}")
    yield from _check_masks(environment, snapshot, where)


def _check_agent(spec: AgentSpec) -> Iterator[Finding]:
    """Spaces of the three kinds, one column an entry."""
    who = f"agent '{spec.name}'"
    if spec.observation_space.dtype not in (np.float32, np.uint8):
        yield Finding("declaration-invalid", f"{who}: observations must be float32 or uint8, not {spec.observation_space.dtype}")
    if not isinstance(spec.action_space, spaces.Box | spaces.Discrete | spaces.MultiDiscrete):
        yield Finding("declaration-invalid", f"{who}: actions must be Box, Discrete or MultiDiscrete, not {spec.action_space}")
        return
    if isinstance(spec.action_space, spaces.Box) and (spec.action_space.dtype != np.float32 or len(spec.action_space.shape) != 1):
        yield Finding("declaration-invalid", f"{who}: a Box action must be float32 of shape (n,), not {spec.action_space}")
    entries, names = int(np.prod(spec.observation_space.shape)), len(spec.observation_columns)
    if names != entries and not (names == 0 and len(spec.observation_space.shape) > 1):
        yield Finding("columns-missing", f"{who}: {names} observation columns for {entries} entries")
    dimensions = 1 if isinstance(spec.action_space, spaces.Discrete) else int(np.prod(spec.action_space.shape))
    if len(spec.action_columns) != dimensions:
        yield Finding("columns-missing", f"{who}: {len(spec.action_columns)} action columns for {dimensions} dimensions")
    counts = choices(spec.action_space)
    if spec.action_labels and tuple(len(labels) for labels in spec.action_labels) != counts:
        yield Finding(
            "columns-missing", f"{who}: action labels of {[len(x) for x in spec.action_labels]} values for {list(counts)} choices"
        )


def _outside(value: Array, space: spaces.Box, num_envs: int) -> str:
    """Say what is wrong with a batch of one space, or return an empty text."""
    if value.shape != (num_envs, *space.shape) or value.dtype != space.dtype:
        return f"is {value.dtype} {value.shape}, declared {space.dtype} {(num_envs, *space.shape)}"
    if value.dtype.kind == "f" and np.isnan(value).any():
        return f"is NaN in copy {int(np.argwhere(np.isnan(value))[0][0])}"
    bad = np.argwhere((value < space.low) | (value > space.high))
    if len(bad):
        entry = tuple(int(k) for k in bad[0])
        limits = f"{space.low[entry[1:]]}..{space.high[entry[1:]]}"
        return f"is {value[entry]} at entry {list(entry[1:])} of copy {entry[0]}, outside {limits},"
    return ""


def _check_masks(environment: Environment, snapshot: Snapshot, where: str) -> Iterator[Finding]:
    """Masks are bool, as wide as the choices, and leave a choice in every dimension."""
    for spec in environment.agents:
        if snapshot.action_masks is None or spec.name not in snapshot.action_masks:
            continue
        mask, counts = snapshot.action_masks[spec.name], choices(spec.action_space)
        if mask.dtype != np.bool_ or mask.shape != (environment.num_envs, sum(counts)):
            shape = (environment.num_envs, sum(counts))
            yield Finding("action-mask-invalid", f"agent '{spec.name}': {mask.dtype} {mask.shape}, expected bool {shape} {where}")
        elif not all(part.any(axis=1).all() for part in np.split(mask, np.cumsum(counts)[:-1], axis=1)):
            yield Finding("action-mask-invalid", f"agent '{spec.name}': nothing is allowed in some dimension {where}")


def _check_result(environment: Environment, result: StepResult, where: str) -> Iterator[Finding]:
    """Rewards, flags and metrics."""
    n = environment.num_envs
    for spec in environment.agents:
        reward = np.asarray(result.rewards.get(spec.name, np.nan))
        if reward.shape != (n,) or reward.dtype != np.float64:
            yield Finding(
                "reward-shape", f"reward of agent '{spec.name}' is {reward.dtype} {reward.shape}, expected float64 ({n},) {where}"
            )
        elif not np.isfinite(reward).all():
            copy = int(np.flatnonzero(~np.isfinite(reward))[0])
            yield Finding("reward-not-finite", f"reward of agent '{spec.name}' in copy {copy} is {reward[copy]} {where}")
    flags = {"terminated": result.terminated, "truncated": result.truncated}
    for name, flag in flags.items():
        if np.asarray(flag).dtype != np.bool_ or np.shape(flag) != (n,):
            yield Finding("flags-shape", f"{name} is {np.asarray(flag).dtype} {np.shape(flag)}, expected bool ({n},) {where}")
    both = np.logical_and(*flags.values())
    if np.any(both):
        yield Finding("both-flags", f"copies {np.flatnonzero(both).tolist()} are terminated and truncated {where}; terminated wins")
    yield from _check_metrics(environment, result, where)


def _check_metrics(environment: Environment, result: StepResult, where: str) -> Iterator[Finding]:
    """Metrics are those declared, float64, one a copy."""
    declared = {column.name for column in environment.metric_columns}
    undeclared, missing = sorted(set(result.metrics) - declared), sorted(declared - set(result.metrics))
    if undeclared:
        yield Finding("metrics-undeclared", f"{undeclared} {where} are not in metric_columns {sorted(declared)}")
    if missing:
        yield Finding("metrics-missing", f"{missing} are declared but absent {where}")
    for name, value in result.metrics.items():
        if np.shape(value) != (environment.num_envs,) or np.asarray(value).dtype != np.float64:
            found = f"{np.asarray(value).dtype} {np.shape(value)}"
            yield Finding("metric-shape", f"metric '{name}' is {found}, expected float64 ({environment.num_envs},) {where}")
