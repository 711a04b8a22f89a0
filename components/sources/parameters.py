"""The parameter tables of the built-in generators, read once from package data (``tables/``, see its PROVENANCE.md)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

import numpy as np

from wattloom.components.sources.seasonal_ar import SeasonalAR
from wattloom.components.sources.series import Floats, frozen
from wattloom.errors import ConfigError, did_you_mean


@dataclass(frozen=True)
class Zone:
    """One zone of one table.

    Attributes:
        name: Exact name, as in the config.
        place: Whose shared climate it is drawn from.
        facts: Everything else the table says (offset, latitude, ...).
        models: Quantity -> fitted model.
    """

    name: str
    place: str
    facts: dict[str, Any]
    models: dict[str, SeasonalAR]


@lru_cache(maxsize=32)
def table(name: str) -> dict[str, Any]:
    """Return a parsed table by name, e.g. ``"weather_us"``."""
    text = files("wattloom.components.sources").joinpath("tables", f"{name}.json").read_text(encoding="utf-8")
    parsed: dict[str, Any] = json.loads(text)
    return parsed


def zone(kind: str, name: str | None, tables: tuple[str, ...]) -> Zone:
    """Find a zone by its exact name in the tables of one kind.

    Args:
        kind: For the message, e.g. ``"carbon"``.
        name: Zone as written in the config; None where the location names none.
        tables: Names of the tables to look in, in order.

    Raises:
        ConfigError: If no table has the zone; names the nearest.
    """
    for source in tables:
        if name in table(source)["zones"]:
            return _zone(source, str(name))
    known = [z for source in tables for z in table(source)["zones"]]
    if name is None:
        raise ConfigError(
            f"{kind}.zone is empty: this location has no {kind} series; set {kind}.zone to one of {', '.join(known)}, or use {kind}=constant"
        )
    raise ConfigError(f"{kind}.zone={name!r} is unknown{did_you_mean(str(name), known)}")


@lru_cache(maxsize=128)
def _zone(source: str, name: str) -> Zone:
    entry = table(source)["zones"][name]
    levels = tuple(table(source).get("levels", ()))
    lead = 1 if table(source).get("stamps") == "end" else 0
    models = {q: SeasonalAR.from_table(m, levels, lead) for q, m in entry.get("quantities", {}).items()}
    facts = {k: v for k, v in entry.items() if k != "quantities"}
    return Zone(name, entry.get("place", name.lower()), facts, models)


@lru_cache(maxsize=32)
def joint(place: str) -> tuple[tuple[str, ...], Floats]:
    """Return the nodes of a place and the lower Cholesky factor of their innovation correlation; empty where nothing is known."""
    entry = table("joint")["places"].get(place)
    if entry is None:
        return (), frozen(np.zeros((0, 0)))
    return tuple(entry["nodes"]), frozen(np.linalg.cholesky(np.asarray(entry["correlation"])))
