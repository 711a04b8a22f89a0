"""The keys that the options of some config groups have, for tests that change each of them alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

import wattloom.conf
from wattloom.registry import import_target

CONF = Path(wattloom.conf.__file__).parent
Changes = Mapping[tuple[str, str], Mapping[str, Any]]


def options(groups: Sequence[str], package: str, nested: Sequence[str] = ()) -> Iterator[tuple[str, str, type, list[str]]]:
    """Yield group, option, class and keys of every option whose class lies in ``package``; mappings called ``nested`` come key by key."""
    for group in sorted(groups):
        for file in sorted((CONF / group).glob("*.yaml")):
            keys = OmegaConf.to_container(OmegaConf.load(file), resolve=False)
            target = keys.pop("_target_", "")
            inner = {f"{name}__{key}" for name in nested for key in keys.pop(name, ())}
            if target.startswith(f"wattloom.{package}."):
                yield group, file.stem, import_target(target), sorted(keys.keys() | inner)


def cases(
    changes: Changes, package: str, nested: Sequence[str] = (), exceptions: Sequence[tuple[str, str, str]] = ()
) -> list[tuple[str, str, str, Any]]:
    """Return ``(group, option, key, change)`` for every key of every option of the groups in ``changes``.

    The change of a key is its own option's, or that of an option whose class has a base in common; None where nobody gave one.
    """
    found = list(options({group for group, _ in changes}, package, nested))
    bases = {(group, option): set(made.__mro__[:-1]) for group, option, made, _ in found}
    listed: list[tuple[str, str, str, Any]] = []
    for group, option, _, keys in found:
        kin = [other for g, other in changes if g == group and bases[group, option] & bases[g, other]]
        kin.sort(key=lambda other: other != option)
        known = {key: change for other in reversed(kin) for key, change in changes[group, other].items()}
        listed += [(group, option, key, known.get(key)) for key in keys if (group, option, key) not in exceptions]
    return listed
