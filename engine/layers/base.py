"""What every kind of layer states in a scenario file: its keys, its shape, its parameters, and how it is built.

A kind of layer is one file of this folder, with a strict model, and one row of the table in ``table.py``. Only
``build`` needs the machinery that computes, so the ops are imported there: a file is read and checked without them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator

from retrograde.engine.equations.activation_table import ACTIVATIONS
from retrograde.engine.equations.array import Array, Role
from retrograde.engine.errors import KeyPath, Violation
from retrograde.engine.layers.layouts import Arrangement, WeightLayout
from retrograde.engine.layers.options import with_parameters, words
from retrograde.engine.layers.spelling import as_the_model_has_it
from retrograde.engine.layers.stored import NAMES, Stored
from retrograde.engine.text import _

if TYPE_CHECKING:
    from collections.abc import Callable

    from retrograde.engine.ops.base import GradientPass, Op
    from retrograde.engine.ops.leaves import Leaves, Source

MAX_LAYERS = 256
MAX_UNITS = 10_000_000
MAX_SEED = 2**63 - 1
MAX_LEGACY_SEED = 2**32 - 1

LAYER_NAME = r"^[A-Za-z][A-Za-z0-9_]*$"
WEIGHT_NAME = r"^([^\W\d]\w*)?$"
RANGES = r"^\s*\d{1,9}\s*(-\s*\d{1,9}\s*)?(,\s*\d{1,9}\s*(-\s*\d{1,9}\s*)?)*$"
if TYPE_CHECKING:
    ActivationName = str
else:
    ActivationName = words(ACTIVATIONS)
"""The name of an activation function."""

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


def text_or_table(value: Any) -> str:
    """The tag of a value that is a text or a table of texts."""
    return "<table>" if isinstance(value, dict) else "<text>"


TensorName = Annotated[str, Field(max_length=300)]
WeightsFrom = Annotated[
    Annotated[TensorName, Tag("<text>")] | Annotated[dict[str, TensorName], Tag("<table>")],
    Discriminator(text_or_table),
]
"""Where a file of weights has the tensors of a layer."""


def list_or_number(value: Any) -> str:
    """The tag of a value that is a list or a number."""
    return "<list>" if isinstance(value, list | tuple) else "<number>"


def table_or_order(value: Any) -> str:
    """The tag of a value that is a table or a word."""
    return "<table>" if isinstance(value, list | tuple) else "<order>"


Shape = tuple[int, ...]
"""The shape of an array for one sample."""


@dataclass(frozen=True, slots=True)
class Form:
    """What a layer hands on for one sample: an array, or one array a time step.

    Attributes:
        shape: the shape of the array, or of each of them.
        steps: the number of time steps of a sequence that is computed step by step; 0 where it is one array.
    """

    shape: Shape
    steps: int = 0

    @property
    def size(self) -> int:
        """Number of slots for one sample."""
        return prod(self.shape) * max(1, self.steps)

    def __str__(self) -> str:
        text = "×".join(map(str, self.shape)) or "1"
        return f"{self.steps} × ({text})" if self.steps else text


class Model(BaseModel):
    """A table of a scenario file: strict, frozen, and without unknown keys."""

    # What reads a table alone is made when one is read alone: most are read as a part of the file.
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", allow_inf_nan=False, defer_build=True)

    @model_validator(mode="before")
    @classmethod
    def _spelled(cls, table: Any) -> Any:
        return as_the_model_has_it(cls, table)


class Distribution(Model):
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A parameter array of a layer.

    Attributes:
        name: its name before the layer's: ``W`` of ``W_h``.
        shape: its shape.
        role: weight or bias.
        fans: (fan out, fan in), for initialisers that depend on the widths.
        given: the initial values that the file gives, nested as the shape, or None.
        key: the key of the layer's table that gives them.
        fallback: the value of a bias-like parameter that is neither given nor drawn.
        drawn: whether it is drawn where the file asks for drawn biases; a scale or a shift keeps its fallback.
        sign: its name on the screen, where that is not ASCII: ``γ`` of ``gamma``.
        frozen: whether training leaves it as it is, whatever the key ``frozen`` says.
        blocks: what its first axis is stacked of, such as the gates of an LSTM.
        beside: how many columns of another parameter stand beside its own in the table that gives both.
        draw: its number among the draws of the layer; None for its place among the parameters.
        also: further words for it in ``frozen``, those of other kinds.
    """

    name: str
    shape: Shape
    role: Role
    fans: tuple[int, int]
    given: Any = None
    key: str = ""
    fallback: float = 0.0
    drawn: bool = True
    sign: str = ""
    frozen: bool = False
    alone: bool = False
    blocks: tuple[str, ...] = ()
    beside: int = 0
    draw: int | None = None
    also: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Number of slots."""
        return prod(self.shape)

    @property
    def words(self) -> tuple[str, ...]:
        """What ``frozen`` may call it: the key that gives it, and its name in the network; biases also ``bias``."""
        if self.alone:
            return (self.name,)
        return tuple(
            dict.fromkeys((*(("bias",) if self.key == "biases" else ()), self.key or self.name, self.name, *self.also))
        )


class ShapeError(ValueError):
    """What a layer cannot do with the shapes before it.

    Args:
        key: the key of the layer's table that the message is about, or the path to a part of its value.
        message: what is wrong, with both shapes.
    """

    def __init__(self, key: str | KeyPath, message: str) -> None:
        super().__init__(message)
        self.path: KeyPath = (key,) if isinstance(key, str) else key
        self.message = message

    @property
    def key(self) -> str:
        """The key of the layer's table."""
        return str(self.path[0])


