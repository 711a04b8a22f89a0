"""The list of hooks: what is bound, how failures are kept apart, state, order and time."""

import logging

import pytest

from wattloom.errors import ConfigError, UsageError
from wattloom.hooks.base import POINTS, Hook, HookList


class Silent(Hook):
    pass


class Recorder(Hook):
    def __init__(self, log, name):
        self.log, self.name, self.count = log, name, 0

    def on_step(self, run, event):
        self.count += 1
        self.log.append(self.name)

    def state_dict(self):
        return {"count": self.count}

    def load_state_dict(self, state):
        self.count = state["count"]


BROKEN = ValueError("broken")


class Failing(Hook):
    def __init__(self, error=BROKEN, points=("on_step",)):
        self.error, self.points, self.calls = error, points, 0

    def _maybe(self, point):
        self.calls += 1
        if point in self.points:
            raise self.error

    def on_run_start(self, run):
        self._maybe("on_run_start")

    def on_step(self, run, event):
        self._maybe("on_step")

    def on_exception(self, run, error):
        self._maybe("on_exception")

    def on_run_end(self, run, summary):
        self._maybe("on_run_end")

    def state_dict(self):
        self._maybe("state_dict")
        return {}

    def load_state_dict(self, state):
        self._maybe("load_state_dict")


class RequiredFailing(Failing):
    required = True


def test_there_are_thirteen_points():
    assert len(POINTS) == 13


def test_only_overridden_methods_are_bound():
    hooks = HookList({"silent": Silent(), "recorder": Recorder([], "r")})
    assert [point for point in POINTS if hooks.wants(point)] == ["on_step"]


def test_an_override_inherited_from_a_base_class_is_bound():
    class Child(Recorder):
        pass

    assert HookList({"child": Child([], "c")}).wants("on_step")


def test_hooks_are_called_in_the_order_of_their_names_in_the_configuration():
    log = []
    hooks = HookList({name: Recorder(log, name) for name in ("z", "a", "m")})
    hooks.call("on_step", None, None)
    assert log == ["z", "a", "m"]


def test_a_failing_optional_hook_is_logged_once_switched_off_and_counted(caplog):
    log = []
    failing = Failing()
    hooks = HookList({"bad": failing, "good": Recorder(log, "good")})
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            hooks.call("on_step", None, None)
    assert failing.calls == 1
    assert log == ["good"] * 3
    assert hooks.errors == {"bad": "on_step: ValueError: broken"}
    assert len([record for record in caplog.records if "bad" in record.message]) == 1


def test_a_failing_required_hook_stops_the_run_and_names_itself():
    log = []
    hooks = HookList({"bad": RequiredFailing(ValueError("broken")), "late": Recorder(log, "late")})
    with pytest.raises(ValueError, match="broken") as caught:
        hooks.call("on_step", None, None)
    assert caught.value.__notes__ == ["raised by hook 'bad' in on_step"]
    assert log == []
    assert hooks.errors == {}


def test_what_a_user_can_fix_stops_the_run_at_its_start_but_not_later():
    error = UsageError("no such copy")
    with pytest.raises(UsageError):
        HookList({"bad": Failing(error, ("on_run_start",))}).call("on_run_start", None)
    hooks = HookList({"bad": Failing(error)})
    hooks.call("on_step", None, None)
    assert "bad" in hooks.errors


def test_every_hook_gets_to_close_its_files_when_a_required_one_fails_at_the_end():
    closed = []

    class Closing(Hook):
        def on_run_end(self, run, summary):
            closed.append(True)

    hooks = HookList({"bad": RequiredFailing(points=("on_run_end",)), "closing": Closing()})
    with pytest.raises(ValueError, match="broken"):
        hooks.call("on_run_end", None, None)
    assert closed == [True]


@pytest.mark.parametrize("point", ["on_exception", "on_run_end"])
def test_a_failing_hook_never_hides_the_error_of_the_run(point):
    hooks = HookList({"bad": RequiredFailing(points=(point,))})
    hooks.call_safely(point, None, RuntimeError("the true cause"))


@pytest.mark.parametrize("method", ["state_dict", "load_state_dict"])
def test_an_optional_hook_whose_state_fails_does_not_cost_the_checkpoint(method):
    hooks = HookList({"bad": Failing(points=(method,)), "good": Recorder([], "good")})
    states = hooks.state_dict()
    hooks.load_state_dict({"bad": {}, "good": {"count": 4}})
    assert states["good"] == {"count": 0}
    assert hooks.hooks["good"].count == 4
    assert list(hooks.errors) == ["bad"]


def test_state_is_kept_by_name_and_new_hooks_start_fresh():
    first = HookList({"a": Recorder([], "a")})
    first.call("on_step", None, None)
    second = HookList({"new": Recorder([], "new"), "a": Recorder([], "a")})
    second.load_state_dict(first.state_dict())
    assert (second.hooks["a"].count, second.hooks["new"].count) == (1, 0)


def test_a_misspelt_hook_point_is_refused_with_the_nearest_name():
    class Misspelt(Hook):
        def on_epsiode_end(self, run, event):
            pass

    with pytest.raises(ConfigError, match=r"on_epsiode_end.*did you mean 'on_episode_end'"):
        HookList({"mine": Misspelt()})


def test_time_of_a_nested_call_belongs_to_the_inner_hook_alone(monkeypatch):
    clock = iter(float(k) for k in range(100))
    monkeypatch.setattr("wattloom.hooks.base.time.perf_counter", lambda: next(clock))

    class Inner(Hook):
        def on_log(self, run, event):
            pass

    class Outer(Hook):
        def on_step(self, run, event):
            hooks.call("on_log", None, None)

    hooks = HookList({"outer": Outer(), "inner": Inner()})
    hooks.call("on_step", None, None)  # outer runs from 0 to 3, inner from 1 to 2
    assert hooks.seconds == {"outer": 2.0, "inner": 1.0}


def test_drawing_time_is_that_of_the_hooks_that_draw():
    class Drawing(Recorder):
        draws = True

    hooks = HookList({"plain": Recorder([], "p"), "drawing": Drawing([], "d")})
    hooks.call("on_step", None, None)
    assert hooks.drawing_seconds == hooks.seconds["drawing"] > 0.0


def test_who_leaves_at_once_does_not_wait_for_pictures():
    ended = []

    class Closing(Hook):
        def on_run_end(self, run, summary):
            ended.append(type(self).__name__)

    class Drawing(Closing):
        draws = True

    hooks = HookList({"drawing": Drawing(), "closing": Closing()})
    hooks.call_safely("on_run_end", None, None, drawing=False)
    assert ended == ["Closing"]
