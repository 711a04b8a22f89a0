"""What every source is: a configured object that lays its series on a calendar.

A source holds parameters only (built from a YAML ``_target_``); it keeps no counter and no random state. ``load`` is pure: equal calendars and
seeds give equal tables. Sources of one environment are given the same ``seed``: that is how the weather, the carbon intensity and the price of one
place stay correlated although they are configured separately (:mod:`wattloom.components.sources.climate`). A source that reads a file ignores it.

This module is the door for environments: everything they need to read sources can be imported from here.
"""

from __future__ import annotations

from typing import Literal, Protocol, runtime_checkable

from wattloom.components.sources.calendar import Calendar
from wattloom.components.sources.jobs import JobList, JobSource, utilization_of
from wattloom.components.sources.normalisation import Normaliser
from wattloom.components.sources.sharing import shared, table_of_part
from wattloom.components.sources.splits import BlockSplit, MonthSplit, NoSplit, Split, WeekSplit, check_leak
from wattloom.components.sources.starts import Starts
from wattloom.components.sources.table import ForecastMode, Table, Wrap

__all__ = [
    "KINDS",
    "BlockSplit",
    "Calendar",
    "ForecastMode",
    "JobList",
    "JobSource",
    "Kind",
    "MonthSplit",
    "NoSplit",
    "Normaliser",
    "Source",
    "Split",
    "Starts",
    "Table",
    "WeekSplit",
    "Wrap",
    "check_leak",
    "shared",
    "table_of_part",
    "utilization_of",
]

Kind = Literal["workload", "weather", "carbon", "price", "demand", "solar"]
KINDS: tuple[Kind, ...] = ("workload", "weather", "carbon", "price", "demand", "solar")


@runtime_checkable
class Source(Protocol):
    """One kind of exogenous input of an environment."""

    @property
    def kind(self) -> str:
        """One of :data:`KINDS`: the config group the source belongs to."""
        ...

    def load(self, calendar: Calendar, seed: int = 0) -> Table:
        """Return the source's columns on ``calendar``; called once a process and shared read-only (:func:`shared`).

        Args:
            calendar: The clock of the environment.
            seed: Base of every random draw. Sources given equal seeds are drawn jointly.

        Raises:
            wattloom.errors.DataError: If the data are missing, damaged, too short or do not cover the calendar.
        """
        ...
