"""The one JSON encoder: every array and scalar has a plain form, and no NaN ever reaches a file."""

import enum
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from wattloom.telemetry.json import dumps, plain


class Level(enum.IntEnum):
    HIGH = 3


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.float32(0.5), 0.5),
        (np.int64(7), 7),
        (np.bool_(True), True),
        (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
        (np.array(2.0), 2.0),
        (torch.tensor(1.5), 1.5),
        ((1, "a", None), [1, "a", None]),
        ({"b", "a"}, ["a", "b"]),
        (Path("a") / "b", "a/b"),
        ({1: np.float64(2.0)}, {"1": 2.0}),
        (Level.HIGH, 3),
        (True, True),
    ],
)
def test_values_become_plain(value, expected):
    content, nonfinite = plain(value)
    assert content == expected
    assert type(content) is type(expected)
    assert nonfinite == 0


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -np.inf, np.float32("nan")])
def test_what_json_cannot_hold_becomes_null_and_is_counted(bad):
    text = dumps({"a": bad, "b": [1.0, bad], "c": np.array([bad, 2.0])})
    assert json.loads(text, parse_constant=pytest.fail) == {"a": None, "b": [1.0, None], "c": [None, 2.0], "nonfinite": 3}


def test_finite_records_have_no_counter_and_keep_their_order():
    assert dumps({"z": 1, "a": 0.1}) == '{"z":1,"a":0.1}'


def test_numbers_read_back_equal():
    values = np.random.default_rng(1).normal(size=200).tolist()
    assert json.loads(dumps(values)) == values


def test_text_is_kept_readable():
    assert dumps({"unit": "°C"}) == '{"unit":"°C"}'


@pytest.mark.parametrize("value", [object(), b"bytes", 1j])
def test_what_has_no_plain_form_is_refused(value):
    with pytest.raises(TypeError, match="cannot write a"):
        dumps({"x": value})
