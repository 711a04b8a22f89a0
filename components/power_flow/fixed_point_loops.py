"""The compiled loops of :mod:`.fixed_point`: :func:`solve_rows` for one row at a time, :func:`solve_lanes` for many side by side.

Both do the same operations on a row in the same order, in strict IEEE arithmetic (no fast-math, no contraction into fused multiply-adds): a row's
bits depend neither on which of them solved it nor on its neighbours. A lane that is done is written out at once and runs on unheeded. Serial by
intent: threads that meet at barriers collapse on a busy machine, and a training process has its other cores to give to the learner.

All of it stands in one file because numba's cache on disk looks at the date of one file only: a loop would go on using an older version of a
function it takes from another.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

LANES = 16  # with 8 the compiler falls back to scalar code; 32 gains a quarter from 512 rows on and loses as much at 40


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
    v_re, v_im, y_re, y_im, p, q = workspace(n)
    for row in range(begin, out.shape[0]):
        start(vectors, base, p, q, v_re, v_im)
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
def workspace(n: int) -> Any:
    """Return six uninitialised vectors, one beside the other."""
    work = np.empty(6 * n)
    return work[:n], work[n : 2 * n], work[2 * n : 3 * n], work[3 * n : 4 * n], work[4 * n : 5 * n], work[5 * n :]


@njit(cache=True, inline="always")
def start(vectors: Any, base: Any, p: Any, q: Any, v_re: Any, v_im: Any) -> None:
    """Begin at the no-load voltage with the constant injections."""
    n = len(p)
    for i in range(n):
        v_re[i], v_im[i], p[i], q[i] = vectors[2 * n + i], vectors[3 * n + i], base[i], base[n + i]


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
    """Solve rows 0 to ``end``; arguments as :func:`solve_rows`."""
    n = plan[0]
    lower, upper, column, bus, first, second = parts_of_plan(plan)
    vectors, values, base, scale1, scale2, fixed = parts_of_data(plan, data)
    work, state = np.empty((6, n + 1, LANES)), np.empty((2, LANES))  # one line to spare: arrays 4096 bytes apart get in each other's way
    v_re, v_im, y_re, y_im, p, q = work[0, :n], work[1, :n], work[2, :n], work[3, :n], work[4, :n], work[5, :n]
    square, before = state[0], state[1]
    open_lane = np.empty(LANES, np.bool_)
    for row in range(0, end, LANES):
        used = min(LANES, end - row)
        start_lanes(vectors, base, p, q, v_re, v_im)
        inject_lanes(p, q, first, scale1, p1, q1, row, used)
        inject_lanes(p, q, second, scale2, p2, q2, row, used)
        before[:] = 0.0
        open_lane[:used] = True
        left, count = used, 0
        while count < limit and left > 0:
            count += 1
            currents_lanes(vectors, p, q, v_re, v_im, y_re, y_im)
            forward_lanes(lower, column, values, y_re, y_im)
            backward_lanes(upper, column, values, vectors, y_re, y_im, v_re, v_im, square)
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
def start_lanes(vectors: Any, base: Any, p: Any, q: Any, v_re: Any, v_im: Any) -> None:
    """Begin every lane at the no-load voltage with the constant injections."""
    n = len(p)
    for i in range(n):
        for lane in range(LANES):
            v_re[i, lane], v_im[i, lane], p[i, lane], q[i, lane] = vectors[2 * n + i], vectors[3 * n + i], base[i], base[n + i]


@njit(cache=True, inline="always")
def inject_lanes(p: Any, q: Any, place: Any, scale: Any, p_in: Any, q_in: Any, row: int, used: int) -> None:
    """Add the inputs of ``used`` rows to the injections, p.u."""
    for lane in range(used):
        for k in range(len(place)):
            i = place[k]
            if i >= 0:
                p[i, lane] += p_in[row + lane, k] * scale[k]
                q[i, lane] += q_in[row + lane, k] * scale[k]


@njit(cache=True, error_model="numpy", inline="always")
def currents_lanes(vectors: Any, p: Any, q: Any, v_re: Any, v_im: Any, y_re: Any, y_im: Any) -> None:
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
def forward_lanes(lower: Any, column: Any, values: Any, y_re: Any, y_im: Any) -> None:
    """Forward substitution of every lane."""
    entries = len(column)
    for i in range(len(y_re)):
        for k in range(lower[i], lower[i + 1]):
            subtract_lanes(values[k], values[entries + k], y_re[column[k]], y_im[column[k]], y_re[i], y_im[i])


@njit(cache=True, inline="always")
def subtract_lanes(f: float, g: float, x_re: Any, x_im: Any, y_re: Any, y_im: Any) -> None:
    """One entry of a triangle: y <- y - (f + jg) x, lane by lane."""
    for lane in range(LANES):
        a, b = x_re[lane], x_im[lane]
        y_re[lane] -= f * a - g * b
        y_im[lane] -= f * b + g * a


@njit(cache=True, inline="always")
def backward_lanes(upper: Any, column: Any, values: Any, vectors: Any, y_re: Any, y_im: Any, v_re: Any, v_im: Any, square: Any) -> None:
    """Backward substitution of every lane; ``square`` becomes the squared lengths of the steps."""
    n, entries = len(y_re), len(column)
    square[:] = 0.0
    for i in range(n - 1, -1, -1):
        c, d = vectors[4 * n + i], vectors[5 * n + i]
        for lane in range(LANES):
            a, b = y_re[i, lane], y_im[i, lane]
            y_re[i, lane], y_im[i, lane] = a * c - b * d, a * d + b * c
        for k in range(upper[i], upper[i + 1]):
            subtract_lanes(values[k], values[entries + k], v_re[column[k]], v_im[column[k]], y_re[i], y_im[i])
        for lane in range(LANES):
            a, b = y_re[i, lane] - v_re[i, lane], y_im[i, lane] - v_im[i, lane]
            square[lane] += a * a + b * b
            v_re[i, lane], v_im[i, lane] = y_re[i, lane], y_im[i, lane]


@njit(cache=True, inline="always")
def parts_of_plan(plan: Any) -> Any:
    """Return ``lower_start, upper_start, column, bus, first, second`` of a plan."""
    n, entries, buses, n1, n2 = plan[0], plan[1], plan[2], plan[3], plan[4]
    a = 5 + n + 1
    b = a + n + 1
    c = b + entries
    d = c + buses
    return plan[5:a], plan[a:b], plan[b:c], plan[c:d], plan[d : d + n1], plan[d + n1 : d + n1 + n2]


@njit(cache=True, inline="always")
def parts_of_data(plan: Any, data: Any) -> Any:
    """Return the parts of ``data`` as ``(vectors (8 n), values (2 n_entry), weights of first, of second, fixed)``."""
    n, entries, n1, n2 = plan[0], plan[1], plan[3], plan[4]
    a = 6 * n
    b = a + 2 * entries
    c = b + 2 * n
    d = c + n1
    return data[0:a], data[a:b], data[b:c], data[c:d], data[d : d + n2], data[d + n2 :]


@njit(cache=True, inline="always")
def write_row(out: Any, row: int, bus: Any, n: int, fixed: Any, v_re: Any, v_im: Any) -> None:
    """Write one solved row to the buses: unknown nodes from ``v``, the others from the fixed voltages."""
    count = len(fixed) // 2
    for k in range(len(bus)):
        i = bus[k]
        if i < n:
            out[row, k] = complex(v_re[i], v_im[i])
        else:
            out[row, k] = complex(fixed[i - n], fixed[count + i - n])


@njit(cache=True, inline="always")
def write_nothing(out: Any, row: int) -> None:
    """Write a row that was not solved."""
    for k in range(out.shape[1]):
        out[row, k] = complex(np.nan, np.nan)
