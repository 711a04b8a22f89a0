"""The running history of the original's reward against its definition, compiled and not."""

import os
import subprocess
import sys

import numpy as np
import pytest

from wattloom.components.envs.datacenter.sustaindc.reward import SustainDcReward


def definition(history):
    h = np.array(history)
    q1, q3 = np.percentile(h, [25, 75])
    clipped = np.clip(h, q1 - 1.5 * (q3 - q1), q3 + 1.5 * (q3 - q1))
    return (h[-1] - clipped.mean()) / (clipped.std() or 1.0)


def series(kind, steps, rng):
    return {
        "normal": 350 + 40 * rng.standard_normal(steps),
        "ties": np.round(350 + 3 * rng.standard_cauchy(steps)),
        "rising": 200 + 0.1 * np.arange(steps) + rng.standard_normal(steps),
        "falling": 900 - 0.1 * np.arange(steps),
    }[kind]


@pytest.mark.parametrize("length", [7, 300, 10000])
def test_equals_the_definition(length):
    rng, steps, kinds = np.random.default_rng(1), 2500, ("normal", "ties", "rising", "falling")
    values = np.stack([series(kind, steps, rng) for kind in kinds], axis=1)
    reward = SustainDcReward(history=length)
    state = reward.initial(len(kinds))
    for k in range(steps):
        scores = reward.unusual(state, values[k])
        if k % 97 == 5 or k < 40:
            for i in range(len(kinds)):
                expected = definition(values[max(0, k + 1 - length) : k + 1, i]) if k else 0.0
                assert scores[i] == pytest.approx(expected, rel=1e-9, abs=1e-11), (kinds[i], k)


def test_thinned_out_blocks_are_compacted():
    values = np.cumsum(np.random.default_rng(0).standard_normal(45000))
    reward, compacted, before = SustainDcReward(), 0, 1
    state = reward.initial(1)
    for k, value in enumerate(values):
        score = reward.unusual(state, np.array([value]))[0]
        used = int(state["history_used"][0])
        if used < before - 20:
            compacted += 1
            assert score == pytest.approx(definition(values[max(0, k - 9999) : k + 1]), rel=1e-9)
        before = used
    assert compacted > 0
    assert score == pytest.approx(definition(values[-10000:]), rel=1e-9)


def test_constant_history_scores_zero():
    reward = SustainDcReward(history=50)
    state = reward.initial(1)
    scores = [reward.unusual(state, np.array([331.7]))[0] for _ in range(200)]
    assert scores == [0.0] * 200


def test_plain_python_gives_the_same_numbers_as_the_compiled_kernel():
    pytest.importorskip("numba")
    program = """
import os, sys
if os.environ.get("WITHOUT"):
    sys.modules["numba"] = None
import numpy as np
from wattloom.components.envs.datacenter.sustaindc import history_kernel
from wattloom.components.envs.datacenter.sustaindc.reward import SustainDcReward
assert hasattr(history_kernel.insert, "py_func") == (os.environ["NUMBA_DISABLE_JIT"] == "0" and "WITHOUT" not in os.environ)
reward = SustainDcReward(history=200)
state, rng = reward.initial(2), np.random.default_rng(0)
scores = np.array([reward.unusual(state, 300 + 50 * rng.standard_normal(2)) for _ in range(700)])
print(repr(scores.tobytes().hex()))
"""
    runs = [
        subprocess.run([sys.executable, "-c", program], env={**os.environ, **extra}, capture_output=True, text=True)
        for extra in ({"NUMBA_DISABLE_JIT": "0"}, {"NUMBA_DISABLE_JIT": "0", "WITHOUT": "1"}, {"NUMBA_DISABLE_JIT": "1"})
    ]
    assert all(run.returncode == 0 for run in runs), [run.stderr for run in runs]
    first, *others = (np.frombuffer(bytes.fromhex(run.stdout.strip().strip("'"))) for run in runs)
    for scores in others:
        np.testing.assert_allclose(first, scores, rtol=1e-12, atol=1e-13)
