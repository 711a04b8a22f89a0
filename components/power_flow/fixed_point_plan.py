"""How a prepared network travels to the compiled loops: two flat arrays, because every further argument costs 0.1 us a call.

::

    plan  int64    n, n_entry, n_bus, n_first, n_second | lower_start (n+1) | upper_start (n+1) | column (n_entry)
                   | bus (n_bus): place of each bus, n + k for the fixed voltage k
                   | first (n_first), second (n_second): place of each input column, -1 to ignore it
    data  float64  right_re right_im start_re start_im pivot_re pivot_im (n each) | value_re value_im (n_entry each)
                   | base_p base_q (n each) | first, second: p.u. per unit of the input column | fixed_re fixed_im

*Places* number the unknown nodes in the order of elimination. ``right`` is ``-Y_LS V_S``, ``start`` the no-load voltage.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wattloom.components.power_flow.factor import Factors, factorise
from wattloom.components.power_flow.model import GridModel

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Inputs:
    """Two sets of input columns and what is injected besides.

    Attributes:
        first_bus, second_bus: ``(n_column,)`` bus of each input column.
        first_weight, second_weight: ``(n_column,)`` MW injected per unit of input.
        base_p, base_q: ``(n_bus,)`` MW, MVAr injected whatever the inputs.
    """

    first_bus: Integers
    first_weight: Floats
    second_bus: Integers
    second_weight: Floats
    base_p: Floats
    base_q: Floats

    @classmethod
    def buses(cls, model: GridModel) -> Inputs:
        """Return the inputs of ``solve``: one column a bus."""
        every, nothing = np.arange(model.n_bus), np.zeros(model.n_bus)
        return cls(every, np.ones(model.n_bus), every[:0], nothing[:0], nothing, nothing)

    @classmethod
    def elements(cls, model: GridModel) -> Inputs:
        """Return the inputs of ``solve_elements``: loads and static generators."""
        e = model.elements
        return cls(e.load_bus, e.load_weight, e.sgen_bus, e.sgen_weight, model.p_other_mw, model.q_other_mvar)


def prepare(model: GridModel) -> tuple[Factors, Floats]:
    """Return the factors of Y_LL and the constant part of the right-hand side, ``(n,)`` complex in model order."""
    free = model.unknown
    matrix = model.ybus[free][:, free].tocsr()
    return factorise(matrix, model.name), -(model.ybus[free][:, model.slack] @ model.slack_voltage)


def pack(model: GridModel, factors: Factors, right: Any, inputs: Inputs) -> tuple[Integers, Floats]:
    """Return ``plan`` and ``data`` for one network and one kind of inputs."""
    n, fixed = len(model.unknown), np.append(model.slack_voltage, complex(np.nan, np.nan))
    place = np.full(model.n_node, n + len(model.slack))
    place[model.unknown[factors.order]] = np.arange(n)
    place[model.slack] = n + np.arange(len(model.slack))
    bus = np.where(model.bus_energised, place[model.bus_node], n + len(model.slack))
    target = np.where(bus < n, bus, -1)
    first, second = target[inputs.first_bus], target[inputs.second_bus]
    base = np.zeros((2, n))
    np.add.at(base[0], bus[bus < n], inputs.base_p[bus < n] / model.base_mva)
    np.add.at(base[1], bus[bus < n], inputs.base_q[bus < n] / model.base_mva)
    start, right = factors.solve(right)[factors.order], right[factors.order]
    sizes = [n, len(factors.column), model.n_bus, len(first), len(second)]
    plan = np.concatenate([sizes, factors.lower_start, factors.upper_start, factors.column, bus, first, second]).astype(np.int64)
    complex_parts = [part for value in (right, start, factors.inverse_pivot, factors.value) for part in (value.real, value.imag)]
    weights = [inputs.first_weight / model.base_mva, inputs.second_weight / model.base_mva]
    data = np.concatenate([*complex_parts, base[0], base[1], *weights, fixed.real, fixed.imag])
    return plan, np.ascontiguousarray(data)
