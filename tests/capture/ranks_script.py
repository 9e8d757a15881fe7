"""A training on several ranks, run by torchrun in a test: `record` one step, or `watch` until one goes wrong."""

from __future__ import annotations

import sys

import torch
from torch import distributed, nn

import retrograde.torch as rg

AT = 12


def main() -> None:
    """Trains; the second rank has two equal rows in one batch."""
    how, folder = sys.argv[1:]
    torch.set_num_threads(1)
    distributed.init_process_group("gloo")
    rank = distributed.get_rank()
    torch.manual_seed(0)
    model = nn.parallel.DistributedDataParallel(nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)))
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    generator = torch.Generator().manual_seed(rank)
    batches = [torch.randn(4, 3, generator=generator) for _step in range(30)]
    if how == "watch" and rank == 1:
        batches[AT - 1] = batches[AT - 1][:1].repeat(4, 1)

    def body(x: torch.Tensor) -> None:
        y = model(x)
        optimizer.zero_grad()
        (y.pow(2).mean() + (y[0] - y[1]).pow(2).sum().sqrt()).backward()
        optimizer.step()

    if how == "record":
        body(batches[0])
        with rg.record(f"{folder}/step.rgrec", model, optimizer):
            body(batches[1])
            largest = torch.tensor([1.0 + rank, 5.0 - rank])
            distributed.all_reduce(largest, op=distributed.ReduceOp.MAX)
            (largest * 2).sum()
    else:
        watch = rg.watch(batches, model, optimizer, out=f"{folder}/bad.rgrec", every=5, checkpoint=10, then="stop")
        for x in watch:
            body(x)
        assert watch.report is not None
        assert watch.report.step == AT
    distributed.destroy_process_group()


if __name__ == "__main__":
    main()
