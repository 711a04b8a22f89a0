"""The contract suite finds what is planted, by name, and nothing in sound environments."""

import random

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from wattloom.batched import BatchedEnvironment, Outcome
from wattloom.components.envs.pendulum import Pendulum
from wattloom.environment import AgentSpec, Column, Snapshot, StepResult
from wattloom.spaces import columns
from wattloom.testing import CHECKS, Finding, assert_environment, check_environment
from wattloom.testing.ends import _first_end, _looks_begun
from wattloom.testing.session import builder


class Tank(BatchedEnvironment):
    """A sound environment: a noisy tank with two agents, one of which chooses; ends by overflow or at step 15."""

    def __init__(self, num_envs=1):
        inlet = AgentSpec(
            "inlet", spaces.Box(-np.inf, np.inf, (2,)), spaces.Box(0, 1, (1,), np.float32), columns(["level", "step"]), columns(["flow"])
        )
        outlet = AgentSpec("outlet", spaces.Box(-9, 9, (1,)), spaces.Discrete(3), columns(["level"]), columns(["opening"]))
        super().__init__([inlet, outlet], num_envs, 15, [Column("level", "m")], spaces.Box(-9, 9, (1,)))
        self.arrays["level"] = np.zeros(num_envs)

    def _begin(self, copies, generators, options):
        self.arrays["level"][copies] = [g.uniform(0.2, 0.8) for g in generators]

    def _advance(self, actions):
        noise = np.array([g.normal(0, 0.05) for g in self._generators])
        level = self.arrays["level"] + 0.2 * actions["inlet"][:, 0] - 0.1 * actions["outlet"] + noise
        self.arrays["level"] = level
        return Outcome({"inlet": -np.abs(level), "outlet": level.copy()}, level > 1.2, {"level": level.copy()})

    def _observe(self):
        level = self.arrays["level"].astype(np.float32)
        inlet = np.stack([level, self.elapsed.astype(np.float32)], 1)
        return Snapshot({"inlet": inlet, "outlet": level[:, None].clip(-9, 9)}, level[:, None].clip(-9, 9), {"outlet": self._mask(level)})

    def _mask(self, level):
        return np.stack([np.ones(self.num_envs, bool), level > 0, level > 0.5], 1)


# Planted faults, each the kind of mistake that people make.


class OutsideItsSpace(Tank):
    def _observe(self):
        seen = super()._observe()
        return Snapshot({**seen.observations, "outlet": seen.observations["outlet"] + 20}, seen.state, seen.action_masks)


class WrongType(Tank):
    def _observe(self):
        seen = super()._observe()
        return Snapshot({**seen.observations, "inlet": seen.observations["inlet"].astype(np.float64)}, seen.state, seen.action_masks)


class NanObservation(Tank):
    def _observe(self):
        seen = super()._observe()
        if self.elapsed.max() == 3:
            seen.observations["inlet"][1 % self.num_envs] = np.nan
        return seen


class ForgetsItsSeed(Tank):
    def _begin(self, copies, generators, options):
        self.arrays["level"][copies] = np.random.default_rng().uniform(0.2, 0.8, len(copies))


class DrawsGlobally(Tank):
    def _begin(self, copies, generators, options):
        np.random.seed(int(generators[0].integers(1 << 30)))  # noqa: NPY002 - the planted fault
        self.arrays["level"][copies] = np.random.uniform(0.2, 0.8, len(copies))  # noqa: NPY002 - the planted fault


class DrawsFromPython(Tank):
    def _advance(self, actions):
        random.random()
        return super()._advance(actions)


class RemembersLastEpisode(Tank):
    def __init__(self, num_envs=1):
        super().__init__(num_envs)
        self.wear = 0.0

    def _advance(self, actions):
        self.wear += 0.01
        outcome = super()._advance(actions)
        self.arrays["level"] -= self.wear
        return outcome


