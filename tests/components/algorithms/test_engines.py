"""The hand-written gradients equal those of autograd, through whole updates."""

import pytest
import torch

from wattloom.components.algorithms.sac import SAC
from wattloom.components.algorithms.td3 import TD3

TWO_AGENTS = (("a", 3, 2), ("b", 5, 1))


def learners(loop, drift, kind, engine, agents, **options):
    """Train ``kind`` for at least 12 updates and return its learners and what it reported."""
    algorithm = kind(engine=engine, learning_starts=32, batch_size=24, **options)
    run = loop(algorithm, drift(agents=agents, limit=6.0)).step(32 + 14)
    assert algorithm.state_dict()["updates"] >= 12
    return algorithm.learners, run.reports


@pytest.mark.parametrize("kind", [TD3, SAC])
@pytest.mark.parametrize("agents", [(("a", 3, 1),), TWO_AGENTS], ids=["one agent", "two agents"])
@pytest.mark.parametrize("hidden", [[16], [32, 24], [16, 16, 16]], ids=str)
@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_analytic_equals_autograd(loop, drift, kind, agents, hidden, activation):
    options = {"hidden_sizes": hidden, "activation": activation}
    by_hand, reports = learners(loop, drift, kind, "analytic", agents, **options)
    reference, reference_reports = learners(loop, drift, kind, "autograd", agents, **options)
    for name, learner in by_hand.items():
        for parameters in ("online", "target"):
            mine, theirs = getattr(learner, parameters).data, getattr(reference[name], parameters).data
            torch.testing.assert_close(mine, theirs, rtol=0, atol=1e-6)
    for (_, _, mine), (_, _, theirs) in zip(reports, reference_reports, strict=True):
        assert mine == pytest.approx(theirs, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("learn_alpha", [True, False])
def test_sac_temperature_through_both_engines(loop, drift, learn_alpha):
    options = {"hidden_sizes": [16, 16], "learn_alpha": learn_alpha, "alpha": 0.3, "alpha_learning_rate": 0.05}
    alphas = [
        float(learners(loop, drift, SAC, engine, TWO_AGENTS, **options)[0]["a"].log_alpha.exp()) for engine in ("analytic", "autograd")
    ]
    assert alphas[0] == pytest.approx(alphas[1], abs=1e-6)
    assert (abs(alphas[0] - 0.3) > 0.05) == learn_alpha


def test_gradient_of_a_clamped_spread_is_zero(loop, drift):
    """Where log sigma lies outside [-20, 2] neither engine moves it."""
    results = []
    for engine in ("analytic", "autograd"):
        algorithm = SAC(engine=engine, learning_starts=32, batch_size=24, hidden_sizes=[16])
        run = loop(algorithm, drift()).step(32)
        algorithm.learners["a"].online["actor.head"][0, 1, -1] = 9.0
        run.step(12)
        results.append(algorithm.learners["a"].online.data.clone())
        assert float(algorithm.learners["a"].online["actor.head"][0, 1, -1]) == 9.0
    torch.testing.assert_close(results[0], results[1], rtol=0, atol=1e-6)
