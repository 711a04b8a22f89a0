"""wattloom new KIND NAME: write a working component of your own, its YAML and its test into the working directory."""

from __future__ import annotations

import argparse
import importlib.util
import keyword
from collections.abc import Sequence
from pathlib import Path
from string import Template

from wattloom.components.commands._templates import TEMPLATES
from wattloom.errors import UsageError
from wattloom.loader import Loader

TRY = {
    "env": "wattloom env={name}",
    "algorithm": "wattloom algorithm={name}",
    "hooks": "wattloom +hooks={name}",
}


def main(argv: Sequence[str]) -> int:
    """Write the three files and say what to do with them."""
    parser = argparse.ArgumentParser(prog="wattloom new", description=__doc__)
    parser.add_argument("kind", choices=sorted(TEMPLATES))
    parser.add_argument("name", help="lower case, e.g. my_site: the module and the option are called so")
    options = parser.parse_args(list(argv))
    files = plan(options.kind, options.name, Path.cwd())
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(f"wrote {path.relative_to(Path.cwd())}")
    first = "" if importlib.util.find_spec("pytest") else "  (pip install pytest first)"
    print(f"try:  {TRY[options.kind].format(name=options.name)}\n      python -m pytest tests/test_{options.name}.py{first}")
    return 0


def plan(kind: str, name: str, folder: Path) -> dict[Path, str]:
    """Return the files to write, with their text.

    Raises:
        UsageError: The name is no module name, is taken, or a file is there already.
    """
    if not name.isidentifier() or keyword.iskeyword(name) or name != name.lower():
        raise UsageError(f"'{name}' cannot name a module: use lower-case letters, digits and '_'")
    if name in Loader.discover().options(kind):
        raise UsageError(f"{kind}={name} exists already; choose another name")
    paths = (folder / f"{name}.py", folder / "conf" / kind / f"{name}.yaml", folder / "tests" / f"test_{name}.py")
    for path in paths:
        if path.exists():
            raise UsageError(f"{path.relative_to(folder)} exists already; nothing was written")
    if importlib.util.find_spec(name) is not None:
        raise UsageError(f"'{name}' is the name of an installed module, which would hide yours; choose another name")
    words = {"name": name, "Class": "".join(part.capitalize() for part in name.split("_")), "Title": name.replace("_", " ").capitalize()}
    return {path: Template(text).substitute(words) for path, text in zip(paths, TEMPLATES[kind], strict=True)}
