"""Every key of every algorithm does something: changed alone, in a stated scenario, other actions are taken after a few updates."""

from pathlib import Path

import numpy as np
import pytest
from gymnasium import spaces

import wattloom.conf
from wattloom.batched import BatchedEnvironment, Outcome
from wattloom.build import build_algorithm
from wattloom.compose import compose
from wattloom.environment import AgentSpec, EnvironmentSpec, Snapshot
from wattloom.errors import ConfigError
from wattloom.seeding import Seeds
from wattloom.spaces import numbered_columns

PAIR = spaces.Box(-1.0, 2.0, (2,), np.float32)
SMALL = {
    "hidden_sizes": [8, 8],
    "batch_size": 8,
    "buffer_size": 400,
    "learning_starts": 8,
    "rollout_steps": 6,
    "epochs": 3,
    "critic_epochs": 3,
    "minibatches": 2,
}
SAME_NUMBERS = {"engine"}  # the two engines compute the same gradients: test_engines.py

# key: new value (by the present one where it is a word), or (value, scenario, whether actions are choices), whatever the algorithm
KEYS = {
    "gamma": 0.9,
    "tau": 0.1,
    "actor_learning_rate": 0.01,
    "critic_learning_rate": 0.01,
    "learning_rate": 0.01,
    "learning_rate_schedule": "linear",
    "normalize_observations": True,
    "hidden_sizes": [8, 6],
    "activation": {"relu": "tanh", "tanh": "relu"},
    "batch_size": 12,
    "buffer_size": 12,
    "learning_starts": 20,
    "updates_per_step": 0.5,
    "exploration": {"none": "gaussian", "gaussian": "none"},
    "reward_sharing": 0.3,
    "share_parameters": True,
    "update_order": ({"random": "reverse"}, {"activation": "tanh"}, False),  # slopes of relu critics are constant in pieces
    "policy_delay": 1,
    "target_noise": 0.6,
    "target_noise_clip": 0.05,
    "learn_alpha": False,
    "alpha": 0.3,
    "target_entropy": -9.0,
    "target_entropy_share": (0.95, {"alpha_learning_rate": 0.5, "actor_learning_rate": 0.05}, True),
    "alpha_learning_rate": 0.05,
    "rollout_steps": 5,
    "gae_lambda": 0.5,
    "bootstrap_truncated": False,
    "advantage_scope": {"agent": "none"},
    "value_scale": {"popart": "none"},
    "value_scale_decay": 0.5,
    "value_start": {"mean": "zero"},
    "critic_epochs": 1,
    "critic_minibatches": 2,
    "value_clip": 0.01,
    "huber_delta": 0.01,
    "adam_eps": 0.01,
    "max_grad_norm": 0.01,
    "initial_std": 0.5,
    "epochs": 1,
    "minibatches": 1,
    "entropy_coefficient": 0.2,
    "entropy_reduction": {"sum": "mean"},
    "ratio_aggregation": {"product": "mean"},
    "clip": (0.01, {"learning_rate": 0.02}, False),
    "target_kl": 1e-6,
    "trust_region": 0.05,
    "cg_steps": 1,
    "cg_damping": 2.0,
    "line_search_steps": (1, {"trust_region": 5.0}, False),
    "backtrack": (0.3, {"trust_region": 5.0}, False),
    "accept_ratio": (0.99, {"trust_region": 0.5}, False),
}


