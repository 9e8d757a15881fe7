"""The table of the kinds of layer; a new kind is a file of this folder and a row here."""

from __future__ import annotations

from typing import get_args

from retrograde.engine.layers.activation import ActivationLayer
from retrograde.engine.layers.attention import AttentionLayer
from retrograde.engine.layers.axis_mean import MeanLayer, SumLayer
from retrograde.engine.layers.base import Layer
from retrograde.engine.layers.batch_norm import BatchNormLayer
from retrograde.engine.layers.cell import CellLayer
from retrograde.engine.layers.concatenate import ConcatenateLayer
from retrograde.engine.layers.conv import ConvLayer, ConvTransposeLayer
from retrograde.engine.layers.dense import DenseLayer
from retrograde.engine.layers.dropout import DropoutLayer
from retrograde.engine.layers.embedding import EmbeddingLayer
from retrograde.engine.layers.group_norm import GroupNormLayer, InstanceNormLayer
from retrograde.engine.layers.gru import GruLayer
from retrograde.engine.layers.layer_norm import LayerNormLayer
from retrograde.engine.layers.linear import LinearLayer
from retrograde.engine.layers.lstm import LstmLayer
from retrograde.engine.layers.merge import AddLayer, DivideLayer, MultiplyLayer, SubtractLayer
from retrograde.engine.layers.pool import AveragePoolLayer, GlobalAveragePoolLayer, MaxPoolLayer
from retrograde.engine.layers.position import PositionLayer
from retrograde.engine.layers.prelu import PReluLayer
from retrograde.engine.layers.rms_norm import RmsNormLayer
from retrograde.engine.layers.rnn import RnnLayer
from retrograde.engine.layers.scalar_graph import ScalarGraphLayer
from retrograde.engine.layers.shaping import FlattenLayer, PermuteLayer, ReshapeLayer, TransposeLayer
from retrograde.engine.layers.slice import SliceLayer
from retrograde.engine.layers.upsample import UpsampleLayer


def word_of(model: type[Layer]) -> str:
    """The word for a kind of layer in a scenario file."""
    word: str = get_args(model.model_fields["kind"].annotation)[0]
    return word


KINDS: dict[str, type[Layer]] = {
    word_of(model): model
    for model in (
        DenseLayer,
        AddLayer,
        MultiplyLayer,
        SubtractLayer,
        DivideLayer,
        ConcatenateLayer,
        SliceLayer,
        MeanLayer,
        SumLayer,
        ActivationLayer,
        FlattenLayer,
        ReshapeLayer,
        PermuteLayer,
        TransposeLayer,
        ScalarGraphLayer,
        BatchNormLayer,
        DropoutLayer,
        ConvLayer,
        ConvTransposeLayer,
        MaxPoolLayer,
        AveragePoolLayer,
        GlobalAveragePoolLayer,
        UpsampleLayer,
        LinearLayer,
        EmbeddingLayer,
        PositionLayer,
        AttentionLayer,
        LayerNormLayer,
        RmsNormLayer,
        GroupNormLayer,
        InstanceNormLayer,
        PReluLayer,
        RnnLayer,
        GruLayer,
        LstmLayer,
        CellLayer,
    )
}
"""Every kind of layer by the word that a scenario file uses; without one, a layer is dense."""
