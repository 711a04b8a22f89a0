"""The matrix products of one TD3 or SAC update, and nothing else: what no implementation in float32 can go below.

Every product has the shape that the algorithm needs (thin first layers and heads included), runs in preallocated memory and by the fastest of
PyTorch's calls for its shape. Products whose result nobody needs are left out.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch


class Products:
    """A list of ``a @ b`` on fixed memory; ``members`` products of one shape share a call where that is faster (thin ones)."""

    def __init__(self) -> None:
        self._calls = []

    def add(self, n: int, k: int, m: int, members: int = 1, transposed: str = "") -> None:
        a = torch.randn(members, k, n).transpose(1, 2) if "a" in transposed else torch.randn(members, n, k)
        b = torch.randn(members, m, k).transpose(1, 2) if "b" in transposed else torch.randn(members, k, m)
        out = torch.empty(members, n, m)
        if members == 1 or n * k * m >= 2**21:
            self._calls += [(torch.mm, a[i], b[i], out[i]) for i in range(members)]
        else:
            self._calls.append((torch.bmm, a, b, out))

    def forward(self, batch: int, inputs: int, hidden: int, outputs: int, members: int = 1) -> None:
        self.add(batch, inputs, hidden, members)
        self.add(batch, hidden, hidden, members)
        self.add(outputs, hidden, batch, members, "b")

    def weights(self, batch: int, inputs: int, hidden: int, outputs: int, members: int = 1) -> None:
        self.add(outputs, batch, hidden, members)
        self.add(hidden, batch, hidden, members, "a")
        self.add(inputs, batch, hidden, members, "a")

    def hidden_gradient(self, batch: int, hidden: int, members: int = 1) -> None:
        self.add(batch, hidden, hidden, members, "b")

    def run(self) -> None:
        for multiply, a, b, out in self._calls:
            multiply(a, b, out=out)


@dataclass(frozen=True)
class Sizes:
    """Widths of one learner: observation, action, hidden layers, and rows a batch."""

    observation: int = 3
    action: int = 1
    hidden: int = 256
    batch: int = 256

    @property
    def pair(self) -> int:
        """Width of a critic's input."""
        return self.observation + self.action


def critic_step(products: Products, s: Sizes) -> None:
    products.forward(s.batch, s.pair, s.hidden, 1, members=2)  # targets
    products.forward(s.batch, s.pair, s.hidden, 1, members=2)
    products.hidden_gradient(s.batch, s.hidden, members=2)
    products.weights(s.batch, s.pair, s.hidden, 1, members=2)


def actor_step(products: Products, s: Sizes, outputs: int, critics: int) -> None:
    products.forward(s.batch, s.pair, s.hidden, 1, members=critics)
    products.hidden_gradient(s.batch, s.hidden, members=critics)
    products.add(s.action, s.hidden, s.batch, critics, "b")  # gradient by the action
    products.hidden_gradient(s.batch, s.hidden)
    products.weights(s.batch, s.observation, s.hidden, outputs)


class GemmBound:
    """Advances "updates" that consist of products alone."""

    def __init__(self, algorithm: str, sizes: Sizes) -> None:
        self._every, self._second, self._updates = Products(), Products(), 0
        batch, observation, hidden, action = sizes.batch, sizes.observation, sizes.hidden, sizes.action
        if algorithm == "td3":
            self._every.forward(batch, observation, hidden, action)  # target policy
            critic_step(self._every, sizes)
            self._second.forward(batch, observation, hidden, action)
            actor_step(self._second, sizes, outputs=action, critics=1)
        else:
            self._every.forward(2 * batch, observation, hidden, 2 * action)  # policy at s and s'
            critic_step(self._every, sizes)
            actor_step(self._every, sizes, outputs=2 * action, critics=2)

    @torch.inference_mode()
    def advance(self, steps: int) -> None:
        for _ in range(steps):
            self._updates += 1
            self._every.run()
            if self._updates % 2 == 0:
                self._second.run()
