"""``wattloom export RUN``: write each agent's policy to a file that needs no code of ours, and prove that it acts the same."""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from wattloom.components.exporters.protocol import Exporter, Runner, exporter, formats
from wattloom.errors import RunError, UsageError
from wattloom.manifest import config_hash, manifest
from wattloom.run_directory import slug
from wattloom.spaces import choices
from wattloom.telemetry.json import dumps
from wattloom.views.text import shown_path

if TYPE_CHECKING:
    from wattloom.algorithm import Algorithm
    from wattloom.environment import AgentSpec, Array
    from wattloom.loading import LoadedRun

SUMMARY = "write a trained policy as ONNX, PyTorch program or NumPy arrays"
ROWS, LOOP_STEPS, COPIES, SEED = 1_000, 20, 8, 2_000
TOLERANCE = 1e-6
"""Largest difference between file and policy, relative to the larger of 1 and the action."""


def parser() -> argparse.ArgumentParser:
    """Return the parser of this command."""
    parse = argparse.ArgumentParser(prog="wattloom export", description=__doc__)
    parse.add_argument("run", help="run directory")
    parse.add_argument("overrides", nargs="*", help="changes to its configuration, e.g. env.mass=1.2")
    parse.add_argument("--format", default="onnx", help=f"{', '.join(formats())} (default: %(default)s)")
    parse.add_argument("--checkpoint", default="best", help="best, latest or a step number (default: %(default)s)")
    parse.add_argument("--output", default=None, help="folder (default: RUN/exports/FORMAT)")
    parse.add_argument("--trust", action="store_true", help="build targets named by a run directory that is not yours")
    return parse


def main(argv: Sequence[str]) -> int:
    """Export, verify, print one line an agent and return the exit code."""
    options = parser().parse_intermixed_args(list(argv))
    form = exporter(options.format)
    from wattloom.loading import LoadedRun

    run = LoadedRun(options.run, options.overrides, trust=options.trust)
    checkpoint = run.checkpoint(options.checkpoint)
    environment = run.environment(COPIES)
    algorithm = run.algorithm(environment, checkpoint)
    if algorithm.privileged or not algorithm.learns:
        why = "reads the model or the future" if algorithm.privileged else "learns nothing: there is no network in it"
        raise UsageError(f"{shown_path(run.directory.path)} cannot be exported, because its algorithm {why}")
    folder = Path(options.output) if options.output else run.directory.folder("exports") / options.format
    folder.mkdir(parents=True, exist_ok=True)
    recorded = record(algorithm, environment)
    about = _about(run, checkpoint.path.name, options.format)
    agents = {spec.name: export_agent(form, algorithm, spec, recorded[spec.name], folder, about) for spec in environment.agents}
    runners = {name: form.load(folder / str(entry["file"])) for name, entry in agents.items()}
    about["closed_loop"] = {"steps": LOOP_STEPS, "largest_difference": closed_loop(algorithm, environment, runners)}
    (folder / "export.json").write_text(dumps(about | {"agents": agents}, indent=2) + "\n")
    print(_table(agents, about, folder))
    return 0


def _about(run: LoadedRun, checkpoint: str, form: str) -> dict[str, Any]:
    """Return where the files come from."""
    versions = {
        key: value for key, value in manifest(run.config, list(run.composed.overrides)).items() if key in ("wattloom", "packages", "python")
    }
    choice = {group: run.composed.choices.get(group) for group in ("env", "algorithm")}
    return {"schema": 1, "format": form, **choice, "checkpoint": checkpoint, "config_hash": config_hash(run.config), **versions}


