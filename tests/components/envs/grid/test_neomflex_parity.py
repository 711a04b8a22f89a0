"""env=neomflex against recordings of the original, and against its rules written out over pandapower."""

import numpy as np
import pandapower
import pandapower.networks
import pytest

from wattloom.components.envs.grid.replay import replay
from wattloom.errors import DataError

TOLERANCES = {
    "vm_pu": 1e-7,
    "va_degree": 1e-5,
    "line_loss_total_mw": 1e-6,
    "line_loss_mw": 1e-6,
    "reward": 1e-4,
    "soc_mwh": 1e-9,
    "sgen_p_mw": 1e-9,
}
TOLERANCES |= {"sgen_q_mvar": 1e-9, "load_p_mw": 1e-12, "load_q_mvar": 1e-12, "obs_1": 1e-6, "obs_2": 1e-6, "obs_3": 1e-6, "soc": 1e-9}
RECORDINGS = [
    "test_alternate_d6", "test_random_s3_d2", "test_random_s4_d4_f32", "test_zero_d0", "train_charge_day_d5_pen",
    "train_minus_d3", "train_plus_d3", "train_random_s1_d0", "train_random_s2_d13_wrap", "train_zero_d0",
]  # fmt: skip


@pytest.mark.parametrize("name", RECORDINGS)
def test_replays_the_recording(shared, name):
    recording = dict(np.load(shared / "golden" / "neomflex" / f"{name}.npz"))
    table = replay(recording, recording["actions"])
    columns = {key for key in recording if not key.startswith("meta_")}
    assert columns == set(table)
    for key in columns:
        assert table[key].shape == recording[key].shape, key
        np.testing.assert_allclose(table[key], recording[key], rtol=0, atol=TOLERANCES.get(key.removeprefix("reset_"), 0.0), err_msg=key)


def test_no_recording_is_left_out(shared):
    assert {path.stem for path in (shared / "golden" / "neomflex").glob("*.npz")} == set(RECORDINGS)


class Rules:
    """The original's rules over pandapower.runpp, one statement a rule."""

    ZONES = ([*range(5), *range(18, 25)], [*range(5, 18)], [*range(25, 33)])
    BATTERIES, PANELS = (23, 7, 14), (20, 16, 31)
    OWN = ((0,), (1, 2), ())

    def __init__(self, demand, solar, penalty):
        self.demand, self.solar, self.penalty = demand, solar, penalty
        self.net = pandapower.networks.case33bw()
        self.base_p, self.base_q = self.net.load.p_mw.to_numpy().copy(), self.net.load.q_mvar.to_numpy().copy()
        self.pv = [pandapower.create_sgen(self.net, bus, 0.0) for bus in self.PANELS]
        self.bat = [pandapower.create_sgen(self.net, bus, 0.0) for bus in self.BATTERIES]
        self.t, self.day, self.soc, self.violation = 0, 0, np.ones(3), False

    def reset(self):
        self.t = self.day * 48
        if self.violation:
            self.soc, self.violation = self.saved.copy(), False
        elif self.day == 0:
            self.soc = np.ones(3)
        self.saved = self.soc.copy()
        self.net.load.p_mw, self.net.load.q_mvar = self.base_p * self.demand[self.t], self.base_q * self.demand[self.t]
        self.net.sgen[["p_mw", "q_mvar"]] = 0.0
        self.solve()

    def solve(self):
        pandapower.runpp(self.net, tolerance_mva=1e-10, numba=False, lightsim2grid=False)
        self.vm = self.net.res_bus.vm_pu.to_numpy()

    def step(self, action):
        battery, q_share = action[[0, 2, 3]], action[[1, 4, 5]]
        power = battery * 0.5
        for k in range(3):
            wanted = self.soc[k] - power[k] * 0.5
            if wanted > 1.8:
                power[k], wanted = -(1.8 - self.soc[k]) / 0.5, 1.8
            elif wanted < 0.4:
                power[k], wanted = -(0.4 - self.soc[k]) / 0.5, 0.4
            self.soc[k] = wanted
        sun = self.solar[self.t]
        self.net.load.p_mw = self.base_p * self.demand[self.t]
        self.net.sgen.loc[self.pv, "p_mw"], self.net.sgen.loc[self.pv, "q_mvar"] = sun, q_share * np.sqrt(max(0.0, 1 - sun**2))
        self.net.sgen.loc[self.bat, "p_mw"] = power
        self.solve()
        if ((self.vm < 0.9) | (self.vm > 1.1)).any():
            self.violation = True
            return np.full(3, -100.0), True
        loss, rewards = self.net.res_line.pl_mw.sum(), []
        for zone, own in zip(self.ZONES, self.OWN, strict=True):
            v = self.vm[[bus for bus in zone if bus != 0]]
            r = -100 * (np.maximum(v - 1.03, 0) + np.maximum(0.97 - v, 0)).sum() - 5 * loss * len(zone) / 33
            if self.penalty and 14 <= self.t % 48 <= 34:
                r += sum(-30 * (0.5 - power[k]) / 0.5 for k in own if power[k] >= 0)
            rewards.append(r)
        self.t += 1
        done = self.t % 48 == 0
        if self.t == len(self.demand):
            self.t = 0
        if done:
            self.day = self.t // 48 % (len(self.demand) // 48)
        return np.array(rewards), done

    def observations(self):
        common, seen = [self.demand[self.t], self.solar[self.t]], []
        for zone, own in zip(self.ZONES, self.OWN, strict=True):
            seen.append([*(self.vm[zone] - 1), *common, *(self.soc[list(own)] / 2), self.t % 48 / 47])
        return seen


