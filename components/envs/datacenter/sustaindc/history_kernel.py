"""A first-in-first-out history of numbers that answers "how unusual is this one" in O(log n): sorted blocks with sums.

For a history H the original's measure is (v - mean) / std of H clipped to [q1 - 1.5 r, q3 + 1.5 r], with quartiles q1, q3 (linear), r = q3 - q1 and the
population standard deviation. Values lie in sorted blocks of at most ``CAP``; a block knows its count, sum and sum of squares (of v - shift), so a
quartile is found by counting blocks and the clipped moments by correcting the totals for the few values outside.

The functions work on copy ``i`` by scalars (slices would cost more than the work); numba compiles them where it is installed, and they run as they are
where it is not.
"""

from __future__ import annotations

import numpy as np

from wattloom.components.physics.compiled import compiled
from wattloom.environment import Array

BLOCKS, CAP = 448, 48


@compiled
def locate(i: int, blocks: Array, order: Array, used: int, value: float) -> int:
    """Return the place (in sorted order) of the last block whose first value is at most ``value``, or 0."""
    low, high = 0, used
    while high - low > 1:
        middle = (low + high) // 2
        if blocks[i, order[i, middle], 0] <= value:
            low = middle
        else:
            high = middle
    return low


@compiled
def split(i: int, place: int, blocks: Array, counts: Array, order: Array, sums: Array, used: int, shift: float) -> None:
    """Move the upper half of a full block into a free one that follows it; ``used`` is the number of blocks before."""
    old, new = order[i, place], order[i, used]
    half = CAP // 2
    blocks[i, new, : CAP - half] = blocks[i, old, half:]
    counts[i, old], counts[i, new] = half, CAP - half
    order[i, place + 2 : used + 1] = order[i, place + 1 : used].copy()
    order[i, place + 1] = new
    for block in (old, new):
        first = second = 0.0
        for k in range(counts[i, block]):
            d = blocks[i, block, k] - shift
            first += d
            second += d * d
        sums[i, block, 0], sums[i, block, 1] = first, second


@compiled
def insert(i: int, value: float, blocks: Array, counts: Array, order: Array, sums: Array, used: int, shift: float) -> int:
    """Put ``value`` in; return the number of blocks in use."""
    place = locate(i, blocks, order, used, value)
    if counts[i, order[i, place]] == CAP:
        split(i, place, blocks, counts, order, sums, used, shift)
        used += 1
        if blocks[i, order[i, place + 1], 0] <= value:
            place += 1
    block = order[i, place]
    count = counts[i, block]
    row, k = blocks[i, block], count
    while k > 0 and row[k - 1] > value:
        row[k] = row[k - 1]
        k -= 1
    row[k] = value
    counts[i, block] = count + 1
    sums[i, block, 0] += value - shift
    sums[i, block, 1] += (value - shift) ** 2
    return used


@compiled
def remove(i: int, value: float, blocks: Array, counts: Array, order: Array, sums: Array, used: int, shift: float) -> int:
    """Take one ``value`` out; an emptied block joins the free ones. Return the number of blocks in use."""
    place = locate(i, blocks, order, used, value)
    block = order[i, place]
    count = counts[i, block]
    row, k = blocks[i, block], 0
    while row[k] < value:
        k += 1
    for m in range(k, count - 1):
        row[m] = row[m + 1]
    counts[i, block] = count - 1
    sums[i, block, 0] -= value - shift
    sums[i, block, 1] -= (value - shift) ** 2
    if count == 1 and used > 1:
        order[i, place : used - 1] = order[i, place + 1 : used].copy()
        order[i, used - 1] = block
        sums[i, block] = 0.0
        used -= 1
    return used


