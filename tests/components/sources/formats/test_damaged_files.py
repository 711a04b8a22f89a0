"""Damaged files: each gives the named finding with file, row, value and fix, from ``data inspect`` and from building the source alike."""

import gzip
import json
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from wattloom.components.sources.file import CarbonFile, DemandFile, PriceFile, SolarFile, WeatherFile, WorkloadFile
from wattloom.components.sources.formats.findings import DataWarning, FileError, UnreadableError
from wattloom.components.sources.jobs_file import JobsFile


@dataclass
class Case:
    """What is written, what reads it, and what must be said."""

    write: Any
    source: Any
    name: str
    level: str
    row: int | None = None
    value: str | None = None
    fix: str = ""
    settings: tuple = ()


def missing_column(f):
    return f.carbon(stated=False, drop=("NG",))


def text_cell(f):
    values = list(f.load())
    values[100] = "n/e"
    return f.workload(values)


def thousands_comma(f):
    rows = f.stamps(200, end="")
    return f.series(stamps=rows, values=['"1,250.5"' if i == 50 else 900 + i for i in range(200)])


def long_gap(f):
    def blank(rows):
        for row in rows[500:522]:
            row[1:] = [""] * 9
        return rows

    return f.carbon(rows=blank)


def short_gap(f):
    def blank(rows):
        for row in rows[500:502]:
            row[9] = ""
        return rows

    return f.carbon(rows=blank)


def missing_rows(f):
    return f.carbon(rows=lambda rows: rows[:1000] + rows[1002:])


def duplicate_rows(f):
    return f.carbon(rows=lambda rows: [*rows[:700], rows[699], *rows[700:]])


def unsorted_rows(f):
    return f.carbon(rows=lambda rows: rows[4000:] + rows[:4000])


def summer_time(f):
    stamps = f.stamps(HOURS := 8760, end="")
    march, october = 85 * 24 + 2, 302 * 24 + 2  # 27 March 02:00 does not exist; 30 October 02:00 comes twice
    civil = stamps[:march] + stamps[march + 1 : october + 1] + stamps[october:]
    assert len(civil) == HOURS
    return f.series(stamps=civil, values=np.round(f.load(HOURS), 4), column="utilization")


def crooked_step(f):
    stamps = f.stamps(300, end="")
    stamps[200] = stamps[200].replace(":00:00", ":20:00")
    return f.series(stamps=stamps, values=np.round(f.load(300), 4), column="utilization")


def two_date_formats(f):
    def turn(rows):
        for row in rows[900:]:
            year, month, day = row[0][:10].split("-")
            row[0] = f"{day}/{month}/{year}{row[0][10:]}"
        return rows

    return f.carbon(rows=turn)


def half_night_solar(f):
    t = np.arange(720)
    return f.halfhour(solar=np.clip(np.cos((t % 48 + 0.5 - 24) * np.pi / 24), -0.003, 0.9))


def truncated(f):
    path = f.folder / "NY_NG_&_avgCI.csv.gz"
    path.write_bytes(gzip.compress(f.carbon().read_bytes())[:-2000])
    return path


def cut_json(f):
    path = f.openmeteo()
    path.write_text(path.read_text()[:-500])
    return path


def ragged(f):
    path = f.workload()
    lines = path.read_text().splitlines()
    lines[500] += ",1,2"
    path.write_text("\n".join(lines))
    return path


def empty(f):
    return f.text("nothing.csv", [""])


def hour_major(f):
    days = np.array([0.1, -0.15, 0.12, -0.1, 0.15, -0.2, 0.05])[:, None]  # days that differ more than hours do
    return f.workload((f.load(168).reshape(7, 24) * 0.5 + 0.25 + days).T.reshape(-1))


def normals(f):
    h = np.arange(8760)
    return f.epw(source="Climate Normals", dry=12 - 12 * np.cos(2 * np.pi * h / 8760) + 4 * np.sin(2 * np.pi * (h % 24 - 9) / 24))


