"""Opening a file for reading: plain or compressed text, on disk or inside an installed package."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
from collections.abc import Callable
from importlib.machinery import PathFinder
from pathlib import Path
from typing import IO, Any, cast

from wattloom.components.sources.formats.findings import Finding, UnreadableError
from wattloom.errors import DataError, nearest

_MAGIC: tuple[tuple[bytes, Callable[[Path], Any]], ...] = (
    (b"\x1f\x8b", gzip.GzipFile),
    (b"BZh", bz2.BZ2File),
    (b"\xfd7zXZ", lzma.LZMAFile),
)
COMPRESSED = (".gz", ".bz2", ".xz")
_FOREIGN = (  # how files begin that hold no table, what they are, and what to do
    (b"PK\x03\x04", "a zip archive or a spreadsheet", "unpack it, or save the sheet as CSV"),
    (b"\xd0\xcf\x11\xe0", "a spreadsheet", "save the sheet as CSV"),
    (b"%PDF", "a PDF document", "export the table as CSV"),
    (b"version https://git-lfs", "a pointer of Git LFS", "fetch the file itself: git lfs pull"),
    (b"<!doctype html", "a web page", "download the file itself, not the page about it"),
    (b"<html", "a web page", "download the file itself, not the page about it"),
)
HEAD_LINES = 60


def resolve(path: str | Path, package: str | None = None) -> Path:
    """Return the file meant by ``path``, or by ``path`` inside the installed ``package`` (which is not imported).

    Raises:
        UnreadableError: If there is no such file; names that look alike are given.
        DataError: If the package is not installed.
    """
    found = package_folder(package) / path if package else Path(path).expanduser()
    if found.is_file():
        return found
    name = f"{package}:{path}" if package else str(path)
    raise UnreadableError([Finding("error", "file_missing", name, *_missing(found), value=str(path))])


def package_folder(package: str) -> Path:
    """Return the folder of an installed package, found without importing it.

    Raises:
        DataError: If it is not installed.
    """
    places: list[str] | None = None
    for part in package.split("."):
        spec = PathFinder.find_spec(part, places)
        if spec is None or not spec.submodule_search_locations:
            raise DataError(f"package {package!r} is not installed (or is a single module without data); pip install it, or give a path")
        places = list(spec.submodule_search_locations)
    assert places is not None  # a name has at least one part
    return Path(places[0])


def _missing(path: Path) -> tuple[str, str]:
    if path.is_dir():
        return "this is a folder", "name a file inside it"
    if not path.parent.is_dir():
        return f"no such file, and no folder {path.parent}", "check the path; a relative path begins at the working directory"
    alike = nearest(path.name, (p.name for p in path.parent.iterdir()))
    return (
        "no such file",
        f"did you mean {path.parent / alike}?" if alike else "check the path; a relative path begins at the working directory",
    )


def refuse_foreign(path: Path) -> None:
    """Refuse a file that is no table at all, by its first bytes.

    Raises:
        UnreadableError: It is an archive, a spreadsheet, a web page, ...
    """
    try:
        with open_bytes(path) as raw:
            start = raw.read(64).lstrip().lower()
    except (EOFError, OSError, lzma.LZMAError) as error:
        raise damaged(path, error) from error
    for begin, what, fix in _FOREIGN:
        if start.startswith(begin.lower()):
            raise UnreadableError([Finding("error", "format_unknown", str(path), f"this is {what}", fix, 1)])


def open_bytes(path: Path) -> IO[bytes]:
    """Open a file whose compression is told by its first bytes."""
    with path.open("rb") as raw:
        start = raw.read(6)
    for magic, opener in _MAGIC:
        if start.startswith(magic):
            return cast("IO[bytes]", opener(path))
    return path.open("rb")


def open_text(path: Path, encoding: str = "utf-8-sig") -> IO[str]:
    """Open a file as text (compression told by its first bytes, a byte-order mark dropped)."""
    return io.TextIOWrapper(open_bytes(path), encoding=encoding, newline=None)


def encoding_of(path: Path) -> str:
    """Return ``"utf-8-sig"``, ``"utf-16"`` where a mark says so, or ``"latin-1"`` where the first megabyte is not UTF-8."""
    with open_bytes(path) as raw:
        start = raw.read(1 << 20)
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    try:
        start.decode("utf-8")
    except UnicodeDecodeError as error:
        return "utf-8-sig" if error.start > len(start) - 4 else "latin-1"
    return "utf-8-sig"


def head_of(path: Path) -> list[str]:
    """Return the first lines of a text file without their ends; empty for binary files.

    Raises:
        UnreadableError: If the file is empty, or its compression is damaged.
    """
    try:
        with open_text(path, encoding_of(path)) as text:
            lines = [line.rstrip("\n") for _, line in zip(range(HEAD_LINES), text, strict=False)]
    except (EOFError, OSError, lzma.LZMAError) as error:
        raise damaged(path, error) from error
    if not any(line.strip() for line in lines):
        raise UnreadableError([Finding("error", "file_empty", str(path), "the file holds no data", "download or export it again")])
    return [] if any("\0" in line for line in lines) else lines


def damaged(path: Path, error: BaseException) -> UnreadableError:
    """Return the error for a file that ends early or is damaged."""
    text = f"cannot be read to the end ({type(error).__name__}: {error})"
    return UnreadableError([Finding("error", "file_damaged", str(path), text, "copy or download it again")])


def plain_suffix(path: Path) -> str:
    """Return the file name's ending in lower case, compression aside."""
    name = path.name.lower()
    for ending in COMPRESSED:
        name = name.removesuffix(ending)
    return Path(name).suffix
