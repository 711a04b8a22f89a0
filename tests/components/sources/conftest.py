"""The figures the fit of the parameter tables printed, and the statistics as they were defined there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest


def five_figures(x):
    """Mean, standard deviation and autocorrelation at 1, 24 and 168 steps: autocovariance over variance, with the full-length divisor."""
    y = x - x.mean()
    return [x.mean(), x.std(), *(float((y[k:] * y[:-k]).sum() / (y * y).sum()) for k in (1, 24, 168))]


@pytest.fixture(scope="session")
def figures():
    return five_figures


@pytest.fixture(scope="session")
def printed():
    return json.loads((Path(__file__).parent / "printed_figures.json").read_text())
