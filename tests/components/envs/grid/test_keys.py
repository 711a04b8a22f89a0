"""Every key of every part of a grid does something: changed alone, in a stated scenario, it changes a metric (a reward, an entry) by more than 1e-9."""

import config_keys
import numpy as np
import pytest

import wattloom
from wattloom.errors import ConfigError, DataError

HOT = {"network__load_scale": 1.6}  # voltages leave their limits
LOST = {"network__load_scale": 2.4, "assets__battery_mw": 3.0}  # some steps have no solution
TRAFOS = {"network": "named", "network__network": "mv_oberrhein"}
SCARCE = {"ev_charger": "depot", "ev_charger__guarantee": False}

# (group, option): {key: (new value, scenario)}
KEYS = {
    ("network", "case33bw"): {
        "network": ("case69", {"network__pv_buses": None, "network__battery_buses": None, "network__zones": None}),
        "load_scale": (0.9, {}),
        "close_lines": ([34], {}),
        "open_lines": ([31], {"network__close_lines": [36]}),
        "pv_buses": ([17, 20, 31], {}),
        "battery_buses": ([23, 8, 14], {}),
        "generators": ("off", {"network": "simbench"}),
        "zones": ({"agent_1": [*range(5), *range(18, 22)], "agent_2": [*range(5, 18)], "agent_3": [*range(22, 33)]}, {}),
    },
    ("assets", "pv_battery"): {
        "pv_buses": ([17, 20, 31], {}),
        "pv_count": (4, {}),
        "pv_mw": (0.7, {}),
        "pv_mva": (1.9, {}),
        "reactive_share": (0.5, {}),
        "battery_buses": ([23, 8, 14], {}),
        "battery_count": (4, {}),
        "battery_mwh": (1.0, {}),
        "battery_mw": (0.3, {}),
        "soc_low": (0.45, {}),
        "soc_high": (0.501, {"assets__battery_mwh": 0.3}),
        "charge_efficiency": (0.9, {}),
        "discharge_efficiency": (0.9, {}),
        "soc_start": (0.4, {}),
        "start": ("random", {}),
        "pv_at_start": (False, {"profiles__order": "anywhere"}),
        "wear_usd_per_mwh": (20.0, {}),
    },
    ("territories", "zones"): {"zones": ({"a": [*range(16)], "b": [*range(16, 33)]}, {}), "count": (2, {})},
    ("territories", "inverters"): {"zones": ({"a": [*range(16)], "b": [*range(16, 33)]}, {"env": "mapdn33"})},
    ("profiles", "year"): {
        "start": ("2022-03-01", {}),
        "days": (364, {}),
        "step_minutes": (15, {}),
        "episode_days": (0.25, {}),
        "order": ("sequential", {}),
        "months": ([2], {}),
        "first_look": ("first", {}),
        "demand_base": (1.1, {}),
        "reactive_load": ("frozen", {}),
        "clip_solar": (False, {"solar": "constant", "solar__value": -0.05}),
        "load_diversity": (0.2, {}),
        "solar_diversity": (0.15, {}),
        "diversity_hours": (1.0, {}),
        "utc_offset_hours": (3.0, {"solar": "synthetic"}),
    },
    ("observation", "grid"): {
        "forecast": ("perfect", {}),
        "forecast_error": (0.5, {}),
        "lead_hours": ([1, 2], {}),
        "voltage_scale": (0.02, {}),
    },
    ("reward", "voltage"): {
        "band": ([0.99, 1.01], {"reward__band_weight": 10.0}),
        "band_weight": (50.0, HOT),
        "barrier": ("l1", {}),
        "barrier_weight": (3.0, {"reward__barrier": "bowl"}),
        "loss_weight": (20.0, {}),
        "energy_weight": (1.0, {}),
        "reactive_weight": (1.0, {}),
        "wear_weight": (1.0, {"assets__wear_usd_per_mwh": 5.0}),
        "stored_weight": (1.0, {}),
        "terminal_weight": (2.0, {}),
        "idle_weight": (1.0, {}),
        "idle_steps": ([2, 40], {"reward__idle_weight": 1.0}),
        "devices_weight": (3.0, SCARCE),
        "team": (True, {}),
    },
    ("termination", "soft"): {
        "low": (0.93, HOT),
        "high": (0.97, {"termination__low": None}),
        "on_violation": ("end", HOT),
        "violation_penalty": (7.0, HOT),
        "on_divergence": ("continue", LOST),
        "divergence_penalty": (7.0, LOST),
        "replace_reward": (True, LOST),
        "unknown_voltage": ("nominal", LOST),
    },
    ("power_flow", "zbus"): {"tolerance": (1e-3, {}), "max_iterations": (2, {})},
    ("power_flow", "fixed_point"): {"tolerance": (1e-3, {}), "max_iterations": (2, {})},
    ("power_flow", "auto"): {"tolerance": (1e-3, {}), "max_iterations": (2, {})},
    ("power_flow", "pandapower"): {"tolerance_mva": (1.0, {}), "max_iterations": (2, {})},
    ("power_flow", "lightsim2grid"): {"tolerance_mva": (1.0, {}), "max_iterations": (2, {})},
    ("power_flow", "power_grid_model"): {"method": ("iterative_current", {}), "tolerance": (1e-3, {}), "max_iterations": (2, {})},
    ("ev_charger", "depot"): {
        "buses": ([5, 9], {}),
        "count": (3, {}),
        "power_mw": (0.1, {}),
        "battery_mwh": (1.0, {}),
        "efficiency": (0.8, {}),
        "arrival_hour": (3.0, {}),
        "arrival_spread": (3.0, {}),
        "stay_hours": (4.0, {}),
        "stay_spread": (3.0, {}),
        "need": ([0.6, 0.9], {}),
        "daily": (0.2, {}),
        "guarantee": (False, {}),
        "discharge": (True, {}),
        "missing_usd_per_mwh": (100.0, {"ev_charger__guarantee": False}),
    },
    ("flexible_load", "shift"): {
        "buses": ([5, 9], {}),
        "count": (3, {}),
        "share": (0.2, {}),
        "window_hours": (0.5, {}),
        "shift_usd_per_mwh": (5.0, {}),
        "owed_usd_per_mwh": (50.0, {}),
    },
    ("tap_changer", "substation"): {
        "positions": (1, {}),
        "step_percent": (1.0, {}),
        "mode": ("continuous", {}),
        "largest_move": (1, {}),
        "usd_per_position": (3.0, {}),
        "agent": ("taps", {}),
    },
    ("tap_changer", "transformer"): {
        "trafos": ([114], TRAFOS),
        "largest_move": (1, TRAFOS),
        "usd_per_position": (3.0, TRAFOS),
        "agent": ("taps", TRAFOS),
    },
    ("topology", "exchanges"): {
        "configurations": ([[6, 8, 13, 31, 36]], {}),
        "exchanges": (2, {}),
        "discrete": (True, {}),
        "usd_per_operation": (1.0, {}),
        "agent": ("switches", {}),
    },
}
CASES = [(group, option, key, *change) for (group, option), changes in KEYS.items() for key, change in changes.items()]


