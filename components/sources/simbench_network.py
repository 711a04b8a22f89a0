"""The profiles that a SimBench network brings along: one a load and one a generator, a year of quarter-hours (extra ``grid``).

S. Meinecke et al., "SimBench - A Benchmark Dataset of Electric Power Systems ...", Energies 13 (2020) 3290, doi:10.3390/en13123290. Everything is given
per bus as a factor of the network's table value, the per-bus form that ``env=grid`` reads; the first column is the factor of the sum over all buses.
The clock is 2016 in Central European standard time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from wattloom.components.power_flow.protocol import simbench_profiles
from wattloom.components.sources.calendar import Calendar
from wattloom.components.sources.loading import table_of
from wattloom.components.sources.resample import Resample
from wattloom.components.sources.series import Floats, Series
from wattloom.components.sources.table import Table
from wattloom.components.sources.transforms import Transform
from wattloom.errors import DataError

QUARTER = 900  # s
START = np.datetime64("2015-12-31T23:00")  # midnight of 1 January 2016, one hour east of UTC


@dataclass(frozen=True)
class _Profiles:
    """What both readers are told.

    Attributes:
        network: SimBench code.
        resample: How quarter-hours become the step of the environment.
        transforms: Changes to the series, in order.
    """

    network: str
    resample: Resample = "auto"
    transforms: Sequence[Transform] = ()

    wanted: ClassVar[tuple[tuple[str, str, str], ...]]  # table, column, name of the series

    def __post_init__(self) -> None:
        object.__setattr__(self, "transforms", tuple(self.transforms))

    def load(self, calendar: Calendar, seed: int = 0) -> Table:
        """Return the factors on a calendar.

        Raises:
            DataError: The network has no such profile.
        """
        profiles = simbench_profiles(self.network)
        series = [one for wanted in self.wanted for one in _factors(self.network, profiles, *wanted)]
        return table_of(series, calendar, resample=self.resample, transforms=self.transforms, seed=seed)


class SimBenchDemand(_Profiles):
    """Loads of a SimBench network: ``demand``, and ``demand_BUS`` and ``reactive_BUS`` as factors of the active and reactive table load."""

    kind: ClassVar[str] = "demand"
    wanted = (("load", "p_mw", "demand"), ("load", "q_mvar", "reactive"))


class SimBenchSolar(_Profiles):
    """Generators of a SimBench network, those of wind and water too: ``solar``, and ``solar_BUS`` as factors of the table's power."""

    kind: ClassVar[str] = "solar"
    wanted = (("sgen", "p_mw", "solar"),)


def _factors(network: str, profiles: dict[tuple[str, str], Any], table: str, column: str, name: str) -> list[Series]:
    """Return the factor of the sum of one table (but for reactive power), then that of each of its buses."""
    elements, frame = profiles[table, "table"], profiles[table, column]
    if frame.shape[1] == 0:
        raise DataError(f"SimBench network '{network}' has no profile of its table {table}")
    buses, values = elements.bus.loc[frame.columns].to_numpy(), frame.to_numpy(dtype=np.float64)
    rated = elements[column].loc[frame.columns].to_numpy(dtype=np.float64)

    def series(label: str, chosen: Any) -> Iterator[Series]:
        whole = float(rated[chosen].sum())
        if whole > 0:
            factor: Floats = values[:, chosen].sum(axis=1) / whole
            yield Series(label, "1", factor, QUARTER, START, 1.0, f"SimBench {network}")

    whole = [] if name == "reactive" else series(name, slice(None))
    return [*whole, *(s for bus in np.unique(buses) for s in series(f"{name}_{bus}", buses == bus))]
