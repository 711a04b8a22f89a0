"""One call from a network and injections to voltages, for scripts and replays; an environment prepares a solver once instead."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from wattloom.components.power_flow.backends import make_backend
from wattloom.components.power_flow.model import GridModel
from wattloom.components.power_flow.protocol import Backend
from wattloom.components.power_flow.result import PowerFlowResult


def solve(
    net: GridModel | str | Path | Any, backend: str | Backend, p: ArrayLike, q: ArrayLike, *, pv_vm: ArrayLike | None = None
) -> PowerFlowResult:
    """Solve a batch of bus injections on a network.

    Args:
        net: A :class:`GridModel`, a pandapower network, the path of a pandapower JSON file, a pandapower network by name, or a SimBench code.
        backend: ``"auto"``, ``"fixed_point"``, ``"zbus"``, ``"lightsim2grid"``, ``"power_grid_model"``, ``"pandapower"``, or a backend object.
        p: ``(num_envs, n_bus)`` or ``(n_bus,)`` MW, net active injection of every bus (generation minus load), in the order of the bus table.
        q: As ``p``, MVAr.
        pv_vm: ``(num_envs, n_pv)`` p.u., set-points of the PV nodes in the order of ``GridModel.pv``; default: those of the network.
            ``model.gen_pv`` says which column each row of the gen table holds.

    Returns:
        Voltages with a leading axis of rows (one for ``(n_bus,)`` inputs). Rows without a solution are NaN and ``converged`` is False.

    Raises:
        wattloom.errors.ConfigError: If the network or backend is unknown, or the backend cannot serve the network.
        wattloom.errors.MissingExtraError: If an optional package is not installed.
        wattloom.errors.UsageError: If a shape does not fit.
    """
    if isinstance(net, GridModel):
        model = net
    elif isinstance(net, str | Path):
        model = GridModel.read(net)
    else:
        model = GridModel.from_pandapower(net)
    method = make_backend(backend) if isinstance(backend, str) else backend
    held = None if pv_vm is None else np.atleast_2d(np.asarray(pv_vm, dtype=np.float64))
    return method.prepare(model).solve(
        np.atleast_2d(np.asarray(p, dtype=np.float64)), np.atleast_2d(np.asarray(q, dtype=np.float64)), pv_vm=held
    )
