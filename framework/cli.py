"""The command ``wattloom``: a run, a sweep, or a sub-command; every error a user can cause is one message and an exit code."""

from __future__ import annotations

import ast
import dataclasses
import errno
import importlib
import importlib.util
import logging
import os
import re
import sys
import traceback
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import wattloom
from wattloom.errors import DataError, UsageError, WattloomError, did_you_mean, place_of

if TYPE_CHECKING:
    from wattloom.compose import Composed
    from wattloom.loader import Loader

COMMANDS = "wattloom.components.commands"
INTERRUPTED = 130
REFUSED = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT)
"""What a file system says where a folder cannot be written (or read): nothing that a traceback would explain."""

USAGE = """\
Wattloom {version}: simulations for learning to control energy systems, woven from parts.

  wattloom                                     train the default algorithm on the default environment
  wattloom env=pendulum algorithm=sac seed=2   choose parts, set values
  wattloom -m algorithm=td3,sac seed=range(3)  run every combination
  wattloom COMMAND ...                         one of the commands below

options
  -m, --multirun        run every combination of values such as seed=1,2,3
  --cfg job             print the composed configuration and stop
  --config-dir DIR      a further folder of options (may be repeated)
  --trust               build what a run directory of someone else names
  --debug               full tracebacks
  -sc install=bash      print the shell completion (bash, zsh, fish): eval "$(wattloom -sc install=bash)"
  --version, --help
"""


@dataclasses.dataclass(frozen=True, slots=True)
class Arguments:
    """A parsed command line without a command.

    Attributes:
        overrides: ``key=value`` in order.
        multirun: ``-m``.
        show: ``--cfg``.
        config_dirs: ``--config-dir``.
        trust: ``--trust``.
    """

    overrides: tuple[str, ...] = ()
    multirun: bool = False
    show: str | None = None
    config_dirs: tuple[str, ...] = ()
    trust: bool = False


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: 0, 1 failure, 2 usage or configuration, 3 data or run, 130/143 signals."""
    words = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in words
    words = [word for word in words if word != "--debug"]
    _log_to_stderr(debug)
    with warnings.catch_warnings():
        warnings.showwarning = _one_line(warnings.showwarning)
        return _guarded(words, debug)


def _guarded(words: list[str], debug: bool) -> int:
    """Do what the words ask for; every error a user can cause becomes one message."""
    try:
        return _dispatch(words)
    except WattloomError as error:
        return _say(str(error), error.exit_code, debug)
    except KeyboardInterrupt:
        return _say("interrupted", INTERRUPTED, debug)
    except SystemExit as leaving:  # argparse of a command
        return leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
    except BrokenPipeError:  # the reader of a pipe has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        if error.filename is None or error.errno not in REFUSED:
            return _unexpected(error, debug)
        return _say(f"cannot use '{error.filename}': {error.strerror}", DataError.exit_code, debug)
    except Exception as error:
        return _unexpected(error, debug)


def _unexpected(error: Exception, debug: bool) -> int:
    """Print an error that nobody turned into words."""
    return _say(f"{type(error).__name__}: {error}{place_of(error)}\n  (unexpected; --debug shows where)", 1, debug)


def _say(message: str, code: int, debug: bool) -> int:
    """Print one error, with its traceback when debugging, and return the exit code."""
    if debug:
        traceback.print_exc()
    print(f"error: {message}", file=sys.stderr)
    return code


def _log_to_stderr(debug: bool) -> None:
    """Show warnings of this package as plain lines; everything when debugging."""
    log = logging.getLogger("wattloom")
    log.setLevel(logging.DEBUG if debug else logging.INFO)
    if not log.handlers:
        log.addHandler(_Stderr())


def _one_line(usual: Callable[..., None]) -> Callable[..., None]:
    """Return what shows warnings of this package as one line, each text once, and leaves others to ``usual``."""
    shown: set[str] = set()

    def show(message: Warning | str, category: type[Warning], *where: Any, **others: Any) -> None:
        if not category.__module__.startswith("wattloom."):
            usual(message, category, *where, **others)
        elif str(message) not in shown:
            shown.add(str(message))
            print(f"warning: {message}", file=sys.stderr)

    return show


class _Stderr(logging.Handler):
    """Writes to whatever standard error is at that moment (a captured one is replaced from time to time)."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print one record."""
        print(self.format(record), file=sys.stderr)


def _dispatch(words: list[str]) -> int:
    """Decide between help, completion, a command, a sweep and a run."""
    if words[:1] in (["-h"], ["--help"], ["help"]):
        print(help_text())
        return 0
    if words[:1] == ["--version"]:
        print(f"wattloom {wattloom.__version__}")
        return 0
    if words[:1] in (["-sc"], ["--shell-completion"]):
        from wattloom.completion import main as complete

        return complete(words[1:])
    if words and "=" not in words[0] and not words[0].startswith(("-", "+", "~")):
        return _command(words[0], words[1:])
    return _run(parse(words))


