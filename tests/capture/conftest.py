"""What needs PyTorch is skipped, and says so, where it is not installed."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="PyTorch is not installed: pip install 'retrograde[torch]'")