BASES = {}


def base_outcome(changes):
    """Outcome of a scenario that several keys start from, computed once."""
    name = repr(sorted(changes.items()))
    if name not in BASES:
        BASES[name] = outcome(changes)
    return BASES[name]


def outcome(changes):
    """Agents (or the error where nothing could be built), and metrics, rewards and observations of a day under fixed, lively actions."""
    name = changes.get("env", "grid")
    try:
        environment = wattloom.make(name, num_envs=1, **{key: value for key, value in changes.items() if key != "env"})
    except DataError as error:
        return {"agents": str(error), "metrics": [], "reward": [], "observation": []}
    snapshot = environment.reset(seed=3)
    draws = np.random.default_rng(7).uniform(-1.0, 1.0, (48, 50))
    found = {
        "agents": [(agent.name, str(agent.action_space)) for agent in environment.agents],
        "metrics": [],
        "reward": [],
        "observation": [],
    }
    for k in range(48):
        found["observation"].append(np.concatenate([snapshot.observations[agent.name][0] for agent in environment.agents]))
        result = environment.step({agent.name: action(agent.action_space, draws[k]) for agent in environment.agents})
        snapshot = result.snapshot
        found["metrics"].append([values[0] for values in result.metrics.values()])
        found["reward"].append([values[0] for values in result.rewards.values()])
        if result.terminated[0] or result.truncated[0]:
            break
    return found


