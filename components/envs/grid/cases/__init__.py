"""Feeders that ship with the package, one table each; see ``PROVENANCE.md`` beside them."""

from __future__ import annotations

import csv
from importlib import resources
from typing import Any

CASES = {"case69": 12.66, "case118zh": 11.0, "case141": 12.5}
"""Name to rated voltage, kV."""


def read_case(name: str) -> Any:
    """Return a feeder of :data:`CASES` as a pandapower network."""
    import pandapower

    text = resources.files(__name__).joinpath(f"{name}.csv").read_text()
    net = pandapower.create_empty_network(name=name)
    rows = [{key: float(value) for key, value in row.items()} for row in csv.DictReader(text.splitlines())]
    for bus in range(int(max(row["to_bus"] for row in rows)) + 1):
        pandapower.create_bus(net, CASES[name], index=bus)
    pandapower.create_ext_grid(net, 0)
    for row in rows:
        start, end = int(row["from_bus"]), int(row["to_bus"])
        pandapower.create_line_from_parameters(
            net,
            start,
            end,
            length_km=1.0,
            r_ohm_per_km=row["r_ohm"],
            x_ohm_per_km=row["x_ohm"],
            c_nf_per_km=0.0,
            max_i_ka=99999.0,
            in_service=bool(row["closed"]),
        )
        if row["to_p_kw"] or row["to_q_kvar"]:
            pandapower.create_load(net, end, row["to_p_kw"] * 1e-3, row["to_q_kvar"] * 1e-3)
    return net
