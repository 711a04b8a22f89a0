"""Sum loads and static generators into bus injections, once, for every backend.

Signs follow pandapower's tables: a load consumes what its numbers say, a static generator injects it. Scaling factors and switched-off
elements are folded into a weight, so an array holds plain table values (MW, MVAr).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from wattloom.errors import UsageError

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Elements:
    """Where the loads and static generators of a network sit; columns are rows of pandapower's tables, in table order.

    Attributes:
        n_bus: Number of buses.
        load_bus, sgen_bus: ``(n_load,)`` and ``(n_sgen,)`` bus columns.
        load_weight, sgen_weight: Injection per table value: ``-scaling`` and ``+scaling``, 0 where out of service.
        load_p_mw, load_q_mvar, sgen_p_mw, sgen_q_mvar: The table values.
    """

    n_bus: int
    load_bus: Integers
    load_weight: Floats
    load_p_mw: Floats
    load_q_mvar: Floats
    sgen_bus: Integers
    sgen_weight: Floats
    sgen_p_mw: Floats
    sgen_q_mvar: Floats

    @classmethod
    def none(cls, n_bus: int) -> Elements:
        """Return the map of a network without loads and static generators."""
        empty, nowhere = np.zeros(0), np.zeros(0, dtype=np.int64)
        return cls(n_bus, nowhere, empty, empty, empty, nowhere, empty, empty, empty)

    @cached_property
    def n_load(self) -> int:
        """Number of loads."""
        return len(self.load_bus)

    @cached_property
    def n_sgen(self) -> int:
        """Number of static generators."""
        return len(self.sgen_bus)

    @property
    def bus(self) -> Integers:
        """``(n_load + n_sgen,)`` bus columns, loads first."""
        return np.concatenate([self.load_bus, self.sgen_bus])

    @cached_property
    def weight(self) -> Floats:
        """``(n_load + n_sgen + 1,)`` injection per table value; the last entry belongs to the empty column of :attr:`layers`."""
        return np.concatenate([self.load_weight, self.sgen_weight, [0.0]])

    @cached_property
    def layers(self) -> tuple[Integers, ...]:
        """Columns to gather, one array ``(n_bus,)`` for the first, second ... element of each bus; the last column stands for none."""
        none = len(self.bus)
        layers: list[Integers] = []
        height = np.zeros(self.n_bus, dtype=np.int64)
        for column, bus in enumerate(self.bus):
            if height[bus] == len(layers):
                layers.append(np.full(self.n_bus, none, dtype=np.int64))
            layers[height[bus]][bus] = column
            height[bus] += 1
        return tuple(layers) or (np.full(self.n_bus, none, dtype=np.int64),)

    def injections(self, load_p: Floats, load_q: Floats, sgen_p: Floats, sgen_q: Floats) -> tuple[Floats, Floats]:
        """Return net bus injections of loads and static generators, generation positive.

        The order of summation at a bus is that of the tables, whatever the number of rows, so equal rows give equal bits.

        Args:
            load_p: ``(num_envs, n_load)`` MW, consumption positive, in table order.
            load_q: As ``load_p``, MVAr.
            sgen_p: ``(num_envs, n_sgen)`` MW, generation positive.
            sgen_q: As ``sgen_p``, MVAr.

        Returns:
            ``p_inj`` and ``q_inj``, ``(num_envs, n_bus)`` MW, MVAr.

        Raises:
            wattloom.errors.UsageError: If a shape does not fit.
        """
        rows = self.check(load_p, load_q, sgen_p, sgen_q)
        loads = len(self.load_bus)
        table = np.zeros((2, rows, len(self.weight)))
        table[0, :, :loads], table[1, :, :loads] = load_p, load_q
        table[0, :, loads:-1], table[1, :, loads:-1] = sgen_p, sgen_q
        table *= self.weight
        total = table.take(self.layers[0], axis=2)
        for layer in self.layers[1:]:
            total += table.take(layer, axis=2)
        return total[0], total[1]

    def check(self, load_p: Floats, load_q: Floats, sgen_p: Floats, sgen_q: Floats) -> int:
        """Return the number of rows of four element arrays.

        Raises:
            wattloom.errors.UsageError: If a shape does not fit.
        """
        rows = len(load_p)
        loads, sgens = (rows, self.n_load), (rows, self.n_sgen)
        if load_p.shape == loads and load_q.shape == loads and sgen_p.shape == sgens and sgen_q.shape == sgens:
            return rows
        given = {"load_p": load_p.shape, "load_q": load_q.shape, "sgen_p": sgen_p.shape, "sgen_q": sgen_q.shape}
        raise UsageError(f"element arrays must be {loads} for loads and {sgens} for static generators, got {given}")

    def nominal(self) -> tuple[Floats, Floats]:
        """Return the injections of the table values, ``(n_bus,)`` each."""
        p, q = self.injections(self.load_p_mw[None], self.load_q_mvar[None], self.sgen_p_mw[None], self.sgen_q_mvar[None])
        return p[0], q[0]
