"""What to do about holes and blemishes: repair is asked for by name, bounded, counted and reported."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal, get_args

from wattloom.errors import ConfigError

Missing = Literal["error", "interpolate", "hold", "mean"]
Duplicates = Literal["error", "first", "last"]
Text = Literal["error", "missing"]
Negative = Literal["error", "clip", "keep"]
Outliers = Literal["warn", "error", "missing"]
_CHOICES = {"missing": Missing, "duplicates": Duplicates, "text": Text, "negative": Negative, "outliers": Outliers}


@dataclass(frozen=True, slots=True)
class Policies:
    """How a file's blemishes are treated.

    Attributes:
        missing: Values that are absent: refuse; join the neighbours by a line; repeat the last value; or the mean of the series.
        max_gap_hours: Longest stretch that ``interpolate`` and ``hold`` may fill, hours.
        duplicates: Rows with equal stamps: refuse, or take the first or last.
        text: Cells that are no numbers: refuse, or count as missing.
        negative: Negative values where none can be: refuse, set to zero, or keep. (Tiny ones, above -1 % of the maximum, are set to zero unless kept.)
        outliers: Isolated values far off: warn, refuse, or count as missing.

    Raises:
        ConfigError: If a choice is unknown.
    """

    missing: Missing = "interpolate"
    max_gap_hours: float = 3.0
    duplicates: Duplicates = "error"
    text: Text = "error"
    negative: Negative = "error"
    outliers: Outliers = "warn"

    def __post_init__(self) -> None:
        for part in fields(self):
            choices = get_args(_CHOICES.get(part.name))
            value = getattr(self, part.name)
            if choices and value not in choices:
                raise ConfigError(f"{part.name}={value!r}: choose one of {', '.join(choices)}")
