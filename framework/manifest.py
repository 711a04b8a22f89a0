"""What a run was: versions, machine, commit, command and a hash of the configuration that its results depend on."""

from __future__ import annotations

import hashlib
import json
import platform
import subprocess
import sys
import time
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import wattloom

PACKAGES = ("numpy", "torch", "gymnasium", "pettingzoo", "hydra-core", "omegaconf", "pandapower")
BOOKKEEPING = ("resume", "runs_dir", "run_name")
LIMITS = ("stop_at", "wall_time")


def config_hash(config: Mapping[str, Any]) -> str:
    """Return 12 hex digits that change with every key that can change a number (not with where files go or when to pause)."""
    relevant = {key: value for key, value in config.items() if key not in BOOKKEEPING}
    if isinstance(relevant.get("runner"), Mapping):
        relevant["runner"] = {key: value for key, value in relevant["runner"].items() if key not in LIMITS}
    return hashlib.sha256(json.dumps(relevant, sort_keys=True, default=str).encode()).hexdigest()[:12]


def manifest(config: Mapping[str, Any], overrides: list[str], command: list[str] | None = None) -> dict[str, Any]:
    """Return the content of ``manifest.json``."""
    return {
        "schema": 1,
        "wattloom": wattloom.__version__,
        "created": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "command": command or [Path(sys.argv[0]).name, *sys.argv[1:]],
        "overrides": overrides,
        "seed": config.get("seed"),
        "config_hash": config_hash(config),
        "git_commit": git_commit(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: version for name in PACKAGES if (version := _version(name))},
    }


def git_commit() -> str | None:
    """Return the commit of the working directory's repository (with ``+`` where files were changed), or None."""
    try:
        head = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, timeout=5, check=True).stdout.strip()
        changed = subprocess.run(["git", "status", "--porcelain", "-uno"], capture_output=True, text=True, timeout=5, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    return head + ("+" if changed.strip() else "")


def _version(package: str) -> str | None:
    """Return the installed version of ``package``, or None."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
