from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Optional, Protocol

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wattloom.signatures import Signature, fits, matches, type_name


class Part: ...


@pytest.mark.parametrize(
    ("value", "annotation", "fits"),
    [
        (1, float, True),
        (True, float, False),
        (True, int, False),
        (1, bool, False),
        (1.5, int, False),
        ("1", float, False),
        ("a", str, True),
        (3, str, False),
        ("data.csv", Path, True),
        (None, float, False),
        (None, float | None, True),
        (None, Optional[int], True),  # noqa: UP045 - both spellings
        ("a", Literal["a", "b"], True),
        ("c", Literal["a", "b"], False),
        (True, Literal[1], False),
        ([1, 2], Sequence[int], True),
        ([1, "a"], Sequence[int], False),
        ([1, 2], tuple[int, int], True),
        ([1, 2, 3], tuple[int, int], False),
        ([1, 2, 3], tuple[int, ...], True),
        ([1.0], np.ndarray, True),
        ([1], int, False),
        ([1], str, False),
        ([1], Mapping[str, int], False),
        ([1], Part, False),
        ({"a": 1}, Mapping[str, int], True),
        ({"a": 1}, dict, True),
        ({"a": 1}, float, False),
        ({"a": 1}, list[int], False),
        ({"_target_": "x.Y"}, Part, True),
        ({"_target_": "x.Y"}, float, True),  # built first: the constructor judges
        ("part", Part, False),
        (3, Part, False),
        ("anything", Any, True),
        (3, "Unresolved", True),
    ],
)
def test_values_are_matched_against_annotations(value, annotation, fits):
    assert matches(value, annotation) is fits


class Cooling(Protocol):
    cop: float

    def power(self, load: float) -> float: ...


class Chiller:
    def power(self, load: float) -> float:
        return load


class Special(Part): ...


@pytest.mark.parametrize(
    ("component", "annotation", "fine"),
    [
        (Chiller, Cooling, True),
        (Part, Cooling, False),
        (Special, Part, True),
        (Part, Special, False),
        (Chiller, Part | None, False),
        (Special, Part | None, True),
        (Chiller, float, False),
        (len, Cooling, True),
        (Part, Any, True),
        (Part, Sequence[Part], True),
    ],
)
def test_a_class_fits_by_descent_or_by_the_methods_of_a_protocol(component, annotation, fine):
    assert fits(component, annotation) is fine


@given(st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_subnormal=False), st.text(), st.lists(st.integers())))
def test_any_plain_value_fits_a_union_of_all_plain_types(value):
    assert matches(value, bool | int | float | str | list[int] | None)


def test_defaults_become_a_node_and_objects_are_left_to_the_constructor():
    class Thing:
        def __init__(self, a: int, b: float = 2.0, c: tuple[int, ...] = (1, 2), d: object = Part, *, e: str | None = None) -> None: ...

    assert Signature.of(Thing).node() == {"a": "???", "b": 2.0, "c": [1, 2], "e": None}


def test_keywords_without_names_make_a_signature_open():
    def factory(id: str, **kwargs: Any) -> None: ...

    signature = Signature.of(factory)
    assert signature.open
    assert list(signature.parameters) == ["id"]


def test_an_annotation_for_type_checkers_alone_does_not_hide_the_others():
    class Thing:
        def __init__(self, a: int = 1, b: OnlyForCheckers = None) -> None: ...  # noqa: F821

    parameters = Signature.of(Thing).parameters
    assert parameters["a"].annotation is int
    assert matches("x", parameters["b"].annotation)


@pytest.mark.parametrize(
    ("annotation", "text"),
    [
        (float, "float"),
        (int | None, "int or null"),
        (Literal["a", "b"], "'a' or 'b'"),
        (tuple[int, ...], "tuple[int, ...]"),
        (Sequence[Part], "Sequence[Part]"),
    ],
)
def test_types_are_named_as_people_write_them(annotation, text):
    assert type_name(annotation) == text
