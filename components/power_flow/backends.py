"""The backends by name, and the one that picks among them."""

from __future__ import annotations

import importlib
import importlib.util
import warnings
from dataclasses import dataclass
from typing import Any

from wattloom.components.power_flow.model import GridModel
from wattloom.components.power_flow.protocol import Backend, Capabilities, Solver
from wattloom.components.power_flow.solver import positive
from wattloom.errors import ConfigError, did_you_mean

BACKENDS = {
    "auto": "wattloom.components.power_flow.backends:Auto",
    "fixed_point": "wattloom.components.power_flow.fixed_point:FixedPoint",
    "lightsim2grid": "wattloom.components.power_flow.lightsim2grid:LightSim2Grid",
    "pandapower": "wattloom.components.power_flow.pandapower:PandaPower",
    "power_grid_model": "wattloom.components.power_flow.power_grid_model:PowerGridModel",
    "zbus": "wattloom.components.power_flow.zbus:ZBus",
}


def make_backend(name: str, **parameters: Any) -> Backend:
    """Return the backend of that name with its parameters.

    Raises:
        wattloom.errors.ConfigError: If the name is unknown or a parameter out of range.
    """
    if name not in BACKENDS:
        raise ConfigError(f"no power_flow backend '{name}'{did_you_mean(name, BACKENDS)}")
    module, _, attribute = BACKENDS[name].partition(":")
    made: Backend = getattr(importlib.import_module(module), attribute)(**parameters)
    return made


@dataclass(frozen=True)
class Auto:
    """Take the fastest backend that is installed and can serve the network.

    Without PV nodes that is ``fixed_point`` where numba is installed and ``zbus`` where it is not; with PV nodes ``lightsim2grid``, and
    ``pandapower`` (a thousand times slower, said in a warning) where it is missing or cannot serve the network.

    Args:
        tolerance: p.u., estimated distance to the solution at which a row of a fixed point stops.
        max_iterations: Iterations of a fixed point after which a row counts as not converged.
    """

    tolerance: float = 1e-10
    max_iterations: int = 100

    name = "auto"
    capabilities = Capabilities(pv_buses=True)

    def __post_init__(self) -> None:
        positive(self.name, tolerance=self.tolerance, max_iterations=self.max_iterations)

    def prepare(self, model: GridModel) -> Solver:
        """Return a solver of ``model`` (see :class:`~wattloom.components.power_flow.protocol.Backend`)."""
        if not len(model.live_pv):
            name = "fixed_point" if importlib.util.find_spec("numba") is not None else "zbus"
            return make_backend(name, tolerance=self.tolerance, max_iterations=self.max_iterations).prepare(model)
        if importlib.util.find_spec("lightsim2grid") is not None:
            try:
                return make_backend("lightsim2grid").prepare(model)
            except ConfigError:
                if model.source is None:
                    raise
        warnings.warn(
            f"network '{model.name}' has PV nodes and lightsim2grid is missing or cannot serve it: pandapower solves it, about 10 ms a row; "
            "pip install 'wattloom[grid]' for lightsim2grid",
            RuntimeWarning,
            stacklevel=2,
        )
        return make_backend("pandapower").prepare(model)
