"""The config options of the built-in sources: keys equal signatures, every location works, and a source of one's own is one class or two lines."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from hydra import compose, initialize_config_module
from hydra.utils import get_class, instantiate
from omegaconf import OmegaConf

from wattloom.components.sources.loading import table_of
from wattloom.components.sources.protocol import KINDS, Calendar, Source, Starts, Table, shared
from wattloom.components.sources.series import Series
from wattloom.targets import build

CONF = Path(inspect.getfile(__import__("wattloom.conf", fromlist=["conf"]))).parent
OPTIONS = [
    ("workload", "synthetic"),
    ("workload", "jobs"),
    ("workload", "constant"),
    ("weather", "synthetic"),
    ("weather", "constant"),
    ("carbon", "synthetic"),
    ("carbon", "constant"),
    ("price", "synthetic"),
    ("price", "constant"),
    ("demand", "synthetic"),
    ("demand", "halfhour"),
    ("demand", "constant"),
    ("solar", "synthetic"),
    ("solar", "halfhour"),
    ("solar", "constant"),
]
LOCATIONS = sorted(path.stem for path in (CONF / "location").glob("*.yaml"))
US = ["az", "ca", "ga", "il", "ny", "tx", "va", "wa"]


def composed(*choices):
    """Compose groups without the primary config: a location and some sources."""
    names = dict(choice.split("=") for choice in choices if "." not in choice.split("=")[0])
    config = OmegaConf.create({group: OmegaConf.load(CONF / group / f"{name}.yaml") for group, name in names.items()})
    config.merge_with_dotlist([choice for choice in choices if "." in choice.split("=")[0]])
    return config


@pytest.mark.parametrize(("group", "option"), OPTIONS)
def test_keys_equal_the_signature_and_each_is_explained(group, option):
    path = CONF / group / f"{option}.yaml"
    node = OmegaConf.load(path)
    signature = inspect.signature(get_class(node._target_))
    assert set(node) - {"_target_"} == set(signature.parameters)
    for line in path.read_text().splitlines():
        if line and not line.startswith(("#", "_target_")):
            assert re.search(r"  # \w", line), f"{path.name}: '{line}' has no comment"
    for name, parameter in signature.parameters.items():  # a default in the class and in the YAML that disagree would surprise
        if parameter.default is not inspect.Parameter.empty and not OmegaConf.is_interpolation(node, name):
            assert (list(node[name]) == [] and parameter.default == ()) if name == "transforms" else node[name] == parameter.default, name


@pytest.mark.parametrize(("group", "option"), OPTIONS)
def test_every_option_is_built_and_loads(group, option):
    config = composed("location=ny", f"{group}={option}")
    calendar = Calendar.local("2022-06-01", 10, 1800, config.location.utc_offset)
    by_hydra = instantiate(config[group])
    by_us = build(OmegaConf.to_container(config, resolve=True)[group], group)
    assert by_hydra == by_us
    assert isinstance(by_us, Source)
    assert by_us.kind == group
    table = shared(by_us, calendar, 1)
    assert shared(by_hydra, calendar, 1) is table
    assert np.isfinite(table.values).all()
    assert all(column.unit for column in table.columns)


def test_all_kinds_have_a_generator_and_a_constant():
    for kind in KINDS:
        assert {("synthetic"), ("constant")} <= {option for group, option in OPTIONS if group == kind}


SOUTHERN = ("au_nsw", "au_vic", "br_sp", "cl_sic", "za")


@pytest.mark.parametrize("location", LOCATIONS)
def test_every_location_gives_weather_and_carbon_of_its_own(location):
    config = composed(f"location={location}", "weather=synthetic", "carbon=synthetic")
    assert config.location.name == location
    calendar = Calendar.local("2022-01-01", 30, 3600, config.location.utc_offset)
    weather = instantiate(config.weather).load(calendar)
    assert instantiate(config.carbon).load(calendar).values.min() >= 0
    day = weather.column("dry_bulb").reshape(30, 24).mean(axis=0)
    assert 11 <= day.argmax() <= 18, "the warmest hour is in the afternoon of the site's own clock"
    assert location in SOUTHERN or weather.column("dry_bulb").mean() < 28


@pytest.mark.parametrize("location", US)
def test_us_locations_have_demand_and_sun_at_noon(location):
    config = composed(f"location={location}", "demand=synthetic", "solar=synthetic")
    calendar = Calendar.local("2022-01-01", 60, 3600, config.location.utc_offset)
    assert instantiate(config.demand).load(calendar).values.min() > 0
    sun = instantiate(config.solar).load(calendar).column("ghi").reshape(60, 24).mean(axis=0)
    assert sun.argmax() in (11, 12, 13)


def test_the_solar_trough_of_california_is_at_noon_local():
    config = composed("location=ca", "carbon=synthetic")
    carbon = instantiate(config.carbon).load(Calendar.year(2022, 3600, config.location.utc_offset)).values[:, 0]
    assert carbon.reshape(365, 24).mean(axis=0).argmin() in (10, 11, 12, 13)


def test_an_override_wins_over_the_location():
    config = composed("location=ny", "carbon=synthetic", "carbon.zone=CISO")
    calendar = Calendar.year(2022, 3600, -5.0)
    chosen = instantiate(config.carbon).load(calendar)
    own = instantiate(composed("location=ca", "carbon=synthetic").carbon).load(calendar)
    assert np.array_equal(chosen.values, own.values)


def test_transforms_are_a_list_in_the_config():
    clip = {"_target_": "wattloom.components.sources.transforms.Clip", "low": 0.4, "high": 0.6}
    node = OmegaConf.to_container(OmegaConf.load(CONF / "workload" / "synthetic.yaml"))
    table = build({**node, "transforms": [clip]}, "workload").load(Calendar.year(2022))
    assert (table.values.min(), table.values.max()) == (0.4, 0.6)


def test_groups_compose_in_hydra():
    with initialize_config_module("wattloom.conf", version_base=None):
        config = compose(overrides=["+location=tx", "+weather=synthetic", "weather.warming=1.5"])
    assert instantiate(config.weather).zone == "TX-Dallas"
    assert instantiate(config.weather).warming == 1.5


@dataclass(frozen=True)
class Tariff:
    """A user's own source: expensive from 17 h to 21 h on weekdays."""

    low: float = 40.0
    high: float = 160.0

    kind: ClassVar[str] = "price"

    def load(self, calendar: Calendar, seed: int = 0) -> Table:
        """Return the price on a calendar."""
        peak = (calendar.local_hour >= 17) & (calendar.local_hour < 21) & (calendar.day_of_week < 5)
        values = np.where(peak, self.high, self.low)
        return table_of([Series("price", "USD/MWh", values, calendar.step_seconds, calendar.start_utc)], calendar)