def spike(f):
    ci = f.intensity(f.generation())
    ci[2500] = 42.7
    return f.maps(ci=ci)


def other_clock(f):
    local = f.stamps(8760, "2022-01-01T01", "")
    local[400] = local[400].replace("2022", "2021")
    return f.ember(local=local)


def lying_mix(f):
    ci = f.intensity(f.generation())
    ci[123] += 90
    return f.carbon(ci=ci)


def utf_16(f):
    path = f.workload(100 * f.load(200))
    path.write_bytes(path.read_text().encode("utf-16"))
    return path


def bytes_of(name, content):
    def write(f):
        path = f.folder / name
        path.write_bytes(content)
        return path

    return write


def infinite(f):
    values = list(f.load())
    values[70] = "inf"
    return f.workload(values)


def one_value_off(f):
    values = f.load()
    values[150] = 7.3
    return f.workload(values)


def one_hot_hour(f):
    dry = f.weather()[0].copy()
    dry[4000] = 372.0
    return f.epw(dry=dry)


def skipped_numbers(f):
    return f.text("cpu.csv", [",cpu_load", *(f"{i},{v:.4f}" for i, v in enumerate(f.load(400)) if not 200 <= i < 210)])


def simbench(f, left_out=0):
    """Ten days over the end of summer time: German civil time, with as many rows as an even clock."""
    even = np.datetime64("2016-10-25T00:00") + 15 * np.arange(960).astype("timedelta64[m]")
    civil = np.where(even < np.datetime64("2016-10-30T03:00"), even, even - np.timedelta64(60, "m"))
    rows = [f"{t[8:10]}.{t[5:7]}.{t[:4]} {t[11:16]};0.{50 + i % 40};0.{10 + i % 40}" for i, t in enumerate(civil.astype(str))]
    return f.text("LoadProfile.csv", ["time;H0-A_pload;H0-A_qload", *rows[:500], *rows[500 + left_out :]])


