"""Acting networks equal the differentiable reference on few rows (NumPy) and on many (PyTorch), and follow the live parameters."""

import numpy as np
import pytest
import torch

from wattloom.components.networks.few_rows import FEW_ROWS, FEW_WEIGHTS, FewRows, evaluator
from wattloom.components.networks.mlp import MLPShape, initialise
from wattloom.components.networks.stack import ParameterStack, stacked_mlp, under


def networks(members, hidden):
    stack = ParameterStack(MLPShape(5, hidden, 3).tensors("net"), members)
    for e in range(members):
        initialise(stack.member(e).section("net"), torch.Generator().manual_seed(e))
    return stack, under(stack.views, "net")


@pytest.fixture(params=[(torch.float32, 1e-6), (torch.float64, 1e-10)], ids=["single", "double"])
def bar(request):
    """The largest difference that rounding may make; parameters are made in that precision."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(request.param[0])
    yield request.param[1]
    torch.set_default_dtype(before)


@pytest.mark.parametrize("members", [1, 3])
@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("hidden", [(16,), (16, 8)], ids=str)
@pytest.mark.parametrize("rows", [1, 7, FEW_ROWS + 1])
def test_equals_the_reference_also_after_the_parameters_moved(bar, members, activation, hidden, rows):
    stack, params = networks(members, hidden)
    x = torch.ones(members, rows, 6).numpy()
    evaluate = evaluator(params, x, activation)
    assert isinstance(evaluate, FewRows) == (rows <= FEW_ROWS)
    for seed in range(2):
        x[..., :5] = np.random.default_rng(seed).normal(size=(members, rows, 5))
        expected = stacked_mlp(params, torch.from_numpy(x)[..., :5], activation)
        torch.testing.assert_close(torch.from_numpy(evaluate()), expected, rtol=0, atol=bar)
        stack.data.mul_(1.5)


def test_heads_are_fresh():
    _, params = networks(1, (16,))
    x = np.ones((1, 2, 6), np.float32)
    evaluate = evaluator(params, x, "tanh")
    first = evaluate()
    kept = first.copy()
    x[..., :5] = 0.0
    assert not np.array_equal(evaluate(), kept)
    np.testing.assert_array_equal(first, kept)


def test_wide_layers_are_left_to_torch():
    _, params = networks(1, (64, FEW_WEIGHTS // 64))
    assert not isinstance(evaluator(params, np.ones((1, 1, 6), np.float32), "tanh"), FewRows)
