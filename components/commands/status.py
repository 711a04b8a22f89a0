"""``wattloom status RUN|SWEEP``: which runs are alive, done, failed or dead, how far they are and how well they do."""

from __future__ import annotations

import argparse
import json
import os
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wattloom.errors import RunError
from wattloom.views.state import FINAL, STALE_SECONDS, judge, read_status
from wattloom.views.text import ago, duration, number, share

if TYPE_CHECKING:
    from rich.console import RenderableType

SUMMARY = "say which runs are running, done, failed or dead"
COLOURS = {
    "running": "cyan",
    "completed": "green",
    "stopped": "yellow",
    "interrupted": "yellow",
    "stale": "yellow",
    "failed": "red",
    "dead": "red",
}
BAD = ("failed", "dead")
WATCH_SECONDS = 2.0


def parser() -> argparse.ArgumentParser:
    """Return the parser of this command."""
    epilog = "exit code: 1 where a run failed or is dead, 3 where there is none"
    parse = argparse.ArgumentParser(prog="wattloom status", description=__doc__, epilog=epilog)
    parse.add_argument("paths", nargs="*", help="run directories, or folders of runs such as a sweep (default: WATTLOOM_RUNS or runs)")
    parse.add_argument("--json", action="store_true", help="print one JSON object a run, in a list")
    parse.add_argument("--watch", action="store_true", help="look again every two seconds until every run is over")
    parse.add_argument("--stale", type=float, default=STALE_SECONDS, help="seconds of silence that are borne (default: %(default)s)")
    return parse


def main(argv: Sequence[str]) -> int:
    """Print the states and return the exit code."""
    options = parser().parse_args(list(argv))
    paths = [Path(path).expanduser() for path in options.paths] or [Path(os.environ.get("WATTLOOM_RUNS", "runs"))]
    if options.watch and not options.json:
        return _watch(paths, options.stale)
    rows = look(paths, options.stale)
    if options.json:
        print(json.dumps(rows, indent=2))
    else:
        _console().print(screen(rows))
    return _exit_code(rows)


def _exit_code(rows: Sequence[Mapping[str, Any]]) -> int:
    return 1 if any(row["state"] in BAD for row in rows) else 0


def _watch(paths: Sequence[Path], stale: float) -> int:
    """Refresh until nothing runs any more; Ctrl-C ends it early."""
    from rich.live import Live

    rows = look(paths, stale)
    with Live(screen(rows), console=_console(), auto_refresh=False) as live:
        try:
            while any(row["state"] in ("running", "stale", "unknown") for row in rows):
                time.sleep(WATCH_SECONDS)
                rows = look(paths, stale)
                live.update(screen(rows), refresh=True)
        except KeyboardInterrupt:
            pass
    return _exit_code(rows)


def look(paths: Sequence[Path], stale: float = STALE_SECONDS, now: float | None = None) -> list[dict[str, Any]]:
    """Return one row a run below ``paths``, in order of their folders.

    Raises:
        RunError: A path does not exist, or there is no run at all.
    """
    for path in paths:
        if not path.is_dir():
            raise RunError(f"there is no folder '{path}'; give a run directory or a folder of runs")
    runs = sorted({run for path in paths for run in _runs(path)})
    if not runs:
        raise RunError(f"there is no run below {', '.join(repr(str(path)) for path in paths)}")
    moment = time.time() if now is None else now
    return [_row(run, stale, moment) for run in runs]


def _runs(path: Path) -> list[Path]:
    """Return the run in ``path`` itself, or all below it."""
    if (path / "status.json").exists() or (path / "config.yaml").exists():
        return [path]
    return [file.parent for file in path.rglob("status.json")]


def _row(run: Path, stale: float, now: float) -> dict[str, Any]:
    """Return what is known about one run."""
    status = read_status(run)
    state = judge(status, now, stale)
    step, target = float(status.get("step") or 0), float(status.get("target") or 0)
    evaluation = status.get("last_evaluation") or {}
    saved = status.get("last_checkpoint_time")
    return {
        "run": str(run),
        "state": state,
        "step": int(step),
        "target": int(target),
        "progress": "100.0 %" if state == "completed" else share(min(step, target * 0.999), target),
        "episodes": status.get("episodes"),
        "rate": status.get("rate_recent") if state == "running" else status.get("rate_total"),
        "eta_s": status.get("eta_s") if state == "running" else None,
        "last_return": evaluation.get("mean_return"),
        "best_return": status.get("best_return"),
        "checkpoint_age_s": None if saved is None else now - float(saved),
        "heartbeat_age_s": None if not status.get("heartbeat") else now - float(status["heartbeat"]),
        "reason": status.get("reason") or None,
        "error": status.get("error"),
        "hook_errors": status.get("hook_errors") or {},
    }


def screen(rows: Sequence[Mapping[str, Any]]) -> RenderableType:
    """Return the table, a line of counts, and the first line of every error."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    table.add_column("run", overflow="fold")
    table.add_column("state", no_wrap=True)
    for head in ("done", "env steps", "steps/s", "left", "evaluation", "best", "saved", "heard"):
        table.add_column(head, justify="right", no_wrap=True)
    common = os.path.commonpath([row["run"] for row in rows]) if len(rows) > 1 else ""
    for row in rows:
        table.add_row(*_cells(row, common))
    counts = Counter(str(row["state"]) for row in rows)
    total = Text.assemble(f"{len(rows)} {'run' if len(rows) == 1 else 'runs'}: ", _counts(counts))
    notes = [Text.assemble((f"{_short(row['run'], common)}: ", "bold"), (line, "red")) for row in rows for line in _complaints(row)]
    return Group(table, Text(""), total, *notes)


def _cells(row: Mapping[str, Any], common: str) -> list[str]:
    """Return the texts of one line."""
    state = str(row["state"])
    return [
        _short(str(row["run"]), common),
        f"[{COLOURS.get(state, 'dim')}]{state}[/]",
        str(row["progress"]),
        f"{row['step']:,}",
        "–" if row["rate"] is None else f"{row['rate']:,.0f}",
        "–" if row["eta_s"] is None else duration(row["eta_s"]),
        number(_rounded(row["last_return"])),
        number(_rounded(row["best_return"])),
        "–" if row["checkpoint_age_s"] is None else ago(row["checkpoint_age_s"]),
        "–" if row["heartbeat_age_s"] is None or state in FINAL else ago(row["heartbeat_age_s"]),
    ]


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.5g}")


def _short(run: str, common: str) -> str:
    return os.path.relpath(run, common) if common else run


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {state}" for state, count in sorted(counts.items(), key=lambda item: -item[1]))


def _complaints(row: Mapping[str, Any]) -> list[str]:
    """Return the first line of the error, and of every hook that was switched off."""
    lines = []
    if row["error"]:
        lines.append(str(row["error"]).splitlines()[0])
    elif row["state"] == "dead":
        lines.append("its process is gone without a word: killed, out of memory, or the machine restarted; continue it with resume=<run>")
    return [*lines, *(f"hook '{name}' is off: {str(text).splitlines()[0]}" for name, text in row["hook_errors"].items())]


def _console() -> Any:
    """Return a console that is wide enough for whole lines where there is no terminal."""
    from rich.console import Console

    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=180)
