"""Formulas of the pages become pictures of themselves, without a network."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

pytest.importorskip("sphinx", reason="needs the extra docs")
DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture(scope="module")
def mathtext():
    spec = importlib.util.spec_from_file_location("mathtext", DOCS / "mathtext.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def size(svg: str) -> tuple[float, float]:
    return tuple(float(number) for number in re.search(r"width:([\d.]+)pt;height:([\d.]+)pt", svg).groups())


def test_a_formula_takes_the_colour_and_the_line_of_the_text(mathtext):
    svg = mathtext.svg(r"\frac{3 g}{2 l} < u")
    assert svg.startswith("<svg")
    assert "currentColor" in svg
    assert "#0" not in svg
    assert r'aria-label="\frac{3 g}{2 l} &lt; u"' in svg
    assert float(re.search(r"vertical-align:(-[\d.]+)pt", svg)[1]) < -2


def test_more_symbols_are_wider_and_a_larger_size_is_larger(mathtext):
    (narrow, _), (wide, _), (large, _) = (size(mathtext.svg(*arguments)) for arguments in (("a",), ("a + b + c",), ("a", 25.0)))
    assert wide > 3 * narrow
    assert large == pytest.approx(2 * narrow, rel=0.05)


def test_what_cannot_be_set_stops_the_build(mathtext):
    with pytest.raises(Exception, match="cannot set the formula"):
        mathtext.svg(r"\nosuch{x}")
