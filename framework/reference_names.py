"""References: algorithms that learn nothing, named as on a command line, built for the environment of somebody else's run.

A reference is written ``opf``, with settings ``opf+batteries=true``, and with a label of its own ``bound:opf+batteries=true``.
"""

from __future__ import annotations

from wattloom.algorithm import Algorithm
from wattloom.compose import Composed, compose_component
from wattloom.errors import ConfigError, UsageError
from wattloom.targets import build


def split_references(text: str) -> list[str]:
    """Return the names in a comma list such as ``zero,constant+value=1,opf+batteries=true``, each once.

    Raises:
        UsageError: An empty name.
    """
    names = [item.strip() for item in text.split(",")]
    if text.strip() and not all(names):
        raise UsageError(f"an empty name in '{text}': write a comma list such as zero,droop")
    return list(dict.fromkeys(name for name in names if name))


def label_of(name: str) -> str:
    """Return how a reference is printed: its label, or all of it."""
    label, colon, _ = name.partition(":")
    return label if colon and "+" not in label else name


def reference_overrides(name: str) -> list[str]:
    """Return the overrides that a reference stands for: ``opf+batteries=true`` is ``algorithm=opf algorithm.batteries=true``.

    Raises:
        UsageError: A setting without ``=``.
    """
    option, *settings = name.removeprefix(f"{label_of(name)}:").split("+")
    if not option or not all("=" in setting for setting in settings):
        raise UsageError(f"cannot read the reference '{name}': write NAME, NAME+key=value or LABEL:NAME+key=value, e.g. opf+batteries=true")
    return [f"algorithm={option}", *(f"+algorithm.{setting}" for setting in settings)]


def build_reference(name: str, composed: Composed) -> Algorithm:
    """Build a reference for the environment of ``composed``.

    Raises:
        UsageError: It learns: without training it is no reference.
        ConfigError: An unknown name or key, or a value out of range.
    """
    node = compose_component("algorithm", reference_overrides(name), composed.config, composed.extra_dirs)
    algorithm = build(node, "algorithm", composed.origin, trust=composed.trust is not False)
    if not isinstance(algorithm, Algorithm):
        raise ConfigError(f"algorithm: {type(algorithm).__name__} is no wattloom.Algorithm; derive it from that class")
    if algorithm.learns:
        raise UsageError(f"'{name}' learns, so it is no baseline: untrained it says nothing")
    return algorithm


def gap_of(text: str) -> tuple[str, str]:
    """Return the two labels of ``FROM:TO``, e.g. ``zero:opf``.

    Raises:
        UsageError: Not two different ones.
    """
    begin, colon, end = text.partition(":")
    if not colon or not begin or not end or begin == end or ":" in end:
        raise UsageError(f"--gap {text}: write two references as FROM:TO, the worse one first, e.g. zero:opf")
    return begin, end
