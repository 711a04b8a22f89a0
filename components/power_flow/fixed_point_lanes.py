"""The compiled loop of :mod:`.fixed_point` for many rows: :data:`LANES` of them side by side, each in its own lane of the vector registers.

Line for line the arithmetic of :mod:`.fixed_point_row`, with an inner loop over lanes. A lane that is done is written out at once and runs on
unheeded, so neither its neighbours nor the batch size can change its bits. Serial by intent: threads that meet at barriers collapse on a busy
machine, and a training process has its other cores to give to the learner.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from wattloom.components.power_flow.fixed_point_plan import parts_of_data, parts_of_plan, write_nothing, write_row

LANES = 16  # with 8 the compiler falls back to scalar code; 32 gains a quarter from 512 rows on and loses as much at 40


@njit(cache=True, error_model="numpy")
def solve_lanes(
    plan: Any,
    data: Any,
    p1: Any,
    q1: Any,
    p2: Any,
    q2: Any,
    tolerance: float,
    limit: int,
    end: int,
    out: Any,
    converged: Any,
    iterations: Any,
) -> None:
    """Solve rows 0 to ``end``; arguments as :func:`~wattloom.components.power_flow.fixed_point_row.solve_rows`."""
    n = plan[0]
    lower, upper, column, bus, first, second = parts_of_plan(plan)
    vectors, values, base, scale1, scale2, fixed = parts_of_data(plan, data)
    work, state = np.empty((6, n + 1, LANES)), np.empty((2, LANES))  # one line to spare: arrays 4096 bytes apart get in each other's way
    v_re, v_im, y_re, y_im, p, q = work[0, :n], work[1, :n], work[2, :n], work[3, :n], work[4, :n], work[5, :n]
    square, before = state[0], state[1]
    open_lane = np.empty(LANES, np.bool_)
    for row in range(0, end, LANES):
        used = min(LANES, end - row)
        start(vectors, base, p, q, v_re, v_im)
        inject(p, q, first, scale1, p1, q1, row, used)
        inject(p, q, second, scale2, p2, q2, row, used)
        before[:] = 0.0
        open_lane[:used] = True
        left, count = used, 0
        while count < limit and left > 0:
            count += 1
            currents(vectors, p, q, v_re, v_im, y_re, y_im)
            forward(lower, column, values, y_re, y_im)
            backward(upper, column, values, vectors, y_re, y_im, v_re, v_im, square)
            for lane in range(used):
                step = math.sqrt(square[lane])
                if open_lane[lane] and step <= 10.0 * tolerance and square[lane] <= tolerance * (before[lane] - step):
                    open_lane[lane] = False
                    left -= 1
                    converged[row + lane], iterations[row + lane] = True, count
                    write_row(out, row + lane, bus, n, fixed, v_re[:, lane], v_im[:, lane])
                before[lane] = step
        for lane in range(used):
            if open_lane[lane]:
                converged[row + lane], iterations[row + lane] = False, count
                write_nothing(out, row + lane)


@njit(cache=True, inline="always")
def start(vectors: Any, base: Any, p: Any, q: Any, v_re: Any, v_im: Any) -> None:
    """Begin every lane at the no-load voltage with the constant injections."""
    n = len(p)
    for i in range(n):
        for lane in range(LANES):
            v_re[i, lane], v_im[i, lane], p[i, lane], q[i, lane] = vectors[2 * n + i], vectors[3 * n + i], base[i], base[n + i]


@njit(cache=True, inline="always")
def inject(p: Any, q: Any, place: Any, scale: Any, p_in: Any, q_in: Any, row: int, used: int) -> None:
    """Add the inputs of ``used`` rows to the injections, p.u."""
    for lane in range(used):
        for k in range(len(place)):
            i = place[k]
            if i >= 0:
                p[i, lane] += p_in[row + lane, k] * scale[k]
                q[i, lane] += q_in[row + lane, k] * scale[k]


@njit(cache=True, error_model="numpy", inline="always")
def currents(vectors: Any, p: Any, q: Any, v_re: Any, v_im: Any, y_re: Any, y_im: Any) -> None:
    """Right-hand side y = (S/V)* - Y_LS V_S of every lane."""
    n = len(p)
    for i in range(n):
        e, f = vectors[i], vectors[n + i]
        for lane in range(LANES):
            a, b = v_re[i, lane], v_im[i, lane]
            s = 1.0 / (a * a + b * b)
            y_re[i, lane] = e + (p[i, lane] * a + q[i, lane] * b) * s
            y_im[i, lane] = f + (p[i, lane] * b - q[i, lane] * a) * s


@njit(cache=True, inline="always")
def forward(lower: Any, column: Any, values: Any, y_re: Any, y_im: Any) -> None:
    """Forward substitution of every lane."""
    entries = len(column)
    for i in range(len(y_re)):
        for k in range(lower[i], lower[i + 1]):
            subtract(values[k], values[entries + k], y_re[column[k]], y_im[column[k]], y_re[i], y_im[i])


@njit(cache=True, inline="always")
def subtract(f: float, g: float, x_re: Any, x_im: Any, y_re: Any, y_im: Any) -> None:
    """One entry of a triangle: y <- y - (f + jg) x, lane by lane."""
    for lane in range(LANES):
        a, b = x_re[lane], x_im[lane]
        y_re[lane] -= f * a - g * b
        y_im[lane] -= f * b + g * a


@njit(cache=True, inline="always")
def backward(upper: Any, column: Any, values: Any, vectors: Any, y_re: Any, y_im: Any, v_re: Any, v_im: Any, square: Any) -> None:
    """Backward substitution of every lane; ``square`` becomes the squared lengths of the steps."""
    n, entries = len(y_re), len(column)
    square[:] = 0.0
    for i in range(n - 1, -1, -1):
        c, d = vectors[4 * n + i], vectors[5 * n + i]
        for lane in range(LANES):
            a, b = y_re[i, lane], y_im[i, lane]
            y_re[i, lane], y_im[i, lane] = a * c - b * d, a * d + b * c
        for k in range(upper[i], upper[i + 1]):
            subtract(values[k], values[entries + k], v_re[column[k]], v_im[column[k]], y_re[i], y_im[i])
        for lane in range(LANES):
            a, b = y_re[i, lane] - v_re[i, lane], y_im[i, lane] - v_im[i, lane]
            square[lane] += a * a + b * b
            v_re[i, lane], v_im[i, lane] = y_re[i, lane], y_im[i, lane]
