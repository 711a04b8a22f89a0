"""Constant, droop and volt-var on the grid: what they do, and the losses that the published reference rows have."""

import numpy as np
import pytest

from wattloom.build import build_algorithm, build_environment
from wattloom.components.baselines.constant import Constant
from wattloom.components.baselines.volt_var import VoltVar
from wattloom.compose import compose
from wattloom.errors import ConfigError, RunError
from wattloom.run import set_up

FIFTEEN_DAYS = ("env=neomflex", "profiles.episode_days=15", "demand.profile=b", "solar.profile=b")


def built(*overrides, num_envs=1):
    composed = compose(list(overrides))
    environment = build_environment(composed, num_envs=num_envs)
    return environment, set_up(build_algorithm(composed), environment, 1, 100)


def play(environment, algorithm, steps=None):
    """Play one episode of the baseline and return its results."""
    policy = algorithm.policy(environment.num_envs, explore=False)
    snapshot, results = environment.reset(seed=1), []
    while len(results) < (steps or environment.horizon):
        results.append(environment.step(policy.act(snapshot)))
        snapshot = results[-1].snapshot
    return results


@pytest.mark.parametrize(
    ("overrides", "loss_kw", "outside_percent"),
    [
        (("algorithm=zero",), 106.13, 24.6),
        (("algorithm=constant", "+algorithm.columns.pv=1"), 103.60, 0.0),
        (("algorithm=constant", "+algorithm.columns.pv=0.5"), 79.98, 3.3),
        (("algorithm=droop", "algorithm.mode=equilibrium"), 86.19, 0.0),
        (("algorithm=volt_var",), 91.59, 15.6),
    ],
)
def test_losses_are_those_of_the_reference_rows_on_profiles_of_the_same_statistics(overrides, loss_kw, outside_percent):
    results = play(*built(*FIFTEEN_DAYS, *overrides))
    assert np.mean([result.metrics["losses_kw"][0] for result in results]) == pytest.approx(loss_kw, rel=0.03)
    assert np.mean([result.metrics["buses_outside"][0] for result in results]) / 0.32 == pytest.approx(outside_percent, abs=1.0)


@pytest.mark.parametrize("name", ["neomflex", "grid", "mapdn33"])
def test_delayed_droop_answers_the_voltage_last_seen(name):
    environment, algorithm = built(f"env={name}", "algorithm=droop", num_envs=3)
    policy = algorithm.policy(3, explore=False)
    snapshot = environment.reset(seed=4)
    for _ in range(5):
        before = environment.arrays["vm"][:, environment.fleet.pv_bus]
        result = environment.step(policy.act(snapshot))
        snapshot, dispatch = result.snapshot, environment.record.dispatch
        share = np.clip((1.0 - before) / 0.05, -1, 1)
        fleet = environment.fleet
        capability = fleet.assets.reactive_share * np.sqrt(fleet.pv_mva**2 - dispatch.pv_p**2)
        np.testing.assert_allclose(dispatch.pv_q, share * capability, atol=1e-5)
        assert (dispatch.battery_p == 0).all()


@pytest.mark.parametrize(("algorithm", "of_rating"), [("droop", False), ("volt_var", True)])
def test_in_equilibrium_voltage_and_reactive_power_lie_on_the_curve(algorithm, of_rating):
    environment, baseline = built("env=grid", f"algorithm={algorithm}", "algorithm.mode=equilibrium", num_envs=4)
    assert baseline.privileged
    for _ in play(environment, baseline, steps=30):
        dispatch = environment.record.dispatch
        capability = np.sqrt(1 - dispatch.pv_p**2)
        wanted = np.clip(
            baseline.curve(environment.record.vm[:, environment.fleet.pv_bus]),
            -capability if of_rating else -1,
            capability if of_rating else 1,
        )
        np.testing.assert_allclose(dispatch.pv_q, wanted if of_rating else wanted * capability, atol=1e-5)


def test_an_equilibrium_controller_refuses_an_environment_that_is_not_its_own():
    environment, baseline = built("env=grid", "algorithm=volt_var")
    environment.reset(seed=1)
    other = built("env=grid", "algorithm=volt_var")[0].reset(seed=2)
    with pytest.raises(RunError, match="bound to another environment"):
        baseline.policy(1, explore=False).act(other)


def test_a_constant_is_chosen_by_the_longest_name_and_clipped():
    environment, _ = built("env=grid", "algorithm=zero")
    baseline = set_up(Constant(0.1, {"pv": 0.5, "pv_16": 7.0}), environment, 1, 1)
    actions = baseline.policy(2, explore=False).act(environment.reset(seed=1))
    np.testing.assert_allclose(actions["agent_1"], np.float32([[0.1, 0.5]] * 2))
    np.testing.assert_allclose(actions["agent_2"], np.float32([[0.1, 0.1, 1.0]] * 2))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Constant(float("nan")), "finite"),
        (lambda: VoltVar([0.95], [1.0]), "as many of both"),
        (lambda: VoltVar([0.95, 1.05], [-1.0, 1.0]), "unstable"),
        (lambda: VoltVar(of="rating"), "needs algorithm.mode=equilibrium"),
        (lambda: VoltVar(mode="soon"), "delayed or equilibrium"),
        (lambda: VoltVar(damping=0.0), "damping <= 1"),
        (lambda: VoltVar(damping=0.5), "no effect with algorithm.mode=delayed"),
    ],
)
def test_bad_settings_are_named(make, words):
    with pytest.raises(ConfigError, match=words):
        make()


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (("env=pendulum", "algorithm=droop"), "has none: use env=grid"),
        (("env=grid", "algorithm=constant", "+algorithm.columns.pq=1"), "no action begins with it"),
        (("env=datacenter", "algorithm=constant"), "use algorithm=zero"),
    ],
)
def test_environments_that_do_not_fit_are_named(overrides, words):
    with pytest.raises(ConfigError, match=words):
        built(*overrides)
