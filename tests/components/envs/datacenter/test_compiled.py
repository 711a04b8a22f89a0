"""The compiled loops do what the laws do on arrays, over episodes of every plant and option that changes a law."""

import numpy as np
import pytest

import wattloom
from wattloom.components.envs.datacenter.protocol import AGENTS
from wattloom.components.physics import compiled

MIXED = {"reward__cooling__move": 1.0, "reward__cooling__water": 0.5, "reward__battery__cost": 0.2, "battery__wear_usd_per_mwh": 8.0}
PARTS = [
    {},
    {"cooling": "air_airside", "actions": "continuous", "reward": "cost", "price": "synthetic"},
    {"cooling": "water_airside", "it_load": "gpu_racks", "battery__allow_export": True},
    {"cooling": "air", "it_load__power_curve": "fan2007", "load_shifting__queue_limit_h": 0.5, **MIXED},
    {"cooling": "water", "cooling__curve": "doe2_centrifugal", "cooling__plant_oversize": 0.4},
    {"env": "sustaindc"},
]


def run(monkeypatch, fast, changes):
    """Metrics, rewards and observations of a day of four copies, ``(steps, numbers)``."""
    monkeypatch.setattr(compiled, "FAST", fast)
    name, changes = changes.get("env", "datacenter"), {key: value for key, value in changes.items() if key != "env"}
    environment, rng = wattloom.make(name, num_envs=4, episode__days=1, **changes), np.random.default_rng(4)
    environment.reset(seed=[1, 2, 3, 4])
    rows = []
    for _ in range(96):
        if environment.agents[0].action_labels:
            actions = {agent: rng.integers(0, 3, 4) for agent in AGENTS}
        else:
            actions = {agent: rng.uniform(-1, 1, (4, 1)).astype(np.float32) for agent in AGENTS}
        result = environment.step(actions)
        exact = np.stack([*result.metrics.values(), *(result.rewards[agent] for agent in AGENTS)])
        seen = np.concatenate([*(result.snapshot.observations[agent] for agent in AGENTS), result.snapshot.state], axis=1)
        rows.append((exact, seen))
    return [np.array(column) for column in zip(*rows, strict=True)]


@pytest.mark.parametrize("changes", PARTS, ids=lambda value: str(value))
def test_same_episodes_with_and_without_compiler(monkeypatch, changes):
    pytest.importorskip("numba")
    fast, plain = run(monkeypatch, True, changes), run(monkeypatch, False, changes)
    np.testing.assert_allclose(fast[0], plain[0], rtol=1e-10, atol=1e-9)
    np.testing.assert_allclose(fast[1], plain[1], rtol=0, atol=1e-6)
    assert fast[0].std() > 0


def test_edition_follows_the_text_of_a_module(tmp_path):
    import types

    module = types.ModuleType("law")
    module.__file__ = str(tmp_path / "law.py")
    numbers = []
    for text in ("a = 1", "a = 2", "a = 1"):
        (tmp_path / "law.py").write_text(text)
        numbers.append(compiled.edition(module))
    assert numbers[0] == numbers[2] != numbers[1]


def test_the_walk_of_the_weather_needs_no_compiler_for_its_precision():
    from wattloom.components.envs.datacenter.sustaindc.data import walked, walked_loop

    steps = np.random.default_rng(5).standard_normal(2000, dtype=np.float32)
    uncompiled = getattr(walked_loop, "py_func", walked_loop)
    for got, wanted in zip(uncompiled(steps), walked(steps), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-12, atol=1e-12)
