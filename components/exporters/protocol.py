"""What a format for trained policies can do: write one agent's policy, and run the file that was written."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias, cast

from wattloom.environment import Array
from wattloom.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from torch import nn

Inputs: TypeAlias = Mapping[str, Array]
"""``observation`` float32 ``(B, *observation_shape)`` and, where the environment masks choices, ``action_mask`` bool ``(B, sum of choices)``."""

Outputs: TypeAlias = Mapping[str, Array]
"""``action`` first, then what the policy's density is made of; see :meth:`wattloom.algorithm.Algorithm.module`."""

Runner: TypeAlias = Callable[[Inputs], Outputs]
"""An exported policy, for any number of rows."""


class Exporter(Protocol):
    """A module of this package."""

    SUFFIX: str
    """Ending of the file name, with its dot."""

    def write(self, policy: nn.Module, sample: Inputs, path: Path, metadata: Mapping[str, str]) -> None:
        """Write ``policy`` to ``path``.

        Args:
            policy: From :meth:`wattloom.algorithm.Algorithm.module`.
            sample: Inputs of a few rows; the file must accept any number.
            path: The file.
            metadata: Texts that travel inside the file.

        Raises:
            MissingExtraError: An optional package is not installed.
        """
        ...

    def load(self, path: Path) -> Runner:
        """Return the policy in ``path``, run by the format's own runtime."""
        ...


def formats() -> tuple[str, ...]:
    """Return the names of all formats."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)]) if module.name != "protocol"))


def exporter(name: str) -> Exporter:
    """Return the format of that name.

    Raises:
        UsageError: There is none.
    """
    if name not in formats():
        raise UsageError(f"--format {name} is unknown{did_you_mean(name, formats())}")
    return cast(Exporter, importlib.import_module(f"{__package__}.{name}"))
