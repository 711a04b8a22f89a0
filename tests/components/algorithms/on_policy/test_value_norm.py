"""Value scales against debiased means written out by hand; PopArt keeps the critic's values."""

import pytest
import torch

from wattloom.components.algorithms.on_policy.value_norm import make_value_scale


def batches(count=6, critics=2, rows=50):
    g = torch.Generator().manual_seed(3)
    return [torch.randn(critics, rows, generator=g, dtype=torch.float64) * (3 + k) + 10 * k for k in range(count)]


@pytest.mark.parametrize("kind", ["valuenorm", "popart"])
def test_statistics_are_debiased_exponential_means(kind):
    decay, scale = 0.9, make_value_scale(kind, 2, 0.9)
    data = batches()
    for returns in data:
        scale.update(returns, torch.ones_like(returns), torch.zeros(2, 1, 4))
    shares = torch.tensor([(1 - decay) * decay ** (len(data) - 1 - k) for k in range(len(data))], dtype=torch.float64)
    shares /= shares.sum()
    mean = sum(s * x.mean(1) for s, x in zip(shares, data, strict=True))
    square = sum(s * (x**2).mean(1) for s, x in zip(shares, data, strict=True))
    torch.testing.assert_close(scale.mean, mean, rtol=0, atol=1e-10)
    torch.testing.assert_close(scale.std, (square - mean**2).sqrt(), rtol=0, atol=1e-10)


@pytest.mark.parametrize("kind", ["none", "valuenorm", "popart"])
def test_normalise_and_denormalise_are_inverse(kind):
    scale = make_value_scale(kind, 2, 0.99)
    scale.update(batches()[3], torch.ones(2, 50), torch.zeros(2, 1, 4))
    x = batches()[1]
    torch.testing.assert_close(scale.denormalise(scale.normalise(x)), x, rtol=0, atol=1e-10)
    assert torch.equal(scale.normalise(x), x) == (kind == "none")


def test_rows_without_weight_do_not_count_and_an_unseen_critic_keeps_its_scale():
    scale = make_value_scale("valuenorm", 2, 0.9)
    weight = torch.ones(2, 50)
    weight[0, 10:], weight[1] = 0.0, 0.0
    returns = batches()[2]
    scale.update(returns, weight, torch.zeros(2, 1, 4))
    assert float(scale.mean[0]) == pytest.approx(float(returns[0, :10].mean()))
    assert (float(scale.mean[1]), float(scale.std[1])) == (0.0, 1.0)


@pytest.mark.parametrize("kind", ["valuenorm", "popart"])
def test_only_popart_keeps_the_values_of_the_critic(kind):
    scale = make_value_scale(kind, 1, 0.5)
    head, hidden = torch.randn(1, 1, 9, dtype=torch.float64), torch.randn(9, 20, dtype=torch.float64)
    hidden[-1] = 1.0  # the constant input of the bias
    for returns in batches(critics=1):
        before = scale.denormalise((head @ hidden)[:, 0])
        scale.update(returns, torch.ones_like(returns), head)
        after = scale.denormalise((head @ hidden)[:, 0])
        difference = float((after - before).abs().max())
        assert (difference < 1e-9) == (kind == "popart")


@pytest.mark.parametrize("kind", ["none", "valuenorm", "popart"])
def test_state_is_complete(kind):
    one, two = make_value_scale(kind, 2, 0.9), make_value_scale(kind, 2, 0.9)
    data, ones, head = batches(), torch.ones(2, 50), torch.zeros(2, 1, 4)
    for returns in data[:3]:
        one.update(returns, ones, head)
    two.load_state_dict(one.state_dict())
    for returns in data[3:]:
        one.update(returns, ones, head)
        two.update(returns, ones, head)
    assert torch.equal(one.mean, two.mean)
    assert torch.equal(one.std, two.std)
