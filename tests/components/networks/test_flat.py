"""One vector, many views: layout, sections, saving, and Adam on it."""

import pytest
import torch

from wattloom.components.networks.adam import FlatAdam
from wattloom.components.networks.flat import ALIGNMENT, FlatParams
from wattloom.errors import RunError

SHAPES = {"actor.w": (3, 5), "actor.b": (5,), "critic.w": (2, 7), "log_alpha": (1,)}


def filled():
    params = FlatParams(SHAPES)
    for i, view in enumerate(params.values()):
        view.fill_(i + 1.0)
    return params


def test_views_share_the_vector_and_start_on_a_line():
    params = filled()
    params.data.mul_(10.0)
    assert [float(view.flatten()[0]) for view in params.values()] == [10.0, 20.0, 30.0, 40.0]
    assert all(view.storage_offset() % ALIGNMENT == 0 for view in params.values())
    assert {name: tuple(view.shape) for name, view in params.items()} == SHAPES


def test_section_is_live():
    params = filled()
    section = params.section("critic")
    section["w"].fill_(7.0)
    assert float(params["critic.w"].sum()) == 7.0 * 14
    assert list(section) == ["w"]
    assert section.data.data_ptr() == params["critic.w"].data_ptr()


def test_unknown_section():
    with pytest.raises(KeyError, match=r"no tensor under 'value\.'"):
        filled().section("value")


def test_state_loads_into_the_same_memory():
    params, other = filled(), FlatParams(SHAPES)
    address = other.data.data_ptr()
    other.load_state_dict(params.state_dict())
    assert torch.equal(other.data, params.data)
    assert other.data.data_ptr() == address


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: state.pop("actor.b"), "lack 'actor.b'"),
        (lambda state: state.update({"critic.w": torch.zeros(2, 8)}), "'critic.w' has shape \\(2, 8\\), this network needs \\(2, 7\\)"),
        (lambda state: state.update({"extra": torch.zeros(1)}), "hold 'extra'"),
    ],
)
def test_state_of_another_network(change, message):
    state = filled().state_dict()
    change(state)
    with pytest.raises(RunError, match=message):
        filled().load_state_dict(state)


def test_adam_equals_torch():
    generator = torch.Generator().manual_seed(3)
    mine = torch.randn(50, generator=generator)
    theirs = torch.nn.Parameter(mine.clone())
    gradient = torch.zeros(50)
    adam, reference = FlatAdam(mine, gradient, 1e-2), torch.optim.Adam([theirs], lr=1e-2)
    for _ in range(20):
        gradient.copy_(torch.randn(50, generator=generator))
        theirs.grad = gradient.clone()
        adam.step()
        reference.step()
    torch.testing.assert_close(mine, theirs.detach(), rtol=1e-6, atol=1e-7)


def test_adam_continues_bit_equal():
    gradient = torch.linspace(-1, 1, 33)
    straight, stopped = torch.ones(33), torch.ones(33)
    whole, first = FlatAdam(straight, gradient, 1e-2), FlatAdam(stopped, gradient, 1e-2)
    for _ in range(10):
        whole.step()
    for _ in range(5):
        first.step()
    second = FlatAdam(stopped, gradient, 1e-2)
    second.load_state_dict(first.state_dict())
    for _ in range(5):
        second.step()
    assert torch.equal(straight, stopped)
