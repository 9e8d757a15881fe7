"""The format of a scenario file, as strict models; the descriptions here are its documentation.

A value that a file leaves out and that depends on another one is None in the models that are read, and is
filled in by `Scenario.completed`; every scenario that `load_scenario` returns is complete.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, PrivateAttr, Tag

if TYPE_CHECKING:
    from retrograde.engine.data import Dataset

MAX_LAYERS = 256
MAX_UNITS = 10_000_000
MAX_EPOCHS = 10**12
MAX_SEED = 2**63 - 1
MAX_LEGACY_SEED = 2**32 - 1

LAYER_NAME = r"^[A-Za-z][A-Za-z0-9_]*$"
WEIGHT_NAME = r"^[^\W\d]\w*$"
RANGES = r"^\s*\d{1,9}\s*(-\s*\d{1,9}\s*)?(,\s*\d{1,9}\s*(-\s*\d{1,9}\s*)?)*$"
PRINTED = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?$"

ActivationName = Literal[
    "identity",
    "sigmoid",
    "tanh",
    "relu",
    "leaky_relu",
    "elu",
    "silu",
    "gelu",
    "gelu_tanh",
    "softplus",
    "softmax",
]
LossKind = Literal[
    "half_squared_error",
    "squared_error",
    "mean_squared_error",
    "mean_absolute_error",
    "huber",
    "binary_cross_entropy",
    "binary_cross_entropy_logits",
    "cross_entropy",
]
Reduction = Literal["sum", "mean"]
InitKind = Literal["constant", "uniform", "normal", "glorot_uniform", "glorot_normal", "he_uniform", "he_normal"]
Layout = Literal["target_source", "source_target"]
NumberingOrder = Literal["target", "source"]
BiasKind = Literal["neuron", "shared", "none"]

# TOML has lists; a tuple is what a frozen model can hold. Only the outside is converted, the items stay
# strict.
Row = Annotated[tuple[float, ...], Field(strict=False)]
Matrix = Annotated[tuple[Row, ...], Field(strict=False)]
WeightName = Annotated[str, Field(pattern=WEIGHT_NAME, max_length=24)]
NameRow = Annotated[tuple[WeightName, ...], Field(strict=False)]
NameTable = Annotated[tuple[NameRow, ...], Field(strict=False)]


def _list_or_number(value: Any) -> str:
    return "<list>" if isinstance(value, list | tuple) else "<number>"


def _table_or_order(value: Any) -> str:
    return "<table>" if isinstance(value, list | tuple) else "<order>"


def _rows_or_indices(value: Any) -> str:
    if not isinstance(value, list | tuple) or not value:
        return "<rows>"
    return "<rows>" if any(isinstance(row, list | tuple) for row in value) else "<indices>"


def _text_or_texts(value: Any) -> str:
    return "<text>" if isinstance(value, str) else "<texts>"


class _Model(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", allow_inf_nan=False)


class Text(_Model):
    """A text in every language of the app."""

    en: str = Field(description="the text in English", min_length=1, max_length=20_000)
    zh: str = Field(default="", description="the text in Chinese; English stands in for it", max_length=20_000)

    def text(self, language: str) -> str:
        """Return the text in a language, English where there is none."""
        return self.zh if language == "zh" and self.zh else self.en


class Distribution(_Model):
    """Where initial values come from."""

    kind: InitKind = Field(
        default="glorot_uniform",
        description="constant (value), uniform (low, high), normal (mean, std), or Glorot and He, which"
        " depend on the width of the layer and of the one before it",
    )
    value: float | None = Field(default=None, description="of constant: the value")
    low: float | None = Field(default=None, description="of uniform: the smallest value")
    high: float | None = Field(default=None, description="of uniform: the bound that is not reached")
    mean: float | None = Field(default=None, description="of normal: the mean, 0 if absent")
    std: float | None = Field(default=None, ge=0, description="of normal: the standard deviation")


class LayerInit(Distribution):
    """How the parameters of a layer that the file does not give are drawn."""

    layout: Layout | None = Field(
        default=None,
        description="the shape in which weights are drawn: target_source (units, inputs), or source_target as"
        " programs with x @ W do; target_source if absent",
    )
    draw_bias: bool | None = Field(
        default=None,
        description="true: biases come from the same distribution, after the weights; else they are zero",
    )
    bias: Distribution | None = Field(default=None, description="the distribution of the biases, if they have one")


class NetworkInit(LayerInit):
    """How parameters that the file does not give are drawn, for all layers."""

    generator: Literal["philox", "numpy-legacy"] = Field(
        default="philox",
        description="philox, or numpy-legacy: one stream of NumPy's RandomState, seeded by network.seed, that"
        " draws the weights layer by layer and then shuffles",
    )


class Layer(_Model):
    """A dense layer: net = W·x + b, out = activation(net)."""

    name: str = Field(
        default="",
        pattern=LAYER_NAME,
        max_length=24,
        description="the layer's name; absent: h (or h1, h2, ... if there are several hidden layers) and o",
    )
    kind: Literal["dense"] = Field(default="dense", description="the kind of layer")
    units: int = Field(ge=1, le=MAX_UNITS, description="number of neurons")
    activation: ActivationName = Field(default="sigmoid", description="the activation function")
    slope: float | None = Field(default=None, description="of leaky_relu: the slope left of 0; 0.01 if absent")
    alpha: float | None = Field(default=None, description="of elu: α; 1 if absent")
    bias: BiasKind = Field(default="neuron", description="one bias per neuron, one shared by the layer, or none")
    frozen: Annotated[tuple[Literal["weights", "bias"], ...], Field(strict=False)] = Field(
        default=(), max_length=2, description="parameters that training leaves as they are"
    )
    weights: Matrix | None = Field(
        default=None,
        description="initial weights; a row per neuron of this layer, a column per neuron before it",
    )
    biases: (
        Annotated[Annotated[float, Tag("<number>")] | Annotated[Row, Tag("<list>")], Discriminator(_list_or_number)]
        | None
    ) = Field(default=None, description="initial biases, one per neuron; a number stands for all of them")
    numbering: (
        Annotated[
            Annotated[NumberingOrder, Tag("<order>")] | Annotated[NameTable, Tag("<table>")],
            Discriminator(_table_or_order),
        ]
        | None
    ) = Field(
        default=None,
        description="how w1, w2, ... run through the layer: target (all weights into its first neuron first),"
        " source (all weights out of the first neuron before it first), or a table of names, shaped as weights",
    )
    init: LayerInit | None = Field(default=None, description="how this layer's parameters are drawn")

    @property
    def bias_count(self) -> int:
        """Number of bias parameters."""
        return {"neuron": self.units, "shared": 1, "none": 0}[self.bias]


class Network(_Model):
    """The network."""

    inputs: int = Field(ge=1, le=MAX_UNITS, description="number of inputs")
    input_shape: Annotated[tuple[int, ...], Field(strict=False)] | None = Field(
        default=None, min_length=2, max_length=2, description="rows and columns, if the inputs are an image"
    )
    arithmetic: Literal["exact", "blas"] = Field(
        default="exact",
        description="exact: sums run in written order, and every partial sum that is shown existed; blas: the"
        " products of the BLAS library, for large networks",
    )
    numbering: NumberingOrder = Field(default="target", description="numbering of the layers that state none")
    seed: int = Field(default=0, ge=0, le=MAX_SEED, description="seed of the initialisers")
    init: NetworkInit = Field(
        default_factory=NetworkInit, description="how parameters are drawn in layers that state nothing else"
    )
    layers: Annotated[tuple[Layer, ...], Field(strict=False)] = Field(
        min_length=1, max_length=MAX_LAYERS, description="the layers from the first hidden one to the output"
    )


class Data(_Model):
    """The samples, inline or from a file beside the scenario."""

    inputs: Matrix | None = Field(default=None, description="a row per sample, a column per input")
    targets: (
        Annotated[
            Annotated[Matrix, Tag("<rows>")] | Annotated[Row, Tag("<indices>")],
            Discriminator(_rows_or_indices),
        ]
        | None
    ) = Field(default=None, description="a row per sample, a column per output; or, with classes, a list of indices")
    file: str | None = Field(
        default=None,
        min_length=1,
        max_length=500,
        description="a .csv, .csv.gz or .npz file in the folder of the scenario or below",
    )
    skip_rows: int = Field(default=0, ge=0, le=1000, description="CSV: lines before the first sample")
    input_columns: str | None = Field(
        default=None,
        pattern=RANGES,
        max_length=2000,
        description='CSV: columns from 1, ends included: "1-4,7"',
    )
    target_columns: str | None = Field(
        default=None, pattern=RANGES, max_length=2000, description='CSV: columns from 1, ends included: "5"'
    )
    input_key: str | None = Field(
        default=None,
        min_length=1,
        max_length=200,
        description="NPZ: name of the array of inputs; inputs if absent",
    )
    target_key: str | None = Field(
        default=None,
        min_length=1,
        max_length=200,
        description="NPZ: name of the array of targets; targets if absent",
    )
    classes: int | None = Field(
        default=None,
        ge=2,
        le=MAX_UNITS,
        description="targets are class indices from 0 to classes - 1 and become one-hot rows",
    )
    class_names: Annotated[tuple[str, ...], Field(strict=False)] | None = Field(
        default=None, description="a name for each class or output"
    )
    divide_inputs_by: float | None = Field(default=None, description="every input is divided by this number")
    standardise: bool = Field(
        default=False,
        description="inputs become (x - mean) / std by column, with the population's std; a constant column becomes 0",
    )
    rows: str | None = Field(
        default=None,
        pattern=RANGES,
        max_length=2000,
        description='samples of the file from 1, ends included: "1-100"',
    )


class Loss(_Model):
    """The loss, with the factors that textbooks leave open."""

    kind: LossKind = Field(description="the loss of one output")
    over_outputs: Reduction | None = Field(
        default=None,
        description="how outputs add up; absent: mean for mean_*, huber and binary_*, sum for the others",
    )
    over_batch: Reduction | None = Field(
        default=None,
        description="how samples add up; absent: sum for half_squared_error and squared_error, else mean",
    )
    delta: float | None = Field(default=None, gt=0, description="of huber: where it turns linear; 1 if absent")


class Training(_Model):
    """One training step, and which samples it sees."""

    optimizer: Literal["sgd"] = Field(default="sgd", description="the update rule: w⁺ = w − η·∂E/∂w")
    learning_rate: float = Field(gt=0, description="η")
    update: Literal["simultaneous", "in_place"] = Field(
        default="simultaneous",
        description="simultaneous: every gradient is computed with the old weights; in_place: a weight is updated"
        " as soon as its own gradient is known, so that gradients of earlier layers see the new one",
    )
    batch_size: int = Field(default=0, ge=0, description="samples in an iteration; 0: all of them")
    shuffle: Literal["none", "seeded", "numpy-legacy"] = Field(
        default="none",
        description="the order of the samples: as given, a new one each epoch, or that of NumPy's RandomState"
        " shuffling in place (orders compose)",
    )
    seed: int = Field(default=0, ge=0, le=MAX_SEED, description="seed of the shuffling")


class Stop(_Model):
    """When a run ends; the first rule that holds at the end of an epoch."""

    epochs: int = Field(ge=1, le=MAX_EPOCHS, description="the most epochs")
    loss_below: float | None = Field(default=None, description="the epoch's loss is below")
    loss_change_below: float | None = Field(
        default=None, gt=0, description="the loss changed by less than this, change_epochs times in a row"
    )
    change_epochs: int = Field(default=10, ge=1, le=MAX_EPOCHS, description="how often loss_change_below must hold")
    gradient_norm_below: float | None = Field(
        default=None, gt=0, description="the Euclidean norm of all gradients is below"
    )
    loss_above: float | None = Field(
        default=None, description="the run has diverged if a loss is above; NaN and inf always end it"
    )


class Expectation(_Model):
    """A published figure."""

    value: str = Field(min_length=1, max_length=200, description="the name of the value: out_o1, w5, grad(w5), E")
    updates: int = Field(
        default=0,
        ge=0,
        le=10**18,
        description="how many updates come before; E after n is that of iteration n + 1",
    )
    printed: str = Field(pattern=PRINTED, max_length=60, description="the figure with the digits that were printed")
    factor: float = Field(default=1.0, description="published = factor · value")
    mode: Literal["round", "truncate"] = Field(default="round", description="how the source shortened the figure")
    verdict: Literal["agrees", "source_wrong"] = Field(
        default="agrees", description="source_wrong: the figure must not match; needs a reason"
    )
    reason: (
        Annotated[Annotated[str, Tag("<text>")] | Annotated[Text, Tag("<texts>")], Discriminator(_text_or_texts)] | None
    ) = Field(default=None, description="why the source is wrong, or how it arrives at the figure")


class Scenario(_Model):
    """A scenario: a network, its data, its training, and what was published about it.

    Attributes:
        name: the name of a scenario that ships, else the file's name without `.toml`.
        path: the file; None for a scenario that was made from a text.
    """

    format: Literal[1] = Field(description="the version of this format")
    source: str | None = Field(default=None, min_length=1, max_length=2000, description="an address or citation")
    title: Text = Field(description="the title")
    teaches: Text | None = Field(default=None, description="one line that says what it teaches")
    about: Text | None = Field(default=None, description="a few sentences")
    network: Network
    data: Data
    loss: Loss
    training: Training
    stop: Stop
    expect: Annotated[tuple[Expectation, ...], Field(strict=False)] = Field(
        default=(), max_length=10_000, description="published figures that `retrograde check` verifies"
    )

    _name: str = PrivateAttr(default="")
    _path: Path | None = PrivateAttr(default=None)
    _data_path: Path | None = PrivateAttr(default=None)
    # With the table that it comes from: a copy of the scenario may have another one.
    _dataset: tuple[Data, Dataset] | None = PrivateAttr(default=None)

    @property
    def name(self) -> str:
        """The name of a scenario that ships, else the file's name without `.toml`."""
        return self._name

    @property
    def path(self) -> Path | None:
        """The file it was read from."""
        return self._path

    @property
    def data_path(self) -> Path | None:
        """The file its samples come from; None for inline samples."""
        return self._data_path

    @property
    def topology(self) -> str:
        """The widths from the inputs to the outputs: `2-2-2`."""
        return "-".join(str(n) for n in (self.network.inputs, *(layer.units for layer in self.network.layers)))

    @property
    def fans(self) -> tuple[tuple[int, int], ...]:
        """(n_out, n_in) of each layer's weights."""
        layers = self.network.layers
        widths = [self.network.inputs, *(layer.units for layer in layers)]
        return tuple(zip(widths[1:], widths[:-1], strict=True))

    def completed(self) -> Scenario:
        """Return the scenario with everything stated that a file may leave out."""
        network = self.network
        names = layer_names([layer.name for layer in network.layers])
        layers = tuple(
            _completed_layer(layer, name, network) for layer, name in zip(network.layers, names, strict=True)
        )
        return self.model_copy(
            update={
                "network": network.model_copy(
                    update={"layers": layers, "init": _completed_init(network.init, network.init)}
                ),
                "loss": _completed_loss(self.loss),
            }
        )


