"""Densities, entropies, divergences and gradients against torch.distributions and autograd, in float64."""

import numpy as np
import pytest
import torch
from gymnasium import spaces
from torch import distributions as reference

from wattloom.components.algorithms.on_policy.distributions import ActionCode, Categorical, Gaussian, distribution_of
from wattloom.components.networks.masking import ILLEGAL

E, B = 3, 40
KINDS = [Categorical((3,)), Categorical((4, 2, 3)), Gaussian(2), Gaussian(1)]
EACH = pytest.mark.parametrize("kind", KINDS, ids=["discrete", "multidiscrete", "box2", "box1"])


def example(kind, seed=0, masked=False):
    g = torch.Generator().manual_seed(seed)
    head = torch.randn(E, kind.outputs, B, generator=g, dtype=torch.float64)
    if isinstance(kind, Gaussian):
        free = 0.4 * torch.randn(E, kind.free, 1, generator=g, dtype=torch.float64)
        return head, free, torch.randn(E, kind.columns, B, generator=g, dtype=torch.float64)
    if masked:
        head[:, 0] += ILLEGAL
    noise = torch.rand(E, kind.dimensions, B, generator=g, dtype=torch.float64)
    chosen = torch.from_numpy(kind.act(head.numpy(), None, noise.numpy()))
    onehot = torch.cat([torch.nn.functional.one_hot(chosen[:, k], n).transpose(1, 2) for k, n in enumerate(kind.counts)], 1)
    return head, None, onehot.double()


def peers(kind, head, free):
    """One torch distribution a dimension, batch (E, B)."""
    if isinstance(kind, Gaussian):
        return [reference.Normal(head[:, k], free[:, k].exp()) for k in range(kind.outputs)]
    return [reference.Categorical(logits=part.transpose(1, 2)) for part in kind.parts(head)]


def value(kind, action, k):
    return action[:, k] if isinstance(kind, Gaussian) else kind.parts(action)[k].argmax(1)


@EACH
def test_log_densities_and_entropies(kind):
    head, free, action = example(kind)
    found = kind.evaluate(head, free, action)
    for k, peer in enumerate(peers(kind, head, free)):
        torch.testing.assert_close(found.log_prob[:, k], peer.log_prob(value(kind, action, k)), rtol=0, atol=1e-10)
        torch.testing.assert_close(found.entropy()[:, k].expand(E, B), peer.entropy(), rtol=0, atol=1e-10)


@EACH
def test_divergence(kind):
    old, new = example(kind), example(kind, 1)
    expected = sum(reference.kl_divergence(p, q) for p, q in zip(peers(kind, *old[:2]), peers(kind, *new[:2]), strict=True))
    torch.testing.assert_close(kind.kl(old[0], old[1], new[0], new[1]), expected, rtol=0, atol=1e-10)
    assert float(kind.kl(old[0], old[1], old[0], old[1]).abs().max()) < 1e-12


@EACH
@pytest.mark.parametrize("joint", [True, False], ids=["joint", "each dimension"])
@pytest.mark.parametrize("masked", [True, False])
def test_gradients_by_hand_equal_autograd(kind, joint, masked):
    head, free, action = example(kind, masked=masked)
    d_log_prob = torch.randn(E, 1 if joint else kind.dimensions, B, dtype=torch.float64)
    head.requires_grad_()
    leaves = [head]
    if free is not None:
        leaves.append(free.requires_grad_())
    found = kind.evaluate(head, free, action)
    loss = (found.log_prob * d_log_prob).sum() - 0.03 * found.entropy().expand(E, kind.dimensions, B).sum()
    expected = torch.autograd.grad(loss, leaves)
    with torch.no_grad():
        mine = kind.evaluate(head, free, action).backward(d_log_prob, -0.03)
    for a, b in zip(mine, expected, strict=False):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-10)


@EACH
def test_fisher_product_equals_the_second_derivative_of_the_divergence(kind):
    head, free, _ = example(kind)
    d_head = torch.randn_like(head)
    d_free = None if free is None else torch.randn_like(free)

    def divergence(h, f):
        return kind.kl(head, free, h, f).sum()

    found, found_free = kind.fisher(head, free, d_head, d_free)
    inputs, direction = (head, free), (d_head, d_free)
    if free is None:
        _, expected = torch.autograd.functional.hvp(lambda h: divergence(h, None), head, d_head)
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-10)
        return
    _, expected = torch.autograd.functional.hvp(divergence, inputs, direction)
    torch.testing.assert_close(found, expected[0], rtol=0, atol=1e-10)
    torch.testing.assert_close(found_free.sum(2, keepdim=True), expected[1], rtol=0, atol=1e-10)


@pytest.mark.parametrize("counts", [(3,), (2, 4)])
def test_samples_follow_their_probabilities(counts):
    kind = Categorical(counts)
    logits = torch.tensor([0.3, -1.0, 0.8, 0.1, -0.5, 0.9][: sum(counts)])
    rows = 200_000
    u = torch.rand(1, len(counts), rows, generator=torch.Generator().manual_seed(1))
    drawn = torch.from_numpy(kind.act(logits[None, :, None].expand(1, -1, rows).numpy(), None, u.numpy()))
    for k, part in enumerate(kind.parts(logits[None, :, None])):
        shares = torch.bincount(drawn[0, k], minlength=counts[k]) / rows
        torch.testing.assert_close(shares, part[0, :, 0].softmax(0), rtol=0, atol=0.006)


def test_masked_choices_are_never_taken():
    kind = Categorical((4,))
    logits = torch.zeros(1, 4, 1000)
    logits[:, [0, 3]] += ILLEGAL
    u = torch.linspace(0.0, 1.0, 1000)[None, None]
    drawn = torch.from_numpy(kind.act(logits.numpy(), None, u.numpy()))
    assert set(drawn.flatten().tolist()) == {1, 2}
    assert set(kind.act(logits.numpy(), None, None).flatten().tolist()) <= {1, 2}
    assert float(kind.evaluate(logits, None, torch.eye(4)[drawn[0, 0]].T[None]).entropy().mean()) == pytest.approx(np.log(2))


@pytest.mark.parametrize(
    "space",
    [
        spaces.Discrete(3),
        spaces.Discrete(3, start=-1),
        spaces.MultiDiscrete([3, 2]),
        spaces.Box(-2.0, 3.0, (2,), np.float32),
        spaces.Box(-np.inf, np.inf, (2,), np.float32),
    ],
    ids=str,
)
def test_actions_survive_encoding(space):
    space.seed(1)
    actions = np.stack([space.sample() for _ in range(30)])
    code, kind = ActionCode(space), distribution_of(space)
    rows = code.encode(actions)
    assert rows.shape == (30, kind.columns)
    assert rows.dtype == np.float32
    if isinstance(kind, Categorical):
        encoded = torch.from_numpy(rows).T[None]
        back = torch.cat([part.argmax(1, keepdim=True) for part in kind.parts(encoded)], 1)[0].T.numpy()
    else:
        back = rows
    decoded = code.decode(back)
    assert decoded.shape == actions.shape
    assert np.allclose(decoded, actions, atol=1e-6)


def test_a_box_is_scaled_to_one_without_clipping():
    code = ActionCode(spaces.Box(np.array([-2.0, 0.0], np.float32), np.array([2.0, 10.0], np.float32)))
    assert code.encode(np.array([[-2.0, 10.0], [4.0, 5.0]], np.float32)).tolist() == [[-1.0, 1.0], [2.0, 0.0]]
