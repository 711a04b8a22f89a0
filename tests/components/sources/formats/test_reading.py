"""Reading: units, zones, labels, policies, regions, compression, and settings that win or fail."""

import gzip
import json
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from wattloom.components.sources.calendar import Calendar
from wattloom.components.sources.file import CarbonFile, DemandFile, PriceFile, SolarFile, WeatherFile, WorkloadFile
from wattloom.components.sources.formats.findings import FileError, UnreadableError
from wattloom.components.sources.formats.policies import Policies
from wattloom.components.sources.formats.quantities import QUANTITIES, to_house
from wattloom.components.sources.formats.reader import read
from wattloom.components.sources.formats.repair import filled, runs
from wattloom.components.sources.loading import table_of
from wattloom.components.sources.sharing import shared
from wattloom.components.sources.transforms import Scale, TransposeHourMajor
from wattloom.errors import ConfigError, DataError, MissingExtraError

pytestmark = pytest.mark.filterwarnings("ignore::wattloom.components.sources.formats.findings.DataWarning")


@pytest.mark.parametrize(
    ("value", "unit", "kind", "house"),
    [
        (50.0, "%", "fraction", 0.5), (300.15, "K", "temperature", 27.0), (212.0, "degF", "temperature", 100.0), (0.4, "1", "humidity", 40.0),
        (1013.25, "hPa", "pressure", 101325.0), (36.0, "km/h", "speed", 10.0), (10.0, "mph", "speed", 4.4704), (2.0, "MW", "power", 2000.0),
        (0.4, "kg/kWh", "carbon_intensity", 400.0), (1000.0, "lb/MWh", "carbon_intensity", 453.59237), (0.2, "USD/kWh", "price", 200.0),
        (3.0, "Mvar", "reactive_power", 3000.0), (5.0, "oktas", "share", 0.625),
    ],
)  # fmt: skip
def test_house_units(value, unit, kind, house):
    values, name = to_house(np.array([value]), unit, kind)
    assert values[0] == pytest.approx(house, rel=1e-12)
    assert name == QUANTITIES[kind].unit


def test_unknown_unit_is_refused_with_the_nearest(files):
    with pytest.raises(FileError, match=r"unit_unknown.*fits none"):
        WorkloadFile(path=str(files.workload()), unit="parsec")


def test_unit_of_the_user_wins(files):
    source = WorkloadFile(path=str(files.workload(100 * files.load())), unit="%")
    np.testing.assert_allclose(source.read().series["utilization"].values, files.load(), atol=1e-7)
    weather = WeatherFile(path=str(files.epw(dry=files.weather()[0] + 273.15)), unit="K").read()
    assert abs(weather.series["dry_bulb"].values.mean() - files.weather()[0].mean()) < 0.06
    mapped = WeatherFile(path=str(files.epw(pressure=files.weather()[2] / 100)), unit={"pressure": "hPa"}).read()
    assert 9e4 < mapped.series["pressure"].values.mean() < 1.1e5


@pytest.mark.parametrize("ending", ["gz", "bz2", "xz"])
def test_compressed_files_read_alike(files, ending):
    import bz2
    import lzma

    path = files.workload()
    packed = path.with_name(f"cpu.csv.{ending}")
    packed.write_bytes({"gz": gzip, "bz2": bz2, "xz": lzma}[ending].compress(path.read_bytes()))
    np.testing.assert_array_equal(read(packed).series["utilization"].values, read(path).series["utilization"].values)


@pytest.mark.parametrize("hours", [168, 200, 8759, 8760, 8761, 8784, 4418])
def test_any_length_is_read(files, hours):
    loaded = read(files.workload(files.load(hours)))
    assert loaded.series["utilization"].n_steps == hours
    assert {f.name for f in loaded.findings} == ({"part_of_a_day"} if hours % 24 else set())


def test_end_of_the_interval_is_shifted_to_its_start(files):
    path = files.series(stamps=files.stamps(48, "2022-01-01T01"), values=np.arange(48), column="demand")
    assert str(read(path).series["demand"].start_utc) == "2022-01-01T01:00:00"
    source = DemandFile(path=str(path), label="end", column="demand")
    assert str(source.read().series["demand"].start_utc) == "2022-01-01T00:00:00"


