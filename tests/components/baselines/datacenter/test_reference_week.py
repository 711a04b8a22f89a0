"""The planner on a printed week: San José's weather, California's carbon intensity of 2022, from hour 4750, held at 24 °C."""

import numpy as np
import pytest

import wattloom
from wattloom.components.baselines.datacenter.receding_horizon import RecedingHorizon
from wattloom.components.baselines.datacenter.rules import DataCenterRules
from wattloom.components.envs.datacenter import DataCenter
from wattloom.components.sources.calendar import Calendar
from wattloom.components.sources.table import Table
from wattloom.environment import Column

START = {"start_day": 197, "start_hour": 22}
PARTS = ("episode", "load_shifting", "it_load", "hall", "cooling", "battery", "observation", "reward", "losses")


@pytest.fixture(scope="module")
def site(reference_year):
    """The default data center on the printed series."""
    clock = {"year": 2022, "utc_offset_hours": -8.0}
    calendar = Calendar.year(2022, 900, -8.0)
    default = wattloom.make(
        "datacenter", location="ca", actions="continuous", hall__setpoint_start_c=24.0, **{f"episode__{k}": v for k, v in clock.items()}
    )

    def table(*columns, names):
        return Table(calendar, tuple(Column(name, unit) for name, unit in names), np.stack(columns, axis=1))

    return DataCenter(
        actions="continuous",
        workload=table(reference_year.demand, names=[("utilization", "1")]),
        weather=table(*reference_year.weather("CA-SanJose"), names=[("dry_bulb", "degC"), ("wet_bulb", "degC")]),
        carbon=table(reference_year.carbon, names=[("carbon_intensity", "gCO2/kWh")]),
        **{name: getattr(default, name) for name in PARTS},
    )


@pytest.mark.slow
def test_plans_cost_what_was_printed(site, run_episode):
    def settled(algorithm):
        sums = run_episode(site, algorithm, START).sums
        return (sums["co2"] + sums["co2_settlement"])[0]

    whole = RecedingHorizon(horizon_h=None, replan_steps=10_000)
    replayed, bound = settled(whole), whole.plan(197 * 96 + 22 * 4, 0, 1.0, 0.0, np.zeros(0)).cost
    no_op, closed = settled(DataCenterRules()), settled(RecedingHorizon())
    assert no_op == pytest.approx(35_161.2, rel=1e-4)
    assert bound == pytest.approx(33_100.1, rel=2e-3)
    assert replayed == pytest.approx(33_111.3, rel=2e-3)
    assert closed == pytest.approx(33_124.1, rel=2e-3)
    assert bound < replayed < 1.0005 * bound
    assert replayed < closed < 1.001 * bound
    assert settled(RecedingHorizon(forecast="persistence")) == pytest.approx(34_692.2, rel=5e-3)
    assert 1 - replayed / no_op == pytest.approx(0.0583, abs=0.0015)
