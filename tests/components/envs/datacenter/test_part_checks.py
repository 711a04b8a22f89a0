"""A part of one's own that hands out something of another shape is named when the environment is built."""

import numpy as np
import pytest

import wattloom
from wattloom.components.envs.datacenter.battery import LithiumBattery
from wattloom.errors import ConfigError


def shown(self, state):
    return LithiumBattery.view(self, state)[:2]


MISTAKES = {
    "control": (lambda self, kind: None, r"agent 'battery': control\(kind\) must return a Control.* not None"),
    "view": (shown, r"Mine.view\(\) must return arrays of shape \[\(2,\), \(2,\), \(2,\)\], not \[\(2,\), \(2,\)\]"),
    "debt_mwh": (lambda self, state: np.zeros(3), r"Mine.debt_mwh\(\) must return arrays of shape \(2,\), not \(3,\)"),
    "initial": (
        lambda self, n: {"mine": np.zeros(7)},
        r"Mine.initial\(\): array 'mine' of shape \(7,\) must have a row a copy: \(2, ...\)",
    ),
}


def test_a_sound_one_is_taken():
    assert wattloom.make("datacenter", num_envs=2).arrays["begun"].shape == (2,)


@pytest.mark.parametrize("method", MISTAKES)
def test_a_wrong_shape_is_named(method, monkeypatch):
    wrong, message = MISTAKES[method]
    mine = type("Mine", (LithiumBattery,), {method: wrong})
    monkeypatch.setattr("wattloom.components.envs.datacenter.battery.LithiumBattery", mine)
    with pytest.raises(ConfigError, match=message):
        wattloom.make("datacenter", num_envs=2)
