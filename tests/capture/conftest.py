"""One thread for PyTorch: what is this small is slower on several, by far where other tests use them too."""

from __future__ import annotations

import contextlib

with contextlib.suppress(ImportError):
    import torch

    torch.set_num_threads(1)
