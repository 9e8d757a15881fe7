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
    return path if number is None else path.with_name(f"{path.stem}.rank{number}{path.suffix}")


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
