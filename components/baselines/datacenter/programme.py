"""The linear programme of battery and load shifting over H steps; the sparse matrix is built once, a solve changes numbers only.

Variables of each step k: charge c_k, discharge d_k [MW], stored energy E_k [MWh], executed flexible work X_k (cumulative, capacity-steps), facility
power P_k [MW]. With g_k the cost of energy, h the step in hours, n_k the work that cannot wait, and tangents (alpha, beta) of the facility's power:

    min  sum h g_k (P_k + c_k - d_k) + (w h / 2) sum (eta_c c_k + d_k / eta_d)  -  v E_H
    E_k = keep E_(k-1) + eta_c h c_k - h d_k / eta_d              0 <= c_k <= C,  0 <= d_k <= D,  low_k <= E_k <= high
    d_k - c_k <= P_k                                              no export
    0 <= X_k - X_(k-1) <= room_k,   needed_k <= X_k <= arrived_k  deadlines, queue limit, arrivals
    P_k >= alpha_kj + beta_kj (n_k + X_k - X_(k-1))               tangents j = 1 .. m, an outer model of a convex curve

Charging and discharging at once does not pay while g >= 0 and eta < 1, so no integer is needed. Where g < 0 it does, and so would any power: there the
tangents make way for the chord of the curve over all the work that the step may run, P_k <= alpha_k + beta_k (n_k + X_k - X_(k-1)), which no real power
exceeds. The optimum is then a relaxation, a lower bound of the true one; the plan keeps its stored energy and charges or discharges, never both. Solved
by HiGHS through SciPy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from wattloom.environment import Array


@dataclass(frozen=True)
class Storage:
    """The battery in the programme.

    Attributes:
        most_in: MW, largest charging power.
        most_out: MW, largest discharging power.
        charge_efficiency: Stored over drawn.
        discharge_efficiency: Delivered over taken.
        keep: Share of the stored energy left after a step of self-discharge.
        low: MWh, least stored energy.
        high: MWh, most stored energy.
        wear: Cost of a MWh moved in and out, in the unit of g.
        export: Discharge may exceed the facility's power.
    """

    most_in: float
    most_out: float
    charge_efficiency: float
    discharge_efficiency: float
    keep: float
    low: float
    high: float
    wear: float = 0.0
    export: bool = False


@dataclass
class Horizon:
    """Numbers of one solve, each ``(H,)`` unless said otherwise.

    Attributes:
        price: g, cost per MWh.
        fixed: n, work that cannot wait, share of capacity.
        needed: Least cumulative flexible work executed by each step, capacity-steps.
        arrived: Most of it, capacity-steps.
        alpha: Tangents' intercepts, MW, ``(H, m)``.
        beta: Tangents' slopes, MW per share of capacity, ``(H, m)``.
        chord: Intercepts and slopes of the power's chord, ``(H, 2)``, read where the price is negative; None: it is nowhere.
        stored: MWh at the start.
        final: MWh that must be stored after step ``end - 1``.
        stored_value: v, value of a MWh left over after step ``end - 1``.
        end: Steps that count; the others are idle.
    """

    price: Array
    fixed: Array
    needed: Array
    arrived: Array
    alpha: Array
    beta: Array
    stored: float
    final: float
    stored_value: float
    end: int
    chord: Array | None = None


@dataclass(frozen=True)
class Plan:
    """What to do, each ``(H,)``.

    Attributes:
        charge: MW.
        discharge: MW.
        executed: Flexible work run in each step, capacity-steps.
        stored: MWh after each step.
        power: Facility power by the tangents, MW; by the chord where the price is negative.
        cost: Value of the objective without the value of stored energy; where prices are negative no plan costs less, and this one a little more.
    """

    charge: Array
    discharge: Array
    executed: Array
    stored: Array
    power: Array
    cost: float


class Programme:
    """The programme of a fixed number of steps.

    Args:
        steps: H.
        tangents: m.
        step_hours: h.
        storage: Battery.
        capacity: Share of IT that may run.
    """

    def __init__(self, steps: int, tangents: int, step_hours: float, storage: Storage, capacity: float = 1.0) -> None:
        from scipy.sparse import csc_array

        self.steps, self.tangents, self.hours, self.storage, self.capacity = steps, tangents, step_hours, storage, capacity
        entries = self._entries()
        rows, columns, values = (np.concatenate(part) for part in zip(*entries, strict=True))
        order = np.lexsort((rows, columns))  # column by column, as the sparse format wants
        starts = np.searchsorted(columns[order], np.arange(5 * steps + 1))
        self._matrix = csc_array((values[order].astype(np.float64), rows[order], starts), shape=(3 * steps + tangents * steps, 5 * steps))
        place = np.empty_like(order)
        place[order] = np.arange(len(order))
        slopes = sum(len(part[0]) for part in entries[:-2])
        self._slopes = place[slopes:]  # where -beta (of X_k) and +beta (of X_(k-1)) lie in the matrix

    def _entries(self) -> list[tuple[Array, Array, Array]]:
        """Return rows, columns and values of the matrix in pieces; the last two are the tangents' slopes."""
        n, m, h, s = self.steps, self.tangents, self.hours, self.storage
        k, one = np.arange(n), np.ones(n)
        c, d, e, x, p = (i * n + k for i in range(5))
        balance, work, export = k, n + k, 2 * n + k
        tangent = 3 * n + np.arange(n * m)  # row of tangent j of step k: 3 n + k m + j
        step = np.repeat(k, m)
        later = np.flatnonzero(step > 0)
        return [
            (balance, e, one),
            (balance[1:], e[:-1], -s.keep * one[1:]),
            (balance, c, -s.charge_efficiency * h * one),
            (balance, d, h / s.discharge_efficiency * one),
            (work, x, one),
            (work[1:], x[:-1], -one[1:]),
            (export, d, one),
            (export, c, -one),
            (export, p, -one),
            (tangent, p[step], np.ones(n * m)),
            (tangent, x[step], np.full(n * m, -1.0)),
            (tangent[later], x[step[later] - 1], np.ones(len(later))),
        ]

    def solve(self, horizon: Horizon) -> Plan | None:
        """Return the cheapest plan, or None where there is none (an undersized site)."""
        from scipy.optimize import Bounds, LinearConstraint, milp

        n = self.steps
        g = np.where(np.arange(n) < horizon.end, horizon.price, 0.0)
        paid = g < 0.0  # for using energy
        alpha, slopes = self._faces(horizon, paid)
        beta = slopes.reshape(-1)
        self._matrix.data[self._slopes] = np.concatenate([-beta, beta[self.tangents :]])
        low, high = self._sides(horizon, alpha + slopes * horizon.fixed[:, None], paid)
        bounds = self._bounds(horizon)
        cost = self._cost(horizon, g)
        result = milp(
            cost, constraints=LinearConstraint(self._matrix, low, high), bounds=Bounds(*bounds)
        )  # no integers: a linear programme
        if result.x is None:
            return None
        charge, discharge, stored, done, power = result.x.reshape(5, n)
        executed = np.diff(done, prepend=0.0)
        objective = float(cost @ result.x) + horizon.stored_value * stored[horizon.end - 1]
        if paid.any():
            charge, discharge = self._one_way(horizon, paid, charge, discharge, stored)
        return Plan(charge, discharge, executed, stored, power, objective)

    def reachable(self, stored: float, steps: int) -> float:
        """Return the most energy that full charging stores in ``steps`` steps, MWh, a hair less so that rounding leaves a solution."""
        s = self.storage
        kept = s.keep**steps
        inflow = s.charge_efficiency * self.hours * s.most_in
        gained = inflow * (steps if s.keep == 1.0 else (1.0 - kept) / (1.0 - s.keep))
        return min(stored * kept + gained, s.high) - 1e-9

    def _faces(self, horizon: Horizon, paid: Array) -> tuple[Array, Array]:
        """Return intercepts and slopes ``(H, m)``: the tangents, and where the site is ``paid`` for using energy the chord, m times."""
        if not paid.any():
            return horizon.alpha, horizon.beta
        if horizon.chord is None:
            raise ValueError("a horizon with a negative price needs the chord of the power")
        alpha, beta = (np.where(paid[:, None], horizon.chord[:, [k]], tangents) for k, tangents in enumerate((horizon.alpha, horizon.beta)))
        return alpha, beta

    def _one_way(self, horizon: Horizon, paid: Array, charge: Array, discharge: Array, stored: Array) -> tuple[Array, Array]:
        """Return charge and discharge that bring about the same stored energies without both at once."""
        s = self.storage
        gained = stored - s.keep * np.concatenate([[horizon.stored], stored[:-1]])
        both = paid & (np.minimum(charge, discharge) > 0.0)
        into = np.maximum(gained, 0.0) / (s.charge_efficiency * self.hours)
        out = np.maximum(-gained, 0.0) * s.discharge_efficiency / self.hours
        return np.where(both, into, charge), np.where(both, out, discharge)

    def _cost(self, horizon: Horizon, g: Array) -> Array:
        """Return the objective's coefficients."""
        n, h, s = self.steps, self.hours, self.storage
        stored = np.zeros(n)
        stored[horizon.end - 1] = -horizon.stored_value
        charge = h * (g + 0.5 * s.wear * s.charge_efficiency)
        discharge = h * (-g + 0.5 * s.wear / s.discharge_efficiency)
        return np.concatenate([charge, discharge, stored, np.zeros(n), h * g])

    def _sides(self, horizon: Horizon, face: Array, paid: Array) -> tuple[Array, Array]:
        """Return the lower and upper side of every row; ``face``: what tangents or chord say of the work that cannot wait, MW, ``(H, m)``."""
        n = self.steps
        first = np.zeros(n)
        first[0] = self.storage.keep * horizon.stored
        above = np.repeat(paid, self.tangents)
        least, most = np.where(above, -np.inf, face.reshape(-1)), np.where(above, face.reshape(-1), np.inf)
        room = np.maximum(self.capacity - horizon.fixed, 0.0)
        low = np.concatenate([first, np.zeros(n), np.full(n, -np.inf), least])
        export = np.full(n, np.inf) if self.storage.export else np.zeros(n)
        return low, np.concatenate([first, room, export, most])

    def _possible(self, horizon: Horizon) -> Array:
        """Return the most cumulative work that room and arrivals let run by each step: a site too small for its deadlines does what it can."""
        room = np.cumsum(np.maximum(self.capacity - horizon.fixed, 0.0))
        most: Array = np.minimum(room + np.minimum(np.minimum.accumulate(horizon.arrived - room), 0.0), horizon.arrived)
        return most

    def _bounds(self, horizon: Horizon) -> tuple[Array, Array]:
        """Return the lower and upper bound of every variable."""
        n, s, counts = self.steps, self.storage, np.arange(self.steps) < horizon.end
        least = np.where(counts, s.low, 0.0)
        least[horizon.end - 1] = max(s.low, min(horizon.final, self.reachable(horizon.stored, horizon.end)))
        zero = np.zeros(n)
        needed = np.minimum(horizon.needed, self._possible(horizon))
        low = np.concatenate([zero, zero, least, needed, zero])
        high = np.concatenate([s.most_in * counts, s.most_out * counts, np.full(n, s.high), horizon.arrived, np.full(n, np.inf)])
        return low, high
