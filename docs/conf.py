"""Sphinx configuration: Markdown pages, API pages from docstrings."""

import sys
from pathlib import Path

import wattloom

sys.path.insert(0, str(Path(__file__).parent))

project = "Wattloom"
author = "The Wattloom developers"
copyright = author
release = wattloom.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "mathtext"]
html_math_renderer = "mathtext"  # without a network too
myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_heading_anchors = 3
html_theme = "furo"
html_title = "Wattloom"
html_static_path = ["_static"]
exclude_patterns = ["_build"]
autodoc_typehints = "description"
autodoc_member_order = "bysource"
nitpicky = False
suppress_warnings = ["myst.xref_missing", "misc.highlighting_failure"]
