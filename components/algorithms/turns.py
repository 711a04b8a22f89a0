"""In which order policies are improved that take turns: the key that algorithms of this kind share, and what it means.

Annotations are objects here, not text: the signatures of the algorithms, which live in other modules, are read from them.
"""

from dataclasses import dataclass

import torch

from wattloom.components.algorithms import ranges

UPDATE_ORDERS = ("random", "fixed", "reverse")


@dataclass(kw_only=True, eq=False)
class TurnKeys:
    """What algorithms have whose policies are improved one after the other.

    Attributes:
        update_order: ``random`` (drawn anew at every update), ``fixed`` or ``reverse``.
    """

    update_order: str = "random"

    def check_order(self) -> None:
        """Refuse an order that does not exist.

        Raises:
            ConfigError: Names those that do.
        """
        ranges.one_of("algorithm.update_order", self.update_order, UPDATE_ORDERS)


def turns(order: str, agents: int, generator: torch.Generator) -> list[int]:
    """Return the order in which agents are improved: as declared, backwards, or a new permutation."""
    if order == "random":
        return [int(i) for i in torch.randperm(agents, generator=generator)]
    return list(range(agents)) if order == "fixed" else list(range(agents - 1, -1, -1))
