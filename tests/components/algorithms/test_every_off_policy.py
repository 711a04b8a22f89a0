"""Every off-policy learner that a configuration names, on two agents with continuous actions: it plays the same again, and by both engines."""

from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from wattloom.components.algorithms.off_policy import OffPolicy
from wattloom.registry import import_target
from wattloom.signatures import Signature

SMALL = {
    "hidden_sizes": (8, 8),
    "batch_size": 8,
    "learning_starts": 16,
    "buffer_size": 200,
}
AGENTS = (("a", 3, 2), ("b", 5, 1))
SWITCHES = {"normalize_observations": True, "learning_rate_schedule": "linear"}


def kinds():
    """The classes of all off-policy options."""
    files = sorted((Path(__file__).resolve().parents[3] / "conf" / "algorithm").glob("*.yaml"))
    read = {file.stem: yaml.safe_load(file.read_text()) for file in files}
    found = {name: import_target(node.get("algorithm", node)["_target_"]) for name, node in read.items()}
    return {name: kind for name, kind in found.items() if issubclass(kind, OffPolicy)}


KINDS = kinds()
EVERY = pytest.mark.parametrize("name", KINDS)
SWITCHED = pytest.mark.parametrize("switches", [{}, SWITCHES], ids=["plain", "switches"])


def build(name, engine="analytic", **options):
    keys = Signature.of(KINDS[name]).parameters
    return KINDS[name](engine=engine, **{key: value for key, value in SMALL.items() if key in keys} | options)


def test_the_family_is_all_there():
    assert set(KINDS) == {"td3", "sac", "isac", "masac", "hasac", "csac", "matd3", "hatd3"}


@EVERY
@SWITCHED
def test_playing_a_then_b_then_a_gives_a_again(loop, drift, name, switches, assert_same):
    algorithm = loop(build(name, **switches), drift(agents=AGENTS, num_envs=2)).step(24).algorithm
    for explore in (True, False):
        policy, environment, played = algorithm.policy(2, explore=explore), drift(agents=AGENTS, num_envs=2), []
        for seeds in ([1, 2], [3, 4], [1, 2]):
            snapshot, actions = environment.reset(seed=seeds), []
            policy.reset(seeds=seeds)
            for _ in range(4):
                actions.append({agent: action.copy() for agent, action in policy.act(snapshot).items()})
                snapshot = environment.step(actions[-1]).snapshot
            played.append(actions)
        assert_same(played[0], played[2])
        assert not all(np.array_equal(a["a"], b["a"]) for a, b in zip(played[0], played[1], strict=True))


@EVERY
@SWITCHED
def test_sampled_actions_of_a_seed_do_not_depend_on_the_other_copies(loop, drift, name, switches):
    algorithm = loop(build(name, **switches), drift(agents=AGENTS, num_envs=2)).step(24).algorithm
    chosen = []
    for seeds in ([7], [5, 7, 9]):
        environment, taken = drift(agents=AGENTS, num_envs=len(seeds)), []
        policy = algorithm.policy(len(seeds), explore=True)
        policy.reset(seeds=seeds)
        snapshot = environment.reset(seed=seeds)
        for _ in range(4):
            actions = policy.act(snapshot)
            taken.append(np.concatenate([actions[agent][seeds.index(7)] for agent in "ab"]))
            snapshot = environment.step(actions).snapshot
        chosen.append(taken)
    np.testing.assert_allclose(*chosen, rtol=0, atol=1e-5)


@EVERY
@SWITCHED
def test_evaluation_is_deterministic_live_and_disturbs_nothing(loop, drift, name, switches, assert_same):
    run = loop(build(name, **switches), drift(agents=AGENTS, num_envs=2)).step(24)
    before = run.state()[0]
    greedy = run.algorithm.policy(2, explore=False)
    first = {agent: action.copy() for agent, action in greedy.act(run.snapshot).items()}
    assert_same({agent: action.copy() for agent, action in greedy.act(run.snapshot).items()}, first)
    assert_same(run.state()[0], before)
    run.step(24)
    later = greedy.act(run.environment.reset(seed=5))
    assert not np.array_equal(later["a"], first["a"])


@EVERY
@SWITCHED
def test_both_engines_agree_through_whole_updates(loop, drift, name, switches):
    states = [
        loop(build(name, engine, **switches), drift(agents=AGENTS, num_envs=2, limit=8.0)).step(24).algorithm.state_dict()
        for engine in ("analytic", "autograd")
    ]
    assert_close(*states)


def assert_close(a, b, path=""):
    if isinstance(a, dict):
        for key in a:
            assert_close(a[key], b[key], f"{path}/{key}")
    elif isinstance(a, list | tuple):
        for k, pair in enumerate(zip(a, b, strict=True)):
            assert_close(*pair, f"{path}/{k}")
    elif isinstance(a, torch.Tensor) and a.is_floating_point():
        torch.testing.assert_close(a, b, rtol=2e-4, atol=2e-5, msg=lambda text: f"{path}: {text}")
