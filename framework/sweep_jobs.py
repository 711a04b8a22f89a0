"""Running the jobs of a sweep in whatever process a launcher of Hydra chooses; each leaves a status, however it ends."""

from __future__ import annotations

import functools
import json
import os
import time
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from wattloom.compose import compose, continuation
from wattloom.errors import MissingExtraError, UsageError, WattloomError, did_you_mean
from wattloom.run_directory import RunDirectory, write_atomically
from wattloom.sweep_plan import Job, Plan

INTERRUPTED = (130, 143)
EXTRAS = {"joblib": "joblib", "submitit_local": "slurm", "submitit_slurm": "slurm"}


def run_one(plan: Plan, config: Mapping[str, Any]) -> int:
    """Run one job in whatever process the launcher chose; never raises but on an interrupt, and always leaves a status.

    Args:
        plan: The sweep.
        config: The launcher's configuration; ``job`` is the index of the job.
    """
    index = int(config["job"])
    job = plan.jobs[index]
    directory = Path(plan.directory) / job.key
    begin = time.time()
    if _state(directory) == "completed":
        code, error = 0, ""
    else:
        code, error = _guarded(plan, job, directory)
    outcome = {
        "overrides": job.overrides,
        "command": job.command,
        "exit_code": code,
        "error": error,
        "seconds": time.time() - begin,
        "pid": os.getpid(),
    }
    write_atomically(directory / "job.json", json.dumps(outcome, indent=2) + "\n")
    print(f"[{index + 1}/{len(plan.jobs)}] {word(code)}: {' '.join(job.overrides)}{f': {error}' if error else ''}", flush=True)
    if code in INTERRUPTED:
        raise KeyboardInterrupt
    return code


def _guarded(plan: Plan, job: Job, directory: Path) -> tuple[int, str]:
    """Run a job and return its exit code and error; a failure leaves a status file and, if unexpected, a traceback."""
    directory.mkdir(parents=True, exist_ok=True)
    try:
        return _execute(plan, job, directory), ""
    except KeyboardInterrupt:
        return INTERRUPTED[0], "interrupted"
    except WattloomError as error:
        code, message = error.exit_code, str(error)
    except Exception as error:
        code, message = 1, f"{type(error).__name__}: {error}"
        (directory / "traceback.txt").write_text(traceback.format_exc())
    if _state(directory) != "failed":
        leave_status(directory, message)
    return code, message


def _execute(plan: Plan, job: Job, directory: Path) -> int:
    """Compose and train; a job that was interrupted before continues from its checkpoint."""
    from wattloom.build import execute

    saved = any((directory / "checkpoints").glob("step_*/manifest.json")) and (directory / "config.yaml").is_file()
    again = f"resume='{directory}'"
    composed = continuation(again, [again], plan.config_dirs) if saved else compose(job.overrides, plan.config_dirs)
    return execute(composed, directory=directory)


def _state(directory: Path) -> str:
    """Return the state that a job's status file tells."""
    return str(RunDirectory(directory).read_json("status.json").get("state", ""))


def leave_status(directory: Path, message: str, state: str = "failed") -> None:
    """Write a status for a job that did not get to write one."""
    from wattloom.status import write_failure

    directory.mkdir(parents=True, exist_ok=True)
    write_failure(RunDirectory(directory), message, state)


def launch(plan: Plan, overrides: Sequence[str]) -> None:
    """Hand the jobs to a launcher of Hydra."""
    from hydra._internal.callbacks import Callbacks
    from hydra.core.plugins import Plugins
    from hydra.core.utils import JobRuntime, setup_globals
    from hydra.types import HydraContext

    from wattloom.loader import hydra_version

    with hydra_version():
        setup_globals()
        JobRuntime.instance().set("name", "wattloom")
        config_loader, config = launcher_config(plan.directory, overrides)
        launcher = Plugins.instance().instantiate_launcher(
            hydra_context=HydraContext(config_loader, Callbacks(config)), task_function=functools.partial(run_one, plan), config=config
        )
        launcher.launch([[f"++job={index}"] for index in range(len(plan.jobs))], initial_job_idx=0)


def launcher_config(directory: str, overrides: Sequence[str]) -> tuple[Any, Any]:
    """Return Hydra's own configuration, the one of the launcher; Hydra's folders and logs are switched off.

    Raises:
        UsageError: No such launcher or setting.
        MissingExtraError: The launcher is not installed.
    """
    from hydra._internal.config_loader_impl import ConfigLoaderImpl
    from hydra._internal.config_search_path_impl import ConfigSearchPathImpl
    from hydra.core.plugins import Plugins
    from hydra.errors import HydraException
    from hydra.types import RunMode

    from wattloom.loader import hydra_version

    quiet = [
        "hydra.output_subdir=null",
        "hydra/job_logging=none",
        "hydra/hydra_logging=none",
        "hydra.job.chdir=false",
        "hydra.mode=MULTIRUN",
    ]
    places = [f"hydra.sweep.dir='{directory}'", "hydra.sweep.subdir=.", f"hydra.run.dir='{directory}'"]
    with hydra_version():
        Plugins.instance()
        search_path = ConfigSearchPathImpl()
        search_path.append("hydra", "pkg://hydra.conf")
        search_path.append("schema", "structured://")
        config_loader = ConfigLoaderImpl(search_path)
        try:
            return config_loader, config_loader.load_configuration(None, [*quiet, *places, "+job=0", *overrides], RunMode.MULTIRUN)
        except HydraException as error:
            raise _launcher_error(overrides, config_loader.get_group_options("hydra/launcher"), error) from error


def _launcher_error(overrides: Sequence[str], known: Sequence[str], error: Exception) -> WattloomError:
    """Say what is wrong with the settings of the launcher."""
    for text in overrides:
        key, _, name = text.partition("=")
        if key == "hydra/launcher" and name not in known:
            if name in EXTRAS:
                return MissingExtraError(f"hydra/launcher={name}", EXTRAS[name])
            return UsageError(f"no launcher named '{name}'{did_you_mean(name, [*known, *EXTRAS])}")
    return UsageError(f"the launcher's settings are wrong: {error} {error.__cause__ or ''}".strip())


def word(code: int | None) -> str:
    """Return an exit code as a word."""
    return {0: "completed", 130: "interrupted", 143: "interrupted"}.get(code or 0, "failed")
