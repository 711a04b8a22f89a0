"""Pictures show what was inspected: the series that vary, their day, their distribution, and where they repeat."""

import numpy as np
import pytest

from wattloom.components.sources.formats.description import Description, hour_of_day, mean_day, of_file, statistics
from wattloom.components.sources.formats.drawing import draw
from wattloom.components.sources.formats.reader import read
from wattloom.components.sources.series import Series


def titles(figure):
    return [axes.get_title("left") for axes in figure.axes[::3]]


def test_weather(files):
    figure = draw(of_file("place.epw", read(files.epw())))
    assert titles(figure) == ["dry_bulb [degC]", "relative_humidity [%]", "ghi [W/m2]", "wind_speed [m/s]"]
    assert "5 more series not drawn" in figure.get_suptitle()


def test_named_series_only(files):
    assert titles(draw(of_file("place.epw", read(files.epw())), names=["pressure"])) == ["pressure [kPa]"]


def test_repetition_is_marked(files):
    figure = draw(of_file("cpu.csv", read(files.workload(np.tile(files.load(168), 4)))))
    assert [text.get_text() for text in figure.axes[0].texts] == [" repeats from here"]
    assert list(draw(of_file("cpu.csv", read(files.workload()))).axes[0].texts) == []


@pytest.mark.parametrize(
    ("start", "offset", "first"),
    [(None, None, 0.0), ("2022-01-01T06", None, 6.0), ("2022-01-01T06", -5.0, 1.0), ("2021-12-31T18:30", 5.5, 0.0)],
)
def test_hours_of_the_day_are_local_where_the_place_is_known(start, offset, first):
    stamp = None if start is None else np.datetime64(start, "s")
    series = Series("x", "1", np.arange(48.0), 3600, stamp, offset)
    assert hour_of_day(series)[0] == first
    assert int(np.argmin(mean_day(series))) == int(first)


def test_statistics_of_a_constant_and_of_a_short_series():
    numbers = statistics(Series("x", "1", np.full(48, 2.0), 3600))
    assert (numbers["mean"], numbers["std"], numbers["correlation_1_step"]) == (2.0, 0.0, None)
    assert statistics(Series("x", "1", np.arange(3.0), 3600))["correlation_24_h"] is None
    assert draw(Description("x", "constant", [Series("x", "1", np.full(48, 2.0), 3600)])).axes


@pytest.mark.parametrize(("unit", "level", "drawn"), [("kW", 9e3, "kW"), ("kW", 2e4, "MW"), ("kW", 3e7, "GW"), ("degC", 3e7, "degC")])
def test_large_powers_are_drawn_in_larger_units(unit, level, drawn):
    figure = draw(Description("x", "power", [Series("x", unit, level * np.linspace(0.5, 1.0, 48), 3600)]))
    assert titles(figure) == [f"x [{drawn}]"]
    assert figure.axes[0].get_ylim()[1] == pytest.approx(1.02 * level / {"kW": 1.0, "MW": 1e3, "GW": 1e6}.get(drawn, 1.0), rel=0.1)
