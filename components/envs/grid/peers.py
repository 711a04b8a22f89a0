"""Which agents of a grid are alike, so that they may share one policy: MAPDN's six inverters, or zones of equal size."""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from dataclasses import replace

from wattloom.environment import AgentSpec


def peers(agents: Sequence[AgentSpec]) -> list[AgentSpec]:
    """Return the agents with those of equal kinds of assets and equal spaces in one group, which is named after the assets, e.g. ``"battery+pv"``."""
    made = [_made_of(agent) for agent in agents]
    return [replace(agent, group="+".join(own[0])) if made.count(own) > 1 else agent for agent, own in zip(agents, made, strict=True)]


def _made_of(agent: AgentSpec) -> tuple[tuple[str, ...], Hashable]:
    kinds = tuple(re.sub(r"_?\d+$", "", column.name) for column in agent.action_columns)
    return kinds, (agent.observation_space.shape, repr(agent.action_space))
