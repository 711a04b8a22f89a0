"""Multi-agent PPO: decentralised policies, a critic that sees the central state.

C. Yu et al., "The Surprising Effectiveness of PPO in Cooperative Multi-Agent Games", NeurIPS 2022 (datasets and benchmarks), algorithm 1. The state
is the environment's own; where it has none, all observations side by side.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from wattloom.components.algorithms.ppo import PPO


@dataclass(kw_only=True, eq=False)
class MAPPO(PPO):
    """PPO for every agent with central critics: one where all agents earn the team's mean (``reward_sharing=1``), else one an agent."""

    centralised: ClassVar[bool] = True
