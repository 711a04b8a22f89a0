"""Sparse LU factors of a nodal admittance matrix, ordered so that a radial network has no fill at all.

Minimum-degree elimination (Tinney & Walker 1967, scheme 2): always remove the node with the fewest neighbours. A tree is eaten leaf by leaf and
its factors have exactly one entry per branch; a mesh gains a few. No pivoting is done (an admittance matrix with a path to earth or to the
slack is diagonally strong), so the factors are checked against the matrix once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wattloom.errors import DataError

Complexes = NDArray[np.complex128]
Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Factors:
    """``A[order][:, order] = (I + L) D (I + U)`` with unit triangles, by rows.

    Attributes:
        order: ``(n,)`` matrix row at each place of the elimination.
        inverse_pivot: ``(n,)`` ``1/D``.
        lower_start: ``(n + 1,)`` entries ``lower_start[i] : lower_start[i+1]`` of ``column`` and ``value`` are row i of L ...
        upper_start: ``(n + 1,)`` ... and likewise of U.
        column: ``(n_entry,)`` places.
        value: ``(n_entry,)`` p.u.; L's are divided by the pivot of their column, U's by that of their row.
    """

    order: Integers
    inverse_pivot: Complexes
    lower_start: Integers
    upper_start: Integers
    column: Integers
    value: Complexes

    def solve(self, right: Complexes) -> Complexes:
        """Return x with ``A x = right``, both ``(n,)`` in matrix order: the textbook form of what the kernels do."""
        x = right[self.order].astype(np.complex128)
        for i in range(len(x)):
            entries = slice(self.lower_start[i], self.lower_start[i + 1])
            x[i] -= self.value[entries] @ x[self.column[entries]]
        x *= self.inverse_pivot
        for i in range(len(x) - 1, -1, -1):
            entries = slice(self.upper_start[i], self.upper_start[i + 1])
            x[i] -= self.value[entries] @ x[self.column[entries]]
        result = np.empty_like(x)
        result[self.order] = x
        return result


def factorise(matrix: Any, name: str) -> Factors:
    """Return the factors of a sparse, structurally symmetric matrix.

    Args:
        matrix: ``(n, n)`` SciPy CSR matrix, complex.
        name: Of the network, for the error.

    Raises:
        wattloom.errors.DataError: If the matrix is singular.
    """
    rows = rows_of(matrix)
    order = [node for node, _ in eliminate(rows)]
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    factors = pack(rows, np.array(order, dtype=np.int64), place, name)
    probe = np.exp(1j * np.arange(len(order)))
    error = np.abs(matrix @ factors.solve(probe) - probe).max(initial=0.0)
    if not error < 1e-6:
        raise DataError(
            f"the admittance matrix of network '{name}' is singular or close to it (residual {error:.1e}); check for branches of zero impedance"
        )
    return factors


def rows_of(matrix: Any) -> list[dict[int, complex]]:
    """Return the rows of a CSR matrix as mutable maps column -> value, with a symmetric pattern."""
    rows: list[dict[int, complex]] = []
    for i in range(matrix.shape[0]):
        entries = slice(matrix.indptr[i], matrix.indptr[i + 1])
        rows.append(dict(zip(matrix.indices[entries].tolist(), matrix.data[entries].tolist(), strict=True)))
    for i, row in enumerate(rows):
        for j in list(row):
            rows[j].setdefault(i, 0j)
    return rows


def eliminate(rows: list[dict[int, complex]]) -> list[tuple[int, int]]:
    """Gauss elimination in place: afterwards each row holds its multipliers (earlier columns) and its U entries (later ones).

    Returns:
        ``(node, degree)`` in the order of elimination.
    """
    import heapq

    done = [False] * len(rows)
    queue = [(len(row), node) for node, row in enumerate(rows)]
    heapq.heapify(queue)
    order = []
    while queue:
        degree, node = heapq.heappop(queue)
        if done[node]:
            continue
        later = [other for other in rows[node] if other != node and not done[other]]
        if degree != len(later) + 1:  # a stale entry: its neighbours have changed since
            heapq.heappush(queue, (len(later) + 1, node))
            continue
        done[node] = True
        order.append((node, degree))
        pivot = rows[node].get(node, 0j)
        for other in later:
            multiplier = rows[other][node] / pivot if pivot else complex("nan")
            rows[other][node] = multiplier
            for column in later:
                rows[other][column] = rows[other].get(column, 0j) - multiplier * rows[node][column]
        for other in later:
            heapq.heappush(queue, (sum(not done[column] for column in rows[other]), other))
    return order


def pack(rows: list[dict[int, complex]], order: Integers, place: Integers, name: str) -> Factors:
    """Return eliminated rows as packed arrays in the order of elimination."""
    pivots = np.array([rows[node].get(int(node), 0j) for node in order], dtype=np.complex128)
    if not np.all(np.isfinite(pivots)) or np.any(pivots == 0):
        raise DataError(
            f"the admittance matrix of network '{name}' is singular; check for branches of zero impedance or loads without a path to the slack"
        )
    column: list[int] = []
    value: list[complex] = []
    starts: list[list[int]] = [[0], []]
    for i, node in enumerate(order):
        for at in sorted(int(place[j]) for j in rows[node]):
            if at < i:
                column.append(at)
                value.append(rows[node][int(order[at])])
        starts[0].append(len(column))
    starts[1].append(len(column))
    for i, node in enumerate(order):
        for at in sorted(int(place[j]) for j in rows[node]):
            if at > i:
                column.append(at)
                value.append(rows[node][int(order[at])] / complex(pivots[i]))
        starts[1].append(len(column))
    return Factors(
        order=order,
        inverse_pivot=1.0 / pivots,
        lower_start=np.array(starts[0], dtype=np.int64),
        upper_start=np.array(starts[1], dtype=np.int64),
        column=np.array(column, dtype=np.int64),
        value=np.array(value, dtype=np.complex128),
    )
