"""The hand-written passes equal autograd over the pure function."""

import pytest
import torch

from wattloom.components.networks.analytic import AnalyticMLP
from wattloom.components.networks.flat import FlatParams
from wattloom.components.networks.mlp import MLPShape, ensemble_mlp, initialise, mlp, weights_and_biases

SHAPES = [
    MLPShape(4, (16,), 1),
    MLPShape(3, (64, 64), 2),
    MLPShape(5, (7, 9, 11), 3, 2),
    MLPShape(4, (256, 256), 1, 2),
    MLPShape(1, (1,), 1, 5),
]


def prepare(shape, batch=37, seed=0):
    generator = torch.Generator().manual_seed(seed)
    params = FlatParams(shape.tensors("net")).section("net")
    initialise(params, generator)
    x = torch.randn(batch, shape.inputs, generator=generator)
    d_out = torch.randn(shape.members, shape.outputs, batch, generator=generator)
    return params, x, d_out


def with_ones(x):
    return torch.cat([x, torch.ones(len(x), 1)], 1)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_output_and_both_gradients(shape, activation):
    params, x, d_out = prepare(shape)
    leaf, x_leaf = params.data.clone().requires_grad_(), x.clone().requires_grad_()
    expected = ensemble_mlp(params.views_of(leaf), x_leaf, activation)
    d_params, _ = torch.autograd.grad((expected * d_out).sum(), [leaf, x_leaf])

    gradient = params.zeros_like()
    passes = AnalyticMLP(params, gradient, len(x), activation)
    torch.testing.assert_close(passes.forward(with_ones(x)), expected, rtol=1e-5, atol=1e-6)
    passes.backward(d_out)
    torch.testing.assert_close(gradient.data, d_params, rtol=1e-5, atol=1e-5)
    for member in range(shape.members):
        alone = ensemble_mlp({name: view[member : member + 1] for name, view in params.items()}, x_leaf, activation)
        d_x = torch.autograd.grad((alone * d_out[member]).sum(), x_leaf)[0]
        stop = max(1, shape.inputs - 1)
        torch.testing.assert_close(passes.input_gradient(d_out, stop)[member], d_x[:, :stop].T, rtol=1e-5, atol=1e-5)


def test_leading_rows_only():
    params, x, d_out = prepare(MLPShape(3, (8, 8), 4))
    all_rows, some_rows = params.zeros_like(), params.zeros_like()
    masked = d_out.clone()
    masked[..., 20:] = 0.0
    reference = AnalyticMLP(params, all_rows, len(x))
    passes = AnalyticMLP(params, some_rows, len(x), rows=20)
    torch.testing.assert_close(passes.forward(with_ones(x)), reference.forward(with_ones(x)))
    reference.backward(masked)
    passes.backward(d_out[..., :20])
    torch.testing.assert_close(some_rows.data, all_rows.data, rtol=1e-5, atol=1e-6)


def test_live_parameters():
    """The passes see a change of the parameters without being told."""
    params, x, _ = prepare(MLPShape(3, (8,), 1))
    passes = AnalyticMLP(params, None, len(x))
    before = passes.forward(with_ones(x))
    params.data.mul_(2.0)
    after = passes.forward(with_ones(x))
    assert not torch.allclose(before, after)
    torch.testing.assert_close(after, ensemble_mlp(params, x))


def test_outputs_are_fresh():
    """A result must survive the next pass: losses are read later."""
    params, x, _ = prepare(MLPShape(3, (8,), 1))
    passes = AnalyticMLP(params, None, len(x))
    first = passes.forward(with_ones(x))
    kept = first.clone()
    passes.forward(with_ones(x + 1.0))
    assert torch.equal(first, kept)


def test_shared_memory_of_two_ensembles():
    params, x, d_out = prepare(MLPShape(3, (8, 8), 1))
    other = params.clone()
    other.data.mul_(-1.5)
    memory = {}
    gradient, alone = params.zeros_like(), params.zeros_like()
    judge, learner = AnalyticMLP(other, None, len(x), memory=memory), AnalyticMLP(params, gradient, len(x), memory=memory)
    judge.forward(with_ones(x))
    learner.forward(with_ones(x))
    learner.backward(d_out)
    reference = AnalyticMLP(params, alone, len(x))
    reference.forward(with_ones(x))
    reference.backward(d_out)
    assert torch.equal(gradient.data, alone.data)


def test_pure_function_equals_modules():
    """The layout read as weights and biases is that of torch.nn.Linear, transposed where documented."""
    params, x, _ = prepare(MLPShape(3, (8,), 2))
    parts = weights_and_biases(params)
    hidden, head = torch.nn.Linear(3, 8), torch.nn.Linear(8, 2)
    with torch.no_grad():
        hidden.weight.copy_(parts["weight_0"][0].T)
        hidden.bias.copy_(parts["bias_0"][0, 0])
        head.weight.copy_(parts["head_weight"][0])
        head.bias.copy_(parts["head_bias"][0, :, 0])
    torch.testing.assert_close(mlp(params, x), head(torch.relu(hidden(x))))


def test_initial_weights_fill_the_range_of_the_fan_in():
    params, _, _ = prepare(MLPShape(100, (400,), 1))
    for name, bound in (("layer_0", 0.1), ("head", 0.05)):
        assert float(params[name].abs().max()) <= bound
        assert float(params[name].abs().max()) > 0.95 * bound
        assert float(params[name].mean()) == pytest.approx(0.0, abs=0.1 * bound)