class OneStreamForAll(Tank):
    def _begin(self, copies, generators, options):
        self.arrays["level"][copies] = generators[-1].uniform(0.2, 0.8, len(copies))


class DependsOnTheBatch(Tank):
    def _advance(self, actions):
        outcome = super()._advance(actions)
        self.arrays["level"] -= self.arrays["level"].mean() - self.arrays["level"] / self.num_envs
        return outcome


class ResetsEverybody(Tank):
    def reset(self, *, seed=None, mask=None, options=None):
        return super().reset(seed=seed, options=options)


class ResetsTheClockOfAll(Tank):
    def _begin(self, copies, generators, options):
        super()._begin(copies, generators, options)
        self.arrays["level"] -= 0.01


class IgnoresTheMask(Tank):
    def reset(self, *, seed=None, mask=None, options=None):
        if mask is not None and seed is not None:
            return self._observe()
        return super().reset(seed=seed, mask=mask, options=options)


class SameSeedForEveryCopy(Tank):
    def reset(self, *, seed=None, mask=None, options=None):
        return super().reset(seed=[seed] * self.num_envs if isinstance(seed, int) else seed, mask=mask, options=options)


class ResetsByItself(Tank):
    def step(self, actions):
        result = super().step(actions)
        if not result.ended.any():
            return result
        fresh = self.reset(mask=result.ended)
        return StepResult(fresh, result.rewards, result.terminated, result.truncated, result.metrics)

    def _advance(self, actions):
        level = self.arrays["level"] + 0.1 * actions["inlet"][:, 0]
        self.arrays["level"] = level
        return Outcome({"inlet": -level, "outlet": level.copy()}, level > 1.2, {"level": level.copy()})


class StepsAfterTheEnd(Tank):
    def step(self, actions):
        self._any_needs_reset = False
        return super().step(actions)


class ForgetsToSave(Tank):
    def __init__(self, num_envs=1):
        super().__init__(num_envs)
        self.leak = np.zeros(num_envs)

    def _begin(self, copies, generators, options):
        super()._begin(copies, generators, options)
        self.leak[copies] = [g.uniform(0, 0.1) for g in generators]

    def _advance(self, actions):
        outcome = super()._advance(actions)
        self.arrays["level"] = self.arrays["level"] - self.leak
        return outcome


class SavesItsOwnMemory(Tank):
    def get_state(self):
        return super().get_state() | {"arrays": self.arrays}

    def set_state(self, state):
        super().set_state(state)
        self.arrays = state["arrays"]

    def _advance(self, actions):
        outcome = super()._advance(actions)
        self.arrays["level"] = np.array(self.arrays["level"])
        return outcome


class SavesNoRows(Tank):
    def get_state(self):
        return super().get_state() | {"clock": 3.0}


class MixesUpRows(Tank):
    def __init__(self, num_envs=1):
        super().__init__(num_envs)
        self.slope = 0.01 * np.arange(num_envs)

    def _advance(self, actions):
        outcome = super()._advance(actions)
        self.arrays["level"] = self.arrays["level"] - self.slope
        return outcome


class UndeclaredMetric(Tank):
    def _advance(self, actions):
        outcome = super()._advance(actions)
        return Outcome(outcome.rewards, outcome.terminated, {**outcome.metrics, "spilled": outcome.metrics["level"]})


class MissingMetric(Tank):
    def _advance(self, actions):
        outcome = super()._advance(actions)
        return Outcome(outcome.rewards, outcome.terminated)


class ScalarMetric(Tank):
    def _advance(self, actions):
        outcome = super()._advance(actions)
        return Outcome(outcome.rewards, outcome.terminated, {"level": np.float64(1.0)})


class BothFlags(Tank):
    def _truncated(self, terminated):
        return self.elapsed >= 3

    def _advance(self, actions):
        outcome = super()._advance(actions)
        return Outcome(outcome.rewards, self.elapsed + 1 >= 3, outcome.metrics)


