"""A layer of any kind, as a scenario file states it."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Discriminator, Tag

from retrograde.engine.layers.base import Layer
from retrograde.engine.layers.table import KINDS


def _tag(value: Any) -> str:
    kind = value.get("kind", "dense") if isinstance(value, dict) else getattr(value, "kind", "dense")
    # A kind that does not exist is reported by the model of the dense layer.
    return f"<{kind if isinstance(kind, str) and kind in KINDS else 'dense'}>"


if TYPE_CHECKING:
    AnyLayer = Layer
else:
    AnyLayer = Annotated[
        reduce(or_, (Annotated[model, Tag(f"<{kind}>")] for kind, model in KINDS.items())), Discriminator(_tag)
    ]
"""A layer of any kind, told by its key ``kind``."""
