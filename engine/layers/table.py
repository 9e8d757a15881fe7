"""The table of the kinds of layer; a new kind is a file of this folder and a row here."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Discriminator, Tag

from retrograde.engine.layers.base import LayerBase
from retrograde.engine.layers.batch_norm import BatchNorm
from retrograde.engine.layers.dense import Layer
from retrograde.engine.layers.dropout import Dropout

KINDS: dict[str, type[LayerBase]] = {
    "dense": Layer,
    "batch_norm": BatchNorm,
    "dropout": Dropout,
}
"""Every kind of layer by the word that a scenario file uses; without one, a layer is dense."""


def _tag(value: Any) -> str:
    kind = value.get("kind", "dense") if isinstance(value, dict) else getattr(value, "kind", "dense")
    # A kind that does not exist is reported by the model of the dense layer.
    return f"<{kind if isinstance(kind, str) and kind in KINDS else 'dense'}>"


if TYPE_CHECKING:
    AnyLayer = LayerBase
else:
    AnyLayer = Annotated[
        reduce(or_, (Annotated[model, Tag(f"<{kind}>")] for kind, model in KINDS.items())), Discriminator(_tag)
    ]
"""A layer of any kind, told by its key ``kind``."""
