import numpy as np
import pytest
from gymnasium import spaces

from wattloom.environment import AgentSpec
from wattloom.errors import ActionError
from wattloom.spaces import ActionChecker, action_shape, choices

AGENTS = [
    AgentSpec("valve", spaces.Box(-1, 1, (1,)), spaces.Box(np.array([-1, 0], np.float32), np.array([1, 5], np.float32)), (), ()),
    AgentSpec("mode", spaces.Box(-1, 1, (1,)), spaces.Discrete(3, start=-1), (), ()),
    AgentSpec("pumps", spaces.Box(-1, 1, (1,)), spaces.MultiDiscrete([2, 4]), (), ()),
]


def good(**changes):
    return {
        "valve": np.array([[0.5, 1.0], [-1.0, 5.0]], dtype=np.float32),
        "mode": np.array([-1, 1]),
        "pumps": np.array([[1, 3], [0, 0]]),
    } | changes


def test_shapes_and_choices():
    assert [action_shape(spec.action_space) for spec in AGENTS] == [(2,), (), (2,)]
    assert [choices(spec.action_space) for spec in AGENTS] == [(), (3,), (2, 4)]


def test_good_actions_pass_unchanged():
    checked, clipped = ActionChecker(AGENTS, 2)(good())
    for name, value in good().items():
        np.testing.assert_array_equal(checked[name], value)
    assert clipped.tolist() == [0, 0]
    assert checked["mode"].dtype == np.int64


def test_small_integers_become_int64_and_float64_becomes_float32():
    checked, _ = ActionChecker(AGENTS, 2)(good(mode=np.array([0, 1], np.int8), valve=np.zeros((2, 2))))
    assert (checked["mode"].dtype, checked["valve"].dtype) == (np.int64, np.float32)


def test_box_actions_are_clipped_to_their_own_bounds_and_counted():
    raw = np.array([[9.0, -9.0], [np.inf, 2.0]])
    checked, clipped = ActionChecker(AGENTS, 2)(good(valve=raw))
    np.testing.assert_array_equal(checked["valve"], [[1, 0], [1, 2]])
    assert clipped.tolist() == [2, 1]
    assert raw[0, 0] == 9.0  # the caller's array is left alone


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"valve": np.array([[0, 0], [0, np.nan]])}, "'valve' is NaN in copy 1"),
        ({"valve": np.zeros((2, 3))}, r"'valve' has shape \(2, 3\), expected \(2, 2\)"),
        ({"valve": np.zeros(2)}, r"'valve' has shape \(2,\)"),
        ({"valve": np.array([["a", "b"], ["c", "d"]])}, "'valve' must be numbers"),
        ({"mode": np.array([0, 2])}, r"'mode' in copy 1 is 2, outside -1\.\.1"),
        ({"mode": np.array([-2, 0])}, "'mode' in copy 0 is -2"),
        ({"mode": np.array([0.0, 1.0])}, "'mode' must be integers, not float64"),
        ({"mode": np.array([[0], [1]])}, r"'mode' has shape \(2, 1\), expected \(2,\)"),
        ({"pumps": np.array([[1, 3], [0, 4]])}, r"'pumps' in copy 1 is \[0 4\], outside \[0, 0\]\.\.\[1, 3\]"),
    ],
)
def test_bad_actions_name_agent_and_copy(changes, text):
    with pytest.raises(ActionError, match=text):
        ActionChecker(AGENTS, 2)(good(**changes))


def test_a_missing_agent_is_named():
    actions = good()
    del actions["pumps"]
    with pytest.raises(ActionError, match=r"no action for agent 'pumps'; got \['mode', 'valve'\]"):
        ActionChecker(AGENTS, 2)(actions)


def test_rows_that_do_not_count_become_valid():
    active = {"valve": np.array([True, False]), "mode": np.array([False, True])}
    raw = good(valve=np.array([[0.5, 1.0], [np.nan, 99.0]]), mode=np.array([88, 0]))
    checked, clipped = ActionChecker(AGENTS, 2)(raw, active)
    np.testing.assert_array_equal(checked["valve"], [[0.5, 1.0], [0, 0]])
    assert checked["mode"].tolist() == [-1, 0]
    assert clipped.tolist() == [0, 0]