@compiled
def compact(i: int, blocks: Array, counts: Array, order: Array, sums: Array, used: int, shift: float) -> int:
    """Rewrite thinned-out blocks as blocks of three quarters; return the number in use."""
    total = 0
    for place in range(used):
        total += counts[i, order[i, place]]
    values = np.empty(total)
    at = 0
    for place in range(used):
        block = order[i, place]
        values[at : at + counts[i, block]] = blocks[i, block, : counts[i, block]]
        at += counts[i, block]
    fill = CAP * 3 // 4
    used = max((total + fill - 1) // fill, 1)
    for place in range(used):
        part = values[place * fill : min((place + 1) * fill, total)]
        order[i, place] = place
        counts[i, place] = len(part)
        blocks[i, place, : len(part)] = part
        sums[i, place, 0] = np.sum(part - shift)
        sums[i, place, 1] = np.sum((part - shift) ** 2)
    for place in range(used, BLOCKS):
        order[i, place] = place
        counts[i, place] = 0
    return used


@compiled
def order_statistic(i: int, k: int, size: int, blocks: Array, counts: Array, order: Array, used: int) -> tuple[int, int]:
    """Return block place and slot of the k-th smallest of ``size`` values, counted from the nearer end."""
    if 2 * k < size:
        place, before = 0, 0
        while before + counts[i, order[i, place]] <= k:
            before += counts[i, order[i, place]]
            place += 1
        return place, k - before
    place, before = used - 1, size - counts[i, order[i, used - 1]]
    while before > k:
        place -= 1
        before -= counts[i, order[i, place]]
    return place, k - before


@compiled
def quantile(i: int, q: float, size: int, blocks: Array, counts: Array, order: Array, used: int) -> float:
    """Return the linear quantile of ``size`` values."""
    position = (size - 1) * q
    k = int(position)
    place, slot = order_statistic(i, k, size, blocks, counts, order, used)
    low = blocks[i, order[i, place], slot]
    if k + 1 >= size:
        return float(low)
    slot += 1
    if slot == counts[i, order[i, place]]:
        place, slot = place + 1, 0
    high = blocks[i, order[i, place], slot]
    return float(low + (high - low) * (position - k))


@compiled
def clipped_moments(
    i: int,
    low: float,
    high: float,
    size: int,
    blocks: Array,
    counts: Array,
    order: Array,
    sums: Array,
    used: int,
    totals: Array,
    shift: float,
) -> tuple[float, float]:
    """Return mean and population standard deviation of the values clipped to [low, high]."""
    if not high > low:
        return low, 0.0
    first, second, below, above = totals[i, 0], totals[i, 1], 0, 0
    place = 0
    while place < used and blocks[i, order[i, place], 0] < low:
        block = order[i, place]
        k, count = 0, counts[i, block]
        if blocks[i, block, count - 1] < low:
            first -= sums[i, block, 0]
            second -= sums[i, block, 1]
            k = count
        while k < count and blocks[i, block, k] < low:
            first -= blocks[i, block, k] - shift
            second -= (blocks[i, block, k] - shift) ** 2
            k += 1
        below += k
        place += 1
    place = used - 1
    while place >= 0 and blocks[i, order[i, place], counts[i, order[i, place]] - 1] > high:
        block = order[i, place]
        count = counts[i, block]
        k = count - 1
        if blocks[i, block, 0] > high:
            first -= sums[i, block, 0]
            second -= sums[i, block, 1]
            k = -1
        while k >= 0 and blocks[i, block, k] > high:
            first -= blocks[i, block, k] - shift
            second -= (blocks[i, block, k] - shift) ** 2
            k -= 1
        above += count - 1 - k
        place -= 1
    a, b = low - shift, high - shift
    mean = (first + below * a + above * b) / size
    variance = (second + below * a * a + above * b * b) / size - mean * mean
    if variance <= 1e-22 * (a * a + b * b):
        return mean + shift, 0.0
    return mean + shift, np.sqrt(variance)


@compiled
def append_and_normalise(
    values: Array,
    ring: Array,
    seen: Array,
    blocks: Array,
    counts: Array,
    order: Array,
    used: Array,
    sums: Array,
    totals: Array,
    shifts: Array,
) -> Array:
    """Append one value a copy and return how unusual each is, float64 ``(num_envs,)``.

    Args:
        values: ``(num_envs,)``.
        ring: ``(num_envs, length)``, values by order of arrival.
        seen: ``(num_envs,)``, values ever appended.
        blocks: ``(num_envs, BLOCKS, CAP)``, sorted values.
        counts: ``(num_envs, BLOCKS)``, values a block.
        order: ``(num_envs, BLOCKS)``, block numbers in sorted order, then the free ones.
        used: ``(num_envs,)``, blocks in use.
        sums: ``(num_envs, BLOCKS, 2)``, sum and sum of squares of v - shift.
        totals: ``(num_envs, 2)``, the same of all values.
        shifts: ``(num_envs,)``, first value ever seen.
    """
    length = ring.shape[1]
    out = np.zeros(len(values))
    for i in range(len(values)):
        v = values[i]
        if seen[i] == 0:
            shifts[i] = v
        c = shifts[i]
        slot = seen[i] % length
        if seen[i] >= length:
            old = ring[i, slot]
            used[i] = remove(i, old, blocks, counts, order, sums, used[i], c)
            totals[i, 0] -= old - c
            totals[i, 1] -= (old - c) ** 2
        if used[i] == BLOCKS:
            used[i] = compact(i, blocks, counts, order, sums, used[i], c)
        ring[i, slot] = v
        seen[i] += 1
        used[i] = insert(i, v, blocks, counts, order, sums, used[i], c)
        totals[i, 0] += v - c
        totals[i, 1] += (v - c) ** 2
        size = min(seen[i], length)
        if size >= 2:
            q1 = quantile(i, 0.25, size, blocks, counts, order, used[i])
            q3 = quantile(i, 0.75, size, blocks, counts, order, used[i])
            reach = 1.5 * (q3 - q1)
            mean, std = clipped_moments(i, q1 - reach, q3 + reach, size, blocks, counts, order, sums, used[i], totals, c)
            out[i] = (v - mean) / (std if std > 0 else 1.0)
    return out
