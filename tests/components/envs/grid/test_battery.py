"""Energy that goes in comes out or is lost by the efficiencies, whatever is asked for."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wattloom.components.envs.grid.battery import Batteries, run
from wattloom.components.envs.grid.pv import reactive_limit


def batteries(charge=1.0, discharge=1.0):
    one = np.ones(1)
    return Batteries(0.5 * one, 0.4 * one, 1.8 * one, charge * one, discharge * one)


@given(
    st.lists(st.floats(-1, 1), min_size=1, max_size=60),
    st.floats(0.5, 1.0),
    st.floats(0.5, 1.0),
    st.floats(0.4, 1.8),
    st.sampled_from([0.05, 0.25, 0.5, 1.0]),
)
@settings(max_examples=150, deadline=None)
def test_energy_is_conserved(actions, charge, discharge, start, hours):
    parameters, soc = batteries(charge, discharge), np.array([[start]])
    drawn = delivered = 0.0
    for action in actions:
        power, after = run(parameters, soc, np.array([[action]]), hours)
        drawn += max(-power[0, 0], 0.0) * hours
        delivered += max(power[0, 0], 0.0) * hours
        assert 0.4 <= after[0, 0] <= 1.8
        assert abs(power[0, 0]) <= abs(action) * 0.5 + 1e-12
        assert power[0, 0] * action >= -1e-12, "never the other way"
        soc = after
    assert soc[0, 0] == pytest.approx(start + charge * drawn - delivered / discharge, abs=1e-9)


def test_a_full_battery_takes_and_an_empty_one_gives_nothing():
    for soc, action in ((1.8, -1.0), (0.4, 1.0)):
        power, after = run(batteries(0.9, 0.9), np.array([[soc]]), np.array([[action]]), 0.5)
        assert power[0, 0] == 0.0
        assert after[0, 0] == soc


def test_near_empty_the_efficiency_limits_what_is_delivered():
    power, after = run(batteries(0.9, 0.8), np.array([[0.5]]), np.array([[1.0]]), 0.5)
    assert after[0, 0] == 0.4
    assert power[0, 0] * 0.5 == pytest.approx(0.1 * 0.8)


def test_single_precision_actions_give_single_precision_charge_with_exact_edges():
    action = np.array([[-1.0, 0.3]], dtype=np.float32)
    two = Batteries(*(np.repeat(getattr(batteries(), name), 2) for name in Batteries.__slots__))
    _, after = run(two, np.array([[1.7, 1.0]]), action, 0.5)
    assert after[0, 0] == 1.8
    assert after[0, 1] == np.float32(1.0) - np.float32(0.3) * np.float32(0.5) * np.float32(0.5)


def test_the_inverter_stays_within_its_circle():
    p = np.array([-0.1, 0.0, 0.6, 1.0, 1.3])
    limit = reactive_limit(p, np.ones(5))
    np.testing.assert_allclose(limit, [np.sqrt(0.99), 1.0, 0.8, 0.0, 0.0], atol=1e-15)