def common_steps(sources: Sequence[Form]) -> int:
    """The number of time steps that several values have in common, 0 for arrays without.

    Raises:
        ShapeError: they differ.
    """
    steps = {source.steps for source in sources}
    if len(steps) > 1:
        shown = _(" and ").join(str(source) for source in sources)
        raise ShapeError(
            "inputs", _("the layers before it have different numbers of time steps: {shown}").format(shown=shown)
        )
    return steps.pop() if steps else 0


Value = Array | tuple[Array, ...]
"""What a layer hands on: an array, or one array a time step."""


class Forward(Protocol):
    """What a layer may ask of the forward pass that is being built."""

    layer: Layer
    """The layer that is being built."""

    batch: int
    """Samples in the iteration."""

    train: bool
    """Whether the iteration trains; else it evaluates (no dropout, running statistics)."""

    seed: int
    """The seed of the network, for what is drawn at random in each iteration."""

    values: dict[str, Value]
    """The output of each layer that is built, by name."""

    starts: dict[str, Array]
    """What the layer that is being built is given for each sample, by name: ``h0``, ``mask``, ``mask@2``."""

    cells: dict[str, list[tuple[Array, ...]] | None]
    """The cells of each recurrent layer that is built, at each step that it hands on; None where it has none."""

    @property
    def builder(self) -> GradientPass:
        """What the ops are appended to."""
        ...

    @property
    def leaves(self) -> Leaves:
        """The arrays that outlive the program: memory and hyperparameters."""
        ...

    def parameter(self, name: str) -> Array:
        """A parameter of the layer that is being built, by its name before the layer's: ``W``."""
        ...

    def made(
        self,
        stem: str,
        shape: tuple[int, ...],
        *,
        role: Role = Role.VALUE,
        time: int | None = None,
        sign: str = "",
        batched: bool = True,
        of: Array | None = None,
    ) -> Array:
        """A new array of the layer that is being built, which an op is going to make."""
        ...

    def append(self, op: Op) -> Array:
        """Appends an op; returns its target."""
        ...

    def changing(self, array: Array, source: Source) -> Array:
        """A leaf with other values in each iteration, such as a dropout mask."""
        ...

    def renewed(self, array: Array) -> Array:
        """A new array that replaces an array of the state after the iteration."""
        ...

    def renew(self, array: Array, op: Op) -> None:
        """Lets an op that is appended after the updates make the new value of an array of the state."""
        ...

    def masked(self, steps: int) -> Array | None:
        """The mask of sequences of so many steps; None where all steps count."""
        ...

    def each(self, value: Value, build: Callable[[Array, int | None], Array]) -> Value:
        """Builds once for an array, or once for each time step of a sequence."""
        ...

    def together(self, values: Sequence[Value], build: Callable[[Sequence[Array], int | None], Array]) -> Value:
        """Builds once for several arrays, or once for each time step of several sequences of one length."""
        ...

    def activate(self, net: Array, layer: ActivatedLayer, *, stem: str = "out") -> Array:
        """Appends the activation of a layer to its net inputs."""
        ...

    def shares(self, net: Array, stem: str, *, role: Role = Role.OUT, causal: bool = False) -> Array:
        """Appends the four ops of a softmax over the last axis; returns the shares."""
        ...


