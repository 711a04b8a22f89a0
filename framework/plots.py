"""Pictures that an environment draws of an evaluation, from the tables that it wrote (:mod:`wattloom.reports`).

An environment offers them in ``plots``: name to a function of a :class:`PlotRequest` that returns a matplotlib figure. The command ``plot`` draws them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wattloom.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True)
class PlotRequest:
    """What is to be drawn.

    Attributes:
        folder: Folder of the evaluation.
        run: Which method, as the column ``run`` of the tables says.
        days: Which days, as the column ``day`` says; None: all.
        seed: Reset seed of the episode; None: the first in which a day occurs.
    """

    folder: Path
    run: str
    days: tuple[int, ...] | None = None
    seed: int | None = None


Plot = Callable[[PlotRequest], "Figure"]


def plots_of(environment: Any) -> Mapping[str, Plot]:
    """Return the pictures that ``environment`` offers."""
    offered = getattr(environment, "plots", {})
    return offered if isinstance(offered, Mapping) else {}


def chosen(what: str, asked: Iterable[Any], available: Sequence[Any]) -> list[Any]:
    """Return what is asked for, in the order of ``available``.

    Raises:
        UsageError: Something that there is not; names what there is.
    """
    wanted = list(asked)
    for one in wanted:
        if one not in available:
            hint = did_you_mean(one, available) if isinstance(one, str) else ""
            listed = ", ".join(map(str, available[:40])) + (", …" if len(available) > 40 else "")
            raise UsageError(f"no {what} {one!r} in this evaluation{'' if hint.startswith('; known') else hint}; there are: {listed}")
    return [one for one in available if one in wanted]
