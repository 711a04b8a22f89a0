"""The files of one run: an exclusive folder, its manifest, a lock that names its writer.

Layout::

    runs/<run name>/<date>/<time>-<4 hex>/
      config.yaml      resolved configuration        overrides.yaml   what was asked for
      manifest.json    versions, commit, seed, command                status.json  heartbeat
      logs/metrics.jsonl …   evaluations/<name>/…   checkpoints/step_…   captures/   curves/   report.html
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from wattloom.errors import RunError
from wattloom.telemetry.json import dumps


def slug(name: str) -> str:
    """Return ``name`` as a folder name: letters, digits, ``-``, ``_`` and ``.`` only."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.") or "run"


class RunDirectory:
    """Paths and small files of one run. Hooks write only through this object, so that the working directory never matters.

    Args:
        path: The run's folder; use :meth:`create` or :meth:`open`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def create(cls, root: Path, run_name: str, exact: Path | None = None) -> RunDirectory:
        """Make a new folder that no other run has, or ``exact`` for the jobs of a sweep.

        Raises:
            RunError: The folder cannot be written.
        """
        day = root / slug(run_name) / time.strftime("%Y-%m-%d")
        try:
            if exact is not None:
                exact.mkdir(parents=True, exist_ok=True)
                return cls(exact.resolve())
            day.mkdir(parents=True, exist_ok=True)
            for _ in range(100):
                path = day / f"{time.strftime('%H-%M-%S')}-{secrets.token_hex(2)}"
                with contextlib.suppress(FileExistsError):
                    path.mkdir()
                    return cls(path.resolve())
        except OSError as error:
            raise RunError(
                f"cannot write the run directory under '{root}': {error.strerror}; set runs_dir=... or WATTLOOM_RUNS to a folder you may write"
            ) from error
        raise RunError(f"no free folder name under '{day}' after 100 tries")

    @classmethod
    def open(cls, path: str | Path) -> RunDirectory:
        """Return the run in ``path``.

        Raises:
            RunError: There is no run.
        """
        folder = Path(path).expanduser().resolve()
        if not folder.is_dir():
            raise RunError(f"there is no run directory '{path}'{_newest_hint(folder)}")
        if not (folder / "config.yaml").is_file():
            raise RunError(f"'{path}' is not a run directory: it holds no config.yaml{_newest_hint(folder)}")
        return cls(folder)

    def folder(self, name: str) -> Path:
        """Return the sub-folder ``name``, made on first use."""
        path = self.path / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    @property
    def logs(self) -> Path:
        """Metric files."""
        return self.folder("logs")

    @property
    def checkpoints(self) -> Path:
        """Saved states."""
        return self.folder("checkpoints")

    @property
    def captures(self) -> Path:
        """GIFs and their metadata."""
        return self.folder("captures")

    @property
    def curves(self) -> Path:
        """Learning curves."""
        return self.folder("curves")

    @property
    def evaluations(self) -> Path:
        """One folder an evaluation."""
        return self.folder("evaluations")

    def write_yaml(self, name: str, value: Any) -> None:
        """Write ``value`` as YAML, atomically."""
        write_atomically(self.path / name, yaml.safe_dump(value, sort_keys=False, allow_unicode=True))

    def write_json(self, name: str, value: Mapping[str, Any]) -> None:
        """Write ``value`` as JSON, atomically."""
        write_atomically(self.path / name, dumps(value, indent=2) + "\n")

    def read_yaml(self, name: str) -> Any:
        """Read a YAML file of the run.

        Raises:
            RunError: The file is missing or cannot be read.
        """
        try:
            return yaml.safe_load((self.path / name).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise RunError(f"cannot read {self.path / name}: {error}") from error

    def read_config(self) -> dict[str, Any]:
        """Return the resolved configuration of the run.

        Raises:
            RunError: ``config.yaml`` is missing or damaged.
        """
        value = self.read_yaml("config.yaml")
        if not isinstance(value, dict):
            raise RunError(f"{self.path / 'config.yaml'} is damaged: it holds no settings")
        return value

    def read_overrides(self) -> list[str]:
        """Return what was asked for on the command line.

        Raises:
            RunError: ``overrides.yaml`` is missing or damaged.
        """
        value = self.read_yaml("overrides.yaml") or []
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise RunError(f"{self.path / 'overrides.yaml'} is damaged: it is no list of overrides")
        return value

    def read_json(self, name: str) -> dict[str, Any]:
        """Read a JSON file of the run; empty where there is none or it is torn."""
        try:
            value = json.loads((self.path / name).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return value if isinstance(value, dict) else {}

    def lock(self) -> RunLock:
        """Return the lock of this run; enter it before writing."""
        return RunLock(self.path / "lock.json")


class RunLock:
    """One writer a run: a file that names host, process and its start; a dead process's lock is taken over."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> RunLock:
        """Take the lock.

        Raises:
            RunError: Another living process holds it.
        """
        for _ in range(2):
            try:
                descriptor = os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
            except FileExistsError:
                self._refuse_if_alive()
                self.path.unlink(missing_ok=True)
                continue
            with os.fdopen(descriptor, "w") as file:
                json.dump({"host": socket.gethostname(), "pid": os.getpid(), "process_start": process_start(os.getpid())}, file)
            return self
        raise RunError(f"cannot take the lock {self.path}: another process keeps taking it")

    def __exit__(self, *_: object) -> None:
        """Give the lock back."""
        self.path.unlink(missing_ok=True)

    def _refuse_if_alive(self) -> None:
        """Raise if the holder may be alive."""
        try:
            holder = json.loads(self.path.read_text(encoding="utf-8"))
            pid = int(holder["pid"])
        except (OSError, ValueError, TypeError, KeyError):
            return  # torn by a process that died while it took the lock
        here = holder.get("host") == socket.gethostname()
        if here and process_start(pid) != holder.get("process_start"):
            return  # the process is gone, or its number was given to another one
        raise RunError(
            f"run {self.path.parent} is being written by process {pid} on {holder.get('host')}; "
            f"wait for it, or delete {self.path} if that machine is gone"
        )


def process_start(pid: int) -> float | None:
    """Return when process ``pid`` of this machine started (clock ticks since boot where /proc tells), None if there is none."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return None if fields[0] == "Z" else float(fields[19])
    except (OSError, IndexError):
        pass
    if Path("/proc/self/stat").exists():
        return None
    try:  # no /proc (macOS): only whether it lives
        os.kill(pid, 0)
    except (OSError, OverflowError):
        return None
    return 0.0


def write_atomically(path: Path, text: str) -> None:
    """Write ``text`` so that a reader sees the old file or the new one, never half of it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with temporary.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def find_runs(root: Path) -> list[Path]:
    """Return every run folder under ``root``, newest first."""
    manifests = sorted(root.glob("**/manifest.json"), key=lambda file: file.stat().st_mtime, reverse=True)
    return [file.parent for file in manifests if file.parent.name != "checkpoints" and (file.parent / "config.yaml").is_file()]


def _newest_hint(folder: Path) -> str:
    """Return ``"; the newest run near it is …"`` where there is one."""
    for parent in (folder, *folder.parents[:4]):
        if parent.is_dir() and parent.name in ("runs", folder.name):
            runs = find_runs(parent)
            return f"; the newest run near it is '{runs[0]}'" if runs else ""
    return ""
