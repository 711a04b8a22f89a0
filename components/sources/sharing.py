"""Load a source once a process and share its read-only table."""

from __future__ import annotations

from collections.abc import Hashable
from functools import lru_cache
from typing import TYPE_CHECKING, cast

from wattloom.components.sources.calendar import Calendar
from wattloom.components.sources.table import Table
from wattloom.errors import ConfigError

if TYPE_CHECKING:
    from wattloom.components.sources.protocol import Source


def table_of_part(name: str, part: object, calendar: Calendar, seed: int = 0) -> Table:
    """Return the table of an environment's part ``name``: of a source, loaded once a process, or a table as it is.

    Raises:
        ConfigError: The part is no source, one of another kind, or loads no table.
    """
    from wattloom.components.sources.protocol import Source

    if isinstance(part, Table) or all(hasattr(part, entry) for entry in ("calendar", "values", "column")):
        return cast(Table, part)  # or what reads like one
    what = f"{name} ({type(part).__module__}.{type(part).__qualname__})"
    lacking = [entry for entry in ("kind", "load") if not hasattr(part, entry)]
    if lacking or not isinstance(part, Source):
        raise ConfigError(f'{what} is no source, it lacks {" and ".join(lacking)}: give it kind = "{name}" and load(calendar, seed)')
    if part.kind != name:
        raise ConfigError(f"{what} is a source of {part.kind!r}: use it as {part.kind}=..., or set its kind to {name!r}")
    table = shared(part, calendar, seed)
    if not isinstance(table, Table):
        raise ConfigError(
            f"{what}: load returned a {type(table).__name__}, not a Table; wattloom.components.sources.loading.table_of makes one"
        )
    return table


def shared(source: Source, calendar: Calendar, seed: int = 0) -> Table:
    """Load a source once a process: environments that ask for the same source, calendar and seed read the same arrays.

    A source that is hashable (a frozen dataclass is) counts as the same when its parameters are equal. A source that reads a file also offers
    ``fingerprint() -> str``, so that a changed file is read again. Tables are immutable, so sharing cannot be noticed.
    """
    if not isinstance(source, Hashable):
        return source.load(calendar, seed)
    try:
        hash(source)
    except TypeError:  # a field, such as a list of transforms, that cannot be hashed
        return source.load(calendar, seed)
    fingerprint = getattr(source, "fingerprint", None)
    return _load(source, calendar, seed, fingerprint() if callable(fingerprint) else "")


@lru_cache(maxsize=64)
def _load(source: Source, calendar: Calendar, seed: int, fingerprint: str) -> Table:
    return source.load(calendar, seed)
