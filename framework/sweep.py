"""Sweeps: every combination of values, through Hydra's launchers (basic, joblib, submitit), with a status for every job.

Combinations are expanded here and each job composes its own overrides, exactly as a single run would; the launcher only carries the job's number.
So a group may be swept together with keys that only some of its options have, and the folder shows the plain overrides.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import shlex
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from wattloom.compose import Composed
from wattloom.errors import RunError, UsageError, WattloomError
from wattloom.loader import Loader
from wattloom.registry import REGISTRY
from wattloom.run_directory import RunDirectory, write_atomically
from wattloom.sweep_jobs import INTERRUPTED, launch, launcher_config, leave_status, word
from wattloom.sweep_plan import Job, Plan, check_all, expand


def run_sweep(overrides: Sequence[str], config_dirs: Sequence[str] = (), *, trust: bool = False) -> int:
    """Check every job, run them all, list those that failed, and return the exit code.

    Raises:
        ConfigError: A job's configuration is wrong; found before the first one starts.
    """
    loader = Loader.discover(config_dirs)
    REGISTRY.admitted.update(loader.named_targets)
    hydra = [text for text in overrides if text.startswith(("hydra.", "hydra/", "+hydra"))]
    for text in hydra:
        if "sweeper" in text.partition("=")[0]:
            raise UsageError(f"'{text}': combinations are expanded by wattloom; write the values on the command line or in a sweep preset")
    jobs = expand(loader, [text for text in overrides if text not in hydra])
    first = check_all(loader, jobs, config_dirs, trust)
    launcher_config(".", [text for text in hydra if not _names_folder(text)])
    directory, launcher_overrides = _directory(first, hydra)
    plan = Plan(str(directory), jobs, tuple(str(Path(folder).resolve()) for folder in config_dirs), trust)
    listing = {"overrides": list(overrides), "jobs": [asdict(job) | {"command": job.command} for job in jobs]}
    write_atomically(directory / "sweep.json", json.dumps(listing, indent=2) + "\n")
    print(f"sweep of {len(jobs)} runs -> {directory}", flush=True)
    interrupted = False
    try:
        launch(plan, launcher_overrides)
    except KeyboardInterrupt:
        interrupted = True
    except WattloomError:
        raise
    except Exception as error:  # a worker died hard: what the jobs left behind tells which
        print(f"the launcher failed: {type(error).__name__}: {error}", flush=True)
    return _report(plan, interrupted)


def _names_folder(text: str) -> bool:
    """Return whether an override names the sweep's folder."""
    return text.lstrip("+").startswith("hydra.sweep.dir=")


def _directory(first: Composed, hydra: Sequence[str]) -> tuple[Path, list[str]]:
    """Make the sweep's folder, or take the one of ``hydra.sweep.dir`` (a sweep to continue); return what is left for the launcher."""
    rest = [text for text in hydra if not _names_folder(text)]
    named = [text.partition("=")[2] for text in hydra if _names_folder(text)]
    root = Path(str(first.config["runs_dir"])) / "sweeps" / time.strftime("%Y-%m-%d")
    try:
        if named:
            path = Path(named[-1])
            path.mkdir(parents=True, exist_ok=True)
            return path.resolve(), rest
        root.mkdir(parents=True, exist_ok=True)
        for suffix in ("", *(f"-{secrets.token_hex(2)}" for _ in range(20))):
            path = root / (time.strftime("%H-%M-%S") + suffix)
            with contextlib.suppress(FileExistsError):
                path.mkdir()
                return path.resolve(), rest
    except OSError as error:
        raise RunError(
            f"cannot write the sweep directory under '{root}': {error.strerror}; set runs_dir=... to a folder you may write"
        ) from error
    raise RunError(f"no free folder name under '{root}'")


def _report(plan: Plan, interrupted: bool) -> int:
    """Print how the sweep ended, with the command of every failed job, and return the exit code."""
    failed: list[tuple[Job, int, str]] = []
    done = waiting = 0
    for job in plan.jobs:
        code, error = _outcome(plan, job, interrupted)
        done += code == 0
        waiting += code is None
        if code not in (0, None):
            failed.append((job, code, error or word(code)))
    print(f"{done} of {len(plan.jobs)} runs completed -> {plan.directory}")
    for job, code, error in failed:
        if code in INTERRUPTED:
            print(f"  interrupted: {job.key}\n    alone: wattloom resume={shlex.quote(str(Path(plan.directory) / job.key))}")
        else:
            print(f"  failed: {job.key}: {error}\n    again: {job.command}")
    if interrupted or waiting:
        print(f"  {waiting} not started; continue with the same command and hydra.sweep.dir={plan.directory}")
        return INTERRUPTED[0]
    return 1 if failed else 0


def _outcome(plan: Plan, job: Job, interrupted: bool) -> tuple[int | None, str]:
    """Return a job's exit code (None: not started) and error; one that died without a word gets a status now."""
    directory = Path(plan.directory) / job.key
    outcome = RunDirectory(directory).read_json("job.json")
    if outcome:
        return int(outcome["exit_code"]), str(outcome["error"])
    if interrupted and not directory.exists():
        return None, ""
    lost = (
        "the process died without a word (killed, or out of memory?)" if directory.exists() else "lost with another process of the launcher"
    )
    message = "interrupted" if interrupted else lost
    leave_status(directory, message, "interrupted" if interrupted else "failed")
    return INTERRUPTED[0] if interrupted else 1, message