@pytest.mark.parametrize(
    ("zone", "start", "offset"),
    [
        ("UTC", "2022-07-01T00:00:00", None),
        ("+5.5", "2022-06-30T18:30:00", 5.5),
        ("Europe/Berlin", "2022-06-30T22:00:00", 1.0),
        ("-3", "2022-07-01T03:00:00", -3),
    ],
)
def test_zones_of_naive_stamps(files, zone, start, offset):
    path = files.series(stamps=files.stamps(48, "2022-07-01T00", ""), values=np.arange(48), column="demand")
    series = DemandFile(path=str(path), zone=zone).read().series["demand"]
    assert str(series.start_utc) == start
    assert series.utc_offset_hours in (offset, None)


def test_unknown_zone_is_refused(files):
    path = files.series(stamps=files.stamps(48, end=""), values=np.arange(48), column="demand")
    with pytest.raises(ConfigError, match="zone='Mars/Base': give UTC, site"):
        DemandFile(path=str(path), zone="Mars/Base")


def test_offsets_within_stamps_win_and_a_zone_beside_them_is_told(files):
    path = files.series(stamps=files.stamps(168, end="+02:00"), values=np.arange(168), column="demand")
    source = DemandFile(path=str(path), zone="+5")
    assert str(source.read().series["demand"].start_utc) == "2021-12-31T22:00:00"
    assert [f.name for f in source.findings()] == ["zone_unused"]


@pytest.mark.parametrize(
    ("policy", "expected"), [("interpolate", [1, 2, 3, 4, 5]), ("hold", [1, 1, 1, 4, 5]), ("mean", [1, 10 / 3, 10 / 3, 4, 5])]
)
def test_filling(policy, expected):
    np.testing.assert_allclose(filled(np.array([1, np.nan, np.nan, 4, 5.0]), policy), expected)


def test_runs():
    begin, length = runs(np.array([True, False, True, True, False, True]))
    assert (begin.tolist(), length.tolist()) == ([0, 2, 5], [1, 2, 1])


def test_missing_rows_become_steps_and_are_filled(files):
    path = files.carbon(rows=lambda rows: rows[:1000] + rows[1002:])
    loaded = CarbonFile(path=str(path)).read()
    series, whole = loaded.series["carbon_intensity"], read(files.carbon("whole.csv")).series["carbon_intensity"]
    assert series.n_steps == 8760
    assert loaded.missing["carbon_intensity"] == 2
    np.testing.assert_array_equal(np.delete(series.values, [1000, 1001]), np.delete(whole.values, [1000, 1001]))
    assert series.values[1000] == pytest.approx(whole.values[999] + (whole.values[1002] - whole.values[999]) / 3)


@pytest.mark.parametrize(("policy", "kept"), [("first", 0), ("last", 1)])
def test_duplicates(files, policy, kept):
    path = files.series(
        stamps=["2022-01-01T00:00Z", "2022-01-01T00:00Z", *files.stamps(47, "2022-01-01T01", "Z")], values=range(49), column="demand"
    )
    assert DemandFile(path=str(path), duplicates=policy).read().series["demand"].values[0] == kept


def test_text_may_count_as_missing_and_outliers_too(files):
    values = list(files.load())
    values[100] = "n/e"
    source = WorkloadFile(path=str(files.workload(values)), text="missing")
    assert {f.name: f.level for f in source.findings()} == {"text_cell": "warning", "missing_value": "warning"}
    ci = files.intensity(files.generation())
    ci[2500] = 42.7
    assert CarbonFile(path=str(files.maps(ci=ci)), outliers="missing").read().series["carbon_intensity"].values.min() > 100
    with pytest.raises(FileError, match="outlier"):
        CarbonFile(path=str(files.maps(ci=ci)), outliers="error")


@pytest.mark.parametrize("lowest", [-0.4, -0.004])
@pytest.mark.parametrize(("policy", "kept"), [("clip", 0.0), ("keep", 1.0)])
def test_negative_values(files, policy, kept, lowest):
    path = files.halfhour(demand=np.linspace(lowest, 0.9, 720))
    assert DemandFile(path=str(path), negative=policy).read().series["demand"].values.min() == pytest.approx(kept * lowest)


@pytest.mark.parametrize("setting", [{"missing": "guess"}, {"duplicates": "both"}, {"negative": "abs"}, {"label": "middle"}])
def test_unknown_policies_are_refused(files, setting):
    with pytest.raises(ConfigError, match="choose"):
        CarbonFile(path=str(files.carbon()), **setting)


@pytest.mark.parametrize(
    ("kind", "write", "settings"),
    [
        (WorkloadFile, "workload", {"zone": "+1"}),
        (WorkloadFile, "workload", {"label": "end"}),
        (WorkloadFile, "workload", {"region": "NY"}),
    ],
)
def test_settings_without_effect_are_refused(files, kind, write, settings):
    with pytest.raises(ConfigError, match="has no effect"):
        kind(path=str(getattr(files, write)()), **settings)


