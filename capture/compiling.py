"""Steps with compiled code: it runs as written while it is recorded, since kernels that are fused show no ops."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch


def as_written(module: Any) -> Any:
    """The module that `torch.compile` was given, or the module itself."""
    return getattr(module, "_orig_mod", module)


def is_compiled(module: Any) -> bool:
    """Whether a module, or one in it, runs compiled."""
    return as_written(module) is not module or any(one._compiled_call_impl is not None for one in module.modules())


@contextmanager
def uncompiled(modules: Sequence[Any]) -> Iterator[None]:
    """Lets what was compiled run as it was written."""
    if "torch._dynamo" not in sys.modules:
        # Nothing was compiled yet, and asking for this would load the compiler.
        yield
        return
    with torch.compiler.set_stance("force_eager"), warnings.catch_warnings():
        if any(as_written(one) is not one for one in modules):
            # Our hooks are told of the wrapper besides, and know it.
            warnings.filterwarnings("ignore", message="Using `torch.compile.module.` when there are global hooks")
        yield
