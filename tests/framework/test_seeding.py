"""Named streams: repeatable, independent of the order in which they are made, unlike each other."""

from __future__ import annotations

import numpy as np
import torch

from wattloom.seeding import Seeds


def test_same_name_same_numbers_whatever_came_before():
    first = Seeds(7)
    first.generator("noise").random(10)
    np.testing.assert_array_equal(first.generator("buffer").random(5), Seeds(7).generator("buffer").random(5))


def test_streams_differ_by_name_by_seed_and_by_parent():
    draws = [
        Seeds(1).generator("a").random(4),
        Seeds(1).generator("b").random(4),
        Seeds(2).generator("a").random(4),
        Seeds(1).child("x").generator("a").random(4),
        Seeds(1).child("a").generator("x").random(4),
    ]
    assert len({tuple(draw) for draw in draws}) == len(draws)


def test_neighbouring_run_seeds_share_no_environment_copy():
    bases = [Seeds(seed).integer("environment") for seed in range(200)]
    assert min(np.diff(np.sort(bases))) > 1024


def test_torch_streams_repeat():
    assert torch.equal(torch.rand(3, generator=Seeds(3).torch("net")), torch.rand(3, generator=Seeds(3).torch("net")))
    assert not torch.equal(torch.rand(3, generator=Seeds(3).torch("net")), torch.rand(3, generator=Seeds(4).torch("net")))
