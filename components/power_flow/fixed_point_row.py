"""The compiled loop of :mod:`.fixed_point` for rows one at a time: lowest latency, and the one to read first.

Strict IEEE arithmetic (no fast-math, no contraction into fused multiply-adds) and the same operations in the same order as
:mod:`.fixed_point_lanes`: a row's bits do not depend on which of the two solved it.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from wattloom.components.power_flow.fixed_point_plan import parts_of_data, parts_of_plan, write_nothing, write_row


@njit(cache=True, error_model="numpy")
def solve_rows(
    plan: Any,
    data: Any,
    p1: Any,
    q1: Any,
    p2: Any,
    q2: Any,
    tolerance: float,
    limit: int,
    begin: int,
    out: Any,
    converged: Any,
    iterations: Any,
) -> None:
    """Solve rows ``begin`` to the last.

    Args:
        plan: The prepared network, integers (:mod:`.fixed_point_plan`).
        data: Its floats.
        p1: ``(rows, n_first)`` active inputs of the first set of columns.
        q1: Its reactive inputs.
        p2: ``(rows, n_second)`` active inputs of the second set.
        q2: Its reactive inputs.
        tolerance: p.u., estimated distance to the solution at which a row stops.
        limit: Iterations after which a row is given up.
        begin: First row to solve.
        out: ``(rows, n_bus)`` complex p.u., written.
        converged: ``(rows,)``, written.
        iterations: ``(rows,)``, written.
    """
    n = plan[0]
    lower, upper, column, bus, first, second = parts_of_plan(plan)
    vectors, values, base, scale1, scale2, fixed = parts_of_data(plan, data)
    work = np.empty(6 * n)
    v_re, v_im, y_re, y_im, p, q = (
        work[0:n],
        work[n : 2 * n],
        work[2 * n : 3 * n],
        work[3 * n : 4 * n],
        work[4 * n : 5 * n],
        work[5 * n : 6 * n],
    )
    for row in range(begin, out.shape[0]):
        for i in range(n):
            v_re[i], v_im[i], p[i], q[i] = vectors[2 * n + i], vectors[3 * n + i], base[i], base[n + i]
        inject(p, q, first, scale1, p1, q1, row)
        inject(p, q, second, scale2, p2, q2, row)
        before, done, count = 0.0, False, 0
        while count < limit and not done:
            count += 1
            currents(vectors, p, q, v_re, v_im, y_re, y_im)
            forward(lower, column, values, y_re, y_im)
            square = backward(upper, column, values, vectors, y_re, y_im, v_re, v_im)
            step = math.sqrt(square)
            done = step <= 10.0 * tolerance and square <= tolerance * (before - step)
            before = step
        converged[row], iterations[row] = done, count
        if done:
            write_row(out, row, bus, n, fixed, v_re, v_im)
        else:
            write_nothing(out, row)


@njit(cache=True, inline="always")
def inject(p: Any, q: Any, place: Any, scale: Any, p_in: Any, q_in: Any, row: int) -> None:
    """Add a row of inputs to the injections, p.u."""
    for k in range(len(place)):
        i = place[k]
        if i >= 0:
            p[i] += p_in[row, k] * scale[k]
            q[i] += q_in[row, k] * scale[k]


@njit(cache=True, error_model="numpy", inline="always")
def currents(vectors: Any, p: Any, q: Any, v_re: Any, v_im: Any, y_re: Any, y_im: Any) -> None:
    """Right-hand side y = (S/V)* - Y_LS V_S, with (S/V)* = (p - jq) V / |V|^2."""
    n = len(p)
    for i in range(n):
        a, b = v_re[i], v_im[i]
        s = 1.0 / (a * a + b * b)
        y_re[i] = vectors[i] + (p[i] * a + q[i] * b) * s
        y_im[i] = vectors[n + i] + (p[i] * b - q[i] * a) * s


@njit(cache=True, inline="always")
def forward(lower: Any, column: Any, values: Any, y_re: Any, y_im: Any) -> None:
    """Forward substitution, y <- (I + L)^-1 y."""
    entries = len(column)
    for i in range(len(y_re)):
        a, b = y_re[i], y_im[i]
        for k in range(lower[i], lower[i + 1]):
            j = np.uint64(column[k])  # unsigned: numba then leaves out its test for negative indices
            f, g = values[k], values[entries + k]
            a -= f * y_re[j] - g * y_im[j]
            b -= f * y_im[j] + g * y_re[j]
        y_re[i], y_im[i] = a, b


@njit(cache=True, inline="always")
def backward(upper: Any, column: Any, values: Any, vectors: Any, y_re: Any, y_im: Any, v_re: Any, v_im: Any) -> float:
    """Backward substitution, V <- (I + U)^-1 D^-1 y; returns the squared length of the step."""
    n, entries, square = len(y_re), len(column), 0.0
    for i in range(n):
        a, b, c, d = y_re[i], y_im[i], vectors[4 * n + i], vectors[5 * n + i]
        y_re[i], y_im[i] = a * c - b * d, a * d + b * c
    for i in range(n - 1, -1, -1):
        a, b = y_re[i], y_im[i]
        for k in range(upper[i], upper[i + 1]):
            j = np.uint64(column[k])
            f, g = values[k], values[entries + k]
            a -= f * y_re[j] - g * y_im[j]
            b -= f * y_im[j] + g * y_re[j]
        y_re[i], y_im[i] = a, b
        a -= v_re[i]
        b -= v_im[i]
        square += a * a + b * b
    for i in range(n):
        v_re[i], v_im[i] = y_re[i], y_im[i]
    return square