def test_a_source_of_your_own_is_one_class(tmp_path):
    (tmp_path / "tariff.yaml").write_text(f"_target_: {__name__}.Tariff\nhigh: 200.0\n")
    source = instantiate(OmegaConf.load(tmp_path / "tariff.yaml"))
    assert isinstance(source, Source)
    calendar = Calendar.local("2024-02-26", 14, 900, 5.5)  # a Monday, over a leap day
    table = shared(source, calendar)
    week = table.column("price").reshape(14, 96)
    assert set(np.unique(week)) == {40.0, 200.0}
    assert (week[[5, 6, 12, 13]] == 40).all()
    assert (week[0, 68:84] == 200).all()
    starts = Starts(None, 96, horizon=8).valid(calendar)
    assert table.forecast(starts, 8).shape == (starts.size, 8, 1)


def test_a_source_of_your_own_is_two_lines_of_yaml_with_a_path(tmp_path):
    calendar = Calendar.year(2022, 3600, -8.0)
    stamps = np.datetime64("2021-12-30T00:00") + np.arange(24 * 370) * np.timedelta64(1, "h")
    intensity = 300 + np.random.default_rng(0).random(stamps.size) * 100
    rows = [f"{stamp}Z,{value!r}" for stamp, value in zip(stamps, intensity.tolist(), strict=True)]
    (tmp_path / "my.csv").write_text("\n".join(["time,carbon_intensity", *rows]) + "\n")
    (tmp_path / "mine.yaml").write_text(f"_target_: wattloom.components.sources.file.CarbonFile\npath: {tmp_path / 'my.csv'}\n")
    source = instantiate(OmegaConf.load(tmp_path / "mine.yaml"))
    first = int((calendar.start_utc - stamps[0].astype("datetime64[s]")).astype(int) // 3600)
    assert np.allclose(shared(source, calendar).values[:, 0], intensity[first : first + 8760])
