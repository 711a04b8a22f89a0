"""The hand-written gradients of policies and critics equal those of autograd, through whole updates."""

import pytest
import torch

from wattloom.components.algorithms.happo import HAPPO
from wattloom.components.algorithms.ippo import IPPO
from wattloom.components.algorithms.mappo import MAPPO

SMALL = {"rollout_steps": 12, "minibatches": 2, "epochs": 3, "critic_minibatches": 2, "critic_epochs": 2, "hidden_sizes": (12, 8)}
KINDS = [IPPO, MAPPO]
PRECISIONS = [(torch.float32, 1e-6), (torch.float64, 1e-10)]


@pytest.fixture(params=PRECISIONS, ids=["single", "double"])
def precision(request, in_precision):
    """The largest difference that rounding may make."""
    dtype, bar = request.param
    with in_precision(dtype):
        yield bar


def networks(algorithm):
    return {
        name: learner.params.member(e).data.clone()
        for learner in (*algorithm.actors, *algorithm.values.critics)
        for e, name in enumerate(f"{type(learner).__name__}/{n}" for n in learner.names)
    }


def compare(loop, make_algorithm, make_environment, bar, steps=36):
    runs = [loop(make_algorithm(engine), make_environment()).step(steps) for engine in ("analytic", "autograd")]
    assert len(runs[0].reports) == len(runs[1].reports) >= 3
    mine, theirs = (networks(run.algorithm) for run in runs)
    start = make_algorithm("analytic")
    fresh = networks(loop(start, make_environment()).algorithm)
    assert all(float((mine[name] - fresh[name]).abs().max()) > 1e-4 for name in mine)
    for name, parameters in mine.items():
        torch.testing.assert_close(parameters, theirs[name], rtol=0, atol=bar, msg=name)
    for (_, _, a), (_, _, b) in zip(runs[0].reports, runs[1].reports, strict=True):
        assert a == pytest.approx(b, rel=1e-3, abs=2e-4)  # losses of a last minibatch cancel to small numbers


@pytest.mark.parametrize("kind", [*KINDS, HAPPO])
@pytest.mark.parametrize("names", ["a", "c", "ad", "abcd"])
@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_shapes(loop, crew, precision, kind, names, activation):
    compare(loop, lambda engine: kind(engine=engine, activation=activation, **SMALL), lambda: crew(names, limit=2.0), precision)


SWITCHES = {
    "mean ratio": {"ratio_aggregation": "mean"},
    "mean entropy": {"entropy_reduction": "mean", "entropy_coefficient": 0.1},
    "no entropy": {"entropy_coefficient": 0.0},
    "tight clip": {"clip": 0.002, "learning_rate": 3e-3},
    "huber": {"huber_delta": 0.3, "critic_learning_rate": 3e-3},
    "value clip": {"value_clip": 0.003, "critic_learning_rate": 3e-3},
    "huber and value clip": {"huber_delta": 0.3, "value_clip": 0.003, "critic_learning_rate": 3e-3},
    "no norm": {"max_grad_norm": None},
    "tight norm": {"max_grad_norm": 0.01},
    "popart": {"value_scale": "popart", "value_scale_decay": 0.5},
    "no scale": {"value_scale": "none"},
    "linear": {"learning_rate_schedule": "linear"},
    "target": {"target_kl": 1e-4},
    "observations": {"normalize_observations": True},
    "weighted rewards": {"reward_sharing": 0.3},
}


@pytest.mark.parametrize("switch", SWITCHES)
def test_switches(loop, crew, precision, switch):
    compare(loop, lambda engine: MAPPO(engine=engine, **SMALL | SWITCHES[switch]), lambda: crew(limit=2.0), precision)


@pytest.mark.parametrize("kind", [*KINDS, HAPPO])
def test_masks_and_absent_agents(loop, crew, precision, kind):
    compare(loop, lambda engine: kind(engine=engine, **SMALL), lambda: crew(masks=True, leaving=True), precision)


@pytest.mark.parametrize("kind", KINDS)
def test_shared_parameters(loop, crew, precision, kind):
    groups = {"a": "twins", "d": "twins"}
    compare(
        loop, lambda engine: kind(engine=engine, share_parameters=True, **SMALL), lambda: crew("abd", groups=groups, limit=2.0), precision
    )