class InfiniteReward(Tank):
    def _advance(self, actions):
        outcome = super()._advance(actions)
        return Outcome({**outcome.rewards, "outlet": np.full(self.num_envs, np.inf)}, outcome.terminated, outcome.metrics)


class ScalarReward(Tank):
    def _advance(self, actions):
        outcome = super()._advance(actions)
        return Outcome({**outcome.rewards, "inlet": np.float64(0.0)}, outcome.terminated, outcome.metrics)


class HandsOutItsMemory(Tank):
    def _advance(self, actions):
        outcome = super()._advance(actions)
        return Outcome(outcome.rewards, outcome.terminated, {"level": self.arrays["level"]})


class ReusesOneBuffer(Tank):
    def __init__(self, num_envs=1):
        super().__init__(num_envs)
        self.buffer = np.zeros((num_envs, 2), np.float32)

    def _observe(self):
        seen = super()._observe()
        self.buffer[:] = seen.observations["inlet"]
        return Snapshot({**seen.observations, "inlet": self.buffer}, seen.state, seen.action_masks)


class KeepsTheCallersActions(Tank):
    def _advance(self, actions):
        outcome = super()._advance(actions)
        if hasattr(self, "before"):
            self.arrays["level"] = self.arrays["level"] - 0.05 * self.before[:, 0]
        self.before = actions["inlet"]
        return outcome

    def _begin(self, copies, generators, options):
        super()._begin(copies, generators, options)
        self.__dict__.pop("before", None)


class TakesAnyAction(Tank):
    def step(self, actions):
        actions = {name: np.nan_to_num(np.resize(value, (self.num_envs, *np.shape(value)[1:]))) for name, value in actions.items()}
        return super().step(actions | {"outlet": np.clip(actions["outlet"], 0, 2).astype(int)})


class CrashesOnABadAction(Tank):
    def step(self, actions):
        if actions["outlet"].max() > 2:
            raise KeyError("opening")
        return super().step(actions)


class HidesItsClips(Tank):
    def step(self, actions):
        return super().step(actions | {"inlet": np.clip(actions["inlet"], 0, 1)})


class ForbidsEverything(Tank):
    def _mask(self, level):
        return np.zeros((self.num_envs, 3), bool)


class MissingColumns(Tank):
    def __init__(self, num_envs=1):
        super().__init__(num_envs)
        first, second = self.agents
        self.agents = (AgentSpec(first.name, first.observation_space, first.action_space, (), first.action_columns), second)


class AlwaysTwoCopies(Tank):
    def __init__(self, num_envs=1):
        super().__init__(max(num_envs, 3))


class ForgetsTheCentralState(Tank):
    def _observe(self):
        seen = super()._observe()
        return Snapshot(seen.observations, None, seen.action_masks)


class DrawsInFloats(Tank):
    def render(self, index=0):
        return np.zeros((4, 4, 3))


class Crashes(Tank):
    def _advance(self, actions):
        if self.elapsed.max() > 5:
            raise ZeroDivisionError("empty")
        return super()._advance(actions)


