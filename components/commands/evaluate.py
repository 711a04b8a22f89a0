"""``wattloom evaluate RUN …``: whole episodes on fixed seeds, beside references on the same seeds, in physical units."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wattloom.errors import ConfigError, RunError, UsageError, did_you_mean
from wattloom.views.text import counted, shown_path

if TYPE_CHECKING:
    from wattloom.comparison import Comparison, Line
    from wattloom.evaluation import EvaluationResult
    from wattloom.figures import Figure
    from wattloom.loading import LoadedRun
    from wattloom.reports import Played, StepReport

SUMMARY = "play whole episodes with trained policies, beside references"
BASELINE_HELP = (
    "comma list of references to play on the same seeds, with settings after + and a label before :, e.g. zero,bound:opf+batteries=true; "
    "none: none (default: those that the environment names)"
)
SAMPLED_HELP = "also draw actions from policies, beside the most probable ones (default: where the policy is stochastic)"
OUTPUT_HELP = "folder of the comparison (default: evaluations/NAME of the run, or of the folder that holds several)"


def parser() -> argparse.ArgumentParser:
    """Return the parser of this command."""
    parse = argparse.ArgumentParser(prog="wattloom evaluate", description=__doc__)
    add = parse.add_argument
    add("words", nargs="+", metavar="RUN|OVERRIDE", help="run directories, or folders of runs, and changes to their configuration")
    add("--checkpoint", default="best", help="best, latest or a step number (default: %(default)s)")
    add("--episodes", type=int, default=None, help="whole episodes (default: evaluation.held_back of the run, else 10)")
    add("--seeds", default=None, help="comma list of reset seeds (default: the run's held-back seeds: 2000, 2001, …)")
    add("--baseline", default=None, help=BASELINE_HELP)
    add(
        "--gap", default=None, help="FROM:TO, references between which policies are placed (default: the environment's, if both are played)"
    )
    add("--sampled", action=argparse.BooleanOptionalAction, default=None, help=SAMPLED_HELP)
    add("--figures", default=None, help="comma list of figures to print (default: all; files hold all)")
    add("--name", default="evaluation", help="folder under evaluations/ (default: %(default)s)")
    add("--output", default=None, help=OUTPUT_HELP)
    add("--json", action="store_true", help="print the summary as JSON")
    add("--trust", action="store_true", help="build targets named by a run directory that is not yours")
    return parse


def main(argv: Sequence[str]) -> int:
    """Evaluate and return the exit code."""
    options = parser().parse_intermixed_args(list(argv))  # overrides may follow options
    from wattloom.loading import LoadedRun
    from wattloom.telemetry.json import dumps
    from wattloom.views.comparison import comparison_text

    overrides = [word for word in options.words if "=" in word]
    paths = run_paths([word for word in options.words if "=" not in word])
    runs = [LoadedRun(path, overrides, trust=options.trust) for path in paths]
    folder = _folder(runs, options)
    if not _writable(folder):  # said before anything is played
        raise RunError(f"cannot write the evaluation into '{folder}'; give --output a folder that you may write")
    match = Match.of(runs, options)
    comparison, written = match.play()
    about = match.about() | {"overrides": overrides}
    match.write(folder, comparison, about)
    if options.json:
        print(dumps({**about, **comparison.summary()}, indent=2))
    else:
        print(f"{match.headline()}\n\n{comparison_text(comparison, _shown(options.figures, comparison.figures))}\n")
        print("\n".join(f"written to {shown_path(path)}" for path in dict.fromkeys([*written, folder])))
    return 0


def run_paths(words: Sequence[str]) -> list[str]:
    """Return the run directories that are meant: a folder of runs, such as a sweep, stands for all of them.

    Raises:
        UsageError: None is named.
    """
    from wattloom.run_directory import find_runs

    found: list[str] = []
    for word in words:
        folder = Path(word)
        if folder.name == "evaluations":  # a shell's RUNS/* meets the comparisons that were written there
            continue
        within = [] if (folder / "config.yaml").is_file() or not folder.is_dir() else sorted(map(str, find_runs(folder)))
        found += within or [word]
    if not found:
        raise UsageError("name a run directory to evaluate")
    return list(dict.fromkeys(found))


@dataclass
class Match:
    """Runs and references that play the same episodes.

    Attributes:
        runs: The runs.
        checkpoints: What is played of each.
        seeds: Reset seeds.
        references: Names of the references that were asked for, or that the environment names.
        gap: The pair of references that policies are placed between; None: the first and the last played of ``named``.
        named: Labels of the references that the environment names.
        needed: References that were asked for: one of them that cannot serve is an error; others are left out.
        sampled: Whether stochastic policies are sampled too; None: yes.
        name: Folder of the evaluation.
        figures: What the environment says about episodes.
        output: ``--output``: takes what belongs to a run whose own folder cannot be written.
    """

    runs: list[LoadedRun]
    checkpoints: list[Any]
    seeds: list[int]
    references: list[str]
    gap: tuple[str, str] | None
    named: tuple[str, ...]
    needed: frozenset[str]
    sampled: bool | None
    name: str
    figures: tuple[Figure, ...] = ()
    output: Path | None = None

    @classmethod
    def of(cls, runs: list[LoadedRun], options: argparse.Namespace) -> Match:
        """Read the command line against the runs' environment.

        Raises:
            UsageError: Runs of different environments, or names that mean nothing.
        """
        from wattloom.build import build_environment
        from wattloom.environment import EnvironmentSpec
        from wattloom.figures import figures_of
        from wattloom.reference_names import gap_of, label_of, split_references

        _refuse_different(runs)
        environment = build_environment(runs[0].composed, "evaluation", 1)
        try:
            figures, named = figures_of(EnvironmentSpec.of(environment)), list(getattr(environment, "references", ()))
        finally:
            environment.close()
        asked = options.baseline is not None
        chosen = named if not asked else [] if options.baseline == "none" else split_references(options.baseline)
        gap = None if options.gap is None else gap_of(options.gap)
        known, labels = {label_of(name): name for name in named}, {label_of(name) for name in chosen}
        references = [*chosen, *(known.get(label, label) for label in gap or () if label not in labels)]
        checkpoints = [run.checkpoint(options.checkpoint) for run in runs]
        needed = frozenset([*(chosen if asked else ()), *(name for name in references if label_of(name) in (gap or ()))])
        output = None if options.output is None else Path(str(options.output))
        seeds = _seeds(options, runs[0])
        return cls(runs, checkpoints, seeds, references, gap, tuple(known), needed, options.sampled, options.name, figures, output)

    def play(self) -> tuple[Comparison, list[Path]]:
        """Play everything and return the comparison and the files that the environment wrote."""
        from wattloom.comparison import Comparison, compared_figures

        shared: list[StepReport] = []
        references: list[Line] = []
        for name in self.references:
            line = self._reference(name, shared)
            references += [] if line is None else [line]
        policies: list[Line] = []
        own: list[list[StepReport]] = [[] for _ in self.runs]
        names = {line.name for line in references}
        for name, members in _groups(self.runs).items():
            policies += self._policies(f"{name} (run)" if name in names else name, members, own)
        between = [label for label in self.named if label in names]
        gap = self.gap or ((between[0], between[-1]) if len(between) > 1 else None)
        written = [path for run, reports in zip(self.runs, own, strict=True) for path in self._write_reports(run, [*reports, *shared])]
        return Comparison(compared_figures(self.figures), (*policies, *references), gap), written

    def _reference(self, name: str, reports: list[StepReport]) -> Line | None:
        """Play one reference; None where the environment names one that cannot serve here."""
        from wattloom.comparison import Line
        from wattloom.reference_names import build_reference, label_of
        from wattloom.reports import Played

        label = label_of(name)
        try:
            privileged = build_reference(name, self.runs[0].composed).privileged
            played = Played(label, tuple(self.seeds), is_reference=True, privileged=privileged)
            result = self._one(self.runs[0], played, reports, baseline=name)
        except ConfigError as error:
            if name in self.needed:
                raise
            print(f"left out: {label} ({error})", file=sys.stderr)
            return None
        return Line(label, (result,), privileged=privileged)

    def _policies(self, name: str, members: list[int], reports: list[list[StepReport]]) -> list[Line]:
        """Play the runs of one configuration, without exploration, and sampled where the policy is stochastic."""
        from wattloom.build import build_algorithm
        from wattloom.comparison import Line
        from wattloom.reports import Played

        algorithm = build_algorithm(self.runs[members[0]].composed)
        if self.sampled and not algorithm.stochastic:
            raise UsageError(f"--sampled: the policy of {name} is deterministic, there is nothing to draw")
        lines = []
        for sampled in (False, True) if algorithm.stochastic and self.sampled is not False else (False,):
            title = f"{name}, sampled" if sampled else name
            results = []
            for k in members:
                seed = int(self.runs[k].config["seed"])
                played = Played(title, tuple(self.seeds), sampled=sampled, privileged=algorithm.privileged, training_seed=seed)
                results.append(self._one(self.runs[k], played, reports[k], checkpoint=self.checkpoints[k], sampled=sampled))
            labels = tuple(shown_path(self.runs[k].directory.path) for k in members)
            lines.append(Line(title, tuple(results), labels, algorithm.privileged, sampled))
        return lines

    def _one(self, run: LoadedRun, played: Played, reports: list[StepReport], **how: Any) -> EvaluationResult:
        """Play one method in one run's environment, with the environment's own report listening."""
        from wattloom.reports import open_report

        def watch(environment: Any) -> StepReport | None:
            report = open_report(environment, played)
            reports.extend([] if report is None else [report])
            return report

        return run.evaluate(self.seeds, watch=watch, **how)

    def _write_reports(self, run: LoadedRun, reports: list[StepReport]) -> list[Path]:
        """Write the environment's files into the run's folder, and return the folder if there are any."""
        from wattloom.reports import write_reports

        folder = self._own_folder(run)
        if reports:
            folder.mkdir(parents=True, exist_ok=True)
        return [folder] if write_reports(folder, reports) else []

    def _own_folder(self, run: LoadedRun) -> Path:
        """Return where the files of one run go: into it, or below ``--output`` where it cannot be written."""
        folder = run.directory.path / "evaluations" / self.name
        if self.output is None or _writable(folder):
            return folder
        return self.output if len(self.runs) == 1 else self.output / run.directory.path.name

    def write(self, folder: Path, comparison: Comparison, about: Mapping[str, Any]) -> None:
        """Write the comparison of all runs, and of several runs also each run's own."""
        from wattloom.views.comparison import write_comparison

        write_comparison(folder, comparison, about)
        if len(self.runs) == 1:
            return
        for k, run in enumerate(self.runs):
            path = shown_path(run.directory.path)
            own = {"runs": [path], "checkpoints": [self.checkpoints[k].path.name]}
            write_comparison(self._own_folder(run), _only(comparison, path), {**about, **own})

    def about(self) -> dict[str, Any]:
        """Return what was played, for the JSON file."""
        paths = [shown_path(run.directory.path) for run in self.runs]
        return {"runs": paths, "checkpoints": [one.path.name for one in self.checkpoints], "seeds": self.seeds}

    def headline(self) -> str:
        """Return what was played, in words."""
        about = self.about()
        first = f"{about['runs'][0]}  checkpoint {about['checkpoints'][0]}" if len(self.runs) == 1 else counted(len(self.runs), "run")
        return f"{first}  {counted(len(self.seeds), 'whole episode')}, seeds {_span(self.seeds)}"


