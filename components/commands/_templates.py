"""What ``wattloom new`` writes: a small component that works, to be changed into yours."""

from __future__ import annotations

ENV_CLASS = '''\
"""$Title: a cart on a rail that has to stand still at the origin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium import spaces
from wattloom import AgentSpec, BatchedEnvironment, Column, Outcome, Snapshot

AGENT = "cart"


class $Class(BatchedEnvironment):
    """All copies are advanced at once, on arrays with leading axis ``num_envs``; what changes lives in ``self.arrays``.

    Args:
        mass: Mass of the cart, kg.
        max_force: Largest force, N.
        horizon: Steps an episode.
        num_envs: Number of independent copies.
    """

    def __init__(self, mass: float = 1.0, max_force: float = 2.0, horizon: int = 100, num_envs: int = 1) -> None:
        agent = AgentSpec(
            name=AGENT,
            observation_space=spaces.Box(-np.inf, np.inf, (2,), np.float32),
            action_space=spaces.Box(-max_force, max_force, (1,), np.float32),
            observation_columns=(Column("position", "m"), Column("speed", "m/s")),
            action_columns=(Column("force", "N"),),
        )
        super().__init__([agent], num_envs, horizon, [Column("distance", "m", "lower")], step_seconds=0.05)
        self.mass = mass
        self.arrays["position"] = np.zeros(num_envs)
        self.arrays["speed"] = np.zeros(num_envs)

    def _begin(self, copies: np.ndarray, generators: Sequence[np.random.Generator], options: Mapping[str, Any]) -> None:
        """Start the episodes of some copies; each draws from its own generator."""
        self.arrays["position"][copies] = [generator.uniform(-1.0, 1.0) for generator in generators]
        self.arrays["speed"][copies] = 0.0

    def _advance(self, actions: Mapping[str, np.ndarray]) -> Outcome:
        """Advance every copy by one step; actions arrive checked and clipped."""
        force = actions[AGENT][:, 0].astype(np.float64)
        self.arrays["speed"] += self.step_seconds * force / self.mass
        self.arrays["position"] += self.step_seconds * self.arrays["speed"]
        distance = np.abs(self.arrays["position"])
        reward = -(distance**2) - 0.1 * self.arrays["speed"] ** 2 - 0.001 * force**2
        return Outcome(rewards={AGENT: reward}, metrics={"distance": distance})

    def _observe(self) -> Snapshot:
        """Return what is visible now."""
        return Snapshot({AGENT: np.stack([self.arrays["position"], self.arrays["speed"]], axis=1).astype(np.float32)})
'''

ENV_YAML = """\
# $Title: a cart on a rail that has to stand still at the origin.
_target_: $name.$Class
mass: 1.0 # kg
max_force: 2.0 # N
horizon: 100 # steps an episode
num_envs: 1 # independent copies
"""

ENV_TEST = '''\
"""The environment keeps the contract, and a force moves the cart."""

import numpy as np
import wattloom
from wattloom.testing import assert_environment


def test_it_keeps_the_contract():
    assert_environment(lambda num_envs: wattloom.make("$name", num_envs=num_envs))


def test_a_force_moves_the_cart():
    environment = wattloom.make("$name", num_envs=2)
    before = environment.reset(seed=1).observations["cart"].copy()
    result = environment.step({"cart": np.array([[1.0], [0.0]], np.float32)})
    after = result.snapshot.observations["cart"]
    assert after[0, 1] > before[0, 1]
    assert after[1, 1] == before[1, 1]
'''

ALGORITHM_CLASS = '''\
"""$Title: a linear policy that keeps every random change which did not make an episode worse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from wattloom import Algorithm, EnvironmentSpec, Policy, Snapshot, Transition, UpdateReport
from wattloom.errors import ConfigError
from wattloom.seeding import Seeds


class $Class(Algorithm):
    """(1+1) evolution strategy: after every episode of copy 0, keep the change or undo it, then try another.

    Args:
        step_size: Standard deviation of a change.
    """

    def __init__(self, step_size: float = 0.1) -> None:
        if step_size <= 0:
            raise ConfigError(f"algorithm.step_size must be positive, not {step_size}")
        self.step_size = step_size

    def setup(self, spec: EnvironmentSpec, seeds: Seeds, total_steps: int) -> None:
        """Make one weight matrix an agent."""
        super().setup(spec, seeds, total_steps)
        self.generator = seeds.generator("changes")
        self.best = {a.name: np.zeros((a.action_space.shape[0], a.observation_space.shape[0])) for a in spec.agents}
        self.weights = {name: value.copy() for name, value in self.best.items()}
        self.best_return, self.episode_return, self.episode_over, self.updates = -np.inf, 0.0, False, 0

    def policy(self, num_envs: int, explore: bool) -> Policy:
        """Act with the live weights; evaluations use the best ones."""
        return LinearPolicy(self, explore)

    def observe(self, transition: Transition) -> None:
        """Add up the return of copy 0."""
        self.episode_return += sum(float(reward[0]) for reward in transition.result.rewards.values())
        self.episode_over = bool(transition.result.ended[0])

    def update(self) -> UpdateReport | None:
        """At the end of an episode: keep or undo, then change again."""
        if not self.episode_over:
            return None
        if self.episode_return >= self.best_return:
            self.best_return = self.episode_return
            self.best = {name: value.copy() for name, value in self.weights.items()}
        for name, value in self.best.items():
            self.weights[name] = value + self.step_size * self.generator.standard_normal(value.shape)
        self.episode_return, self.episode_over, self.updates = 0.0, False, self.updates + 1
        best = self.best_return
        return UpdateReport(1, self.updates, lambda: {"best_episode_return": best})

    def state_dict(self) -> dict[str, Any]:
        """Everything that a bit-exact continuation needs."""
        return {
            "best": self.best,
            "weights": self.weights,
            "numbers": [self.best_return, self.episode_return, self.episode_over, self.updates],
            "generator": self.generator.bit_generator.state,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore it."""
        self.best, self.weights = dict(state["best"]), dict(state["weights"])
        self.best_return, self.episode_return, self.episode_over, self.updates = state["numbers"]
        self.generator.bit_generator.state = state["generator"]


class LinearPolicy:
    """Action = weights x observation, for every copy at once."""

    def __init__(self, algorithm: $Class, explore: bool) -> None:
        self.algorithm, self.explore = algorithm, explore

    def reset(self, mask: np.ndarray | None = None, seeds: Sequence[int | None] | None = None) -> None:
        """Remember nothing, forget nothing."""

    def act(self, snapshot: Snapshot) -> dict[str, np.ndarray]:
        """Return actions by agent, float32 ``(num_envs, n)``."""
        weights = self.algorithm.weights if self.explore else self.algorithm.best
        return {name: (seen @ weights[name].T).astype(np.float32) for name, seen in snapshot.observations.items()}

    def state_dict(self) -> dict[str, Any]:
        """There is no memory."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """There is none to restore."""
'''

