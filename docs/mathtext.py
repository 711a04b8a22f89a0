"""Formulas as SVG inside the page, set by Matplotlib: no LaTeX to install, no script to fetch, the colour of the text around them."""

from __future__ import annotations

import html
import io
import re
from typing import Any

from docutils.nodes import SkipNode
from matplotlib import rc_context
from matplotlib.mathtext import MathTextParser, math_to_image
from sphinx.errors import SphinxError

INLINE, BLOCK = 12.5, 15.0  # pt
INK = "#010203"  # black itself would be left out of the file
STYLE = {"svg.fonttype": "path", "mathtext.fontset": "stix", "svg.hashsalt": "wattloom"}


def svg(formula: str, size: float = INLINE) -> str:
    """Return a formula as an ``<svg>`` element whose base line is that of the text."""
    text = "$" + re.sub(r"\s+", " ", formula.strip()) + "$"
    try:
        with rc_context(STYLE):
            depth = MathTextParser("path").parse(text, dpi=72).depth * size / 10
            out = io.StringIO()
            math_to_image(text, out, dpi=72, format="svg", color=INK)
    except ValueError as error:
        raise SphinxError(f"cannot set the formula {formula!r}: {error}") from error
    width, height = (
        float(number) * size / 10 for number in re.findall(r'<svg[^>]*?width="([\d.]+)pt" height="([\d.]+)pt"', out.getvalue())[0]
    )
    body = out.getvalue()[out.getvalue().index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.S)
    body = re.sub(r'<g id="patch_1">.*?</g>', "", body, flags=re.S).replace(INK, "currentColor").strip()
    style = f"width:{width:.1f}pt;height:{height:.1f}pt;vertical-align:{-depth:.1f}pt"
    told = f'role="img" aria-label="{html.escape(formula, quote=True)}" style="{style}"'
    return re.sub(r'width="[\d.]+pt" height="[\d.]+pt"', lambda _: told, body, count=1)


def inline(translator: Any, node: Any) -> None:
    """Write a formula within a line."""
    translator.body.append(svg(node.astext()))
    raise SkipNode


def block(translator: Any, node: Any) -> None:
    """Write a formula of its own line, its fractions at full size."""
    formula = node.astext().replace("\\frac", "\\dfrac")
    translator.body.append(f'<div class="math" style="text-align:center;margin:1em 0;overflow-x:auto">{svg(formula, BLOCK)}</div>')
    raise SkipNode


def setup(app: Any) -> dict[str, bool]:
    """Register the renderer."""
    app.add_html_math_renderer("mathtext", inline_renderers=(inline, None), block_renderers=(block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
