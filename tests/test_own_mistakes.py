"""Plausible mistakes in components of one's own: one message that says what is missing, where, and before any compute where that can be known."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from wattloom.cli import main
from wattloom.registry import REGISTRY

CART = """
import numpy as np
import gymnasium as gym

class Cart(gym.Env):
    observation_space = gym.spaces.Box(-9.0, 9.0, (1,), np.float32)
    action_space = gym.spaces.Box(-1.0, 1.0, (1,), np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.steps = 0
        return np.zeros(1, np.float32), {}

    def step(self, action):
        self.steps += 1
        return np.zeros(1, np.float32), 0.0, False, self.steps >= 10, {}
"""
LEARNER = """
import numpy as np
from wattloom import Algorithm

class Still:
    def __init__(self, spec, count):
        self.spec, self.count = spec, count

    def reset(self, mask=None, seeds=None):
        pass

    def act(self, snapshot):
        return {agent.name: np.zeros((self.count, 1), np.float32) for agent in self.spec.agents}

    def state_dict(self):
        return {}

    def load_state_dict(self, state):
        pass

class Learner(Algorithm):
    def policy(self, num_envs, explore):
        return Still(self.spec, num_envs)

    def update(self):
        return None

    def state_dict(self):
        return {}
"""
HOOK = """
from wattloom import Hook

class Watcher(Hook):
    def on_step(self, run, event):
        pass

    def state_dict(self):
        return {}
"""
CLASSES = {"env": (CART, "Cart"), "algorithm": (LEARNER, "Learner"), "hooks": (HOOK, "Watcher")}
QUICK = ["hooks=none", "runner.total_steps=20", "evaluation.every=null", "evaluation.episodes=1", "checkpoint.every=10", "runs_dir=runs"]
WORDS = {
    "env": ["env=mine", "algorithm=random", *QUICK],
    "algorithm": ["algorithm=mine", "env.horizon=10", *QUICK],
    "hooks": ["algorithm=random", "env.horizon=10", *QUICK, "+hooks=mine"],
}
MISTAKES = {
    # name: (kind, what is replaced, by what, exit code, words of the message)
    "no step": ("env", "def step(", "def advance(", 2, "Cart has no method step(self, action)"),
    "no reset": ("env", "def reset(", "def begin(", 2, "Cart has no method reset(self, *, seed=None, options=None)"),
    "no space": ("env", "    action_space", "    actions", 2, "Cart has no action_space: set it to one of gymnasium.spaces"),
    "step that raises": ("env", "self.steps += 1", "1 / 0", 1, "ZeroDivisionError: division by zero (my_lab.py, line 15)"),
    "module that raises": ("env", "class Cart", "{}['a']\nclass Cart", 2, "cannot import 'my_lab.Cart': KeyError: 'a' (my_lab.py, line 5)"),
    "syntax error": ("env", "class Cart", "class class", 2, "conf/env/mine.yaml: cannot import 'my_lab.Cart': SyntaxError"),
    "no policy": ("algorithm", "def policy(", "def polici(", 2, "Learner has no method policy(num_envs, explore)"),
    "policy that cannot act": ("algorithm", "def act(", "def action(", 2, "policy() returned Still, which has no method act()"),
    "report that is none": ("algorithm", "return None", "return {'loss': 1.0}", 2, "Learner.update() must return a wattloom UpdateReport"),
    "state of the algorithm": (
        "algorithm",
        "return {}\n",
        "return {'f': [print]}\n",
        3,
        "algorithm.f[0], of type builtin_function_or_method",
    ),
    "arguments of a hook": ("hooks", "(self, run, event)", "(self, run)", 2, "write def on_step(self, run, event)"),
}


@pytest.fixture
def lab(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield tmp_path
    sys.modules.pop("my_lab", None)
    REGISTRY.admitted.clear()


def place(lab, kind, old="", new="", ending="yaml"):
    """Write a component, with a mistake in it, and the YAML that names it."""
    text, name = CLASSES[kind]
    assert old in text
    at = text.rindex(old) if kind == "algorithm" else text.index(old)
    (lab / "my_lab.py").write_text(text[:at] + new + text[at + len(old) :])
    folder = lab / "conf" / kind
    folder.mkdir(parents=True)
    named = f"mine:\n  _target_: my_lab.{name}\n" if kind == "hooks" else f"_target_: my_lab.{name}\n"
    (folder / f"mine.{ending}").write_text(named)


@pytest.mark.parametrize("kind", CLASSES)
def test_without_a_mistake_they_run(lab, kind):
    place(lab, kind)
    assert main(WORDS[kind]) == 0


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_one_message(lab, capsys, name):
    kind, old, new, code, message = MISTAKES[name]
    place(lab, kind, old, new)
    assert main(WORDS[kind]) == code
    error = capsys.readouterr().err
    assert message in error
    assert error.count("error: ") == 1
    assert "Traceback" not in error
    if code == 2 and name not in ("report that is none", "policy that cannot act"):
        assert not (lab / "runs").exists()


def test_a_hook_whose_state_cannot_be_saved_is_switched_off_and_the_run_can_be_resumed(lab, caplog):
    place(lab, "hooks", "return {}", "return {'x': object()}")
    assert main([*WORDS["hooks"], "runner.stop_at=10"]) == 0
    assert (
        "hook 'mine' failed in state_dict and is switched off: RunError: a checkpoint cannot hold hooks.mine.x, of type object"
        in caplog.text
    )
    (run,) = (lab / "runs").glob("*/*/*")
    assert main([f"resume={run}", "runner.stop_at=null"]) == 0


def test_a_module_of_the_working_directory_that_raises_is_named_with_its_line(lab, capsys):
    (lab / "components.py").write_text("import numpy\n\nx = 1 / 0\n")
    assert main(["list"]) == 2
    assert (
        "module 'components' of the working directory cannot be imported: ZeroDivisionError: division by zero (components.py, line 3)"
        in (capsys.readouterr().err)
    )


def test_a_file_with_the_wrong_ending_is_named(lab, capsys):
    place(lab, "env", ending="yml")
    place_of_another = lab / "conf" / "env" / "other.yaml"
    place_of_another.write_text("_target_: my_lab.Cart\n")
    assert main(["env=mine", *QUICK]) == 2
    assert "no env named 'mine'; " in (error := capsys.readouterr().err)
    assert "conf/env/mine.yml is not read: files of options end in .yaml" in error


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("env=emissions", "no env named 'emissions'; there is reward=emissions"),
        ("logger=none", "no logger named 'none'; logger=null chooses nothing"),
        ("reward=mapdn", "is none: it lacks initial, begin (set by 'reward=mapdn')"),
    ],
)
def test_an_option_in_the_wrong_place_is_named(lab, capsys, word, message):
    words = ["env=datacenter"] if word.startswith("reward") else []
    assert main([*words, word, "algorithm=zero", *QUICK]) == 2
    assert message in capsys.readouterr().err


def test_longdouble_and_arrays_of_objects_are_refused_by_name():
    from wattloom.checkpoint import encode
    from wattloom.errors import RunError

    for value, message in ((np.longdouble(1), "run.x, of type longdouble"), (np.array([print]), "run.x, of type array of dtype object")):
        with pytest.raises(RunError, match=message):
            encode({"x": value}, "run")
