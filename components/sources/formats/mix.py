"""Carbon intensity from a generation mix: the mean of the fuels' emission factors, weighted by what each generates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from wattloom.components.sources.formats.cells import Measured
from wattloom.components.sources.formats.descriptor import ColumnSpec
from wattloom.components.sources.formats.findings import Finding
from wattloom.components.sources.series import Floats

NAME = "carbon_intensity"
DIFFERENCE = 0.5  # gCO2/kWh by which a stated intensity may differ from its mix before it is mentioned


def carbon_from_mix(generation: Mapping[str, Floats], factors: Mapping[str, float]) -> Floats:
    """Return ``sum(factor * generation) / sum(generation)``, shape (n,), gCO2/kWh.

    Args:
        generation: Net generation of each fuel, each shape (n,), any one unit; negative hours (pumping) count as none.
        factors: Emission factor of each fuel, gCO2/kWh.

    Returns:
        NaN where a fuel is missing or nothing is generated.
    """
    names = [name for name in generation if name in factors]
    power = np.stack([np.maximum(generation[name], 0.0) for name in names])
    total = power.sum(axis=0)
    weighted = np.einsum("f,fn->n", np.array([factors[name] for name in names]), power)
    result: Floats = np.divide(weighted, total, out=np.full(total.size, np.nan), where=total > 0)
    return result


def with_carbon(series: list[Measured], factors: Mapping[str, float]) -> tuple[list[Measured], list[Finding]]:
    """Add the carbon intensity of the mix where the file states none; compare the two where it does."""
    fuels = {one.name: one for one in series if one.name in factors}
    stated = next((one for one in series if one.name == NAME), None)
    if not fuels:
        return series, []
    mixed = carbon_from_mix({name: one.values for name, one in fuels.items()}, factors)
    if stated is None:
        like = next(iter(fuels.values()))
        spec = ColumnSpec(NAME, like.column, serves=("carbon",))
        column = f"mix of {', '.join(one.column for one in fuels.values())}"
        made = replace(like, name=NAME, column=column, values=mixed, unit="gCO2/kWh", file_unit="", quantity=NAME, spec=spec)
        return [*series, made], []
    off = np.abs(stated.values - mixed)
    wrong = np.flatnonzero(off > DIFFERENCE)
    if not wrong.size:
        return series, []
    worst = int(np.nanargmax(off))
    message = f"{wrong.size} stated intensities differ from their generation mix, most by {off[worst]:.1f}: the mix gives {mixed[worst]:.1f} gCO2/kWh"
    fix = "the stated column is used; leave it out of the file to use the mix"
    value = f"{stated.values[worst]:g}"
    row = int(stated.lines[worst])
    return series, [Finding("warning", "mix_mismatch", stated.path, message, fix, row, stated.column, value, int(wrong.size), (NAME,))]