def record(algorithm: Algorithm, environment: Any) -> dict[str, dict[str, Array]]:
    """Play the greedy policy and return what every agent saw and did: ``observation``, ``action`` and, where there are any, ``action_mask``."""
    policy = algorithm.policy(environment.num_envs, explore=False)
    snapshot = environment.reset(seed=SEED)
    policy.reset(seeds=list(range(SEED, SEED + environment.num_envs)))
    rows: dict[str, dict[str, list[Array]]] = {spec.name: {} for spec in environment.agents}
    for _ in range(-(-ROWS // environment.num_envs)):
        actions = policy.act(snapshot)
        for name, columns in rows.items():
            seen = inputs_of(snapshot, name, slice(None)) | {"action": np.asarray(actions[name])}
            for key, value in seen.items():
                columns.setdefault(key, []).append(value.copy())
        result = environment.step(actions)
        snapshot = environment.reset(mask=result.ended) if result.ended.any() else result.snapshot
        policy.reset(mask=result.ended)
    return {name: {key: np.concatenate(parts) for key, parts in columns.items()} for name, columns in rows.items()}


def inputs_of(snapshot: Any, agent: str, copies: slice) -> dict[str, Array]:
    """Return what an exported policy of ``agent`` is given."""
    inputs = {"observation": np.asarray(snapshot.observations[agent][copies], np.float32)}
    if snapshot.action_masks is not None and agent in snapshot.action_masks:
        inputs["action_mask"] = np.asarray(snapshot.action_masks[agent][copies], bool)
    return inputs


def export_agent(
    form: Exporter, algorithm: Algorithm, spec: AgentSpec, recorded: Mapping[str, Array], folder: Path, about: Mapping[str, Any]
) -> dict[str, Any]:
    """Write one agent's file, run it on the recorded rows, and return its entry of ``export.json``.

    Raises:
        RunError: The file does not act as the policy does.
    """
    policy = algorithm.module(spec.name).eval()
    path = folder / f"{slug(spec.name)}{form.SUFFIX}"
    inputs = {key: value for key, value in recorded.items() if key != "action"}
    texts = {"agent": spec.name, **{key: str(about[key]) for key in ("env", "algorithm", "checkpoint", "config_hash", "wattloom")}}
    form.write(policy, {key: value[:2] for key, value in inputs.items()}, path, texts)
    found = compare(form.load(path), inputs, bounded(recorded["action"], spec))
    if found["largest_difference"] > TOLERANCE or found["choices_that_differ"] > 0:
        raise RunError(f"{path} does not act as the policy of agent '{spec.name}' does: {found}")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return {"file": path.name, "sha256": digest, **_columns(spec, policy), "verification": {"rows": len(recorded["action"]), **found}}


def bounded(action: Array, spec: AgentSpec) -> Array:
    """Clip a Box action as the environment would."""
    space = spec.action_space
    return action if choices(space) else np.clip(action, space.low, space.high)  # type: ignore[union-attr]


def compare(run: Runner, inputs: Mapping[str, Array], expected: Array) -> dict[str, float]:
    """Return how far a file's actions are from the policy's, over single rows and batches of 64."""
    rows = len(expected)
    worst, differing = 0.0, 0
    for size, stop in ((1, min(rows, 128)), (64, rows)):
        for first in range(0, stop, size):
            part = slice(first, min(first + size, stop))
            action = run({key: value[part] for key, value in inputs.items()})["action"]
            if expected.dtype.kind in "iu":
                differing += int((action != expected[part]).sum())
            else:
                scale = np.maximum(1.0, np.abs(expected[part]))
                worst = max(worst, float((np.abs(action - expected[part]) / scale).max()))
    return {"largest_difference": worst, "choices_that_differ": differing}


def closed_loop(algorithm: Algorithm, environment: Any, runners: Mapping[str, Runner]) -> float:
    """Let files and policy each steer the same episodes and return the largest relative difference between what they then see."""
    seen = []
    for by_file in (False, True):
        policy = algorithm.policy(environment.num_envs, explore=False)
        snapshot = environment.reset(seed=SEED)
        policy.reset(seeds=list(range(SEED, SEED + environment.num_envs)))
        for _ in range(LOOP_STEPS):
            acting = (
                {name: run(inputs_of(snapshot, name, slice(None)))["action"] for name, run in runners.items()}
                if by_file
                else policy.act(snapshot)
            )
            result = environment.step(acting)
            snapshot = environment.reset(mask=result.ended) if result.ended.any() else result.snapshot
        seen.append(np.concatenate([np.asarray(value, np.float64).reshape(-1) for value in snapshot.observations.values()]))
    return float((np.abs(seen[0] - seen[1]) / np.maximum(1.0, np.abs(seen[0]))).max())


def _columns(spec: AgentSpec, policy: Any) -> dict[str, Any]:
    """Return names, units and bounds of what goes in and comes out."""
    box = spec.observation_space
    action: dict[str, Any] = {"names": [c.name for c in spec.action_columns], "units": [c.unit for c in spec.action_columns]}
    if counts := choices(spec.action_space):
        action |= {"choices": list(counts), "labels": [list(labels) for labels in spec.action_labels]}
    else:
        action |= {"low": spec.action_space.low, "high": spec.action_space.high}  # type: ignore[union-attr]
    return {
        "observation": {
            "shape": list(box.shape),
            "names": [c.name for c in spec.observation_columns],
            "units": [c.unit for c in spec.observation_columns],
        },
        "action": action,
        "standardised_inside": bool(getattr(getattr(policy, "standardise", None), "active", False)),
    }


def _table(agents: Mapping[str, Mapping[str, Any]], about: Mapping[str, Any], folder: Path) -> str:
    """Return what a terminal shows."""
    lines = [f"{'agent':<16}{'file':<24}{'in':>5}{'rows checked':>14}{'largest difference':>20}"]
    for name, entry in agents.items():
        found = entry["verification"]
        width = int(np.prod(entry["observation"]["shape"]))
        lines.append(f"{name:<16}{entry['file']:<24}{width:>5}{found['rows']:>14,}{found['largest_difference']:>20.1e}")
    loop = about["closed_loop"]
    lines.append(f"closed loop of {loop['steps']} steps against the policy: largest difference {loop['largest_difference']:.1e}")
    lines.append(f"written to {shown_path(folder)} (export.json: names, units, order, bounds)")
    return "\n".join(lines)
