"""``wattloom plot KIND RUN``: draw an evaluation of a run, with the pictures that its environment offers."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from wattloom.errors import RunError, UsageError, did_you_mean
from wattloom.run_directory import RunDirectory
from wattloom.views.text import shown_path

SUMMARY = "draw an evaluation"
SUFFIXES = (".png", ".svg", ".pdf")


def parser() -> argparse.ArgumentParser:
    """Return the parser of this command."""
    parse = argparse.ArgumentParser(prog="wattloom plot", description=__doc__)
    parse.add_argument("kind", help="which picture, e.g. voltage, soc, reactive or map of a grid")
    parse.add_argument("path", metavar="RUN", help="run directory that was evaluated")
    parse.add_argument(
        "--run", default="controlled", help="which method, as the column run of step_metrics.csv says (default: %(default)s)"
    )
    parse.add_argument("--days", type=int, nargs="+", default=None, help="which days of the data, from 0 (default: all that were played)")
    parse.add_argument("--seed", type=int, default=None, help="reset seed of the episode (default: the first in which a day occurs)")
    parse.add_argument("--name", default="evaluation", help="which evaluation, a folder under evaluations/ (default: %(default)s)")
    parse.add_argument("--output", default=None, help="file, .png, .svg or .pdf (default: KIND.png in the folder of the evaluation)")
    parse.add_argument("--trust", action="store_true", help="build targets named by a run directory that is not yours")
    return parse


def main(argv: Sequence[str]) -> int:
    """Draw and return the exit code."""
    options = parser().parse_args(list(argv))
    from wattloom.plots import PlotRequest, plots_of
    from wattloom.views import style

    folder = evaluation_folder(options.path, options.name)
    target = folder / f"{options.kind}.png" if options.output is None else Path(options.output)
    if target.suffix.lower() not in SUFFIXES:
        raise UsageError(f"--output {target}: give a file that ends in {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}")
    environment = _environment(options.path, folder, options.trust)
    try:
        plots = plots_of(environment)
        if options.kind not in plots:
            known = did_you_mean(options.kind, plots) if plots else ": this environment draws none"
            listed = f"; known: {', '.join(plots)}" if plots and "known" not in known else ""
            raise UsageError(f"no picture '{options.kind}'{known}{listed}")
        days = None if options.days is None else tuple(options.days)
        with style.applied():
            figure = plots[options.kind](PlotRequest(folder, options.run, days, options.seed))
            _save(figure, target)
    finally:
        environment.close()
    print(f"written to {shown_path(target)}")
    return 0


def _save(figure: Any, target: Path) -> None:
    """Write the picture.

    Raises:
        RunError: The file cannot be written.
    """
    from wattloom.views import style

    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        style.save(figure, target)
    except OSError as error:
        raise RunError(f"cannot write {target}: {error.strerror or error}") from error


def evaluation_folder(run: str, name: str) -> Path:
    """Return the folder of an evaluation.

    Raises:
        RunError: There is no such run or evaluation; names the ones that exist.
    """
    evaluations = RunDirectory.open(run).path / "evaluations"
    if not (evaluations / name).is_dir():
        known = ", ".join(sorted(path.name for path in evaluations.glob("*") if path.is_dir())) or "none"
        raise RunError(f"'{run}' has no evaluation '{name}' (there are: {known}); first: wattloom evaluate {run}")
    return evaluations / name


def _environment(run: str, folder: Path, trust: bool) -> Any:
    """Build the environment that the evaluation was made in."""
    from wattloom.build import build_environment
    from wattloom.loading import LoadedRun

    try:
        overrides = list(json.loads((folder / "summary.json").read_text()).get("overrides", []))
    except (OSError, ValueError) as error:
        raise RunError(f"{folder / 'summary.json'} is missing or damaged: evaluate the run again") from error
    return build_environment(LoadedRun(run, overrides, trust=trust).composed, "evaluation", 1)
