"""The year behind printed reference values of the data center: the fitted models fed with the white noise of ``numpy.random.default_rng(0)``."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from wattloom.components.sources import parameters
from wattloom.components.sources.seasonal_ar import BURN_IN

HOURS = 8760


def drawn(model, start, noise):
    """One year of hours whose first stamp is ``start``; the filter begins ``BURN_IN`` hours earlier."""
    start = np.datetime64(start, "h")
    skip = int((start - start.astype("datetime64[D]").astype("datetime64[h]")).astype(int))
    days = start.astype("datetime64[D]") + np.arange(-(-(skip + HOURS) // 24))
    padded = np.concatenate([np.zeros(skip), noise, np.zeros(24 * days.size - skip - HOURS)])
    day_of_year = (days - days.astype("datetime64[Y]")).astype(int) + 1
    return replace(model, lead=0).generate(day_of_year, (days.astype(int) + 3) % 7 >= 5, padded)[skip : skip + HOURS]


def quarter_hours(hourly):
    """The hours of a year, joined by straight lines, on 35,040 quarter hours."""
    return np.interp(np.arange(4 * HOURS) / 4, np.arange(HOURS + 1), np.append(hourly, hourly[0]))


@pytest.fixture(scope="session")
def reference_year():
    """Demand (alibaba_1), carbon intensity (California 2022), and ``weather(place)``: dry and wet bulb, quarter hours of a year."""

    def noise(*shape):
        return np.random.default_rng(0).standard_normal((*shape, BURN_IN + HOURS))

    def model(table, zone, quantity):
        return parameters.zone("test", zone, (table,)).models[quantity]

    def weather(place):
        site = parameters.zone("weather", place, ("weather_us",))
        nodes, factor = parameters.joint(site.place)
        chosen = [nodes.index(node) for node in ("dry_bulb", "wet_bulb_depression")]
        both = np.linalg.cholesky((factor @ factor.T)[np.ix_(chosen, chosen)]) @ noise(2)
        dry, depression = (
            drawn(site.models[name], "2022-01-01T01", row) for name, row in zip(("dry_bulb", "wet_bulb_depression"), both, strict=True)
        )
        wet = np.minimum(np.minimum(dry - depression, site.facts["wet_bulb_max"]), dry)
        return quarter_hours(dry), quarter_hours(wet)

    demand = np.clip(drawn(model("workload", "alibaba_1", "utilization"), "2022-01-01T00", noise()), 0, 1)
    carbon = np.maximum(drawn(model("carbon_us_2022", "CISO", "carbon_intensity"), "2022-01-01T01", noise()), 0)
    return SimpleNamespace(demand=quarter_hours(demand), carbon=quarter_hours(carbon), weather=weather)
