"""A tank that fills by a workload, a constant controller, and a hook: one of each kind."""

from typing import Protocol

import numpy as np
from gymnasium import spaces

from wattloom import AgentSpec, Algorithm, BatchedEnvironment, Column, Hook, Outcome, Snapshot
from wattloom.errors import ConfigError


class Levels(Protocol):
    """What the tank asks of its workload."""

    def at(self, step): ...


class Steps:
    """A workload-like part: levels that take turns, one a step."""

    def __init__(self, levels: list[float] = [0.5, 1.0], scale: float = 1.0):  # noqa: B006 - read only
        if scale < 0:
            raise ConfigError(f"workload.scale must not be negative, not {scale}")
        self.levels = scale * np.asarray(levels)

    def at(self, step):
        return self.levels[step % len(self.levels)]


class Tank(BatchedEnvironment):
    """Keep the level of a tank near its target against an inflow."""

    def __init__(self, workload: Levels, target: float = 1.0, horizon: int = 20, num_envs: int = 1):
        box = spaces.Box(-np.inf, np.inf, (1,), np.float32)
        agent = AgentSpec("valve", box, spaces.Box(0.0, 2.0, (1,), np.float32), (Column("level", "m"),), (Column("opening", "1"),))
        super().__init__([agent], num_envs, horizon, [Column("inflow", "m3")])
        self.workload, self.target = workload, target
        self.arrays["level"] = np.zeros(num_envs)

    def _begin(self, copies, generators, options):
        self.arrays["level"][copies] = [generator.uniform(0.0, 2.0) for generator in generators]

    def _advance(self, actions):
        inflow = self.workload.at(self.elapsed)
        self.arrays["level"] += 0.1 * (inflow - actions["valve"][:, 0])
        return Outcome({"valve": -((self.arrays["level"] - self.target) ** 2)}, metrics={"inflow": inflow.astype(float)})

    def _observe(self):
        return Snapshot({"valve": self.arrays["level"][:, None].astype(np.float32)})


class ConstantPolicy:
    """The same action everywhere."""

    def __init__(self, spec, value):
        self.actions = {agent.name: np.full((spec.num_envs, *agent.action_space.shape), value, np.float32) for agent in spec.agents}

    def reset(self, mask=None, seeds=None):
        pass

    def act(self, snapshot):
        rows = len(next(iter(snapshot.observations.values())))
        return {name: np.repeat(action[:1], rows, axis=0) for name, action in self.actions.items()}

    def state_dict(self):
        return {}

    def load_state_dict(self, state):
        pass


class Constant(Algorithm):
    """Learns nothing: opens the valve by a fixed value."""

    learns = False

    def __init__(self, value: float = 0.5):
        if not 0.0 <= value <= 2.0:
            raise ConfigError(f"algorithm.value must lie in [0, 2], not {value}")
        self.value = value

    def policy(self, num_envs, explore):
        return ConstantPolicy(self.spec, self.value)


class StopAfter(Hook):
    """Ends the run after some episodes."""

    required = True

    def __init__(self, episodes: int = 1):
        self.episodes = episodes

    def on_episode_end(self, run, event):
        if run.counters.episodes >= self.episodes:
            run.stop(f"{self.episodes} episodes are enough")
