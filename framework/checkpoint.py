"""Checkpoints that survive a killed process, and that say so when a disk has changed a byte.

A checkpoint is a folder ``step_000012000/`` of one file a part (``algorithm.pt``, ``environment.pt``, ``run.pt``) and ``manifest.json`` with their
SHA-256. Order of writing: temporary folder, files, fsync, manifest, rename, pointer ``latest``, and only then are old ones deleted. Files hold
tensors and plain values alone and are read with ``weights_only=True``, so that loading never runs code.
"""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from wattloom.errors import RunError
from wattloom.run_directory import write_atomically

SCHEMA = 1
ARRAY = "__array__"
PLAIN = (type(None), bool, int, float, complex, str, bytes)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A verified checkpoint in memory.

    Attributes:
        path: Its folder.
        step: Env steps when it was written.
        parts: Part name to state.
        skipped: Newer checkpoints that were damaged, with the reason.
    """

    path: Path
    step: int
    parts: Mapping[str, Any]
    skipped: tuple[str, ...] = ()


class CheckpointStore:
    """Writes, finds and prunes the checkpoints of one run.

    Args:
        folder: The run's ``checkpoints/``.
        keep: How many of the newest stay besides the best; None: all.
    """

    def __init__(self, folder: Path, keep: int | None = None) -> None:
        self.folder = folder
        self.keep = keep

    def save(self, step: int, parts: Mapping[str, Any], info: Mapping[str, Any], best: bool = False) -> Path:
        """Write ``parts`` as the checkpoint of ``step`` and return its folder.

        Args:
            step: Env steps.
            parts: Part name to a tree of dicts, lists, arrays, tensors and plain values.
            info: What the manifest says besides (versions, promise …).
            best: Point ``best`` at it.

        Raises:
            RunError: The disk refuses; names the folder.
        """
        target = self.folder / f"step_{step:09d}"
        temporary = self.folder / f".writing-{target.name}-{os.getpid()}"
        try:
            self.sweep()
            self._write(temporary, step, parts, info)
            if target.exists():  # the same step again, e.g. after a resume: set aside until the newer state stands
                target.rename(self._aside(target))
            temporary.rename(target)
            _sync_folder(self.folder)
            shutil.rmtree(self._aside(target), ignore_errors=True)
            write_atomically(self.folder / "latest", target.name + "\n")
            if best:
                write_atomically(self.folder / "best", target.name + "\n")
        except OSError as error:
            raise RunError(f"cannot write checkpoint {target}: {error.strerror or error}; free space or set runs_dir=...") from error
        self._prune()
        return target

    def _write(self, folder: Path, step: int, parts: Mapping[str, Any], info: Mapping[str, Any]) -> None:
        """Write every file of a checkpoint into ``folder`` and force it to disk."""
        import torch

        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        hashes = {}
        for name, state in parts.items():
            path = folder / f"{name}.pt"
            with path.open("wb") as file:
                torch.save(encode(state, name), file)
                file.flush()
                os.fsync(file.fileno())
            hashes[path.name] = digest(path)
        manifest = {"schema": SCHEMA, "step": step, **info, "sha256": hashes}
        write_atomically(folder / "manifest.json", json.dumps(manifest, indent=2) + "\n")
        _sync_folder(folder)

    def steps(self) -> list[Path]:
        """Return the complete checkpoint folders, oldest first."""
        if any(self.folder.glob(".aside-*")):
            self.sweep()
        return sorted(path.parent for path in self.folder.glob("step_*/manifest.json"))

    def pointed(self, name: str) -> Path | None:
        """Return the folder that pointer ``name`` (``latest``, ``best``) names, or None."""
        try:
            path = self.folder / (self.folder / name).read_text().strip()
        except OSError:
            return None
        return path if path.is_dir() else None

    def find(self, which: str) -> Path:
        """Return the checkpoint ``latest``, ``best``, a step number or a folder name.

        Raises:
            RunError: There is none; lists those that exist.
        """
        if which in ("latest", "best"):
            found = self.pointed(which) or (self.steps()[-1] if which == "latest" and self.steps() else None)
        else:
            name = f"step_{int(which):09d}" if which.isdigit() else which
            found = self.folder / name if (self.folder / name).is_dir() else None
        if found is None:
            known = ", ".join(path.name for path in self.steps()) or "none"
            raise RunError(f"no checkpoint '{which}' in {self.folder}; there are: {known}")
        return found

    def load(self, which: str = "latest") -> Checkpoint:
        """Load and verify a checkpoint; ``latest`` falls back to the newest one that is whole.

        Raises:
            RunError: No checkpoint is whole; names every damaged file.
        """
        if which != "latest":
            path = self.find(which)
            return _read(path)
        skipped: list[str] = []
        candidates = [*reversed(self.steps())]
        if not candidates and not any(self.folder.glob("step_*")):
            raise RunError(f"no checkpoint in {self.folder}: the run ended before its first one")
        for path in candidates:
            try:
                checkpoint = _read(path)
            except RunError as error:
                skipped.append(str(error))
                continue
            return Checkpoint(checkpoint.path, checkpoint.step, checkpoint.parts, tuple(skipped))
        raise RunError(f"no whole checkpoint in {self.folder}: " + "; ".join(skipped or ["manifest.json is missing in every one"]))

    def sweep(self) -> None:
        """Remove what a killed process left half written, and put back what it had set aside."""
        for path in self.folder.glob(".writing-*"):
            shutil.rmtree(path, ignore_errors=True)
        for path in self.folder.glob(".aside-*"):
            target = self.folder / path.name.removeprefix(".aside-")
            if target.exists():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.rename(target)

    @staticmethod
    def _aside(target: Path) -> Path:
        """Return where ``target`` waits while its replacement is renamed."""
        return target.with_name(f".aside-{target.name}")

    def _prune(self) -> None:
        """Delete all but the newest ``keep`` and the best."""
        if self.keep is None:
            return
        best = self.pointed("best")
        for path in self.steps()[: -self.keep or None]:
            if path != best:
                shutil.rmtree(path, ignore_errors=True)


def _read(folder: Path) -> Checkpoint:
    """Read one checkpoint, verifying every byte."""
    import torch

    try:
        manifest = json.loads((folder / "manifest.json").read_text())
        hashes = manifest["sha256"]
    except (OSError, ValueError, KeyError) as error:
        raise RunError(f"{folder / 'manifest.json'} is missing or damaged ({type(error).__name__})") from error
    parts = {}
    for name, expected in hashes.items():
        path = folder / name
        if not path.is_file():
            raise RunError(f"{path} is missing")
        if digest(path) != expected:
            raise RunError(f"{path} is damaged: its SHA-256 is not the one in manifest.json")
        try:
            parts[path.stem] = decode(torch.load(path, map_location="cpu", weights_only=True))
        except pickle.UnpicklingError as error:
            raise RunError(f"{path} holds more than tensors and plain values and is not read, because that could run code") from error
    return Checkpoint(folder, int(manifest["step"]), parts)


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest of a checkpoint folder; empty where it cannot be read."""
    try:
        value = json.loads((folder / "manifest.json").read_text())
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def encode(value: Any, where: str = "state") -> Any:
    """Return a tree that ``torch.load(weights_only=True)`` accepts: arrays become tagged tensors, NumPy scalars plain numbers.

    Args:
        value: Tree of dicts, lists, arrays, tensors and plain values.
        where: Its name, for messages.

    Raises:
        RunError: Something else is in it, which could be written but never read again.
    """
    import torch

    if isinstance(value, np.ndarray) and value.dtype.kind in "biufc":
        return {ARRAY: torch.from_numpy(np.ascontiguousarray(value)).clone().reshape(value.shape)}
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, Mapping):
        return {_key(key, where): encode(item, f"{where}.{key}") for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(encode(item, f"{where}[{index}]") for index, item in enumerate(value))
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, torch.Tensor) or type(value) in PLAIN:
        return value
    raise RunError(_unsaved(where, value))


def _key(key: Any, where: str) -> Any:
    """Return the key of a mapping, which has to be plain too."""
    if isinstance(key, np.generic):
        return key.item()
    if type(key) in PLAIN or (type(key) is tuple and all(type(part) in PLAIN for part in key)):
        return key
    raise RunError(_unsaved(f"a key of {where}", key))


def _unsaved(where: str, value: Any) -> str:
    """Say what cannot be saved and what can."""
    what = f"array of dtype {value.dtype}" if isinstance(value, np.ndarray) else type(value).__name__
    return (
        f"a checkpoint cannot hold {where}, of type {what}: state_dict() and get_state() may return tensors, arrays of numbers, "
        "numbers, text, None, and dicts, lists and tuples of them"
    )


def decode(value: Any) -> Any:
    """Undo :func:`encode`."""
    if isinstance(value, dict):
        if set(value) == {ARRAY}:
            return value[ARRAY].numpy()
        return {key: decode(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(decode(item) for item in value)
    return value


def digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync_folder(folder: Path) -> None:
    """Force a folder's entries to disk (not possible, and not needed, on Windows)."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
