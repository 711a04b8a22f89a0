"""Parts of an environment that are meant to be sources: one load a process, and words for what is none."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from wattloom.components.sources.calendar import Calendar
from wattloom.components.sources.constant import Constant
from wattloom.components.sources.sharing import table_of_part
from wattloom.errors import ConfigError

CALENDAR = Calendar.year(2023)


@dataclass(frozen=True)
class Loads:
    what: str = "array"
    kind: ClassVar[str] = "price"

    def load(self, calendar, seed=0):
        return np.zeros(3)


class NoKind:
    def load(self, calendar, seed=0):
        raise NotImplementedError


def test_a_source_is_loaded_once_and_a_table_is_taken_as_it_is():
    table = table_of_part("price", Constant("price", "price", "USD/MWh", 40.0), CALENDAR)
    assert table_of_part("price", Constant("price", "price", "USD/MWh", 40.0), CALENDAR) is table
    assert table_of_part("price", table, CALENDAR) is table


@pytest.mark.parametrize(
    ("name", "part", "words"),
    [
        ("price", NoKind(), r"price \(.*NoKind\) is no source, it lacks kind: give it kind = \"price\""),
        ("price", 3.0, "is no source, it lacks kind and load"),
        ("carbon", Loads(), "is a source of 'price': use it as price="),
        ("price", Loads(), "load returned a ndarray, not a Table"),
    ],
)
def test_what_is_no_source_of_its_kind_is_said(name, part, words):
    with pytest.raises(ConfigError, match=words):
        table_of_part(name, part, CALENDAR)
