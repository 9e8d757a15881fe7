"""A layer of any kind, as a scenario file states it."""

from __future__ import annotations

from functools import cache, reduce
from operator import or_
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Discriminator, Tag, TypeAdapter

from retrograde.engine.layers.base import Layer
from retrograde.engine.layers.dense import DenseLayer
from retrograde.engine.layers.late_model import Late
from retrograde.engine.layers.table import KINDS, word_of
from retrograde.engine.synonyms import canonical


def model_of(table: Any) -> type[Layer]:
    """The model of a layer's table; that of a dense layer, which then reports it, where the kind does not exist."""
    kind = table.get("kind", "dense") if isinstance(table, dict) else getattr(table, "kind", "dense")
    return KINDS.get(canonical(kind, KINDS), DenseLayer) if isinstance(kind, str) else DenseLayer


def _tag(value: Any) -> str:
    return f"<{word_of(model_of(value))}>"


def _one_of(*types: Any) -> Any:
    """The type of a layer of some kinds; what is wrong in it is reported with the kind."""
    return Annotated[reduce(or_, types), Discriminator(_tag)]


def _tagged(model: type[Layer]) -> Any:
    return Annotated[model, Tag(f"<{word_of(model)}>")]


@cache
def _reader(model: type[Layer]) -> TypeAdapter[Any]:
    # A union has two members at least.
    return TypeAdapter(_one_of(_tagged(model), Annotated[None, Tag("<none>")]))


if TYPE_CHECKING:
    AnyLayer = Layer
else:
    AnyLayer = Annotated[
        Layer, Late(reader=lambda value: _reader(model_of(value)), whole=lambda: _one_of(*map(_tagged, KINDS.values())))
    ]
"""A layer of any kind, told by its key ``kind``."""
