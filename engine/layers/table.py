"""The table of the kinds of layer; a new kind is a file of this folder and a row here."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Discriminator, Tag

from retrograde.engine.layers.activation import Activation
from retrograde.engine.layers.attention import Attention
from retrograde.engine.layers.base import LayerBase
from retrograde.engine.layers.batch_norm import BatchNorm
from retrograde.engine.layers.circuit import Circuit
from retrograde.engine.layers.concatenate import Concatenate
from retrograde.engine.layers.conv import Conv, ConvTranspose
from retrograde.engine.layers.dense import Layer
from retrograde.engine.layers.dropout import Dropout
from retrograde.engine.layers.embedding import Embedding
from retrograde.engine.layers.gru import Gru
from retrograde.engine.layers.layer_norm import LayerNorm
from retrograde.engine.layers.linear import Linear
from retrograde.engine.layers.lstm import Lstm
from retrograde.engine.layers.merge import Add, Multiply
from retrograde.engine.layers.pool import AveragePool, GlobalAveragePool, MaxPool
from retrograde.engine.layers.position import Position
from retrograde.engine.layers.rnn import Rnn
from retrograde.engine.layers.shaping import Flatten, Permute, Reshape, Transpose
from retrograde.engine.layers.upsample import Upsample

KINDS: dict[str, type[LayerBase]] = {
    "dense": Layer,
    "add": Add,
    "multiply": Multiply,
    "concatenate": Concatenate,
    "activation": Activation,
    "flatten": Flatten,
    "reshape": Reshape,
    "permute": Permute,
    "transpose": Transpose,
    "graph": Circuit,
    "batch_norm": BatchNorm,
    "dropout": Dropout,
    "conv": Conv,
    "conv_transpose": ConvTranspose,
    "max_pool": MaxPool,
    "average_pool": AveragePool,
    "global_average_pool": GlobalAveragePool,
    "upsample": Upsample,
    "linear": Linear,
    "embedding": Embedding,
    "position": Position,
    "attention": Attention,
    "layer_norm": LayerNorm,
    "rnn": Rnn,
    "gru": Gru,
    "lstm": Lstm,
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
