"""Threads and denormal numbers of torch, which belong to the whole process."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator


@contextlib.contextmanager
def torch_settings(threads: int) -> Iterator[None]:
    """Give torch its threads, and flush denormal numbers, for the time of a run or an evaluation.

    Oversubscription costs a factor of a hundred, denormal moments slow Adam down up to tenfold.
    """
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)
        torch.set_num_threads(before)
