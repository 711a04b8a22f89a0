"""The answer of every backend: voltages, and which rows are solutions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]


@dataclass(slots=True, eq=False)  # not frozen: building a frozen one costs 0.2 us more, 4 % of a solve
class PowerFlowResult:
    """Solved voltages of a batch; unpacks as ``vm, va, converged, iterations``.

    Attributes:
        voltage: ``(num_envs, n_bus)`` complex p.u.; NaN in rows that did not converge and at buses without supply.
        converged: ``(num_envs,)`` whether the row is a solution.
        iterations: ``(num_envs,)`` iterations spent, -1 where the backend does not tell.
    """

    voltage: Complexes
    converged: Booleans
    iterations: Integers

    @property
    def vm_pu(self) -> Floats:
        """``(num_envs, n_bus)`` p.u., voltage magnitude."""
        real, imaginary = self.voltage.real, self.voltage.imag
        magnitude: Floats = np.sqrt(real * real + imaginary * imaginary)
        return magnitude

    @property
    def va_rad(self) -> Floats:
        """``(num_envs, n_bus)`` rad, voltage angle."""
        return np.arctan2(self.voltage.imag, self.voltage.real)

    @property
    def va_degree(self) -> Floats:
        """``(num_envs, n_bus)`` degrees, voltage angle."""
        return np.degrees(self.va_rad)

    def __iter__(self) -> Iterator[NDArray[np.generic]]:
        return iter((self.vm_pu, self.va_rad, self.converged, self.iterations))
