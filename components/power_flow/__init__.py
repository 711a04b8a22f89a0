"""Power flow on batches of injections: one immutable network model, one protocol, several backends.

>>> from wattloom.components.power_flow import GridModel, solve
>>> model = GridModel.read("case33bw")
>>> p, q = model.nominal()
>>> vm, va, converged, iterations = solve(model, "zbus", p, q)
>>> round(float(vm.min()), 4), bool(converged.all())
(0.9131, True)
"""

from wattloom.components.power_flow.backends import BACKENDS, make_backend
from wattloom.components.power_flow.flows import BranchFlows, Flows
from wattloom.components.power_flow.model import GridModel
from wattloom.components.power_flow.one_call import solve
from wattloom.components.power_flow.protocol import Backend, Capabilities, Solver
from wattloom.components.power_flow.result import PowerFlowResult
from wattloom.components.power_flow.switching import SwitchedSolver

__all__ = [
    "BACKENDS",
    "Backend",
    "BranchFlows",
    "Capabilities",
    "Flows",
    "GridModel",
    "PowerFlowResult",
    "Solver",
    "SwitchedSolver",
    "make_backend",
    "solve",
]
