"""Formats are data: adding one is adding a file, and every key of it is effective or refused."""

from pathlib import Path

import pytest

from wattloom.components.sources.file import DemandFile
from wattloom.components.sources.formats.catalog import BUILT_IN, descriptors, get_format, load_descriptor, recognise
from wattloom.components.sources.formats.checks import CHECKS
from wattloom.components.sources.formats.file_checks import FILE_CHECKS
from wattloom.components.sources.formats.quantities import COMMON_CHECKS, QUANTITIES
from wattloom.components.sources.formats.reader import read
from wattloom.components.sources.protocol import KINDS
from wattloom.errors import ConfigError

OWN = """\
title: Meters of our lab
kinds: [demand]
layout: {separator: ';', skip_lines: 1, decimal: ','}
sniff: {first_line: '^our lab', columns: ['^watts$']}
clock: {stamps: text, columns: ['^when$'], format: '%d.%m.%Y %H:%M', zone: '+1', label: end}
series:
  demand: {column: '^watts$', unit: W}
"""


@pytest.fixture
def meter(files):
    stamps = [f"{1 + t // 24:02d}.02.2023 {t % 24:02d}:00" for t in range(24 * 8)]
    rows = [f"{t};{1000 + i},5" for i, t in enumerate(stamps)]
    return files.text("meter.dat", ["our lab, meter 7", "when;watts", *rows])


@pytest.mark.parametrize("name", sorted(path.stem for path in BUILT_IN.glob("*.yaml")))
def test_built_in_descriptors_are_sound(name):
    made = load_descriptor(BUILT_IN / f"{name}.yaml")
    assert made.title
    assert made.kinds
    assert set(made.kinds) <= {*KINDS, "nodes"}
    assert made.source or name in ("csv", "parquet")
    assert set(made.checks) <= set(FILE_CHECKS)
    for spec in made.series:
        assert set(spec.checks) <= set(CHECKS)
        assert set(spec.serves) <= set(made.kinds)


def test_checks_that_quantities_ask_for_exist():
    asked = {name for known in QUANTITIES.values() for name in known.checks} | set(COMMON_CHECKS)
    assert asked - {"negative_value"} <= set(CHECKS)  # negative_value is a policy, and lives with the repairs


def test_own_descriptor_in_the_working_directory(meter, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "formats").mkdir()
    (tmp_path / "formats" / "lab.yaml").write_text(OWN)
    loaded = read(meter)
    assert loaded.format.name == "lab"
    series = loaded.series["demand"]
    assert series.unit == "kW"
    assert series.values[0] == pytest.approx(1.0005)
    assert str(series.start_utc) == "2023-01-31T22:00:00"  # 00:00 at +1 h names the end of the hour before
    assert DemandFile(path=str(meter)).read().series["demand"].n_steps == 24 * 8


def test_own_descriptor_by_path(meter, tmp_path):
    elsewhere = tmp_path / "anywhere.yaml"
    elsewhere.write_text(OWN)
    assert read(meter, str(elsewhere)).series["demand"].utc_offset_hours == 1.0


def test_own_descriptor_shadows_a_built_in(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "formats").mkdir()
    (tmp_path / "formats" / "sustaindc.yaml").write_text(OWN)
    assert descriptors()["sustaindc"] == Path("formats/sustaindc.yaml")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("clock:", "clok:"), "unknown key 'clok'; did you mean 'clock'"),
        (("unit: W", "units: W"), "series.demand: unknown key 'units'; did you mean 'unit'"),
        (("unit: W}", "unit: W, quantity: powr}"), "unknown quantity 'powr'; did you mean 'power'"),
        (("'^watts$', unit", "'^watts($', unit"), "is not a pattern"),
        (("stamps: text", "stamps: txt"), "stamps='txt'; did you mean 'text'"),
        (("title: Meters of our lab\n", ""), "missing .* 'title'"),
        (("our lab\n", "our: lab: [\n"), "not valid YAML"),
    ],
)
def test_mistakes_in_a_descriptor_are_named(tmp_path, change, message):
    path = tmp_path / "mine.yaml"
    path.write_text(OWN.replace(*change))
    with pytest.raises(ConfigError, match=message) as raised:
        load_descriptor(path)
    assert str(path) in str(raised.value) or "quantity" in message


def test_unknown_format_is_answered_with_the_nearest():
    with pytest.raises(ConfigError, match="unknown format 'epv'; did you mean 'epw'"):
        get_format("epv")


def test_a_format_that_serves_another_kind_is_refused(files):
    with pytest.raises(ConfigError, match="holds carbon, not demand"):
        read(files.carbon(), "eia", kind="demand")


@pytest.mark.parametrize(
    ("write", "name"),
    [
        (lambda f: f.epw(), "epw"),
        (lambda f: f.carbon(), "eia"),
        (lambda f: f.carbon(unnamed=True), "eia"),
        (lambda f: f.maps(), "electricity_maps"),
        (lambda f: f.ember(), "ember"),
        (lambda f: f.openmeteo(), "openmeteo"),
        (lambda f: f.halfhour(), "halfhour"),
        (lambda f: f.workload(), "sustaindc"),
        (lambda f: f.jobs(), "spot_gpu"),
        (lambda f: f.series(stamps=f.stamps(50), values=range(50)), "csv"),
    ],
)
def test_formats_are_recognised_and_not_confused(files, write, name):
    assert recognise(write(files)).name == name
