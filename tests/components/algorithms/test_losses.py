"""The formulas against PyTorch's own distributions and against arithmetic by hand."""

import pytest
import torch
from torch.distributions import Independent, Normal, TransformedDistribution
from torch.distributions.transforms import TanhTransform

from wattloom.components.algorithms import losses


def test_squashed_gaussian_equals_torch():
    generator = torch.Generator().manual_seed(1)
    head, noise = torch.randn(6, 40, generator=generator).clamp(-2, 2), torch.randn(3, 40, generator=generator)
    action, log_density = losses.squashed_gaussian(head, noise)
    mean, std = head[:3].T, head[3:].T.exp()
    law = TransformedDistribution(Independent(Normal(mean, std), 1), TanhTransform(cache_size=1))
    u = mean + std * noise.T
    torch.testing.assert_close(action, u.tanh().T)
    expected = Independent(Normal(mean, std), 1).log_prob(u) - TanhTransform().log_abs_det_jacobian(u, u.tanh()).sum(1)
    torch.testing.assert_close(log_density, expected)
    inside = u.abs().max(1).values < 3  # where the inverse of tanh is exact enough in float32
    torch.testing.assert_close(log_density[inside], law.log_prob(u.tanh())[inside], rtol=1e-3, atol=1e-3)


def test_squashed_gaussian_far_out_stays_finite_and_differentiable():
    head = torch.tensor([[50.0], [0.0]], requires_grad=True)
    _, log_density = losses.squashed_gaussian(head, torch.zeros(1, 1))
    assert float(log_density.detach()) == pytest.approx(-0.9189385 - 2 * (0.6931472 - 50.0), rel=1e-5)
    assert torch.isfinite(torch.autograd.grad(log_density.sum(), head)[0]).all()


def test_target_bootstraps_unless_terminated():
    y = losses.td_target(torch.tensor([1.0, 1.0]), torch.tensor([0.0, 1.0]), 0.9, torch.tensor([10.0, 10.0]))
    assert y.tolist() == [10.0, 1.0]


def test_smoothed_action_clips_twice():
    action = losses.smoothed_action(torch.tensor([0.0, 0.9, 0.0]), torch.tensor([1.0, 10.0, -10.0]), std=0.2, clip=0.5)
    torch.testing.assert_close(action, torch.tensor([0.2, 1.0, -0.5]))


def test_losses_are_weighted_means():
    q, y = torch.tensor([[[1.0, 2.0]], [[3.0, 4.0]]]), torch.tensor([0.0, 0.0])
    assert float(losses.critic_loss(q, y, torch.tensor(0.5))) == (1 + 4 + 9 + 16) / 2
    assert float(losses.critic_loss(q, y, torch.tensor([1.0, 0.0]))) == 1 + 9
    assert float(losses.deterministic_actor_loss(q[0], torch.tensor(0.5))) == -1.5
    alpha, log_density = torch.tensor(0.1), torch.tensor([1.0, 3.0])
    assert float(losses.soft_actor_loss(alpha, log_density, q, torch.tensor(0.5))) == pytest.approx(0.2 - 1.5)


def test_temperature_rises_while_entropy_is_below_its_target():
    log_alpha = torch.zeros(1, requires_grad=True)
    for entropy, sign in ((-2.0, -1.0), (0.5, 1.0)):
        loss = losses.temperature_loss(log_alpha, torch.full((4,), -entropy), target_entropy=-1.0, weight=torch.tensor(0.25))
        assert float(torch.autograd.grad(loss, log_alpha)[0].sign()) == sign