def parse(words: Sequence[str]) -> Arguments:
    """Split options from overrides.

    Raises:
        UsageError: An unknown option, or one without its value.
    """
    overrides: list[str] = []
    config_dirs: list[str] = []
    multirun = trust = False
    shown: str | None = None
    rest = iter(words)
    for word in rest:
        name, _, value = word.partition("=") if word.startswith("--") else (word, "", "")
        if name in ("-m", "--multirun"):
            multirun = True
        elif name == "--trust":
            trust = True
        elif name in ("--config-dir", "-cd"):
            config_dirs.append(value or _value(name, rest))
        elif name in ("--cfg", "-c"):
            shown = value or _value(name, rest)
        elif name in ("-h", "--help", "--version"):
            raise UsageError(f"{name} stands alone: wattloom {name} (wattloom describe group=option tells every setting of an option)")
        elif word.startswith("-"):
            known = ["--multirun", "--cfg", "--config-dir", "--trust", "--debug", "--help", "--version", "--shell-completion"]
            raise UsageError(f"no option '{word}'{did_you_mean(name, known)}")
        else:
            overrides.append(word)
    return _consistent(Arguments(tuple(overrides), multirun, shown, tuple(config_dirs), trust))


def _value(option: str, rest: Any) -> str:
    """Return the value that follows an option."""
    value = next(rest, None)
    if value is None:
        raise UsageError(f"{option} needs a value")
    return str(value)


def _consistent(arguments: Arguments) -> Arguments:
    """Refuse combinations that mean nothing."""
    if arguments.show not in (None, "job"):
        raise UsageError(f"--cfg {arguments.show}: only --cfg job exists")
    if arguments.show and arguments.multirun:
        raise UsageError("--cfg job shows one configuration and -m runs many: leave one of them out")
    return arguments


def _run(arguments: Arguments) -> int:
    """Train once, or sweep."""
    if arguments.multirun:
        from wattloom.sweep import run_sweep

        return run_sweep(arguments.overrides, arguments.config_dirs, trust=arguments.trust)
    from wattloom.compose import compose, continuation

    resume = next((text for text in reversed(arguments.overrides) if re.match(r"\+?resume=(?!auto$|null$|$)", text)), None)
    composed = (
        continuation(resume, arguments.overrides, arguments.config_dirs) if resume else compose(arguments.overrides, arguments.config_dirs)
    )
    composed = dataclasses.replace(composed, trust=arguments.trust or None)
    for note in composed.notes:
        print(note, file=sys.stderr)
    if arguments.show:
        print(show(composed), end="")
        return 0
    return train(composed, hint=not arguments.overrides)


def train(composed: Composed, hint: bool = False) -> int:
    """Check everything, say in one line what will be done, and do it."""
    from wattloom.config import RunConfig

    settings = RunConfig.from_composed(composed)
    if settings.resume in (None, "auto"):
        composed.check()
    from wattloom.build import execute

    print(
        announcement(composed, settings.runner.total_steps) + (" (wattloom --help shows what can be changed)" if hint else ""), flush=True
    )
    return execute(composed)


def announcement(composed: Composed, total_steps: int) -> str:
    """Return what a run will do, in one line."""
    config, choices = composed.config, composed.choices
    if config.get("resume") not in (None, "auto"):
        return f"continuing {config['resume']}"
    return f"training {choices.get('algorithm')} on {choices.get('env')}: {total_steps:,} env steps, seed {config['seed']}"


def show(composed: Composed) -> str:
    """Return the resolved configuration as YAML, headed by the choices."""
    import yaml

    chosen = " ".join(f"{group}={option}" for group, option in sorted(composed.choices.items()) if option is not None)
    return f"# {chosen}\n{yaml.safe_dump(composed.config, sort_keys=False, allow_unicode=True)}"


# commands


def commands() -> dict[str, str]:
    """Return the built-in commands with their first line of documentation; imports none of them."""
    spec = importlib.util.find_spec(COMMANDS)
    folders = list(spec.submodule_search_locations or []) if spec is not None else []
    files = sorted(file for folder in folders for file in Path(folder).glob("*.py") if not file.name.startswith("_"))
    return {file.stem: _first_line(file) for file in files}


def _first_line(file: Path) -> str:
    """Return the first line of a module's documentation."""
    text = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return text.partition("\n")[0].replace("``", "")


def _command(name: str, words: list[str]) -> int:
    """Run a built-in command, or one that a plugin registered as kind ``command``."""
    if name in commands():
        module = importlib.import_module(f"{COMMANDS}.{name}")
        return int(module.main(words))
    from wattloom.plugins import discover
    from wattloom.registry import REGISTRY

    discover()
    entry = REGISTRY.find("command", name)
    if entry is None:
        known = [*commands(), *REGISTRY.names("command")]
        raise UsageError(f"no command '{name}'{did_you_mean(name, known)}\n  settings are written key=value")
    return int(REGISTRY.load(entry.target)(words) or 0)


def help_text() -> str:
    """Return the help: usage, commands, and every group with its options."""
    from wattloom.loader import Loader

    loader = Loader.discover()
    lines = [USAGE.format(version=wattloom.__version__), "commands"]
    lines += [f"  {name:<20}  {_without_usage(text)}" for name, text in commands().items()]
    lines += ["", "groups: choose an option with group=option, set a value with group.key=value (wattloom describe group=option)"]
    lines += _group_lines(loader)
    return "\n".join(lines)


def _without_usage(text: str) -> str:
    """Cut ``wattloom name ARGUMENT:`` from the start of a command's documentation."""
    return text.partition(": ")[2] if text.startswith("wattloom ") and ": " in text else text


def _group_lines(loader: Loader) -> list[str]:
    """Return one line a group, shortened to what a terminal shows."""
    lines = []
    for group in loader.groups:
        text = ", ".join(loader.options(group))
        lines.append(f"  {group:<20}  {text if len(text) <= 110 else text[:107].rpartition(',')[0] + ', ...'}")
    return lines
