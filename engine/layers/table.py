"""The table of the kinds of layer; a new kind is a file of this folder and a row here.

A kind is imported when a file names it: its model takes longer to make than a small file takes to read.
"""

from __future__ import annotations

from typing import get_args

from retrograde.engine.late import LateTable
from retrograde.engine.layers.base import Layer


def word_of(model: type[Layer]) -> str:
    """The word for a kind of layer in a scenario file."""
    word: str = get_args(model.model_fields["kind"].annotation)[0]
    return word


KINDS: LateTable[type[Layer]] = LateTable(
    __package__,
    {
        "dense": "dense:DenseLayer",
        "add": "merge:AddLayer",
        "multiply": "merge:MultiplyLayer",
        "subtract": "merge:SubtractLayer",
        "divide": "merge:DivideLayer",
        "concatenate": "concatenate:ConcatenateLayer",
        "slice": "slice:SliceLayer",
        "mean": "axis_mean:MeanLayer",
        "sum": "axis_mean:SumLayer",
        "activation": "activation:ActivationLayer",
        "flatten": "shaping:FlattenLayer",
        "reshape": "shaping:ReshapeLayer",
        "permute": "shaping:PermuteLayer",
        "transpose": "shaping:TransposeLayer",
        "graph": "scalar_graph:ScalarGraphLayer",
        "batch_norm": "batch_norm:BatchNormLayer",
        "dropout": "dropout:DropoutLayer",
        "conv": "conv:ConvLayer",
        "conv_transpose": "conv:ConvTransposeLayer",
        "max_pool": "pool:MaxPoolLayer",
        "average_pool": "pool:AveragePoolLayer",
        "global_average_pool": "pool:GlobalAveragePoolLayer",
        "upsample": "upsample:UpsampleLayer",
        "linear": "linear:LinearLayer",
        "embedding": "embedding:EmbeddingLayer",
        "position": "position:PositionLayer",
        "attention": "attention:AttentionLayer",
        "layer_norm": "layer_norm:LayerNormLayer",
        "rms_norm": "rms_norm:RmsNormLayer",
        "group_norm": "group_norm:GroupNormLayer",
        "instance_norm": "group_norm:InstanceNormLayer",
        "prelu": "prelu:PReluLayer",
        "rnn": "rnn:RnnLayer",
        "gru": "gru:GruLayer",
        "lstm": "lstm:LstmLayer",
        "cell": "cell:CellLayer",
    },
)
"""Every kind of layer by the word that a scenario file uses; without one, a layer is dense."""
