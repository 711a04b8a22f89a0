"""``wattloom report RUN``: draw the curves again and write the one-page summary, also of a run that is dead or still running.

Of a folder of runs, such as a sweep, the learning curves are drawn in one picture, ``learning.png``: a colour a configuration, a thin line a seed.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from wattloom.run_directory import RunDirectory, find_runs
from wattloom.views.page import write_page

SUMMARY = "write the one-page summary of a run again"


def parser() -> argparse.ArgumentParser:
    """Return the parser of this command."""
    parse = argparse.ArgumentParser(prog="wattloom report", description=__doc__)
    parse.add_argument("runs", nargs="+", metavar="RUN", help="run directories, or folders of runs")
    parse.add_argument("--films", type=int, default=3, help="GIFs on the page at most (default: %(default)s)")
    return parse


def main(argv: Sequence[str]) -> int:
    """Write each page or picture, print its path and return the exit code."""
    options = parser().parse_args(list(argv))
    for word in options.runs:
        print(_report(Path(word), options.films))
    return 0


def _report(path: Path, films: int) -> Path:
    """Write what there is to say about a run, or about a folder of them."""
    within = [] if (path / "config.yaml").is_file() or not path.is_dir() else find_runs(path)
    if within:
        from wattloom.views.many_curves import draw_many

        return draw_many(within, path / "learning.png")
    return write_page(RunDirectory.open(path).path, films=films, redraw=True)