CASES = {
    "zip": Case(bytes_of("cpu.zip", b"PK\x03\x04rest"), WorkloadFile, "format_unknown", "error", 1, fix="unpack"),
    "web page": Case(bytes_of("cpu.csv", b"<!DOCTYPE html>\n<p>404"), WorkloadFile, "format_unknown", "error", 1, fix="the page"),
    "LFS pointer": Case(
        bytes_of("cpu.csv", b"version https://git-lfs.github.com/spec/v1\noid x\n"),
        WorkloadFile,
        "format_unknown",
        "error",
        1,
        fix="lfs pull",
    ),
    "UTF-16 is read": Case(utf_16, WorkloadFile, "percent_for_fraction", "error", fix="unit=%"),
    "other separator": Case(
        lambda f: f.text("ny.csv", f.carbon().read_text().replace(",", ";").splitlines()),
        CarbonFile,
        "format_unknown",
        "error",
        1,
        fix="format=csv",
        settings=(("format", "eia"),),
    ),
    "EPW without its header": Case(
        lambda f: f.text("x.epw", f.epw().read_text().splitlines()[8:]),
        WeatherFile,
        "format_unknown",
        "error",
        1,
        fix="format=",
        settings=(("format", "epw"),),
    ),
    "infinity": Case(infinite, WorkloadFile, "text_cell", "error", 72, "inf", "text=missing"),
    "decimal comma": Case(
        lambda f: f.series(stamps=f.stamps(200), values=[f'"0,{50 + i % 24}"' for i in range(200)], column="utilization"),
        WorkloadFile,
        "text_cell",
        "error",
        2,
        "0,50",
        "layout.decimal",
        settings=(("column", "utilization"),),
    ),
    "one value off": Case(one_value_off, WorkloadFile, "percent_for_fraction", "error", 152, "7.3", "correct the value"),
    "one hot hour": Case(one_hot_hour, WeatherFile, "temperature_unit", "error", 4009, "372", "correct the value"),
    "solar in per cent": Case(
        lambda f: f.halfhour(solar=90 * np.clip(np.cos((np.arange(720) % 48 + 0.5 - 24) * np.pi / 24), 0, 1)),
        SolarFile,
        "percent_for_fraction",
        "error",
        fix="unit=%",
    ),
    "numbered rows left out": Case(skipped_numbers, WorkloadFile, "missing_stamp", "warning", 202, "210", "number its rows anew"),
    "civil time, a day left out": Case(
        lambda f: simbench(f, 96), DemandFile, "step_irregular", "error", 502, "31.10.2016 04:00", "complete"
    ),
    "jobs in milliseconds": Case(
        lambda f: f.jobs(jobs=[(h * 3_600_000, 7_200_000, 2, 1, "HP") for h in range(200)]),
        JobsFile,
        "job_time_unit",
        "warning",
        fix="scale",
    ),
    "file missing": Case(lambda f: f.workload().with_name("cpu_.csv"), WorkloadFile, "file_missing", "error", fix="did you mean"),
    "file empty": Case(empty, WorkloadFile, "file_empty", "error"),
    "gzip truncated": Case(truncated, CarbonFile, "file_damaged", "error", fix="again"),
    "JSON truncated": Case(cut_json, WeatherFile, "file_damaged", "error", fix="again"),
    "ragged row": Case(ragged, WorkloadFile, "ragged_row", "error", 501, fix="separator"),
    "unknown format": Case(lambda f: f.text("x.dat", ["1 2 3", "4 5 6"]), WorkloadFile, "format_unknown", "error", fix="format="),
    "column missing": Case(
        missing_column, CarbonFile, "column_missing", "error", 1, fix="column={generation_gas", settings=(("format", "eia"),)
    ),
    "text cell": Case(text_cell, WorkloadFile, "text_cell", "error", 102, "n/e", "text=missing"),
    "thousands comma": Case(thousands_comma, DemandFile, "text_cell", "error", 52, "1,250.5", "thousands"),
    "long gap": Case(long_gap, CarbonFile, "missing_value", "error", 502, fix="max_gap_hours=22"),
    "short gap": Case(short_gap, CarbonFile, "missing_value", "warning", 502),
    "missing rows": Case(missing_rows, CarbonFile, "missing_stamp", "warning", 1002, "2022-02-11 18:00:00+00:00", "missing="),
    "duplicate row": Case(duplicate_rows, CarbonFile, "duplicate_stamp", "error", 702, "2022-01-30 03:00:00+00:00", "duplicates=first"),
    "unsorted rows": Case(unsorted_rows, CarbonFile, "not_monotonic", "error", 4762, "2022-01-01 00:00:00+00:00", "sort"),
    "daylight saving": Case(summer_time, WorkloadFile, "daylight_saving", "error", 2044, "2022-03-27 03:00:00", "zone=Europe/Berlin"),
    "irregular step": Case(crooked_step, WorkloadFile, "step_irregular", "error", 202, "2022-01-09 08:20:00", "step_seconds="),
    "two date formats": Case(two_date_formats, CarbonFile, "stamp_unreadable", "error", 902, "07/02/2022 12:00:00+00:00", "time_format="),
    "no zone": Case(
        lambda f: f.series(stamps=f.stamps(200, end=""), values=f.load(200), column="utilization"),
        WorkloadFile,
        "zone_assumed",
        "warning",
        2,
        "2022-01-01 00:00:00",
        "zone=",
    ),
    "per cent": Case(lambda f: f.workload(100 * f.load(500)), WorkloadFile, "percent_for_fraction", "error", fix="unit=%"),
    "negative load": Case(
        lambda f: f.halfhour(demand=np.linspace(-0.4, 0.9, 720)), DemandFile, "negative_value", "error", 2, "-0.4", "negative=clip"
    ),
    "tiny negative sun": Case(half_night_solar, SolarFile, "tiny_negative", "warning", value="-0.003"),
    "Kelvin": Case(lambda f: f.epw(dry=f.weather()[0] + 273.15), WeatherFile, "temperature_unit", "error", 9, fix="unit={dry_bulb: K}"),
    "Fahrenheit": Case(
        lambda f: f.epw(dry=f.weather()[0] * 1.8 + 32), WeatherFile, "temperature_unit", "error", fix="unit={dry_bulb: degF}"
    ),
    "humidity as fraction": Case(
        lambda f: f.epw(humidity=f.weather()[1] / 100), WeatherFile, "humidity_unit", "error", fix="unit=fraction"
    ),
    "pressure in hPa": Case(lambda f: f.epw(pressure=f.weather()[2] / 100), WeatherFile, "pressure_unit", "error", fix="unit=hPa"),
    "wind in mph": Case(lambda f: f.epw(wind=f.weather()[3] * 2.6), WeatherFile, "wind_unit", "warning", fix="unit=mph"),
    "carbon in kg": Case(lambda f: f.maps(ci=f.intensity(f.generation()) / 1000), CarbonFile, "carbon_unit", "error", fix="unit=kg/kWh"),
    "carbon in g/MWh": Case(lambda f: f.maps(ci=f.intensity(f.generation()) * 1000), CarbonFile, "carbon_unit", "error", fix="unit=g/MWh"),
    "weather in UTC": Case(lambda f: f.epw(roll=5), WeatherFile, "sun_at_night", "error", fix="zone="),
    "too short": Case(lambda f: f.workload(f.load(10)), WorkloadFile, "too_short", "error", fix="longer"),
    "three days": Case(lambda f: f.workload(f.load(72)), WorkloadFile, "short_series", "warning", fix="week"),
    "half a year": Case(
        lambda f: f.text("half.epw", f.epw().read_text().splitlines()[:4388]), WeatherFile, "incomplete_year", "error", fix="whole year"
    ),
    "leap year": Case(lambda f: f.epw(leap=True), WeatherFile, "leap_day", "warning", 1425, "2 29 1"),
    "missing code": Case(lambda f: f.epw(change=[(10, 6, "99.9")]), WeatherFile, "missing_code", "warning", 19, "99.9"),
    "hour-major week": Case(hour_major, WorkloadFile, "hour_major", "warning", 2, fix="TransposeHourMajor"),
    "repeating week": Case(lambda f: f.workload(np.tile(f.load(168), 53)), WorkloadFile, "repeating_series", "warning", 170, fix="split"),
    "climate normals": Case(normals, WeatherFile, "climate_normals", "warning", 1, "Climate Normals", "TMY"),
    "spike": Case(spike, CarbonFile, "outlier", "warning", 2502, "42.7", "outliers=missing"),
    "constant": Case(lambda f: f.workload(np.full(400, 0.5)), WorkloadFile, "constant_series", "warning", 2, "0.5", "column"),
    "estimated": Case(lambda f: f.maps(estimated=0.2), CarbonFile, "estimated_values", "warning", 2, "true"),
    "other clock": Case(other_clock, PriceFile, "clock_mismatch", "warning", 402, "2021-01-17 17:00:00", "column"),
    "euro": Case(lambda f: f.ember(), PriceFile, "currency", "warning", None, "EUR/MWh", "usd_per_unit="),
    "lying mix": Case(lying_mix, CarbonFile, "mix_mismatch", "warning", 125),
    "two countries": Case(
        lambda f: f.text("p.csv", f.ember().read_text().splitlines() + f.ember(country="Spain").read_text().splitlines()[1:]),
        PriceFile,
        "region_unknown",
        "error",
        1,
        None,
        "region=",
    ),
    "no such job time": Case(
        lambda f: f.jobs(jobs=[(0, 600, 1, 1, "HP"), (5, "", 1, 1, "HP")]), JobsFile, "pending_jobs", "warning", 3, ""
    ),
    "job ends early": Case(
        lambda f: f.jobs(jobs=[(0, 600, 1, 1, "HP"), (5, -60, 1, 1, "HP")]), JobsFile, "negative_run_time", "warning", 3, "-60"
    ),
}


