"""Losses and voltages of a batch of power flows, and their exact gradients with respect to every injection, by the adjoint method.

With node voltages V, injections S = V conj(Y V), currents I = Y V and unknown nodes L, a small change obeys

    dS = conj(I) dV + V conj(Y) conj(dV)

For f(V) with df = Re(conj(g) dV) the sensitivities lambda to all injections at once, df = Re(conj(lambda) dS), solve the adjoint system

    I lambda + Y^H (V conj(lambda)) = g        so        lambda <- conj(Y^-H (g - I lambda) / V)

by a fixed point that contracts wherever the one of the power flow does: a few products with one dense matrix, whatever the number of controls.
What a voltage outside a band costs is a smooth function of how far outside it is: its square, or a hinge that is rounded off near the band.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from wattloom.environment import Array
from wattloom.errors import ConfigError

TOLERANCE, MOST = 1e-10, 200  # of the sensitivities; iterations


@dataclass(frozen=True, slots=True)
class Band:
    """What voltages outside a band cost.

    Attributes:
        low, high: p.u., voltages without a cost.
        weight: MW a squared p.u. of every bus; with a ``width`` MW a p.u.
        width: p.u. over which the hinge is rounded off, x^2 / (2 width) up to it and x - width / 2 beyond; None: the cost is x^2.
    """

    low: float
    high: float
    weight: float
    width: float | None = None

    def __call__(self, vm: Array) -> tuple[Array, Array]:
        """Return the cost of every voltage, MW, and its slope, MW a p.u."""
        beyond = np.maximum(vm - self.high, 0.0) - np.maximum(self.low - vm, 0.0)
        if self.width is None:
            return self.weight * np.square(beyond), 2.0 * self.weight * beyond
        rounded = np.clip(beyond, -self.width, self.width)
        return self.weight * rounded * (beyond - rounded / 2) / self.width, self.weight * rounded / self.width


@dataclass(frozen=True, slots=True)
class Cost:
    """What a batch of rows costs.

    Attributes:
        loss_mw: ``(n,)`` MW.
        bands_mw: ``(n,)`` MW, what the bands charge, sum over the buses; infinite where there is no solution.
        by_p, by_q: ``(n, n_bus)`` derivatives of the sum of both by injections, MW/MW and MW/MVAr.
    """

    loss_mw: Array
    bands_mw: Array
    by_p: Array
    by_q: Array


class Sensitivities:
    """Costs and gradients of one feeder.

    Args:
        feeder: The prepared network of ``env=grid``.

    Raises:
        ConfigError: A network with electrical nodes that are no bus, or with buses of given voltage besides the slack.
    """

    def __init__(self, feeder: Any) -> None:
        model = feeder.model
        self._feeder, self._base = feeder, float(model.base_mva)
        bus_of = np.full(model.n_node, -1, dtype=np.int64)
        bus_of[model.bus_node[feeder.live]] = feeder.live
        if (bus_of[model.energised] < 0).any() or len(model.live_pv):
            raise ConfigError(
                f"algorithm=opf serves networks whose nodes are all buses of free voltage; '{model.name}' has transformers with a hidden node, "
                "or generators that hold a voltage"
            )
        live = np.concatenate([model.unknown, model.slack])
        y = model.ybus[live][:, live].toarray()
        self._count, self._buses = len(model.unknown), bus_of[live]
        self._y, self._inverse = y, np.linalg.inv(y[: self._count, : self._count]).conj()  # of Y^H, as it multiplies rows from the right
        self._lossy = (y + y.conj().T) / 2  # V^H of it V is the active power that stays in the network
        position = np.full(model.n_node, -1, dtype=np.int64)
        position[model.unknown] = np.arange(self._count)
        self._unknown_of_bus = np.where(model.bus_node >= 0, position[np.maximum(model.bus_node, 0)], -1)

    def __call__(self, p_inj: Array, q_inj: Array, bands: Sequence[Band]) -> Cost:
        """Return costs and gradients of injections ``(n, n_bus)`` MW and MVAr; rows without a solution cost infinitely much."""
        flow = self._feeder.solve(p_inj, q_inj)
        v = np.where(flow.converged[:, None], flow.voltage, 1.0)[:, self._buses]
        retained = v @ self._lossy.T
        loss = (v.conj() * retained).real.sum(axis=1) * self._base
        unknown, vm = v[:, : self._count], np.abs(v[:, : self._count])
        charged = [band(vm) for band in bands]
        gradient = 2.0 * self._base * retained[:, : self._count] + sum(slope for _, slope in charged) * unknown / vm
        adjoint = self._adjoint(unknown, (v @ self._y.T)[:, : self._count], gradient) / self._base
        outside = sum(cost.sum(axis=1) for cost, _ in charged)
        return Cost(loss, np.where(flow.converged, outside, np.inf), self._by_bus(adjoint.real), self._by_bus(adjoint.imag))

    def _adjoint(self, v: Array, current: Array, gradient: Array) -> Array:
        """Return lambda, ``(n, L)`` complex, p.u."""
        found = np.zeros_like(gradient)
        for _ in range(MOST):
            following = np.conj((gradient - current * found) @ self._inverse / v)
            change = float(np.abs(following - found).max(initial=0.0))
            found = following
            if change < TOLERANCE:
                break
        return found

    def _by_bus(self, by_unknown: Array) -> Array:
        """Give every bus the sensitivity of its node; 0 at the slack and at dead buses."""
        padded = np.concatenate([by_unknown, np.zeros((len(by_unknown), 1))], axis=1)
        return padded[:, self._unknown_of_bus]
