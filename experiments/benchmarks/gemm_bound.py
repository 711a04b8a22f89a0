"""The matrix products of one TD3 or SAC update, and nothing else: what no implementation in float32 can go below.

Every product has the shape that the algorithm needs (thin first layers and heads included), runs in preallocated memory and by the fastest of
PyTorch's calls for its shape. Products whose result nobody needs are left out.
"""

from __future__ import annotations

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


def critic_step(products: Products, batch: int, hidden: int) -> None:
    products.forward(batch, 4, hidden, 1, members=2)  # targets
    products.forward(batch, 4, hidden, 1, members=2)
    products.hidden_gradient(batch, hidden, members=2)
    products.weights(batch, 4, hidden, 1, members=2)


def actor_step(products: Products, batch: int, hidden: int, outputs: int, critics: int) -> None:
    products.forward(batch, 4, hidden, 1, members=critics)
    products.hidden_gradient(batch, hidden, members=critics)
    products.add(1, hidden, batch, critics, "b")  # gradient by the action
    products.hidden_gradient(batch, hidden)
    products.weights(batch, 3, hidden, outputs)


class GemmBound:
    """Advances "updates" that consist of products alone."""

    def __init__(self, algorithm: str, hidden: int, batch: int = 256) -> None:
        self._every, self._second, self._updates = Products(), Products(), 0
        if algorithm == "td3":
            self._every.forward(batch, 3, hidden, 1)  # target policy
            critic_step(self._every, batch, hidden)
            self._second.forward(batch, 3, hidden, 1)
            actor_step(self._second, batch, hidden, outputs=1, critics=1)
        else:
            self._every.forward(2 * batch, 3, hidden, 2)  # policy at s and s'
            critic_step(self._every, batch, hidden)
            actor_step(self._every, batch, hidden, outputs=2, critics=2)

    @torch.inference_mode()
    def advance(self, steps: int) -> None:
        for _ in range(steps):
            self._updates += 1
            self._every.run()
            if self._updates % 2 == 0:
                self._second.run()
