"""Sweeps: every combination of values, through Hydra's launchers (basic, joblib, submitit), with a status for every job.

Combinations are expanded here and each job composes its own overrides, exactly as a single run would; the launcher only carries the job's number.
So a group may be swept together with keys that only some of its options have, and the folder shows the plain overrides.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import itertools
import json
import os
import secrets
import shlex
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hydra.core.override_parser.types import Override

from wattloom.compose import Composed, compose, compose_with, continuation
from wattloom.config import RunConfig
from wattloom.errors import ConfigError, MissingExtraError, RunError, UsageError, WattloomError, did_you_mean
from wattloom.loader import Loader
from wattloom.registry import REGISTRY
from wattloom.run_directory import RunDirectory, slug, write_atomically

NAME_LENGTH = 80
INTERRUPTED = (130, 143)
EXTRAS = {"joblib": "joblib", "submitit_local": "slurm", "submitit_slurm": "slurm"}


@dataclass(frozen=True, slots=True)
class Job:
    """One run of a sweep.

    Attributes:
        key: Its folder: the swept values and a hash of all overrides, the same whenever the sweep is run again.
        overrides: What it composes.
    """

    key: str
    overrides: tuple[str, ...]

    @property
    def command(self) -> str:
        """The command that runs this job alone."""
        return shlex.join(["wattloom", *self.overrides])


@dataclass(frozen=True, slots=True)
class Plan:
    """A sweep; travels to the processes that run its jobs.

    Attributes:
        directory: Where the jobs' folders go.
        jobs: In order.
        config_dirs: Folders of ``--config-dir``.
        trust: ``--trust``.
    """

    directory: str
    jobs: tuple[Job, ...]
    config_dirs: tuple[str, ...] = ()
    trust: bool = False


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
    first = _check_all(loader, jobs, config_dirs, trust)
    _launcher_config(".", [text for text in hydra if not _names_folder(text)])
    directory, launcher_overrides = _directory(first, hydra)
    plan = Plan(str(directory), jobs, tuple(str(Path(folder).resolve()) for folder in config_dirs), trust)
    listing = {"overrides": list(overrides), "jobs": [asdict(job) | {"command": job.command} for job in jobs]}
    write_atomically(directory / "sweep.json", json.dumps(listing, indent=2) + "\n")
    print(f"sweep of {len(jobs)} runs -> {directory}", flush=True)
    interrupted = False
    try:
        _launch(plan, launcher_overrides)
    except KeyboardInterrupt:
        interrupted = True
    except WattloomError:
        raise
    except Exception as error:  # a worker died hard: what the jobs left behind tells which
        print(f"the launcher failed: {type(error).__name__}: {error}", flush=True)
    return _report(plan, interrupted)


# which jobs


def expand(loader: Loader, overrides: Sequence[str]) -> tuple[Job, ...]:
    """Return one job a combination; the last of several overrides of one key counts.

    Raises:
        ConfigError: A value that cannot be swept.
    """
    axes: dict[str, list[str]] = {}
    swept: list[str] = []
    for item in loader.parse(_with_presets(loader, overrides)):
        key = item.get_key_element()
        axes[key] = _values(loader, item)
        if len(axes[key]) > 1:
            swept.append(key)
    combinations = [tuple(combination) for combination in itertools.product(*axes.values())]
    return tuple(Job(_key(combination, swept), combination) for combination in dict.fromkeys(combinations))


def _with_presets(loader: Loader, overrides: Sequence[str]) -> list[str]:
    """Replace ``sweep=name`` by the axes of that preset; what stands on the command line wins."""
    rest = [text for text in overrides if not text.lstrip("+").startswith("sweep=")]
    axes: list[str] = []
    for text in overrides:
        if text not in rest:
            name = text.partition("=")[2]
            content = loader.content("sweep", name)
            unknown = [key for key in content if key != "axes"]
            if unknown or not isinstance(content.get("axes"), list):
                raise ConfigError(
                    f"sweep={name}: a sweep preset is one list 'axes' of overrides{did_you_mean(unknown[0], ['axes']) if unknown else ''}"
                )
            axes += [str(axis) for axis in content["axes"]]
    return [*axes, *rest]


def _values(loader: Loader, item: Override) -> list[str]:
    """Return the overrides that one axis stands for."""
    key = item.get_key_element()
    if not item.is_sweep_override():
        return [str(item.input_line)]
    if not item.is_discrete_sweep():
        raise ConfigError(f"'{item.input_line}': an interval has no list of values; write range(low,high,step) or the values themselves")
    item.config_loader = _Options(loader)  # type: ignore[assignment]  # a glob asks for the options alone
    values = [f"{key}={value}" for value in item.sweep_string_iterator()]
    if not values:
        raise ConfigError(f"'{item.input_line}' matches nothing; known: {', '.join(loader.options(item.key_or_group))}")
    return values


class _Options:
    """What Hydra asks for when a glob is expanded."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def get_group_options(self, group_name: str, *_: Any, **__: Any) -> list[str]:
        """Return the options of a group."""
        return self._loader.options(group_name)