PLANTED = {
    OutsideItsSpace: "observation-not-in-space",
    WrongType: "observation-not-in-space",
    NanObservation: "observation-not-in-space",
    ForgetsTheCentralState: "central-state-not-in-space",
    ForbidsEverything: "action-mask-invalid",
    MissingColumns: "columns-missing",
    AlwaysTwoCopies: "raises",
    DrawsInFloats: "render-invalid",
    ForgetsItsSeed: "reset-not-seeded",
    RemembersLastEpisode: "reset-keeps-history",
    DrawsGlobally: "global-rng-used",
    DrawsFromPython: "global-rng-used",
    OneStreamForAll: "copies-share-randomness",
    DependsOnTheBatch: "batch-size-dependence",
    SameSeedForEveryCopy: "seed-not-counted",
    ResetsEverybody: "mask-disturbs-other-copies",
    ResetsTheClockOfAll: "mask-disturbs-other-copies",
    IgnoresTheMask: "mask-not-reset",
    ResetsByItself: "successor-is-reset-observation",
    StepsAfterTheEnd: "step-after-end-accepted",
    ForgetsToSave: "state-not-restored",
    SavesItsOwnMemory: "state-aliases-environment",
    SavesNoRows: "state-rows-invalid",
    MixesUpRows: "state-rows-not-independent",
    UndeclaredMetric: "metrics-undeclared",
    MissingMetric: "metrics-missing",
    ScalarMetric: "metric-shape",
    BothFlags: "both-flags",
    InfiniteReward: "reward-not-finite",
    ScalarReward: "reward-shape",
    HandsOutItsMemory: "aliasing-buffers",
    ReusesOneBuffer: "aliasing-buffers",
    KeepsTheCallersActions: "aliasing-buffers",
    TakesAnyAction: "bad-action-accepted",
    CrashesOnABadAction: "bad-action-unclear",
    HidesItsClips: "clip-not-counted",
    Crashes: "raises",
}


@pytest.mark.parametrize(("environment", "name"), PLANTED.items(), ids=lambda value: getattr(value, "__name__", value))
def test_a_planted_fault_is_found_by_its_name(environment, name):
    findings = check_environment(environment)
    assert name in {finding.name for finding in findings}, findings


def test_more_than_ten_faults_have_names_of_their_own():
    assert len(set(PLANTED.values())) >= 25


@pytest.mark.parametrize("environment", [Tank, Pendulum])
def test_sound_environments_have_no_findings(environment):
    assert check_environment(environment) == []
    assert_environment(environment)


@pytest.mark.parametrize("name", ["Pendulum-v1", "CartPole-v1", "FrozenLake-v1"])
def test_sound_third_party_environments_have_no_findings(name):
    assert check_environment(lambda: gymnasium.make(name)) == []


class FewSights(gymnasium.Env):
    """A game of two sights, so that an end looks like a beginning by chance, in every second episode."""

    observation_space = spaces.Discrete(2)
    action_space = spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.steps = 0
        return 0, {}

    def step(self, action):
        self.steps += 1
        return int(action), 0.0, False, self.steps >= 5, {}


def test_an_end_that_looks_like_a_beginning_by_chance_is_no_finding():
    ends = [end for end in range(4) if _looks_begun(builder(FewSights), end, _first_end(builder(FewSights)(1), end))]
    assert 0 < len(ends) < 4  # some do, so that one episode alone would say nothing
    assert check_environment(FewSights) == []


class Stranger(gymnasium.Env):
    """A plain Gymnasium environment with a global generator and an observation beyond its space."""

    observation_space = spaces.Box(0, 1, (1,))
    action_space = spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return np.random.uniform(0, 3, 1).astype(np.float32), {}  # noqa: NPY002 - the planted fault

    def step(self, action):
        return np.random.uniform(0, 3, 1).astype(np.float32), 1.0, False, False, {}  # noqa: NPY002 - the planted fault


def test_a_strangers_gymnasium_environment_is_checked_as_it_is():
    names = {finding.name for finding in check_environment(Stranger)}
    assert {"observation-not-in-space", "reset-not-seeded", "global-rng-used"} <= names


def test_raising_variant_lists_every_finding():
    with pytest.raises(AssertionError, match=r"metrics-undeclared: .*'spilled'"):
        assert_environment(UndeclaredMetric)


def test_what_cannot_be_made_is_one_finding():
    assert check_environment(lambda: 1 / 0) == [Finding("raises", "while being made: ZeroDivisionError: division by zero")]


def test_findings_say_where():
    finding = next(f for f in check_environment(OutsideItsSpace) if f.name == "observation-not-in-space")
    assert "agent 'outlet'" in finding.message
    assert "copy 0, outside -9.0..9.0" in finding.message
    assert len(CHECKS) == 10
