"""The sample files beside the checkout: right format, unit, clock and length; carbon intensity reproduced from the generation."""

import warnings

import numpy as np
import pytest

from wattloom.components.sources.calendar import Calendar
from wattloom.components.sources.file import CarbonFile, DemandFile, PriceFile, SolarFile, WeatherFile, WorkloadFile
from wattloom.components.sources.formats.mix import carbon_from_mix
from wattloom.components.sources.formats.policies import Policies
from wattloom.components.sources.formats.reader import read
from wattloom.components.sources.jobs_file import JobsFile

pytestmark = pytest.mark.filterwarnings("ignore::wattloom.components.sources.formats.findings.DataWarning")
H = 3600
GENERATION = {"generation_" + fuel for fuel in ("wind", "solar", "hydro", "nuclear", "gas", "oil", "coal", "other")}
# pattern, files, format, steps, step, start (UTC; site: local), offset, a series and its unit
FILES = [
    ("carbon/eia_ng_avgci/*", 9, "eia", 8760, H, "2021-12-31T23", None, "carbon_intensity", "gCO2/kWh"),
    ("carbon/electricitymaps/*", 5, "electricity_maps", 8760, H, "2022-01-01T00", None, "carbon_intensity", "gCO2/kWh"),
    ("weather/openmeteo_json/AU-NSW_2022*", 1, "openmeteo", 8760, H, "2021-12-31T13", 11, "dry_bulb", "degC"),
    ("weather/openmeteo_json/DE-LU_2022*", 1, "openmeteo", 8760, H, "2021-12-31T23", 1, "wind_speed", "m/s"),
    ("weather/openmeteo_json/US-CAL-CISO_2022*", 1, "openmeteo", 8760, H, "2022-01-01T07", -7, "relative_humidity", "%"),
    ("weather/openmeteo_json/US-NY-NYIS_2022*", 1, "openmeteo", 8760, H, "2022-01-01T04", -4, "cloud_cover", "1"),
    ("weather/openmeteo_json/US-NY-NYIS_2024*", 1, "openmeteo", 8784, H, "2024-01-01T04", -4, "dry_bulb", "degC"),
    ("price/ember_csv/*", 1, "ember", 8760, H, "2022-01-01T00", None, "price", "EUR/MWh"),
    ("profiles/simbench/Load*", 1, "simbench_load", 35136, 900, "2015-12-31T23", 1, "H0-A_pload", "1"),
    ("profiles/simbench/RES*", 1, "simbench_res", 35136, 900, "2015-12-31T23", 1, "PV1", "1"),
    ("profiles/mapdn_format_synthetic/load_active*", 1, "mapdn_load", 2400, 180, "2013-06-01T00", None, "load_31", "kW"),
    ("profiles/mapdn_format_synthetic/load_reactive*", 1, "mapdn_reactive", 2400, 180, "2013-06-01T00", None, "load_31", "kvar"),
    ("profiles/mapdn_format_synthetic/pv_active*", 1, "mapdn_pv", 2400, 180, "2013-06-01T00", None, "pv_5", "kW"),
    ("profiles/halfhour_synthetic/*", 2, "halfhour", 720, 1800, None, None, "demand", "1"),
    ("workload/dcrl_csv/Alibaba*", 2, "sustaindc", 8904, H, None, None, "utilization", "1"),
    ("workload/dcrl_csv/Google*", 1, "sustaindc", 8760, H, None, None, "utilization", "1"),
    ("jobs/alibaba_v2018_format_synthetic/*", 1, "alibaba_2018", 192, H, None, None, "utilization", "1"),
]


@pytest.mark.parametrize(("pattern", "count", "format_name", "steps", "step", "start", "offset", "name", "unit"), FILES)
def test_series_files(shared_data, pattern, count, format_name, steps, step, start, offset, name, unit):
    found = sorted(shared_data.glob(pattern))
    assert len(found) == count
    for path in found:
        loaded = read(path, policies=Policies(missing="mean"))
        series = loaded.series[name]
        assert not [f for f in loaded.findings if f.level == "error"]
        assert (loaded.format.name, series.n_steps, series.step_seconds, series.unit) == (format_name, steps, step, unit)
        assert series.start_utc == (None if start is None else np.datetime64(start, "s"))
        assert series.utc_offset_hours == offset
        assert loaded.site == ("mapdn" in format_name)
        assert not series.typical_year
        assert np.isfinite(series.values).all()


def test_epw_files(shared_data):
    offsets = {"AZ": -7, "CA": -8, "GA": -5, "IL": -6, "NY": -5, "TX": -7, "WA": -8}
    found = sorted(shared_data.glob("weather/epw/*"))
    assert len(found) == 7
    for path in found:
        loaded = read(path)
        assert loaded.findings == ()
        assert {one.unit for one in loaded.series.values()} == {"degC", "%", "Pa", "m/s", "deg", "W/m2"}
        dry = loaded.series["dry_bulb"]
        assert (dry.n_steps, dry.typical_year, dry.start_utc, dry.utc_offset_hours) == (8760, True, None, offsets[path.name[4:6]])


