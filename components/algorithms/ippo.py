"""Independent PPO: every agent learns from its own observations and rewards; for one agent this is PPO.

C. Schroeder de Witt et al., "Is Independent Learning All You Need in the StarCraft Multi-Agent Challenge?", arXiv 2011.09533 (2020).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from wattloom.components.algorithms.ppo import PPO


@dataclass(kw_only=True, eq=False)
class IPPO(PPO):
    """PPO for every agent with a critic on the agent's own observation; rewards are the agent's own unless ``reward_sharing`` says otherwise."""

    reward_sharing: float = 0.0

    centralised: ClassVar[bool] = False