def action(space, drawn):
    if hasattr(space, "n"):
        return np.array([int((drawn[0] + 1.0) / 2.0 * space.n) % space.n])
    return drawn[None, : space.shape[0]].astype(np.float32)


def differs(before, after, group):
    """Whether the agents, or what the group is about (any figure, for a part of the physics), changed by more than 1e-9."""
    names = (group,) if group in before else ("metrics", "reward", "observation")
    pairs = [(before[name], after[name]) for name in names]
    return before["agents"] != after["agents"] or any(
        np.shape(a) != np.shape(b) or np.abs(np.array(a) - np.array(b)).max() > 1e-9 for a, b in pairs
    )


@pytest.mark.slow
@pytest.mark.parametrize(("group", "option", "key", "value", "scenario"), CASES, ids=["-".join(case[:3]) for case in CASES])
def test_key_has_an_effect(group, option, key, value, scenario):
    base = {group: option, **scenario}
    assert differs(base_outcome(base), outcome({**base, f"{group}__{key}": value}), group)


def test_no_key_is_forgotten():
    """Options of one class share their cases."""
    for package in ("components.envs.grid", "components.power_flow"):
        of_package = {place: changes for place, changes in KEYS.items() if place[0] == "power_flow" or package.endswith("grid")}
        assert not [case[:3] for case in config_keys.cases(of_package, package) if case[3] is None]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"assets__pv_buses": [16, 20, 31], "assets__pv_count": 3}, r"assets.pv_count=3 has no effect beside assets.pv_buses"),
        ({"assets__battery_buses": [], "assets__battery_count": 2}, r"assets.battery_count=2 has no effect beside"),
        ({"assets__battery_buses": [], "assets__battery_mwh": 2.0}, r"assets.battery_mwh without effect: there is no battery"),
        (
            {"assets__pv_buses": [], "assets__pv_mw": 2.0, "assets__pv_mva": 2.0},
            r"pv_mw and assets.pv_mva without effect: there is no inverter",
        ),
        ({"assets__start": "random", "assets__soc_start": 0.4}, "soc_start=0.4 has no effect with assets.start=random"),
        (
            {"territories__zones": {"a": list(range(33))}, "territories__count": 1},
            "territories.count=1 has no effect beside territories.zones",
        ),
        ({"observation__forecast": "perfect", "observation__forecast_error": 0.1}, "no effect with observation.forecast=perfect"),
        (
            {"profiles__load_diversity": 0.0, "profiles__solar_diversity": 0.0, "profiles__diversity_hours": 1.0},
            "no effect without load_diversity",
        ),
        ({"profiles__order": "sequential", "profiles__months": [1]}, "no effect with profiles.order=sequential"),
        ({"reward__barrier_weight": 1.0}, "no effect without reward.barrier"),
        ({"termination__low": None, "termination__high": None, "termination__violation_penalty": 5.0}, "no effect without termination.low"),
        ({"termination__low": None, "termination__high": None, "termination__on_violation": "end"}, "no effect without termination.low"),
        ({"network__generators": "solar"}, "has no static generator; use constant"),
        ({"ev_charger": "depot", "ev_charger__buses": [5], "ev_charger__count": 1}, "ev_charger.count=1 has no effect beside"),
        ({"flexible_load": "shift", "flexible_load__buses": [5], "flexible_load__count": 1}, "flexible_load.count=1 has no effect beside"),
        (
            {"topology": "exchanges", "topology__configurations": [[6, 8, 13, 31, 36]], "topology__exchanges": 1},
            "exchanges=1 has no effect beside",
        ),
    ],
)
def test_a_key_without_effect_is_refused(changes, words):
    with pytest.raises(ConfigError, match=words):
        wattloom.make("grid", **changes)
