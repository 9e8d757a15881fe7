"""Training on several ranks: which of them this is, and what all of them agree on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch


def rank() -> int | None:
    """The number of this process among several that train together; None where it is alone."""
    distributed = torch.distributed
    if not distributed.is_available() or not distributed.is_initialized() or distributed.get_world_size() < 2:
        return None
    return int(distributed.get_rank())


def own_path(path: Path) -> Path:
    """The file of this rank: ``step.rgrec`` is ``step.rank1.rgrec`` on rank 1, where there are several."""
    number = rank()
    return (
        path
        if number is None or f".rank{number}." in path.name
        else path.with_name(f"{path.stem}.rank{number}{path.suffix}")
    )


def agreed(*flags: bool) -> tuple[bool, ...]:
    """Of each flag whether any rank has raised it; every rank has to ask at the same time."""
    if rank() is None:
        return flags
    device: Any = "cpu"
    if torch.distributed.get_backend() == "nccl":
        device = torch.device("cuda", torch.cuda.current_device())
    raised = torch.tensor([int(one) for one in flags], device=device)
    torch.distributed.all_reduce(raised, op=torch.distributed.ReduceOp.MAX)
    return tuple(bool(one) for one in raised.tolist())


WRITTEN: dict[str, str] = {
    "c10d.allreduce_.default": "tensors",
    "c10d.allreduce_coalesced_.default": "tensors",
    "c10d.broadcast_.default": "tensors",
    "c10d.reduce_.default": "tensors",
    "c10d.scatter_.default": "output_tensors",
    "c10d._allgather_base_.default": "output_tensor",
    "c10d._reduce_scatter_base_.default": "output_tensor",
}
"""Exchanges between ranks, and the argument that each writes to though its schema does not say so."""


def arrived(made: Any) -> None:
    """Waits until what an exchange gives is there: it has only been asked for when the op returns."""
    for one in made if isinstance(made, tuple | list) else [made]:
        if isinstance(one, torch.ScriptObject):
            torch._C._distributed_c10d.Work.unbox(one).wait()


def members(given: dict[str, Any]) -> dict[str, str]:
    """The ranks that take part in an exchange, as a recording holds them: ``0,1``."""
    group = given.get("process_group")
    if not isinstance(group, torch.ScriptObject):
        return {}
    found = torch.distributed.get_process_group_ranks(torch._C._distributed_c10d.ProcessGroup.unbox(group))
    return {"ranks": ",".join(map(str, found))}
