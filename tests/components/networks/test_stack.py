"""Stacked networks: rows and views share memory, and the hand-written passes equal autograd where each member has its own input."""

import pytest
import torch

from wattloom.components.networks.mlp import MLPShape, ensemble_mlp, initialise
from wattloom.components.networks.stack import ParameterStack, StackedMLP, stacked_mlp, under


def stack(members, hidden=(16, 8), extra=0):
    shapes = MLPShape(5, hidden, 3).tensors("net") | ({"log_std": (1, 3, 1)} if extra else {})
    built = ParameterStack(shapes, members)
    for e in range(members):
        initialise(built.member(e).section("net"), torch.Generator().manual_seed(e))
    return built


@pytest.mark.parametrize("members", [1, 3])
@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("hidden", [(16,), (16, 8)], ids=str)
def test_passes_equal_autograd(members, activation, hidden):
    params = stack(members, hidden)
    gradient = params.zeros_like()
    network = StackedMLP(under(params.views, "net"), under(gradient.views, "net"), 12, activation)
    x = torch.ones(members, 12, 6)
    for _ in range(2):
        x[..., :5].normal_()
        out = network.forward(x)
        d_out = torch.randn_like(out)
        network.backward(d_out)
        leaf = params.data.clone().requires_grad_()
        expected = stacked_mlp(under(params.views_of(leaf), "net"), x[..., :5], activation)
        torch.testing.assert_close(out, expected, rtol=0, atol=1e-6)
        (slope,) = torch.autograd.grad((expected * d_out).sum(), leaf)
        torch.testing.assert_close(gradient.data, slope, rtol=0, atol=1e-5)


def test_members_are_rows_of_one_matrix():
    params = stack(3, extra=1)
    x = torch.randn(3, 7, 5)
    together = stacked_mlp(under(params.views, "net"), x, "tanh")
    for e in range(3):
        alone = ensemble_mlp(params.member(e).section("net"), x[e], "tanh")
        torch.testing.assert_close(together[e], alone[0])
    params.member(1)["log_std"].fill_(7.0)
    assert params.views["log_std"][:, 0, 0].tolist() == [0.0, 7.0, 0.0]
    params.rows(2, 3).data.fill_(1.0)
    assert params.views["net.head"][2].eq(1.0).all()
    assert not params.views["net.head"][0].eq(1.0).any()