def from_source(case, path):
    """Findings as building the source tells them: raised with errors, or shown as warnings."""
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("always")
        try:
            source = case.source(path=str(path), **dict(case.settings))
        except FileError as error:
            return error.findings, str(error)
    told = "\n".join(str(w.message) for w in shown if issubclass(w.category, DataWarning))
    return source.findings(), told


def matching(found, case):
    """Findings of the right name, level, row and value."""
    wanted = {"name": case.name, "level": case.level, "row": case.row, "value": case.value}
    return [f for f in found if all(f[key] == value for key, value in wanted.items() if value is not None)]


@pytest.mark.parametrize("what", CASES)
def test_damage_is_named_by_inspect_and_by_the_source_alike(what, files, inspect):
    case = CASES[what]
    path = case.write(files)
    settings = [f"{key}={value}" for key, value in case.settings]
    kind = case.source.kind
    code, report = inspect(path, *settings, f"kind={kind}")
    found = matching(report["findings"], case)
    assert found, [(f["level"], f["name"], f["row"], f["value"]) for f in report["findings"]]
    finding = found[0]
    assert finding["file"] == str(path)
    assert case.fix in finding["fix"]
    assert finding["message"]
    assert code == (
        0
        if case.level != "error"
        else 3
        if case.name in ("file_missing", "file_empty", "file_damaged", "ragged_row", "format_unknown")
        else 1
    )

    findings, told = from_source(case, path)
    same = matching([f.as_dict() for f in findings], case)
    assert same
    for key in ("file", "row", "column", "value", "message", "count"):
        assert same[0][key] == finding[key]
    assert same[0]["fix"].replace(f"{kind}.", "") == finding["fix"]
    assert case.name in told
    assert str(path) in told
    if case.level == "error":
        with pytest.raises(FileError, match=case.name):
            case.source(path=str(path), **dict(case.settings))


