"""One file, no YAML: every decorator makes a component usable as kind=name."""

import gymnasium as gym
import numpy as np

from wattloom import Algorithm, Hook, register


@register("workload", "lab_ramp")
class Ramp:
    """A workload-like part."""

    def __init__(self, slope: float = 0.1):
        self.slope = slope

    def at(self, step):
        return self.slope * step


@register("env", "lab_cart")
class Cart(gym.Env):
    """A plain Gymnasium environment: push a cart to the origin."""

    observation_space = gym.spaces.Box(-np.inf, np.inf, (1,), np.float32)
    action_space = gym.spaces.Box(-1.0, 1.0, (1,), np.float32)

    def __init__(self, mass: float = 2.0, horizon: int = 10):
        self.mass, self.horizon = mass, horizon

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.position, self.steps = self.np_random.uniform(-1, 1), 0
        return np.array([self.position], np.float32), {}

    def step(self, action):
        self.position += float(action[0]) / self.mass
        self.steps += 1
        return np.array([self.position], np.float32), -(self.position**2), False, self.steps >= self.horizon, {}


class Still:
    def __init__(self, spec, push):
        self.spec, self.push = spec, push

    def reset(self, mask=None, seeds=None):
        pass

    def act(self, snapshot):
        agent = self.spec.agents[0]
        return {agent.name: np.full((len(snapshot.observations[agent.name]), 1), self.push, np.float32)}

    def state_dict(self):
        return {}

    def load_state_dict(self, state):
        pass


@register("algorithm", "lab_still")
class LabStill(Algorithm):
    """Pushes by the same amount for ever."""

    learns = False

    def __init__(self, push: float = 0.0):
        self.push = push

    def policy(self, num_envs, explore):
        return Still(self.spec, self.push)


@register("hooks", "lab_count")
class Count(Hook):
    """Counts steps and stops at a limit."""

    required = True

    def __init__(self, limit: int = 15):
        self.limit, self.seen = limit, 0

    def on_step(self, run, event):
        self.seen += 1
        if self.seen >= self.limit:
            run.stop("counted enough")


@register("algorithm", "lab_push")
class LabPush(LabStill):
    """Pushes, by default, a little."""

    def __init__(self, push: float = 0.1):
        super().__init__(push)
