"""Filling holes and clipping, as the policies say: bounded, counted and reported, never silent."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

from wattloom.components.sources.formats.cells import Measured
from wattloom.components.sources.formats.findings import Finding
from wattloom.components.sources.formats.policies import Policies
from wattloom.components.sources.formats.quantities import quantity, unit_text
from wattloom.components.sources.series import HOUR, Floats

TINY = 0.01  # share of the maximum below which a negative value counts as a blemish of measurement


def fill(series: list[Measured], policies: Policies) -> tuple[list[Measured], list[Finding]]:
    """Fill missing values; series that miss the same steps share one finding."""
    holes: dict[bytes, list[Measured]] = defaultdict(list)
    for one in series:
        absent = np.isnan(one.values)
        if absent.any():
            holes[absent.tobytes()].append(one)
    found = [finding for members in holes.values() if (finding := _missing(members, policies)) is not None]
    refused = {name for finding in found if finding.level == "error" for name in finding.series}
    return [one if one.name in refused else one.with_values(filled(one.values, policies.missing)) for one in series], found


def filled(values: Floats, policy: str) -> Floats:
    """Return the values with NaN replaced: by a line between the neighbours, the last value, or the mean (``"error"``: unchanged)."""
    absent = np.isnan(values)
    if not absent.any() or absent.all() or policy == "error":
        return values
    if policy == "mean":
        return np.where(absent, values[~absent].mean(), values)
    known = np.flatnonzero(~absent)
    if policy == "interpolate":
        return np.interp(np.arange(values.size), known, values[known])
    last = np.maximum.accumulate(np.where(absent, known[0], np.arange(values.size)))
    return values[last]


def runs(flags: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the begin and length of every run of True, each shape (m,)."""
    edges = np.diff(np.concatenate([[0], flags.astype(np.int8), [0]]))
    begin = np.flatnonzero(edges == 1)
    return begin, np.flatnonzero(edges == -1) - begin


def _missing(members: list[Measured], policies: Policies) -> Finding | None:
    one = members[0]
    absent = np.isnan(one.values)
    begin, length = runs(absent)
    longest = float(length.max()) * one.step_seconds / HOUR
    too_long = policies.missing in ("interpolate", "hold") and longest > policies.max_gap_hours
    in_file = absent & (one.lines > 0)
    if not in_file.any() and not too_long:
        return None  # the missing stamps were reported already
    first = int(begin[np.argmax(length)]) if too_long else int(np.flatnonzero(in_file)[0])
    column = one.column + (f" and {len(members) - 1} more" if len(members) > 1 else "")
    count = int(absent.sum())
    message = f"{count} values are missing in {begin.size} stretches, the longest {longest:g} h; policy missing={policies.missing}"
    fix = "nothing, or another choice of missing="
    if too_long:
        message += f" fills at most {policies.max_gap_hours:g} h"
        fix = f"set missing=mean, or max_gap_hours={longest:g} to allow it, or complete the file"
    elif policies.missing == "error":
        fix = "set missing=interpolate, hold or mean, or complete the file"
    level = "error" if too_long or policies.missing == "error" or absent.all() else "warning"
    line = int(one.lines[first]) or int(one.lines[:first].max(initial=0)) + 1
    names = tuple(member.name for member in members)
    return Finding(level, "missing_value", one.path, message, fix, line, column, "", count, names)  # type: ignore[arg-type]


def clip_negative(one: Measured, policies: Policies) -> tuple[Measured, list[Finding]]:
    """Clip tiny negative values; treat larger ones as the policy says."""
    negative = one.values < 0
    if "negative_value" not in quantity(one.quantity).checks or one.spec.allow_negative or not negative.any():
        return one, []
    worst = int(np.nanargmin(one.values))
    low, high = float(one.values[worst]), float(np.nanmax(one.values))
    tiny = low > -TINY * high and policies.negative != "keep"
    count = int(negative.sum())
    where = (int(one.lines[worst]), one.column, f"{low:g}", count, (one.name,))
    text = f"{count} values of {one.name} are negative, the lowest {low:g}{unit_text(one.unit)}"
    clipped = one.with_values(np.where(negative, 0.0, one.values))
    if tiny:
        return clipped, [
            Finding("warning", "tiny_negative", one.path, f"{text} (above -1 % of the maximum): set to zero", "nothing", *where)
        ]
    if policies.negative == "keep":
        return one, [Finding("warning", "negative_value", one.path, f"{text}; kept as policy negative=keep says", "nothing", *where)]
    if policies.negative == "clip":
        return clipped, [
            Finding("warning", "negative_value", one.path, f"{text}; set to zero as policy negative=clip says", "nothing", *where)
        ]
    fix = "check the sign; set negative=clip to set them to zero, or negative=keep"
    return one, [Finding("error", "negative_value", one.path, text, fix, *where)]
