"""``wattloom report RUN``: draw the curves again and write the one-page summary, also of a run that is dead or still running."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from wattloom.run_directory import RunDirectory
from wattloom.views.page import write_page

SUMMARY = "write the one-page summary of a run again"


def parser() -> argparse.ArgumentParser:
    """Return the parser of this command."""
    parse = argparse.ArgumentParser(prog="wattloom report", description=__doc__)
    parse.add_argument("runs", nargs="+", help="run directories")
    parse.add_argument("--films", type=int, default=3, help="GIFs on the page at most (default: %(default)s)")
    return parse


def main(argv: Sequence[str]) -> int:
    """Write each page, print its path and return the exit code."""
    options = parser().parse_args(list(argv))
    for run in options.runs:
        print(write_page(RunDirectory.open(run).path, films=options.films, redraw=True))
    return 0
