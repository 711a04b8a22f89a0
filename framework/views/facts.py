"""Everything that is worth knowing about one run, read from its folder alone: the content of ``summary.json`` and of the page."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from wattloom.telemetry.logger import ENVELOPE, is_wall_clock
from wattloom.telemetry.reader import read_records
from wattloom.views.series import RunData
from wattloom.views.state import judge, read_status

FEW_EPISODES = 10
DEFAULT_WINDOW = 100
_SHOWN = (
    "reason",
    "error",
    "step",
    "target",
    "episodes",
    "updates",
    "best_return",
    "last_checkpoint",
    "hook_errors",
    "started",
    "heartbeat",
)


def collect(run: Path) -> dict[str, Any]:
    """Return the facts of the run in folder ``run``; what does not exist is empty, never an error."""
    status = read_status(run)
    data = RunData.read(run)
    evaluations = [_values(record) for record in data.select("evaluation")]
    facts: dict[str, Any] = {
        "name": run.name,
        "folder": run.name,
        "state": judge(status),
        "status": {key: status.get(key) for key in _SHOWN},
        "manifest": _json(run / "manifest.json"),
        "overrides": _yaml(run / "overrides.yaml") or [],
        "config": _yaml(run / "config.yaml") or {},
        "evaluations": evaluations,
        "best_evaluation": _best(evaluations),
        "held_back": _values((data.select("held_back") or [{}])[-1]),
        "training": _values((data.select("episode") or [{}])[-1]),
        "units": {name: unit for name in data.columns if (unit := data.unit(name))},
        "timing": _json(run / "logs" / "timing.json"),
        "captures": read_records(run / "captures" / "captures.jsonl").records,
    }
    facts["name"] = str(facts["config"].get("run_name") or run.name)
    facts["training_window"] = _training_window(facts)
    facts["limits"] = limits(facts, data.torn)
    return facts


def _best(evaluations: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Return the evaluation that was kept as the best: the last one marked, else the one of highest return."""
    marked = [row for row in evaluations if row.get("eval/is_best")]
    return marked[-1] if marked else max(evaluations, key=lambda row: row.get("eval/return_mean") or float("-inf"), default=None)


def limits(facts: Mapping[str, Any], torn: int) -> list[str]:
    """Return what a reader should know before believing the figures."""
    found = ["One seed: another one may learn faster, slower or not at all."]
    evaluations: Sequence[Mapping[str, Any]] = facts["evaluations"]
    if not evaluations:
        found.append("Nothing was evaluated: training returns include exploration.")
    else:
        episodes = int(evaluations[-1].get("eval/episodes") or 0)
        if episodes < FEW_EPISODES:
            found.append(f"Each evaluation is the mean of {episodes} episodes only.")
        if len(evaluations) > 1 and not facts["held_back"]:
            found.append(
                f"The best of {len(evaluations)} evaluations is chosen on the same episodes that it is reported on: it is optimistic."
            )
    if torn:
        found.append("The last line of the metric file is half-written; it is left out.")
    if facts["state"] not in ("completed", "running"):
        found.append(f"State {facts['state']}: the run did not reach its budget of env steps.")
    return [
        *found,
        *(f"Hook '{name}' failed and was switched off: {text}" for name, text in (facts["status"]["hook_errors"] or {}).items()),
    ]


def _training_window(facts: Mapping[str, Any]) -> int:
    """Return how many episodes the running mean of training returns stands for."""
    hooks = facts["config"].get("hooks") or {}
    window = (hooks.get("metrics") or {}).get("window", DEFAULT_WINDOW)
    return min(int(window), int(facts["status"].get("episodes") or 0))


def _values(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return step, updates and values of a record."""
    kept = {name: value for name, value in record.items() if name in ("step", "updates") or not (name in ENVELOPE or is_wall_clock(name))}
    return kept


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def _yaml(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError):
        return None
