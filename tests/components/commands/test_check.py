import sys
import textwrap

import pytest

from wattloom.components.commands import check
from wattloom.errors import UsageError, WattloomError

FAULTY = """
import numpy as np
from gymnasium import Env, spaces


class Leaky(Env):
    observation_space = spaces.Box(0, 1, (1,))
    action_space = spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return np.full(1, 5, np.float32), {}

    def step(self, action):
        return np.full(1, 5, np.float32), 0.0, False, False, {}
"""


def test_a_sound_environment_returns_zero(capsys):
    assert check.main(["env=pendulum", "env.horizon=20", "--steps", "25"]) == 0
    assert capsys.readouterr().out == "env=pendulum: 10 checks of 25 random steps: sound\n"


def test_a_strangers_class_is_checked_from_a_folder_of_options(tmp_path, capsys, monkeypatch):
    (tmp_path / "leaky_module.py").write_text(FAULTY)
    (tmp_path / "mine" / "env").mkdir(parents=True)
    (tmp_path / "mine" / "env" / "leaky.yaml").write_text("_target_: leaky_module.Leaky\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    assert check.main(["env=leaky", "--config-dir", str(tmp_path / "mine")]) == 1
    shown = capsys.readouterr().out
    assert "FAULT  observation-not-in-space: observation of agent 'agent' is 5.0" in shown
    assert textwrap.dedent(shown).splitlines()[-1].startswith("env=leaky: 10 checks of 50 random steps: ")


@pytest.mark.parametrize(
    ("words", "text"),
    [(["seed=1"], "say which environment"), (["env=pendulum", "--steps", "1"], "--steps"), (["env=pendulum", "env.mass=-1"], "env.mass")],
)
def test_wrong_commands_are_said(words, text):
    with pytest.raises(WattloomError, match=text) as caught:
        check.main(words)
    assert isinstance(caught.value, UsageError)


def test_settings_may_follow_options(capsys):
    assert check.main(["env=pendulum", "--steps", "25", "env.horizon=20"]) == 0
    assert "25 random steps: sound" in capsys.readouterr().out
