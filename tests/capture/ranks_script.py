"""A training on several ranks, by torchrun: a step is recorded, then others are watched until one breaks."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import distributed, nn

import retrograde.torch as rg

AT = 12


def setting(rank: int) -> tuple[Callable[[torch.Tensor], None], list[torch.Tensor], tuple[Any, Any]]:
    """The body of a loop, its batches, which differ from rank to rank, and what it trains."""
    torch.manual_seed(0)
    model = nn.parallel.DistributedDataParallel(nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)))
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    generator = torch.Generator().manual_seed(rank)
    batches = [torch.randn(4, 3, generator=generator) for _step in range(AT + 8)]

    def body(x: torch.Tensor) -> None:
        y = model(x)
        optimizer.zero_grad()
        (y.pow(2).mean() + (y[0] - y[1]).pow(2).sum().sqrt()).backward()
        optimizer.step()

    return body, batches, (model, optimizer)


def recorded(rank: int, folder: Path) -> None:
    """The second step of a training, and what ranks exchange besides."""
    body, batches, parts = setting(rank)
    body(batches[0])
    with rg.record(folder / "step.rgrec", *parts):
        body(batches[1])
        largest = torch.tensor([1.0 + rank, 5.0 - rank])
        distributed.all_reduce(largest, op=distributed.ReduceOp.MAX)
        (largest * 2).sum()


def watched(rank: int, folder: Path) -> None:
    """A training of which the second rank has equal rows in one batch."""
    body, batches, parts = setting(rank)
    if rank == 1:
        batches[AT - 1] = batches[AT - 1][:1].repeat(4, 1)
    watch = rg.watch(batches, *parts, out=folder / "bad.rgrec", every=5, checkpoint=10, then="stop")
    for x in watch:
        body(x)
    assert watch.report is not None
    assert watch.report.step == AT


def main() -> None:
    """Does both, each in a folder of its own."""
    folder = Path(sys.argv[1])
    torch.set_num_threads(1)
    distributed.init_process_group("gloo")
    rank = distributed.get_rank()
    recorded(rank, folder / "recorded")
    watched(rank, folder / "watched")
    distributed.destroy_process_group()


if __name__ == "__main__":
    main()