class Layer(Model):
    """What the tables of all kinds of layer have in common."""

    name: str = Field(
        default="",
        pattern=LAYER_NAME,
        max_length=24,
        description="the layer's name; absent: h (or h1, h2, ... if there are several hidden layers) and o",
    )
    kind: str
    inputs: Annotated[tuple[str, ...], Field(strict=False)] | None = Field(
        default=None,
        min_length=1,
        max_length=64,
        description="the names of the layers before it, i for the inputs of the network; absent: the layer above",
    )
    share: str | None = Field(
        default=None,
        max_length=24,
        description="the name of an earlier layer whose parameters this layer uses too: one of the same kind; or, of a"
        ' linear or dense layer with bias = "none", an embedding, whose table are its weights',
    )
    layout: WeightLayout | None = Field(
        default=None,
        description="how the file writes the weights: outputs_first, a row per unit (W·x, PyTorch), or inputs_first, a"
        " column per unit (x @ W, Keras, NumPy), of a convolution [row][column][input channel][output channel]; absent:"
        " as network.layout says. The network has the outputs first in any case",
    )
    frozen: Annotated[tuple[str, ...], Field(strict=False)] = Field(
        default=(),
        max_length=16,
        description="parameters that training leaves as they are, by the key that gives their values or by their name"
        " in the network, of every kind alike: weights or W; bias, biases or b; recurrent_weights or U,"
        " recurrent_biases or bu, peephole_weights or P; h0, c0; weights, bias, or one of Wq to bo of an attention;"
        " gamma or weights, beta or bias of a norm; weights or P of positions; a variable of a graph; of a second"
        " direction reverse, or one of them: Wr, Ur, br, ...",
    )
    learning_rate: float | None = Field(
        default=None,
        description="η of this layer's parameters, instead of that of the training; it follows the schedule too",
    )
    rate_factor: float | None = Field(default=None, description="what η is multiplied by for this layer's parameters")
    init: LayerInit | None = Field(default=None, description="how this layer's parameters are drawn")
    weights_from: WeightsFrom | None = Field(
        default=None,
        description="what the names of this layer's tensors in network.weights_file begin with, before the last dot:"
        ' "net.0" for net.0.weight and net.0.bias; or a table of each, { weight = "W1", bias = "b1" }; absent: the'
        " layer's name",
    )

    absent: ClassVar[Mapping[str, str]] = {}
    """Keys that other kinds have, and other programs, with what is said where this one is given one."""

    start_role: ClassVar[Role] = Role.INPUT
    """What is given for each sample: of inputs there are gradients."""

    @property
    def evaluates_apart(self) -> bool:
        """Whether it computes something else when the network is evaluated than when it is trained."""
        return False

    @property
    def label(self) -> str:
        """The layer in a few words, for pictures: its kind and what distinguishes it."""
        return self.kind

    @property
    def gate_names(self) -> tuple[str, ...]:
        """What stands before its name in names of its own, as other layers' names do: ``f`` of ``net_f_h1``."""
        return ()

    @property
    def sequential(self) -> bool:
        """Whether it reads the first axis of an array as time."""
        return False

    @property
    def arity(self) -> tuple[int, int]:
        """The least and the largest number of layers before it."""
        return 1, 1

    @property
    def starts(self) -> dict[str, Any]:
        """What the file gives for each sample, such as an initial state, by name: rows, or the name of an array."""
        return {}

    def start_path(self, name: str) -> KeyPath:
        """Where one of these stands in the layer's table."""
        return (name,)

    def start_shapes(self, name: str, sources: Sequence[Form]) -> list[tuple[int | None, Shape]]:
        """What a row of one of these holds: the time step, or None, and the shape of each of its arrays."""
        del name, sources
        return [(None, (self.state_width,))]

    @property
    def state_width(self) -> int:
        """How many numbers an initial state has."""
        return 0

    @property
    def kinds_before(self) -> tuple[str, ...]:
        """The kinds of layer that it reads; none where it reads any."""
        return ()

    @property
    def indices(self) -> int | None:
        """How many different indices the layer takes from the inputs of the network; None where it takes numbers."""
        return None

    def taken(self, above: str) -> tuple[str, ...]:
        """The names of the layers before it; ``above`` is the one above it in the file."""
        return self.inputs or (above,)

    def own_names(self) -> Iterator[tuple[str, KeyPath]]:
        """Yield the names of slots that the file chooses, each with its place in the layer's table."""
        return iter(())

    def faults(self, sources: Sequence[Form]) -> Iterator[Violation]:
        """Yield everything that is wrong in the layer's table, with its place in that.

        ``form`` raises the first of them.
        """
        del sources
        return iter(())

    def form(self, sources: Sequence[Form]) -> Form:
        """What the layer hands on.

        Args:
            sources: what the layers before it hand on.

        Raises:
            ShapeError: the layer cannot take that.
        """
        raise NotImplementedError

    def slots(self, sources: Sequence[Form]) -> int:
        """About how many values the forward pass of the layer keeps for a sample, for the estimate of memory."""
        return self.form(sources).size

    def least_batch(self, sources: Sequence[Form]) -> int:
        """The fewest samples that a training iteration may have."""
        del sources
        return 1

    def parameters(self, sources: Sequence[Form]) -> tuple[Parameter, ...]:
        """Its parameters, in the order in which they are drawn and trained; none by default."""
        del sources
        return ()

    def stored(self, sources: Sequence[Form]) -> tuple[Stored, ...]:
        """The tensors that a file of weights has of it, by the names and shapes of PyTorch."""
        return tuple(
            Stored(
                name=one.name if one.alone else NAMES.get(one.name, one.name),
                shape=one.shape,
                parameters=(one.name,),
                heights=one.shape[:1],
            )
            for one in self.parameters(sources)
        )

    def tensor(self, name: str) -> str:
        """What a tensor of it is called in the file of weights.

        Args:
            name: its name behind the layer's: ``weight``.
        """
        if isinstance(self.weights_from, dict):
            return self.weights_from.get(name, f"{self.name}.{name}")
        prefix = self.name if self.weights_from is None else self.weights_from
        return f"{prefix}.{name}" if prefix else name

    @property
    def turns(self) -> bool:
        """Whether its weights lead from inputs to outputs, so that a file may have the inputs first."""
        return True

    def arrangement(self, parameter: Parameter) -> Arrangement:
        """How the file lays out a parameter."""
        leads = self.turns and parameter.role is Role.WEIGHT and len(parameter.shape) > 1
        return Arrangement(turned=leads and self.layout == "inputs_first")

    def freezes(self, parameter: Parameter) -> bool:
        """Whether training leaves a parameter as it is."""
        return parameter.frozen or any(word in (self.frozen or ()) for word in parameter.words)

    def completed(self) -> dict[str, Any]:
        """The values of the keys that a file may leave out and that depend on others."""
        return {}

    def build(self, forward: Forward, sources: Sequence[Value]) -> Value:
        """Appends the ops of the forward pass; returns the output, called ``out_<name>`` (``out_<name>@3`` at time 3).

        Args:
            forward: the forward pass so far; it knows the layer that is being built.
            sources: the outputs of the layers before it.
        """
        raise NotImplementedError


class _ActivationKey(Layer):
    activation: ActivationName = Field(default="identity", description="the activation function")


if TYPE_CHECKING:
    _ActivationKeys = _ActivationKey
else:
    _ActivationKeys = with_parameters(_ActivationKey, ACTIVATIONS.values())


class ActivatedLayer(_ActivationKeys):
    """A layer that ends in an activation function."""

    def completed(self) -> dict[str, Any]:
        """The parameter of the activation, where the file leaves it out."""
        return ACTIVATIONS[self.activation].completed(self)
