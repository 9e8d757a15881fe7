"""A layer of any kind, as a scenario file states it."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Discriminator, Tag

from retrograde.engine.layers.base import Layer
from retrograde.engine.layers.dense import DenseLayer
from retrograde.engine.layers.table import KINDS, word_of
from retrograde.engine.synonyms import canonical


def model_of(table: Any) -> type[Layer]:
    """The model of a layer's table; that of a dense layer, which then reports it, where the kind does not exist."""
    kind = table.get("kind", "dense") if isinstance(table, dict) else getattr(table, "kind", "dense")
    return KINDS.get(canonical(kind, KINDS), DenseLayer) if isinstance(kind, str) else DenseLayer


def _tag(value: Any) -> str:
    return f"<{word_of(model_of(value))}>"


if TYPE_CHECKING:
    AnyLayer = Layer
else:
    AnyLayer = Annotated[
        reduce(or_, (Annotated[model, Tag(f"<{kind}>")] for kind, model in KINDS.items())), Discriminator(_tag)
    ]
"""A layer of any kind, told by its key ``kind``."""