def test_settings_of_files_that_are_in_kilowatt_or_dollars_are_refused(files):
    with pytest.raises(ConfigError, match="usd_per_unit"):
        PriceFile(path=str(files.ember(currency="USD/MWh")), usd_per_unit=1.1)
    path = files.series(stamps=files.stamps(48), values=range(48), column="demand")
    with pytest.raises(ConfigError, match="peak_kw"):
        DemandFile(path=str(path), peak_kw=5.0)


def test_a_file_of_several_regions(files):
    path = files.text(
        "europe.csv",
        files.ember().read_text().splitlines() + files.ember(country="Spain", prices=files.prices() + 500).read_text().splitlines()[1:],
    )
    spain = PriceFile(path=str(path), region="Spain", usd_per_unit=1.0)
    assert spain.read().series["price"].values.mean() > 500
    with pytest.raises(FileError, match="no region 'Mars'; found Netherlands, Spain"):
        PriceFile(path=str(path), region="Mars")


def balance(files, split=False):
    """Two half-days of a balance file, old or new header."""
    solar = ["from Solar  without Integrated Battery Storage", "from Solar with Integrated Battery Storage"] if split else ["from Solar"]
    names = ["Wind", "Nuclear", "Natural Gas", "Coal", "All Petroleum Products", "Hydropower and Pumped Storage", "Other Fuel Sources"]
    head = ["Balancing Authority", "UTC Time at End of Hour", "Demand (MW)", *(f"Net Generation (MW) {s}" for s in solar)]
    head += [f"Net Generation (MW) from {n}" for n in names] + ["Net Generation (MW) from Coal (Imputed)"]
    rows = []
    for hour in range(1, 73):
        stamp = (np.datetime64("2022-01-01T05") + hour).item().strftime("%m/%d/%Y %I:%M:%S %p")
        for region in ("NYIS", "PJM"):
            power = ["100"] * len(solar) + ["200", "300", '"1,000"', "50", "20", "-40" if hour % 2 else "60", "10", ""]
            rows.append(",".join([region, stamp, f'"{19000 + hour:,}"', *power]))
    return files.text("EIA930_BALANCE_2022_Jan_Jun.csv", [",".join(head), *rows])


@pytest.mark.parametrize("split", [False, True], ids=["old header", "new header"])
def test_balance_file(files, split):
    path = balance(files, split)
    demand = DemandFile(path=str(path), region="NYIS").read().series
    assert demand["demand"].values[0] == 19_001_000
    assert str(demand["demand"].start_utc) == "2022-01-01T05:00:00"
    loaded = CarbonFile(path=str(path), region="PJM").read()
    solar = 200 if split else 100
    power = {11: 200, 41: solar, 24: 60, 12: 300, 490: 1000, 820: 50, 650: 20, 230: 10}
    expected = sum(f * p for f, p in power.items()) / sum(power.values())
    assert loaded.series["carbon_intensity"].values[1] == pytest.approx(expected, abs=1e-9)
    assert loaded.series["carbon_intensity"].values[0] > expected  # pumping counts as no generation


def test_carbon_from_the_mix_where_none_is_stated(files):
    stated = CarbonFile(path=str(files.carbon())).read().series["carbon_intensity"].values
    mixed = CarbonFile(path=str(files.carbon("mix.csv", stated=False))).read().series["carbon_intensity"].values
    np.testing.assert_allclose(mixed, stated, atol=1e-9)


def test_another_series_may_play_the_part(files):
    direct, life = (
        CarbonFile(path=str(files.maps()), column=c).read().series["carbon_intensity"].values for c in (None, "carbon_intensity_lifecycle")
    )
    np.testing.assert_allclose(life - direct, 60, atol=0.011)


def test_one_column_of_any_table(files):
    path = files.text("t.csv", ["time,a,b", *(f"{t},{i},{i / 100}" for i, t in enumerate(files.stamps(48)))])
    with pytest.raises(FileError, match=r"which column is utilization\? 2 columns hold numbers; found 'time', 'a', 'b'.*workload\.column="):
        WorkloadFile(path=str(path))
    for column in ("b", 2, {"utilization": "b"}):
        assert WorkloadFile(path=str(path), column=column).read().series["utilization"].values[-1] == 0.47
    with pytest.raises(FileError, match=r"column_missing.*did you mean"):
        WorkloadFile(path=str(path), column="bb")