def _only(comparison: Comparison, run: str) -> Comparison:
    """Return the comparison of one run alone."""
    lines = []
    for line in comparison.lines:
        if line.is_reference:
            lines.append(line)
        elif run in line.runs:
            lines.append(replace(line, results=(line.results[line.runs.index(run)],), runs=(run,)))
    return replace(comparison, lines=tuple(lines))


def _groups(runs: Sequence[LoadedRun]) -> dict[str, list[int]]:
    """Return runs of one configuration by name: that of the algorithm, with a number where its settings differ."""
    found: list[tuple[str, Any, list[int]]] = []
    for k, run in enumerate(runs):
        name, node = str(run.composed.choices["algorithm"]), run.config["algorithm"]
        for other, settings, members in found:
            if other == name and settings == node:
                members.append(k)
                break
        else:
            found.append((name, node, [k]))
    names: dict[str, list[int]] = {}
    for name, _, members in found:
        free = name if name not in names else next(f"{name} {n}" for n in range(2, len(found) + 2) if f"{name} {n}" not in names)
        names[free] = members
    return names


def _refuse_different(runs: Sequence[LoadedRun]) -> None:
    """Refuse runs that would not meet the same episodes.

    Raises:
        UsageError: Their environments differ; names the first key.
    """
    first, *others = ({**run.config["env"], "num_envs": 1, "evaluation.overrides": run.config["evaluation"]["overrides"]} for run in runs)
    for run, other in zip(runs[1:], others, strict=True):
        for key in sorted({*first, *other}):
            if first.get(key) != other.get(key):
                name = key if "." in key else f"env.{key}"
                raise UsageError(
                    f"{shown_path(run.directory.path)} was trained in another environment than {shown_path(runs[0].directory.path)}: "
                    f"{name} is {other.get(key)!r}, not {first.get(key)!r}; evaluate them one by one"
                )


