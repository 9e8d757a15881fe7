"""The table of the kinds of layer; a new kind is a file of this folder and a row here."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Discriminator, Tag

from retrograde.engine.layers.activation import ActivationLayer
from retrograde.engine.layers.attention import AttentionLayer
from retrograde.engine.layers.base import Layer
from retrograde.engine.layers.batch_norm import BatchNormLayer
from retrograde.engine.layers.concatenate import ConcatenateLayer
from retrograde.engine.layers.conv import ConvLayer, ConvTransposeLayer
from retrograde.engine.layers.dense import DenseLayer
from retrograde.engine.layers.dropout import DropoutLayer
from retrograde.engine.layers.embedding import EmbeddingLayer
from retrograde.engine.layers.gru import GruLayer
from retrograde.engine.layers.layer_norm import LayerNormLayer
from retrograde.engine.layers.linear import LinearLayer
from retrograde.engine.layers.lstm import LstmLayer
from retrograde.engine.layers.merge import AddLayer, MultiplyLayer
from retrograde.engine.layers.pool import AveragePoolLayer, GlobalAveragePoolLayer, MaxPoolLayer
from retrograde.engine.layers.position import PositionLayer
from retrograde.engine.layers.rnn import RnnLayer
from retrograde.engine.layers.scalar_graph import ScalarGraphLayer
from retrograde.engine.layers.shaping import FlattenLayer, PermuteLayer, ReshapeLayer, TransposeLayer
from retrograde.engine.layers.upsample import UpsampleLayer

KINDS: dict[str, type[Layer]] = {
    "dense": DenseLayer,
    "add": AddLayer,
    "multiply": MultiplyLayer,
    "concatenate": ConcatenateLayer,
    "activation": ActivationLayer,
    "flatten": FlattenLayer,
    "reshape": ReshapeLayer,
    "permute": PermuteLayer,
    "transpose": TransposeLayer,
    "graph": ScalarGraphLayer,
    "batch_norm": BatchNormLayer,
    "dropout": DropoutLayer,
    "conv": ConvLayer,
    "conv_transpose": ConvTransposeLayer,
    "max_pool": MaxPoolLayer,
    "average_pool": AveragePoolLayer,
    "global_average_pool": GlobalAveragePoolLayer,
    "upsample": UpsampleLayer,
    "linear": LinearLayer,
    "embedding": EmbeddingLayer,
    "position": PositionLayer,
    "attention": AttentionLayer,
    "layer_norm": LayerNormLayer,
    "rnn": RnnLayer,
    "gru": GruLayer,
    "lstm": LstmLayer,
}
"""Every kind of layer by the word that a scenario file uses; without one, a layer is dense."""


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