def test_separators_and_stamp_formats_of_any_table(files):
    path = files.text("t.csv", ["load;when", *(f"{i};{1 + i // 24:02d}.03.2022 {i % 24:02d}:00" for i in range(48))])
    source = DemandFile(path=str(path), column="load", unit="MW", time_column="when", time_format="%d.%m.%Y %H:%M", zone="site")
    table = source.load(Calendar.local("2022-03-01", 2, 3600, -7))
    np.testing.assert_allclose(table.values[:, 0], 1000 * np.arange(48))


def test_parquet(files):
    pd = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    path = files.folder / "t.parquet"
    index = pd.date_range("2022-01-01", periods=48, freq="h", tz="UTC")
    pd.DataFrame({"utilization": np.arange(48) / 100}, index=index).to_parquet(path)
    series = WorkloadFile(path=str(path)).read().series["utilization"]
    assert (str(series.start_utc), series.values[-1]) == ("2022-01-01T00:00:00", 0.47)


def test_a_missing_extra_is_one_helpful_line(files, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    path = files.folder / "t.parquet"
    path.write_bytes(b"PAR1\0\0\0\0PAR1")
    with pytest.raises(MissingExtraError, match=r"reading Parquet files needs an optional dependency: pip install 'wattloom\[data\]'"):
        WorkloadFile(path=str(path))


def test_a_resource_of_an_installed_package_is_found_without_importing_it(tmp_path, monkeypatch, files):
    package = tmp_path / "site" / "somedata"
    (package / "tables").mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    files.workload().rename(package / "tables" / "cpu.csv")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    assert WorkloadFile(path="tables/cpu.csv", package="somedata").read().series["utilization"].n_steps == 8760
    assert "somedata" not in sys.modules
    with pytest.raises(UnreadableError, match=r"somedata:tables/cpv.csv.*did you mean"):
        WorkloadFile(path="tables/cpv.csv", package="somedata")
    with pytest.raises(DataError, match="package 'no_such_thing' is not installed"):
        WorkloadFile(path="x.csv", package="no_such_thing")


@pytest.mark.parametrize(("resource", "mean"), [("data/723170TYA.CSV", 14.4), ("data/12839.tm2", 24.3)])
def test_typical_years_of_pvlib(resource, mean):
    pytest.importorskip("pvlib")
    series = WeatherFile(path=resource, package="pvlib").read().series["dry_bulb"]
    assert (series.n_steps, series.typical_year, series.utc_offset_hours) == (8760, True, -5.0)
    assert series.values.mean() == pytest.approx(mean, abs=0.1)


def test_a_typical_year_stands_where_pvlib_puts_it():
    """Its TMY3 reader stamps every row with the end of the hour: readings at the stamp, radiation in the hour before."""
    iotools = pytest.importorskip("pvlib.iotools")
    folder = Path(iotools.__file__).parents[1] / "data"
    theirs, _ = iotools.read_tmy3(folder / "723170TYA.CSV", map_variables=True, coerce_year=2023)
    calendar = Calendar.year(2023, 3600, -5)
    table = WeatherFile(path="data/723170TYA.CSV", package="pvlib").load(calendar)
    stamps = theirs.index.tz_convert("UTC").tz_localize(None).to_numpy("datetime64[s]").astype(np.int64)
    at = (stamps - calendar.utc_seconds[0]) // 3600  # 1 .. 8760: the last one is midnight of 1 January
    assert at[[0, -1]].tolist() == [1, 8760]
    for name, column in {"dry_bulb": "temp_air", "relative_humidity": "relative_humidity", "wind_speed": "wind_speed"}.items():
        np.testing.assert_allclose(table.column(name)[at % 8760], theirs[column], atol=1e-9)
    sun = SolarFile(path="data/723170TYA.CSV", package="pvlib").load(calendar).column("ghi")
    np.testing.assert_allclose(sun[at - 1], theirs["ghi"], atol=1e-9)


@pytest.mark.filterwarnings("ignore::wattloom.components.sources.formats.findings.DataWarning")
def test_readings_stand_at_their_stamp_and_means_in_the_hour_before(files):
    hours = {
        "time": files.stamps(48, end=""),
        "temperature_2m": list(range(48)),
        "relativehumidity_2m": [50] * 48,
        "shortwave_radiation": list(range(48)),
    }
    path = files.text("meteo.json", [json.dumps({"utc_offset_seconds": -18000, "hourly": hours, "hourly_units": {}, "latitude": 41})])
    loaded = read(path)
    assert [str(loaded.series[name].start_utc) for name in ("dry_bulb", "ghi")] == ["2022-01-01T05:00:00", "2022-01-01T04:00:00"]
    table = WeatherFile(path=str(path)).load(Calendar.local("2022-01-01", 1, 1800, -5))
    np.testing.assert_allclose(table.column("dry_bulb")[:4], [0, 0.5, 1, 1.5])


def test_weather_needs_to_know_how_moist_the_air_is(files):
    path = files.series(stamps=files.stamps(48), values=range(48), column="dry_bulb")
    with pytest.raises(FileError, match="weather needs dry_bulb and one of wet_bulb, relative_humidity, dew_point"):
        WeatherFile(path=str(path))


def test_solar_power_from_irradiance(files):
    table = SolarFile(path=str(files.epw()), performance_ratio=0.8).load(Calendar.year(2023, 3600, -5))
    assert table.names == ("solar", "ghi")
    np.testing.assert_allclose(table.column("solar"), np.minimum(0.8 * table.column("ghi") / 1000, 1), atol=1e-12)


def test_equal_sources_are_equal_read_once_and_shared(files):
    path = str(files.workload())
    one, two = (WorkloadFile(path=path, column={"utilization": "cpu_load"}) for _ in range(2))
    assert (one == two, hash(one) == hash(two)) == (True, True)
    assert one.read() is two.read()
    calendar = Calendar.year(2022)
    assert shared(one, calendar) is shared(two, calendar)


def test_a_changed_file_is_read_again(files):
    source = WorkloadFile(path=str(files.workload()))
    before = source.load(Calendar.year(2022)).values.mean()
    files.workload(files.load(seed=9) / 2)
    assert source.load(Calendar.year(2022)).values.mean() < 0.7 * before


def test_transforms_reach_the_table(files):
    plain = WorkloadFile(path=str(files.workload()))
    halved = WorkloadFile(path=str(files.workload()), transforms=[Scale(0.5)])
    calendar = Calendar.year(2022)
    np.testing.assert_allclose(halved.load(calendar).values, plain.load(calendar).values / 2)


def test_a_week_set_right_is_not_complained_about(files):
    days = np.array([0.1, -0.15, 0.12, -0.1, 0.15, -0.2, 0.05])[:, None]
    path = str(files.workload((files.load(168).reshape(7, 24) * 0.5 + 0.25 + days).T.reshape(-1)))
    assert "hour_major" in [f.name for f in WorkloadFile(path=path).findings()]
    assert "hour_major" not in [f.name for f in WorkloadFile(path=path, transforms=[TransposeHourMajor()]).findings()]


def test_filled_series_say_so_in_the_notes_of_the_table(files):
    source = CarbonFile(path=str(files.carbon(rows=lambda rows: rows[:1000] + rows[1002:])))
    assert ["missing_stamp" in note for note in source.load(Calendar.year(2022)).notes] == [True]


@pytest.mark.parametrize(("year", "share"), [(2024, "0%"), (2022, "")])
def test_repetition_beyond_the_dates_of_a_file_is_told(files, year, share):
    source = CarbonFile(path=str(files.carbon()))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        notes = source.load(Calendar.year(year, utc_offset_hours=-5)).notes
    assert [share in note and "wrapped" in note for note in notes] == ([True] if share else [])
    assert len(told) == len(notes)
    assert all(
        "simulate the year of the data (data center: episode.year=2022; grid: profiles.start=2022-01-01)" in note
        and "carbon.wrap=error" in note
        for note in notes
    )
    with pytest.raises(DataError, match="covers 2021-12-31T23:00:00"):
        CarbonFile(path=str(files.carbon()), wrap="error").load(Calendar.year(2024))


def test_read_leaves_policies_to_the_caller(files):
    path = files.carbon(rows=lambda rows: rows[:1000] + rows[1002:])
    assert [f.level for f in read(path, policies=Policies(missing="error")).findings if f.name == "missing_stamp"] == ["error"]
    series = read(path).series["carbon_intensity"]
    assert table_of([series], Calendar.year(2022)).values.shape == (8760, 1)


def test_a_number_on_the_command_line_may_be_a_zone_or_a_unit(files):
    path = str(files.series(stamps=files.stamps(200, end=""), values=files.load(200), column="utilization"))
    source = WorkloadFile(path=path, column="utilization", zone=-3.5, unit=1)
    assert (source.zone, source.unit) == ("-3.5", "1")
    assert source.read().series["utilization"].utc_offset_hours == -3.5