def test_epw_agrees_with_pvlib(shared_data):
    iotools = pytest.importorskip("pvlib.iotools")
    import gzip

    path = next(shared_data.glob("weather/epw/USA_TX*"))
    with gzip.open(path, "rt") as text:
        theirs, meta = iotools.read_epw(text, coerce_year=2021)
    ours = read(path)
    readings = {"dry_bulb": "temp_air", "relative_humidity": "relative_humidity", "wind_speed": "wind_speed"}
    np.testing.assert_array_equal(ours.series["ghi"].values, theirs["ghi"].to_numpy(float))  # its rows are labelled by the hour's start
    for name, column in readings.items():
        np.testing.assert_array_equal(ours.series[name].values, np.roll(theirs[column].to_numpy(float), 1))
    assert ours.facts["utc_offset_hours"] == meta["TZ"]


@pytest.mark.parametrize("region", ["AZ", "CA", "GA", "IL", "NY", "TX", "VA", "WA", "WAAT"])
def test_carbon_is_reproduced_from_the_generation(shared_data, region):
    path = shared_data / f"carbon/eia_ng_avgci/{region}_NG_&_avgCI.csv.gz"
    loaded = read(path, policies=Policies(missing="mean"))
    assert set(loaded.series) >= {"carbon_intensity"}
    known = loaded.missing["carbon_intensity"]
    generation = {name: one.values for name, one in loaded.series.items() if name in GENERATION}
    mixed = carbon_from_mix(generation, loaded.format.mix)
    off = np.abs(mixed - loaded.series["carbon_intensity"].values)
    assert np.sort(off)[: 8760 - known].max() < 1e-6  # hours without data are filled, in each column for itself
    assert (off > 1e-6).sum() <= known


def test_values_are_those_of_the_file(shared_data):
    pd = pytest.importorskip("pandas")
    path = shared_data / "carbon/eia_ng_avgci/NY_NG_&_avgCI.csv.gz"
    np.testing.assert_array_equal(
        CarbonFile(path=str(path)).read().series["carbon_intensity"].values, pd.read_csv(path)["avg_CI"].to_numpy()
    )
    path = shared_data / "workload/dcrl_csv/Alibaba_CPU_Data_Hourly_1.csv"
    np.testing.assert_array_equal(
        WorkloadFile(path=str(path)).read().series["utilization"].values, pd.read_csv(path)["cpu_load"].to_numpy()
    )


def test_traps_of_the_workload_files_are_told(shared_data):
    found = {}
    for path in shared_data.glob("workload/dcrl_csv/*"):
        findings = WorkloadFile(path=str(path)).findings()
        found[path.name] = {f.name: f.message for f in findings}
    for n in (1, 2):
        told = found[f"Alibaba_CPU_Data_Hourly_{n}.csv"]
        assert set(told) == {"hour_major", "repeating_series"}
        assert "every 168 steps (7 days), 53 times" in told["repeating_series"]
    assert "672 steps" in found["GoogleClusteData_CPU_Data_Hourly_1.csv"]["repeating_series"]


def test_the_hole_of_one_carbon_file_is_told_with_its_fix(shared_data):
    path = shared_data / "carbon/eia_ng_avgci/VA_NG_&_avgCI.csv.gz"
    with pytest.raises(Exception, match=r"row 1713.*longest 22 h.*carbon\.missing=mean"):
        CarbonFile(path=str(path))
    assert CarbonFile(path=str(path), missing="mean", outliers="missing").load(Calendar.year(2022, utc_offset_hours=-5)).values.min() > 200


def test_job_lists_and_node_lists(shared_data):
    spot = read(shared_data / "jobs/spot_gpu_format_synthetic/job_info_df.csv.gz").jobs
    assert (len(spot.jobs), spot.jobs.unit, int(spot.flexible.sum())) == (6039, "GPU", 2352)
    openb = read(shared_data / "jobs/openb_format_synthetic/openb_pod_list_synthetic.csv.gz")
    assert len(openb.jobs.jobs) == 2000 - 203 - 242
    assert read(shared_data / "jobs/spot_gpu_format_synthetic/node_info_df.csv").facts["capacity"] == 2282


SOURCES = [
    (CarbonFile, "carbon/eia_ng_avgci/NY*", {}, (200, 350)),
    (CarbonFile, "carbon/electricitymaps/DE*", {}, (300, 500)),
    (WeatherFile, "weather/epw/*NY*", {}, (10, 15)),
    (WeatherFile, "weather/openmeteo_json/US-NY-NYIS_2022*", {}, (10, 15)),
    (PriceFile, "price/*/*", {"usd_per_unit": 1.05}, (240, 270)),
    (DemandFile, "profiles/simbench/Load*", {"column": ["H0-A_pload"], "peak_kw": 3.0}, (0.3, 0.6)),
    (SolarFile, "profiles/simbench/RES*", {}, (0.05, 0.12)),
    (DemandFile, "profiles/mapdn*/load_active*", {}, (80, 130)),
    (DemandFile, "profiles/half*/train*", {"peak_kw": 10.0}, (6, 9)),
    (WorkloadFile, "workload/*/Ali*1*", {}, (0.45, 0.55)),
    (JobsFile, "jobs/spot*/job*", {"capacity": 3000}, (0.01, 0.5)),
]


@pytest.mark.parametrize(("kind", "pattern", "settings", "mean"), SOURCES)
def test_every_kind_lies_on_a_calendar(shared_data, kind, pattern, settings, mean):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        source = kind(path=str(next(shared_data.glob(pattern))), **settings)
    table = source.load(Calendar.year(2022, 900, -5))
    assert table.values.shape[0] == 35040
    assert np.isfinite(table.values).all()
    assert mean[0] < table.values[:, 0].mean() < mean[1]
