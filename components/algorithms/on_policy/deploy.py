"""One agent's policy of an on-policy learner as a module of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from wattloom.components.networks.deployed import DeployedPolicy, Perceptron, gaussian_or_choices
from wattloom.components.networks.stack import under

if TYPE_CHECKING:
    from wattloom.components.algorithms.on_policy.algorithm import OnPolicy


def deployed(algorithm: OnPolicy, agent: str) -> DeployedPolicy:
    """Return a copy of the greedy policy of ``agent``, observation statistics and action scaling inside."""
    names = [spec.name for spec in algorithm.spec.agents]
    index = names.index(agent)
    units, params = next((units, params) for units, params in algorithm.policies if any(index in unit.agents for unit in units))
    e = next(e for e, unit in enumerate(units) if index in unit.agents)
    unit, norm = units[e], algorithm.norms[units[e].name]
    views = params.rows(e, e + 1).views
    return DeployedPolicy(
        Perceptron(under(views, "net"), algorithm.activation),
        gaussian_or_choices(algorithm.spec.agents[index].action_space, views.get("log_std")),
        norm.module(),
        np.eye(len(unit.agents))[unit.agents.index(index)] if unit.shared else None,
    )
