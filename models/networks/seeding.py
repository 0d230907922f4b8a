"""Seeds and threads of torch, borrowed for a while and given back."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch


@contextlib.contextmanager
def limited_threads(threads: int) -> Iterator[None]:
    """Give torch so many threads; afterwards it has as many as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed torch; afterwards its generator is where it was before."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield
