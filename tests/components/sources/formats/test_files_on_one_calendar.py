"""A UTC carbon file, a local-standard-time EPW and an undated workload agree hour by hour, in any zone, over a leap year and a wrap."""

import numpy as np
import pytest

from wattloom.components.sources.calendar import Calendar
from wattloom.components.sources.file import CarbonFile, DemandFile, SolarFile, WeatherFile, WorkloadFile
from wattloom.components.sources.formats.findings import FileError

pytestmark = pytest.mark.filterwarnings("ignore::wattloom.components.sources.formats.findings.DataWarning")
ZONES = [(-8.0, -118.0), (0.0, 0.0), (5.5, 80.0), (10.0, 151.0)]  # h from UTC; degrees east


def hour_of_week(seconds):
    return (seconds - 4 * 86400) // 3600 % 168


def write_all(files, offset, longitude, hours):
    """Values that tell when they are: hour of the UTC week; local month and hour; local hour of the week."""
    stamps = files.stamps(hours, "2024-01-01T00")
    ends = np.datetime64("2024-01-01T00", "s").astype(np.int64) + 3600 * np.arange(hours)
    carbon = files.carbon(
        hours=hours, stamps=stamps, ci=100.0 + hour_of_week(ends - 3600), mix=files.generation(hours, noon_utc=12 - longitude / 15)
    )
    stamp = np.datetime64("2023-01-01T01") + np.arange(8760).astype("timedelta64[h]")  # a reading is of the moment it is stamped with
    month = stamp.astype("datetime64[M]").astype(int) % 12 + 1
    weather = files.epw(offset=offset, longitude=longitude, humidity=20 + month + (1 + np.arange(8760)) % 24 / 100)
    workload = files.workload(np.tile(np.arange(168) / 200, 3))
    return carbon, weather, workload


@pytest.mark.parametrize(("offset", "longitude"), ZONES)
@pytest.mark.parametrize(("start", "days"), [("2024-01-01", 366), ("2024-12-20", 30)], ids=["leap year", "wrap"])
def test_hour_by_hour(files, offset, longitude, start, days):
    carbon, weather, workload = write_all(files, offset, longitude, 8784)
    calendar = Calendar.local(start, days, 1800, offset)
    ci = CarbonFile(path=str(carbon), resample="hold", format="eia").load(calendar).column("carbon_intensity")
    humidity = WeatherFile(path=str(weather), resample="hold").load(calendar).column("relative_humidity")
    load = WorkloadFile(path=str(workload), resample="hold").load(calendar).column("utilization")

    np.testing.assert_array_equal(ci, 100 + hour_of_week(calendar.utc_seconds))
    np.testing.assert_allclose(humidity, 20 + calendar.month + calendar.local_hour.astype(int) / 100, atol=1e-9)
    np.testing.assert_array_equal(load, np.round((calendar.day_of_week * 24 + calendar.local_hour.astype(int)) / 200, 6))


@pytest.mark.parametrize(("offset", "longitude"), ZONES)
def test_sun_rises_in_the_morning_of_the_site(files, offset, longitude):
    path = files.epw(offset=offset, longitude=longitude)
    calendar = Calendar.year(2023, 3600, offset)
    power = SolarFile(path=str(path)).load(calendar).column("solar")
    noon = np.average(calendar.local_hour + 0.5, weights=power)
    assert abs(noon - (12 - longitude / 15 + offset)) < 0.2


def test_a_typical_year_in_another_zone_is_named_and_moved(files):
    """Rows in UTC under a header that says -5 h: refused until the zone is named, then the same weather as the honest file's."""
    calendar = Calendar.local("2023-02-01", 7, 3600, -5)
    honest = SolarFile(path=str(files.epw("honest.epw"))).load(calendar).column("ghi")
    path = str(files.epw("utc.epw", roll=5))
    with pytest.raises(FileError, match=r"sun_at_night.*solar.zone="):
        SolarFile(path=path)
    np.testing.assert_allclose(SolarFile(path=path, zone="UTC").load(calendar).column("ghi"), honest, atol=1e-9)
    np.testing.assert_allclose(SolarFile(path=path, zone="+0").load(calendar).column("ghi"), honest, atol=1e-9)


def test_stamps_local_to_an_unnamed_site_follow_the_calendar(files):
    stamps = files.stamps(24 * 20 * 7, "2022-03-01T00", "", "m", 3)
    values = [int(t[11:13]) for t in stamps]
    path = files.text("load_active.csv", [",load_0,load_1", *(f"{t},{v / 1000},{v / 500}" for t, v in zip(stamps, values, strict=True))])
    source = DemandFile(path=str(path))
    for offset in (-7.0, 9.0):
        calendar = Calendar.local("2022-03-02", 3, 3600, offset)
        np.testing.assert_allclose(source.load(calendar).column("load_0"), calendar.local_hour, atol=1e-9)


def test_daylight_saving_is_undone_by_the_name_of_the_zone(files):
    utc = np.datetime64("2022-03-20T00", "s") + np.arange(24 * 14) * np.timedelta64(3600, "s")
    civil = [str(t + np.timedelta64(1 if t < np.datetime64("2022-03-27T01") else 2, "h")).replace("T", " ") for t in utc]
    path = files.series(stamps=civil, values=np.arange(len(utc)) / 1000, column="utilization")
    source = WorkloadFile(path=str(path), zone="Europe/Berlin", resample="hold")
    table = source.load(Calendar(utc[0], 3600, len(utc), 1.0))
    np.testing.assert_allclose(table.values[:, 0], np.arange(len(utc)) / 1000)


def test_autumn_comes_twice_and_is_told_apart(files):
    utc = np.datetime64("2022-10-29T22", "s") + np.arange(48) * np.timedelta64(900, "s") * 4
    civil = [str(t + np.timedelta64(2 if t < np.datetime64("2022-10-30T01") else 1, "h")).replace("T", " ") for t in utc]
    path = files.series(stamps=civil, values=np.arange(48) / 100, column="utilization")
    table = WorkloadFile(path=str(path), zone="Europe/Berlin", resample="hold").load(Calendar(utc[0], 3600, 48, 1.0))
    np.testing.assert_allclose(table.values[:, 0], np.arange(48) / 100)


def test_the_sun_of_another_coast_is_noticed(files):
    source = CarbonFile(path=str(files.carbon(mix=files.generation(noon_utc=20.0))))
    with pytest.warns(UserWarning, match=r"sun_at_night.*\+8 h"):
        source.load(Calendar.year(2022, 3600, 8.0))
