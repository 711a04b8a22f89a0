"""What the contract suite reports."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault of an environment.

    Attributes:
        name: Fixed name of the fault, e.g. ``"reset-not-seeded"``.
        message: Where it showed (agent, copy, step) and what the contract asks.
    """

    name: str
    message: str

    def __str__(self) -> str:
        return f"{self.name}: {self.message}"
