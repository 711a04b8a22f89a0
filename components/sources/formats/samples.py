"""Readings of thousands of machines, too many for memory, as one series: mean of each machine and hour, then mean over machines."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from wattloom.components.sources.formats.cells import Measured
from wattloom.components.sources.formats.descriptor import ColumnSpec, Format, Samples
from wattloom.components.sources.formats.findings import Finding, UnreadableError
from wattloom.components.sources.formats.opening import damaged, encoding_of, open_text
from wattloom.components.sources.formats.quantities import SERIES, to_house
from wattloom.components.sources.series import Floats

if TYPE_CHECKING:
    import pandas as pd

CHUNK = 2_000_000  # rows held at once


def read_samples(path: Path, made: Format) -> tuple[Measured, list[Finding], int]:
    """Read and aggregate machine readings.

    Args:
        path: The file.
        made: A format with ``samples``.

    Returns:
        The series, what was noticed, and the number of rows.

    Raises:
        UnreadableError: If the file is damaged, or holds no valid reading.
    """
    import pandas as pd

    spec = made.samples
    assert spec is not None  # asked by the caller
    parts: list[pd.DataFrame] = []
    rows, invalid, first_invalid = 0, 0, (0, "")
    try:
        with open_text(path, encoding_of(path)) as text:
            for chunk in _chunks(text, made, spec):
                good, bad = _valid(chunk, spec)
                if len(bad) and not invalid:
                    first_invalid = (int(bad.index[0]) + made.layout.skip_lines + int(made.layout.header) + 1, str(bad[spec.value].iloc[0]))
                rows, invalid = rows + len(chunk), invalid + len(bad)
                parts.append(_sums(good, spec))
    except (EOFError, OSError, ValueError, pd.errors.ParserError) as error:
        raise damaged(path, error) from error
    found = []
    if invalid:
        text_ = f"{invalid} of {rows} readings are no numbers within {spec.low:g} .. {spec.high:g} {spec.unit}: left out"
        found = [
            Finding("warning", "invalid_reading", str(path), text_, "nothing", *first_invalid[:1], spec.value, first_invalid[1], invalid)
        ]
    return _series(path, parts, spec), found, rows


def _chunks(text: object, made: Format, spec: Samples) -> pd.io.parsers.TextFileReader:
    import pandas as pd

    layout = made.layout
    chunks: pd.io.parsers.TextFileReader = pd.read_csv(
        text,  # type: ignore[call-overload]  # an open text file
        sep=layout.separator,
        header=0 if layout.header else None,
        names=None if layout.header else list(layout.names),
        usecols=[spec.machine, spec.time, spec.value],
        skiprows=layout.skip_lines,
        chunksize=CHUNK,
        dtype={spec.machine: str},
    )
    return chunks


def _valid(chunk: pd.DataFrame, spec: Samples) -> tuple[pd.DataFrame, pd.DataFrame]:
    import pandas as pd

    value = pd.to_numeric(chunk[spec.value], errors="coerce")
    time = pd.to_numeric(chunk[spec.time], errors="coerce")
    good = value.between(spec.low, spec.high) & (time >= 0)
    return chunk[good].assign(**{spec.value: value[good], spec.time: time[good]}), chunk[~good]


def _sums(chunk: pd.DataFrame, spec: Samples) -> pd.DataFrame:
    hour = (chunk[spec.time] * spec.scale // spec.step_seconds).astype(np.int64)
    return chunk.groupby([chunk[spec.machine], hour.rename("hour")])[spec.value].agg(["sum", "count"])


def _series(path: Path, parts: list[pd.DataFrame], spec: Samples) -> Measured:
    import pandas as pd

    if not parts or not sum(len(part) for part in parts):
        raise UnreadableError([Finding("error", "file_empty", str(path), "no valid reading", "check the format")])
    total = pd.concat(parts).groupby(level=[0, 1]).sum()
    per_hour = (total["sum"] / total["count"]).groupby(level="hour").mean()
    hours = np.asarray(per_hour.index, dtype=np.int64)
    values: Floats = np.full(int(hours[-1] - hours[0]) + 1, np.nan)
    values[hours - hours[0]] = per_hour.to_numpy()
    quantity = SERIES[spec.series]
    house, unit = to_house(values, spec.unit, quantity)
    column = ColumnSpec(spec.series, spec.value, spec.unit, quantity)
    lines = np.zeros(values.size, dtype=np.int64)
    return Measured(spec.series, spec.value, house, lines, unit, spec.unit, quantity, spec.step_seconds, str(path), column)