def _folder(runs: Sequence[LoadedRun], options: argparse.Namespace) -> Path:
    """Return where the comparison goes."""
    if options.output is not None:
        return Path(str(options.output))
    folders = [run.directory.path for run in runs]
    common = folders[0] if len(runs) == 1 else Path(os.path.commonpath(folders))
    return common / "evaluations" / str(options.name)


def _writable(folder: Path) -> bool:
    """Return whether ``folder``, or the nearest one above it that is there, can be written."""
    here = folder.absolute()
    return os.access(next(path for path in (here, *here.parents) if path.exists()), os.W_OK)


def _seeds(options: argparse.Namespace, run: LoadedRun) -> list[int]:
    """Return the reset seeds."""
    from wattloom.config import RunConfig

    if options.episodes is not None and options.episodes < 1:
        raise UsageError(f"--episodes must be at least 1, not {options.episodes}")
    if options.seeds is None:
        return list(RunConfig.from_composed(run.composed).evaluation.unseen_seeds(options.episodes))
    try:
        seeds = [int(item) for item in options.seeds.split(",")]
    except ValueError:
        raise UsageError(f"--seeds must be a comma list of integers, not '{options.seeds}'") from None
    if options.episodes is not None and options.episodes != len(seeds):
        raise UsageError(f"--seeds lists {len(seeds)} seeds and --episodes says {options.episodes}: leave one of them out")
    return seeds


def _shown(text: str | None, figures: Sequence[Figure]) -> list[Figure]:
    """Return the figures to print.

    Raises:
        UsageError: An unknown name.
    """
    if text is None:
        return list(figures)
    known = {figure.name: figure for figure in figures}
    for name in text.split(","):
        if name not in known:
            raise UsageError(f"--figures: no figure '{name}'{did_you_mean(name, known)}")
    return [known[name] for name in text.split(",")]


def _span(seeds: Sequence[int]) -> str:
    """Return ``2000 to 2009`` where the seeds follow each other, else the first ones."""
    if len(seeds) > 2 and list(seeds) == list(range(seeds[0], seeds[0] + len(seeds))):
        return f"{seeds[0]} to {seeds[-1]}"
    return ", ".join(str(seed) for seed in seeds[:8]) + (", …" if len(seeds) > 8 else "")
