"""``wattloom data inspect``: exit codes, text, JSON, pictures, names."""

import json
import subprocess
import sys

import numpy as np
import pytest

from wattloom.components.commands.data import SUMMARY, bars, main
from wattloom.errors import UsageError, WattloomError


@pytest.fixture
def cpu(tmp_path):
    h = np.arange(24 * 21)
    values = 0.5 + 0.2 * np.sin(2 * np.pi * (h % 24 - 8) / 24) + 0.1 * np.random.default_rng(1).random(h.size)
    path = tmp_path / "cpu.csv"
    path.write_text(",cpu_load\n" + "".join(f"{i},{v:.5f}\n" for i, v in enumerate(values)))
    return path


@pytest.fixture
def per_cent(cpu, tmp_path):
    rows = [line.split(",") for line in cpu.read_text().splitlines()[1:]]
    path = tmp_path / "per_cent.csv"
    path.write_text(",cpu_load\n" + "".join(f"{i},{100 * float(v):.3f}\n" for i, v in rows))
    return path


def test_a_sound_file_is_described(cpu, capsys):
    assert main(["inspect", str(cpu)]) == 0
    text = capsys.readouterr().out
    for part in ("sustaindc: SustainDC workload CSV", "3600 s, 504 steps, 21 days", "undated", "utilization", "nothing to complain about"):
        assert part in text
    assert "\x1b" not in text  # plain where there is no terminal


def test_an_error_is_exit_code_1_and_its_fix_works(per_cent, capsys):
    assert main(["inspect", str(per_cent)]) == 1
    text = capsys.readouterr().out
    assert "error    percent_for_fraction" in text
    assert "fix: set unit=%" in text
    assert main(["inspect", str(per_cent), "unit=%"]) == 0


def test_unreadable_is_exit_code_3(tmp_path, capsys):
    assert main(["inspect", str(tmp_path / "absent.csv")]) == 3
    assert "file_missing" in capsys.readouterr().out
    assert main(["inspect", str(tmp_path / "absent.csv"), "--json"]) == 3
    assert json.loads(capsys.readouterr().out)["findings"][0]["name"] == "file_missing"


@pytest.mark.parametrize("word", ["carbon", "ny", "synthetic"])
def test_half_a_name_is_told_the_whole_one(word, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        UsageError, match=rf"no file '{word}' here; a source is named KIND/OPTION.*/synthetic:(?s:.*)wattloom list location"
    ):
        main(["inspect", word])


def test_json_holds_all_and_is_strict(cpu, capsys):
    assert main(["inspect", str(cpu), "--json"]) == 0
    report = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert report["clock"] == {
        "step_seconds": 3600,
        "steps": 504,
        "days": 21.0,
        "kind": "undated",
        "zone": "local to the site",
        "start": "local midnight of a Monday",
        "end": "",
    }
    series = report["series"][0]
    assert series["unit"] == "1"
    assert series["distinct_days"] == 21.0
    assert len(series["mean_day"]) == 24
    assert 0.5 < series["median"] < 0.6


def test_a_picture_is_written_only_when_asked_for(cpu, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    before = set(tmp_path.rglob("*"))
    main(["inspect", str(cpu)])
    assert set(tmp_path.rglob("*")) == before
    main(["inspect", str(cpu), "--plot", "pictures/cpu.png"])
    picture = tmp_path / "pictures" / "cpu.png"
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert "drawn to pictures/cpu.png" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("weather/synthetic:ny", {"dry_bulb", "wet_bulb", "relative_humidity", "wind_speed"}),
        ("carbon/synthetic:ca", {"carbon_intensity"}),
        ("workload/synthetic", {"utilization"}),
        ("price/constant", {"price"}),
    ],
)
def test_names_of_sources(name, columns, capsys):
    assert main(["inspect", name, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert {one["name"] for one in report["series"]} == columns
    assert report["clock"]["kind"] == "dated"


def test_a_file_source_by_its_name_says_what_building_it_says(cpu, per_cent, capsys):
    assert main(["inspect", "workload/sustaindc", f"path={cpu}"]) == 0
    capsys.readouterr()
    assert main(["inspect", "workload/sustaindc", f"path={per_cent}"]) == 1
    assert "set workload.unit=%" in capsys.readouterr().out
    assert main(["inspect", "workload/sustaindc", "path=absent.csv"]) == 3
    capsys.readouterr()
    with pytest.raises(UsageError, match=r"workload\.path is not set"):
        main(["inspect", "workload/sustaindc"])


def findings_of(capsys, *words):
    code = main(["inspect", *words, "--json"])
    return code, {one["name"]: one for one in json.loads(capsys.readouterr().out)["findings"]}


def test_a_weak_market_is_labelled(capsys):
    code, found = findings_of(capsys, "price/synthetic:tx")
    assert (code, found["weak_series"]["level"]) == (0, "warning")
    assert "price=csv price.path=FILE" in found["weak_series"]["fix"]
    assert findings_of(capsys, "price/synthetic:ny") == (0, {})


def test_what_shows_only_at_the_place_is_told_as_a_run_tells_it(tmp_path, capsys):
    """A carbon file whose sun shines at New York's noon, laid on New South Wales; and one month laid on a year."""
    hours = np.arange(24 * 31)
    stamps = np.datetime64("2022-01-01T00:00:00") + hours.astype("timedelta64[h]")
    sun = np.maximum(0, np.cos((hours % 24 - 17) * np.pi / 12))
    rows = (f"{t}+00:00,100,{500 * s:.1f},50,800,20,200" for t, s in zip(stamps, sun, strict=True))
    path = tmp_path / "mix.csv"
    path.write_text("\n".join(["timestamp,WND,SUN,WAT,NG,COL,NUC", *rows]) + "\n")
    code, found = findings_of(capsys, "carbon/eia:au_nsw", f"path={path}")
    assert code == 0
    assert set(found) >= {"sun_at_night", "wrapped"}
    assert "carbon.zone=" in found["sun_at_night"]["message"]
    assert "sun_at_night" not in findings_of(capsys, "carbon/eia:ny", f"path={path}")[1]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["unt=%"], "no setting 'unt' of a file; did you mean 'unit'"),
        (["unit"], "'unit' is no setting"),
        (["format=epv"], "unknown format 'epv'; did you mean 'epw'"),
    ],
)
def test_mistakes_on_the_command_line(cpu, words, message):
    with pytest.raises(WattloomError, match=message):
        main(["inspect", str(cpu), *words])


def test_unknown_names_are_answered(capsys):
    with pytest.raises(WattloomError, match=r"no weather named 'synthetik'; did you mean 'synthetic'"):
        main(["inspect", "weather/synthetik"])


def test_formats_are_listed(capsys):
    assert main(["formats"]) == 0
    text = capsys.readouterr().out
    assert "epw" in text
    assert "electricity_maps" in text


def test_bars():
    assert bars([0.0, 0.5, float("nan"), 1.0]) == "▁▅ █"
    assert bars([2.0, 2.0]) == ""


def test_nothing_heavy_is_imported_to_say_what_it_does():
    code = "import sys; from wattloom.components.commands.data import parser; parser(); "
    code += "assert not {'pandas', 'matplotlib', 'torch', 'rich'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert SUMMARY
