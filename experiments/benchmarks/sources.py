"""Time what the data sources do while a simulation runs and when it starts, beside plain NumPy and pandas (processor time).

Run: ``python experiments/benchmarks/sources.py`` (about half a minute, one thread).
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from itertools import count

import numpy as np

from wattloom.components.sources.align import align
from wattloom.components.sources.carbon import SyntheticCarbon
from wattloom.components.sources.demand import HalfHourDemand, SyntheticDemand
from wattloom.components.sources.price import SyntheticPrice
from wattloom.components.sources.protocol import Calendar, Table, shared
from wattloom.components.sources.series import Series
from wattloom.components.sources.solar import HalfHourSolar, SyntheticSolar
from wattloom.components.sources.synthetic_jobs import SyntheticJobs
from wattloom.components.sources.weather import SyntheticWeather
from wattloom.components.sources.workload import SyntheticWorkload
from wattloom.environment import Column

COPIES, STEPS, LATER = 1024, 96, 205
RNG = np.random.default_rng(0)


def microseconds(call: Callable[[], object], repeats: int = 200) -> float:
    """Median processor time of a call."""
    for _ in range(5):
        call()
    times = []
    for _ in range(repeats):
        begin = time.process_time()
        call()
        times.append(time.process_time() - begin)
    return 1e6 * float(np.median(times))


def line(what: str, ours: float, peer: str = "", theirs: float = 0.0, unit: str = "us") -> None:
    beside = f"{peer}: {theirs:8.1f} {unit}, {theirs / ours:5.1f} x" if peer else ""
    print(f"{what:72s} {ours:8.1f} {unit}   {beside}")


def windows() -> None:
    for per_hour, columns in ((1, 1), (4, 1), (4, 2), (4, 3), (4, 4)):
        calendar = Calendar.year(2022, 3600 // per_hour)
        names = tuple(Column(f"c{i}", "1") for i in range(columns))
        values = RNG.random((calendar.n_steps, columns))
        table = Table(calendar, names, values, stored=RNG.random((calendar.n_steps, STEPS, columns)))
        start = RNG.integers(0, calendar.n_steps - STEPS - LATER, COPIES)
        label = f"{calendar.n_steps} steps, {columns} column(s): "
        lead = np.arange(STEPS)
        gather = microseconds(lambda t=table, s=start, a=lead: t.values[s[:, None] + a])
        answer = table.window(start, STEPS)
        line(label + "a plain copy of the answer", microseconds(lambda a=answer: a.copy()))
        line(label + "at", microseconds(lambda t=table, s=start: t.at(s)))
        for precision in ("double", "single"):
            asked = f"{label}{precision} "
            window = microseconds(lambda t=table, s=start, p=precision: t.window(s, STEPS, precision=p))
            line(asked + "window", window, "index gather", gather)
            for mode in ("perfect", "persistence", "growing", "stored"):
                forecasts(table, start, mode, precision, asked, gather)


def forecasts(table: Table, start: np.ndarray, mode: str, precision: str, asked: str, gather: float) -> None:
    """Time a forecast asked again and again for the same steps, and for steps that advance by one a call, as those of a run do."""

    def call() -> object:
        return table.forecast(start, STEPS, mode, precision=precision)

    begin = time.perf_counter()
    call()
    once = 1e3 * (time.perf_counter() - begin)
    line(f"{asked}forecast {mode}", microseconds(call), "index gather", gather)
    advancing = iter([start + i for i in range(LATER)])
    later = microseconds(lambda: table.forecast(next(advancing), STEPS, mode, precision=precision), LATER - 5)
    line(f"{asked}forecast {mode}, a step later each", later)
    if once > 1:
        print(f"{'':72s} {once:8.1f} ms once a data set")


def generators() -> None:
    calendar = Calendar.year(2022, 3600, -5.0)
    seeds = count()  # every draw is a new one
    small = (SyntheticCarbon(), SyntheticPrice(), SyntheticDemand(), SyntheticWorkload(), SyntheticSolar())
    for source in (*small, HalfHourDemand(), HalfHourSolar(), SyntheticJobs(), SyntheticWeather(), SyntheticWeather("US-NY-NYIS")):
        spent = microseconds(lambda s=source: s.load(calendar, next(seeds)), 20) / 1e3
        columns = len(source.load(calendar, 1).columns)
        line(f"a year of {type(source).__name__} ({columns} column(s))", spent, unit="ms")
    utc = Calendar.year(2022, 3600)  # touches two local years
    spent = microseconds(lambda: SyntheticWeather("US-NY-NYIS").load(utc, next(seeds)), 20) / 1e3
    line("a UTC year of the weather of a world zone (4 columns)", spent, unit="ms")
    source = SyntheticWeather()
    line("the same, shared", microseconds(lambda: shared(source, calendar, 1)), "load anew", 1e3 * spent)


def resampling() -> None:
    import pandas as pd

    values = RNG.random(8760)
    series = Series("x", "kW", values, 3600, np.datetime64("2022-01-01T00:00:00"))
    frame = pd.Series(values, index=pd.date_range("2022-01-01", periods=8760, freq="h"))
    fine, coarse = Calendar.year(2022, 900), Calendar.year(2022, 10800)
    up = microseconds(lambda: frame.resample("15min").interpolate(), 30)
    line("hourly year to 15 minutes, hold", microseconds(lambda: align(series, fine), 30), "pandas resample", up)
    line("hourly year to 15 minutes, smooth", microseconds(lambda: align(series, fine, method="smooth"), 30), "pandas resample", up)
    down = microseconds(lambda: frame.resample("3h").mean(), 30)
    line("hourly year to 3 hours", microseconds(lambda: align(series, coarse), 30), "pandas resample", down)


def main() -> None:
    warnings.simplefilter("ignore")
    print(f"{COPIES} copies, {STEPS} steps, float64, NumPy {np.__version__}")
    windows()
    generators()
    resampling()


if __name__ == "__main__":
    main()
