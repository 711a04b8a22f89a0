"""When something is due: marks crossed once, in every unit, across a resume."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wattloom.errors import ConfigError
from wattloom.hooks.schedule import Schedule


def dues(schedule, counts):
    return [count for count in counts if schedule.due(count)]


def test_nothing_is_due_without_a_rule():
    schedule = Schedule()
    assert not schedule.active
    assert dues(schedule, range(100)) == []


@pytest.mark.parametrize("unit", ["env_step", "update", "evaluation"])
def test_amounts_begin_at_the_period(unit):
    assert dues(Schedule(every=10, unit=unit), range(31)) == [10, 20, 30]
    assert [k for k in range(31) if Schedule(every=10, unit=unit).matches(k)] == [10, 20, 30]


def test_episodes_are_counted_from_0():
    assert dues(Schedule(every=10, unit="episode"), range(31)) == [0, 10, 20, 30]
    assert [k for k in range(31) if Schedule(every=10, unit="episode").matches(k)] == [0, 10, 20, 30]


@pytest.mark.parametrize("unit", ["episode", "env_step", "update", "evaluation"])
def test_an_explicit_mark_at_0_is_due_at_the_start(unit):
    assert dues(Schedule(at=[0, 3], unit=unit), range(10)) == [0, 3]


def test_a_mark_at_0_is_due_at_the_first_look_even_after_a_first_step():
    assert dues(Schedule(at=[0], unit="env_step"), [64, 128, 192]) == [64]


def test_marks_and_periods_are_joined_by_or():
    assert dues(Schedule(at=[3, 7, 20], every=10), range(1, 31)) == [3, 7, 10, 20, 30]


def test_several_marks_crossed_in_one_stride_are_due_once():
    assert dues(Schedule(at=[5, 6, 7], every=4), [1, 64, 65, 128]) == [64, 128]


def test_asking_twice_is_due_once():
    schedule = Schedule(every=10)
    assert [schedule.due(10), schedule.due(10), schedule.due(9), schedule.due(19), schedule.due(20)] == [True, False, False, False, True]


@given(
    every=st.one_of(st.none(), st.integers(1, 50)),
    at=st.lists(st.integers(0, 300), max_size=4),
    strides=st.lists(st.integers(1, 70), min_size=1, max_size=30),
    unit=st.sampled_from(["episode", "env_step"]),
)
def test_due_exactly_when_a_mark_lies_in_the_stride(every, at, strides, unit):
    schedule = Schedule(at=at, every=every, unit=unit)
    marks = set(at)
    if every is not None:
        marks |= set(range(0 if unit == "episode" else every, 4000, every))
    seen = -1
    for stride in strides:
        count = max(seen, 0) + stride
        assert schedule.next_mark(seen) == min((m for m in marks if m > seen), default=None)
        assert schedule.due(count) == any(seen < mark <= count for mark in marks)
        seen = count


@given(cut=st.integers(0, 99), every=st.integers(1, 30), at=st.lists(st.integers(0, 99), max_size=3))
def test_a_resumed_schedule_neither_repeats_nor_skips(cut, every, at):
    whole = dues(Schedule(at=at, every=every), range(100))
    first, second = Schedule(at=at, every=every), Schedule(at=at, every=every)
    before = dues(first, range(cut))
    second.load_state_dict(first.state_dict())
    assert before + dues(second, range(cut, 100)) == whole


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"every": 0}, "hooks.x.every must be a whole number of at least 1 .null switches it off., not 0"),
        ({"every": -5}, "at least 1"),
        ({"every": 2.5}, "not 2.5"),
        ({"every": True}, "not True"),
        ({"every": "100"}, "not '100'"),
        ({"at": [3, -1]}, "hooks.x.at must be a whole number of at least 0, not -1"),
        ({"at": 5}, "must be a list"),
        ({"at": "5"}, "must be a list"),
        ({"last": -1}, "hooks.x.last"),
        ({"unit": "episodes"}, "did you mean 'episode'"),
    ],
)
def test_nonsense_is_refused_and_named(options, message):
    with pytest.raises(ConfigError, match=message):
        Schedule(**options, key="hooks.x")


def test_a_float_that_is_whole_is_accepted_as_yaml_writes_it():
    assert Schedule(every=1e4).every == 10_000


@pytest.mark.parametrize("options", [{"at": [0]}, {"every": 1}, {"last": 1}, {"on_best": True}])
def test_any_rule_makes_it_active(options):
    assert Schedule(**options).active
