"""The one-page summary of a run: ``report.html`` and ``summary.json``, written however the run ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wattloom.events import RunSummary
from wattloom.hooks.base import Hook

if TYPE_CHECKING:
    from wattloom.run import Run


class Summary(Hook):
    """Writes the page from the files of the run alone; put it last, so that pictures and timings are there.

    Args:
        films: GIFs that the page shows at most, the latest ones and the first.
    """

    draws = True

    def __init__(self, films: int = 3) -> None:
        self._films = films

    def on_run_end(self, run: Run, summary: RunSummary) -> None:
        """Write both files."""
        from wattloom.views.page import write_page

        write_page(run.directory.path, films=self._films)