class Trio(BatchedEnvironment):
    """Twins and a third agent, continuous or all with four choices, in episodes of five steps; everybody is pushed by everybody."""

    def __init__(self, choices):
        twin, third = (spaces.Discrete(4),) * 2 if choices else (PAIR, spaces.Box(-1.0, 1.0, (1,), np.float32))
        shapes = (("twin_1", 3, twin, "twins"), ("twin_2", 3, twin, "twins"), ("third", 4, third, ""))
        agents = [_spec(*shape) for shape in shapes]
        super().__init__(agents, 3, 5, state_space=spaces.Box(-np.inf, np.inf, (10,), np.float32))
        self.arrays = {agent.name: np.zeros((3, *agent.observation_space.shape)) for agent in agents}

    def _begin(self, copies, generators, options):
        for copy, generator in zip(copies, generators, strict=True):
            for x in self.arrays.values():
                x[copy] = generator.normal(size=x.shape[1])

    def _advance(self, actions):
        push = sum(np.asarray(actions[agent.name], float).reshape(3, -1).sum(1, keepdims=True) for agent in self.agents)
        own = {name: np.asarray(actions[name], float).reshape(3, -1).mean(1, keepdims=True) for name in self.arrays}
        self.arrays = {name: 0.8 * x + 0.1 * push + 0.2 * own[name] for name, x in self.arrays.items()}
        return Outcome({name: 1.0 - (x**2).mean(1) for name, x in self.arrays.items()})

    def _observe(self):
        seen = {name: x.astype(np.float32) for name, x in self.arrays.items()}
        return Snapshot(seen, np.concatenate(list(seen.values()), axis=1))


def _spec(name, width, space, group):
    seen = spaces.Box(-np.inf, np.inf, (width,), np.float32)
    size = space.shape[0] if space.shape else 1
    return AgentSpec(name, seen, space, numbered_columns("x", width), numbered_columns("u", size), (), group)


def learners():
    names = sorted(file.stem for file in (Path(wattloom.conf.__file__).parent / "algorithm").glob("*.yaml"))
    return [name for name in names if build_algorithm(compose([f"algorithm={name}"])).learns]


def built(name, changes):
    """The algorithm with small settings, those of them that it has, and ``changes``."""
    known = compose([f"algorithm={name}"]).config["algorithm"]
    chosen = {key: value for key, value in SMALL.items() if key in known} | changes
    words = [f"exploration={chosen.pop('exploration')}"] if "exploration" in chosen else []
    return build_algorithm(compose([f"algorithm={name}", *words, *(f"algorithm.{key}={value}" for key, value in chosen.items())]))


def acted(loop, name, changes, choices):
    """The actions of 30 steps of three copies, ``(30, 3, dimensions)``."""
    run = loop(built(name, changes), Trio(choices), seed=5).step(30)
    assert run.reports
    return np.array(
        [np.concatenate([np.asarray(actions, float).reshape(3, -1) for actions in t.actions.values()], 1) for t in run.transitions]
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", learners())
def test_every_key_has_an_effect(name, loop):
    config = compose([f"algorithm={name}"]).config["algorithm"]
    keys = sorted(set(config) - SAME_NUMBERS - {"_target_"})
    assert set(keys) <= set(KEYS), set(keys) - set(KEYS)
    bases, without = {}, []
    for key in keys:
        value, scenario, choices = KEYS[key] if isinstance(KEYS[key], tuple) else (KEYS[key], {}, False)
        if isinstance(value, dict):
            value = value["none" if key == "exploration" and "NoExploration" in config[key]["_target_"] else _now(config, key)]
        base = repr((scenario, choices))
        if base not in bases:
            bases[base] = acted(loop, name, scenario, choices)
        if np.array_equal(bases[base], acted(loop, name, {**scenario, key: value}, choices)):
            without.append(key)
    assert not without


def _now(config, key):
    return "gaussian" if key == "exploration" else config[key]


@pytest.mark.parametrize(
    ("name", "changes", "words"),
    [
        ("sac", {"target_entropy": -1.0, "learn_alpha": "false"}, "target_entropy has no effect with algorithm.learn_alpha=false"),
        ("sac", {"share_parameters": "true"}, "share_parameters=true has no effect: no two agents"),
        ("ippo", {"share_parameters": "true"}, "share_parameters=true has no effect: no two agents"),
        ("masac", {"share_parameters": "true"}, "share_parameters=true has no effect: no two agents"),
    ],
)
def test_a_key_without_effect_is_refused(name, changes, words):
    agents = tuple(_spec(agent, 3, PAIR, "") for agent in "ab")
    with pytest.raises(ConfigError, match=words):
        built(name, changes).setup(EnvironmentSpec(agents, 1), Seeds(1), 100)