@pytest.mark.parametrize("kind", [WorkloadFile, WeatherFile, CarbonFile, PriceFile, DemandFile, SolarFile])
def test_sound_files_give_no_finding(kind, files, inspect):
    path = {
        "workload": files.workload, "weather": files.epw, "carbon": files.carbon, "demand": files.halfhour, "solar": files.halfhour,
        "price": lambda: files.ember(currency="USD/MWh"),
    }[kind.kind]()  # fmt: skip
    code, report = inspect(path)
    assert (code, report["findings"]) == (0, [])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert kind(path=str(path)).findings() == ()


def test_civil_time_over_the_end_of_summer_is_even(files):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert DemandFile(path=str(simbench(files)), format="simbench_load").findings() == ()


def test_all_errors_of_a_file_are_told_at_once(files):
    path = files.epw(dry=files.weather()[0] + 273.15, humidity=files.weather()[1] / 100, pressure=files.weather()[2] / 100)
    with pytest.raises(FileError) as raised:
        WeatherFile(path=str(path))
    assert {f.name for f in raised.value.findings} >= {"temperature_unit", "humidity_unit", "pressure_unit"}
    assert len(str(raised.value).splitlines()) == 4  # one line each: dry bulb, dew point, humidity, pressure


def test_unreadable_is_told_apart(files):
    with pytest.raises(UnreadableError):
        WorkloadFile(path=str(files.folder / "absent.csv"))


def test_damage_in_columns_a_source_does_not_use_does_not_stop_it(files):
    path = files.carbon(rows=lambda rows: [[*row[:4], "n/e" if i == 5 else row[4], *row[5:]] for i, row in enumerate(rows)])
    assert CarbonFile(path=str(path)).findings() == ()
    assert json.dumps(CarbonFile(path=str(path)).read().findings[0].as_dict())