ALGORITHM_YAML = """\
# $Title: a linear policy that keeps every random change which did not make an episode worse.
_target_: $name.$Class
step_size: 0.1 # 1, standard deviation of a change
"""

ALGORITHM_TEST = '''\
"""The algorithm runs, learns something to restore, and refuses a bad value."""

import pytest
import wattloom
from wattloom.errors import ConfigError

QUICK = ("algorithm=$name", "hooks=none", "runner.total_steps=1000", "evaluation.episodes=2", "evaluation.every=null")


def test_it_runs_and_can_be_loaded(tmp_path):
    run = wattloom.train(*QUICK, runs_dir=str(tmp_path))
    assert run.summary.status == "completed"
    policy = wattloom.load(run.directory.path, trust=True).policy(num_envs=3)
    snapshot = run.environment(num_envs=3).reset(seed=1)
    assert all(len(action) == 3 for action in policy.act(snapshot).values())


def test_a_bad_value_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="step_size"):
        wattloom.train(*QUICK, "algorithm.step_size=-1", runs_dir=str(tmp_path))
'''

HOOKS_CLASS = '''\
"""$Title: ends a run when the last episodes were good enough."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from wattloom import Hook
from wattloom.errors import ConfigError
from wattloom.events import EpisodeEnd
from wattloom.run import Run


class $Class(Hook):
    """A hook observes: it may stop the run, but never touches actions or gradients.

    Args:
        threshold: Mean return that is good enough.
        window: Episodes in the mean.
    """

    def __init__(self, threshold: float = 0.0, window: int = 5) -> None:
        if window < 1:
            raise ConfigError(f"hooks.$name.window must be at least 1, not {window}")
        self.threshold = threshold
        self.returns: deque[float] = deque(maxlen=window)

    def on_episode_end(self, run: Run, event: EpisodeEnd) -> None:
        """Look at the episodes that just ended."""
        self.returns.extend(float(value) for value in event.total_returns(run.spec.shared_reward))
        mean = sum(self.returns) / len(self.returns)
        if len(self.returns) == self.returns.maxlen and mean >= self.threshold:
            run.stop(f"mean return {mean:.1f} of {len(self.returns)} episodes reached {self.threshold:.1f}")

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs."""
        return {"returns": list(self.returns)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore it."""
        self.returns.extend(state["returns"])
'''

HOOKS_YAML = """\
# $Title: ends a run when the last episodes were good enough; wattloom +hooks=$name
_target_: $name.$Class
threshold: 0.0 # mean return that is good enough
window: 5 # episodes in the mean
"""

HOOKS_TEST = '''\
"""The hook stops a run that is good enough, and leaves one alone that is not."""

import pytest
import wattloom

QUICK = ("algorithm=zero", "hooks=$name", "runner.total_steps=2000", "evaluation.episodes=1", "evaluation.every=null")


@pytest.mark.parametrize(("threshold", "steps"), [(-1e9, 1000), (1e9, 2000)])
def test_it_stops_when_good_enough(tmp_path, threshold, steps):
    run = wattloom.train(*QUICK, hooks__${name}__threshold=threshold, runs_dir=str(tmp_path))
    assert run.summary.counters.env_steps == steps  # five episodes of the pendulum are 1,000 steps
'''

TEMPLATES = {
    "env": (ENV_CLASS, ENV_YAML, ENV_TEST),
    "algorithm": (ALGORITHM_CLASS, ALGORITHM_YAML, ALGORITHM_TEST),
    "hooks": (HOOKS_CLASS, HOOKS_YAML, HOOKS_TEST),
}
