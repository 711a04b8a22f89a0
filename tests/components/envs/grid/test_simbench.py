"""SimBench networks: loads, generators and voltages against SimBench's own tables and pandapower."""

import copy

import numpy as np
import pytest

from wattloom.errors import ConfigError

pytest.importorskip("simbench")
CODE = "1-LV-rural1--0-sw"


@pytest.fixture(scope="module")
def reference():
    """SimBench's network and what SimBench itself says that every element draws and injects."""
    from wattloom.components.power_flow.protocol import read_network, simbench_profiles

    return read_network(CODE), simbench_profiles(CODE)


def test_its_own_profiles_give_pandapower_s_voltages(make, reference):
    import pandapower

    net, profiles = copy.deepcopy(reference[0]), reference[1]
    environment = make("simbench", "assets.battery_buses=[]", "territories.count=2")
    environment.reset(seed=1, options={"start_day": 150})
    rest = {agent.name: np.zeros((1, *agent.action_space.shape), np.float32) for agent in environment.agents}
    for quarter in range(150 * 96, 150 * 96 + 60):
        environment.step(rest)
        if quarter % 12:
            continue
        for table, column in (("load", "p_mw"), ("load", "q_mvar"), ("sgen", "p_mw")):
            net[table][column] = profiles[table, column].loc[quarter]
        pandapower.runpp(net, tolerance_mva=1e-10)
        order = environment.feeder.model.bus_index
        np.testing.assert_allclose(environment.record.vm[0], net.res_bus.vm_pu.loc[order], atol=1e-8)
        assert environment.record.import_mw[0] == pytest.approx(net.res_ext_grid.p_mw.sum(), abs=1e-7)
    assert environment.record.inputs.solar.max() > 0.05, "the sun shines"


def test_generated_profiles_serve_it_too_and_its_generators_are_inverters(make, reference):
    net, _ = reference
    environment = make("grid", "network=simbench", num_envs=2)
    assert sum(environment.fleet.pv_mw) == pytest.approx(net.sgen.p_mw.sum())
    assert set(environment.fleet.pv_numbers) == set(net.sgen.bus)
    environment.reset(seed=1)
    assert environment.feeder.model.source.get("profiles") is None, "a year of profiles does not travel with the model"


def test_an_unknown_code_is_named(make):
    with pytest.raises(ConfigError, match="SimBench does not know it"):
        make("grid", "network=simbench", "network.network=1-LV-rural9--0-sw")
    with pytest.raises(ConfigError, match="no SimBench code"):
        make("grid", "demand=simbench_network")


@pytest.mark.slow
def test_one_override_trains_on_it(tmp_path):
    import wattloom

    short = ("runner.total_steps=600", "algorithm.learning_starts=100", f"runs_dir={tmp_path}")
    run = wattloom.train("env=grid", "network=simbench", "algorithm=sac", *short)
    assert run.summary.best_return > -100.0