def layer_names(given: list[str]) -> list[str]:
    """Return the names of all layers; those not given are h, or h1, h2, ... with several hidden layers, and o."""
    hidden = len(given) - 1
    defaults = ["h"] if hidden == 1 else [f"h{number}" for number in range(1, hidden + 1)]
    return [name or default for name, default in zip(given, [*defaults, "o"], strict=True)]


def _completed_init(init: LayerInit, network: NetworkInit) -> LayerInit:
    return init.model_copy(
        update={
            "layout": init.layout or network.layout or "target_source",
            "draw_bias": bool(network.draw_bias if init.draw_bias is None else init.draw_bias),
        }
    )


def _completed_layer(layer: Layer, name: str, network: Network) -> Layer:
    update: dict[str, Any] = {
        "name": name,
        "numbering": layer.numbering if layer.numbering is not None else network.numbering,
        "init": _completed_init(layer.init or network.init, network.init),
    }
    if layer.activation == "leaky_relu" and layer.slope is None:
        update["slope"] = 0.01
    if layer.activation == "elu" and layer.alpha is None:
        update["alpha"] = 1.0
    if layer.biases is not None and not isinstance(layer.biases, tuple):
        update["biases"] = (layer.biases,) * layer.bias_count
    return layer.model_copy(update=update)


def _completed_loss(loss: Loss) -> Loss:
    mean_of_outputs = loss.kind.startswith(("mean_", "binary_")) or loss.kind == "huber"
    sum_of_batch = loss.kind in {"half_squared_error", "squared_error"}
    update: dict[str, Any] = {
        "over_outputs": loss.over_outputs or ("mean" if mean_of_outputs else "sum"),
        "over_batch": loss.over_batch or ("sum" if sum_of_batch else "mean"),
    }
    if loss.kind == "huber" and loss.delta is None:
        update["delta"] = 1.0
    return loss.model_copy(update=update)