def _key(overrides: Sequence[str], swept: Sequence[str]) -> str:
    """Return a folder name that people can read and that no other combination has."""
    shown = [text for text in overrides if text.partition("=")[0] in swept]
    digest = hashlib.sha256("\n".join(sorted(overrides)).encode()).hexdigest()[:6]
    return f"{slug(','.join(shown).replace('=', '-'))[:NAME_LENGTH]}-{digest}"


def _check_all(loader: Loader, jobs: Sequence[Job], config_dirs: Sequence[str], trust: bool) -> Composed:
    """Compose and check every job before the first one starts; jobs that differ in their seed alone are checked once."""
    first: Composed | None = None
    checked: set[tuple[str, ...]] = set()
    for index, job in enumerate(jobs):
        apart_from_seed = tuple(text for text in job.overrides if not text.startswith("seed="))
        if apart_from_seed in checked and first is not None:
            continue
        checked.add(apart_from_seed)
        try:
            composed = compose_with(loader, job.overrides, config_dirs)
            RunConfig.from_composed(composed)
            composed.check()
        except ConfigError as error:
            raise ConfigError(f"run {index + 1} of {len(jobs)} ({' '.join(job.overrides)}): {error}") from error
        first = first or composed
    if first is None:
        raise UsageError("the sweep has no runs")
    return first


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


# running them


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
    print(f"[{index + 1}/{len(plan.jobs)}] {_word(code)}: {' '.join(job.overrides)}{f': {error}' if error else ''}", flush=True)
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
        _leave_status(directory, message)
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


def _leave_status(directory: Path, message: str) -> None:
    """Write a failed status for a job that did not get to write one."""
    from wattloom.status import write_failure

    directory.mkdir(parents=True, exist_ok=True)
    write_failure(RunDirectory(directory), message)


def _launch(plan: Plan, overrides: Sequence[str]) -> None:
    """Hand the jobs to a launcher of Hydra."""
    from hydra._internal.callbacks import Callbacks
    from hydra.core.plugins import Plugins
    from hydra.core.utils import JobRuntime, setup_globals
    from hydra.types import HydraContext

    from wattloom.loader import hydra_version

    with hydra_version():
        setup_globals()
        JobRuntime.instance().set("name", "wattloom")
        config_loader, config = _launcher_config(plan.directory, overrides)
        launcher = Plugins.instance().instantiate_launcher(
            hydra_context=HydraContext(config_loader, Callbacks(config)), task_function=functools.partial(run_one, plan), config=config
        )
        launcher.launch([[f"++job={index}"] for index in range(len(plan.jobs))], initial_job_idx=0)


def _launcher_config(directory: str, overrides: Sequence[str]) -> tuple[Any, Any]:
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


# what came of them


def _report(plan: Plan, interrupted: bool) -> int:
    """Print how the sweep ended, with the command of every failed job, and return the exit code."""
    failed: list[tuple[Job, str]] = []
    done = waiting = 0
    for job in plan.jobs:
        code, error = _outcome(plan, job, interrupted)
        done += code == 0
        waiting += code is None
        if code not in (0, None):
            failed.append((job, error or _word(code)))
    print(f"{done} of {len(plan.jobs)} runs completed -> {plan.directory}")
    for job, error in failed:
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
    _leave_status(directory, message)
    return INTERRUPTED[0] if interrupted else 1, message


def _word(code: int | None) -> str:
    """Return an exit code as a word."""
    return {0: "completed", 130: "interrupted", 143: "interrupted"}.get(code or 0, "failed")
