"""SustainDC's rewards: energy judged by its own running history, times a carbon intensity two steps ahead.

    foot = -2 n[t+2] z(E_t),  z: deviation of the step's energy in a history of the last 10,000, clipped to 1.5 quartile ranges
    load shifting: clip(foot + 0.3 - 0.3 sqrt(overdue) - 0.1 oldest age/24 h, -10, 10);   cooling and battery: foot

Defects kept: the history makes a uniformly better policy earn about 0; the carbon intensity belongs to another step; dropped tasks cost nothing. One is
not kept: the original shares one history among all environments of a process, here every copy has its own. The original's key
``individual_reward_weight`` has no effect there and does not exist here.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from wattloom.components.envs.datacenter.protocol import AGENTS, Record, State
from wattloom.components.envs.datacenter.sustaindc.episode import AHEAD, SustainDcEpisode
from wattloom.components.envs.datacenter.sustaindc.history_kernel import BLOCKS, CAP, append_and_normalise
from wattloom.components.envs.datacenter.sustaindc.queue import SustainDcQueue
from wattloom.components.physics.compiled import compiled, law, quickest
from wattloom.environment import Array
from wattloom.errors import ConfigError

NAMES = ("ring", "seen", "blocks", "counts", "order", "used", "sums", "totals", "shifts")


@law
def earn(unusual: Array, carbon: Array, overdue: Array, oldest: Array) -> tuple[Array, Array]:
    """Return the rewards of load shifting and of the other two, from z-score, carbon intensity ahead, overdue tasks and the oldest's age, days."""
    foot = -2.0 * carbon * unusual
    return np.minimum(np.maximum(foot + 0.3 - 0.3 * np.sqrt(overdue) - 0.1 * oldest, -10.0), 10.0), foot


@compiled
def earn_loop(unusual: Array, carbon: Array, overdue: Array, oldest: Array) -> tuple[Array, Array]:
    """Do what :func:`earn` does, copy by copy."""
    shifting, foot = np.empty(len(unusual)), np.empty(len(unusual))
    for i in range(len(unusual)):
        shifting[i], foot[i] = earn(unusual[i], carbon[i], overdue[i], oldest[i])
    return shifting, foot


class SustainDcReward:
    """The original's default rewards.

    Args:
        history: Energies remembered.
        carry_over: The history survives ``reset`` unless the copy is seeded anew, as in the original.
    """

    def __init__(self, history: int = 10000, carry_over: bool = True) -> None:
        if not 2 <= history <= 10000:
            raise ConfigError(f"reward.history={history}: give 2 .. 10000 steps")
        self.history, self.carry_over = history, carry_over

    def bind(self, environment: Any) -> None:
        """Refuse parts that do not tell what these rewards are made of."""
        for name, kind in (("episode", SustainDcEpisode), ("load_shifting", SustainDcQueue)):
            if not isinstance(getattr(environment, name), kind):
                raise ConfigError(f"reward=sustaindc judges the original's {name}: set {name}=sustaindc, or another reward")

    def initial(self, num_envs: int) -> State:
        """Return an empty history a copy."""
        shapes = {"ring": (self.history,), "blocks": (BLOCKS, CAP), "sums": (BLOCKS, 2), "totals": (2,), "shifts": ()}
        state: State = {f"history_{name}": np.zeros((num_envs, *shape)) for name, shape in shapes.items()}
        state["history_seen"] = np.zeros(num_envs, dtype=np.int64)
        state["history_used"] = np.ones(num_envs, dtype=np.int64)
        state["history_counts"] = np.zeros((num_envs, BLOCKS), dtype=np.int64)
        state["history_order"] = np.tile(np.arange(BLOCKS), (num_envs, 1))
        return state

    def begin(self, state: State, copies: Array, fresh: Array) -> None:
        """Forget where nothing is carried over."""
        anew = copies[fresh] if self.carry_over else copies
        state["history_seen"][anew] = 0
        state["history_used"][anew] = 1
        state["history_counts"][anew] = 0
        state["history_sums"][anew] = 0.0
        state["history_totals"][anew] = 0.0
        state["history_order"][anew] = np.arange(BLOCKS)

    def rewards(self, state: State, elapsed: Array, record: Record) -> dict[str, Array]:
        """Append the step's energies and return the rewards."""
        unusual, extra = self.unusual(state, record.power.grid_kwh), record.work.extra
        earned = quickest(earn, earn_loop)(unusual, record.inputs.row[:, AHEAD], extra["overdue_tasks"], extra["oldest_age"])
        return dict(zip(AGENTS, (*earned, earned[1].copy()), strict=True))

    @staticmethod
    def unusual(state: State, energy_kwh: ArrayLike) -> Array:
        """Append one energy a copy and return its clipped z-score."""
        arrays = [state[f"history_{name}"] for name in NAMES]
        scores: Array = append_and_normalise(np.asarray(energy_kwh), *arrays)
        return scores