@pytest.mark.parametrize("penalty", [False, True])
def test_equals_the_rules_over_pandapower(profiles, penalty):
    demand, solar = profiles(days=2, seed=3)
    rng = np.random.default_rng(4)
    actions = np.concatenate([rng.uniform(-1, 1, (20, 6)), rng.uniform(0.2, 1, (80, 6)) * [[-1, 1, -1, -1, 1, 1]]])
    table = replay({"demand": demand, "solar": solar}, actions, solar_penalty=penalty, days=2)
    rules = Rules(demand, solar, penalty)
    rules.reset()
    done_before = 0
    for k, action in enumerate(actions):
        assert (table["t"][k], table["day"][k]) == (rules.t, rules.day)
        rewards, done = rules.step(action)
        np.testing.assert_allclose(table["reward"][k], rewards, rtol=0, atol=1e-6)
        np.testing.assert_allclose(table["vm_pu"][k], rules.vm, rtol=0, atol=1e-9)
        np.testing.assert_allclose(table["soc_mwh"][k], rules.soc, rtol=0, atol=1e-12)
        for number, seen in enumerate(rules.observations()):
            np.testing.assert_allclose(table[f"obs_{number + 1}"][k], seen, rtol=0, atol=1e-6)
        assert (table["done"][k], table["violation"][k]) == (done, rules.violation)
        if done:
            rules.reset()
            done_before += 1
            np.testing.assert_allclose(table["reset_vm_pu"][done_before], rules.vm, rtol=0, atol=1e-9)
            np.testing.assert_allclose(table["reset_soc_mwh"][done_before], rules.soc, rtol=0, atol=1e-12)
    assert table["violation"].any()
    assert (table["day"] == 1).any()


@pytest.mark.parametrize(
    ("profile", "actions", "words"),
    [
        ({"solar": np.zeros(48)}, np.zeros((2, 6)), "'demand' is missing"),
        ({"demand": np.ones(48), "solar": np.zeros(48)}, np.zeros((2, 5)), r"shape \(2, 5\)"),
        ({"demand": np.ones(48), "solar": np.zeros(48), "t": np.arange(3)}, np.zeros((2, 6)), "3 rows in t"),
    ],
)
def test_a_damaged_recording_is_named(profile, actions, words):
    with pytest.raises(DataError, match=words):
        replay(profile, actions)
