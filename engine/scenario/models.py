"""The format of a scenario file, as strict models; the descriptions here are its documentation.

A value that a file leaves out and that depends on another one is None in the models that are read, and is
filled in by `Scenario.completed`; every scenario that `load_scenario` returns is complete.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Discriminator, Field, PrivateAttr, Tag

from retrograde.engine.equations.losses import LOSSES, Reduction
from retrograde.engine.equations.optimisers import OPTIMISERS, OPTIONS
from retrograde.engine.errors import EngineError
from retrograde.engine.layers.any_layer import AnyLayer
from retrograde.engine.layers.base import (
    MAX_LAYERS,
    MAX_SEED,
    MAX_UNITS,
    Form,
    Layer,
    LayerInit,
    Model,
    NumberingOrder,
    Row,
)
from retrograde.engine.layers.dense import DenseLayer
from retrograde.engine.layers.late_model import late
from retrograde.engine.layers.layouts import WeightLayout
from retrograde.engine.layers.options import MAX_EPOCHS, with_loss_options, words
from retrograde.engine.scenario.data_table import Data
from retrograde.engine.scenario.groups import ScenarioGroup
from retrograde.engine.scenario.shapes import INPUT_LAYER, Goal, Shapes
from retrograde.engine.scenario.training import Training
from retrograde.engine.synonyms import canonical
from retrograde.engine.text import _

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from numpy.typing import NDArray

    from retrograde.engine.errors import Problem
    from retrograde.engine.scenario.dataset import Dataset

FIGURE = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?|[Nn]a[Nn]|[+-]?[Ii]nf(inity)?"
PRINTED = rf"^({FIGURE}|\[[\[\]\s,.+0-9a-zA-Z-]*\])$"

if TYPE_CHECKING:
    from retrograde.engine.scenario.data_table import HeldOut
    from retrograde.engine.scenario.doctor_table import DoctorTable

    LossKind = str
else:
    HeldOut = late("retrograde.engine.scenario", "data_table:HeldOut")
    DoctorTable = late("retrograde.engine.scenario", "doctor_table:DoctorTable")
    LossKind = words(LOSSES)
"""The name of a loss."""


VARIANT_NAME = r"^[A-Za-z][A-Za-z0-9_-]*$"
"""What a variant may be called."""


GATE_ORDER = "gate_order"
"""The key of the layers that have gates; their models are not loaded for others."""

AxisLength = Annotated[int, Field(ge=1, le=MAX_UNITS)]
"""The length of an axis."""


def _text_or_texts(value: Any) -> str:
    return "<text>" if isinstance(value, str) else "<texts>"


class TextTable(Model):
    """A text in every language of the app."""

    en: str = Field(description="the text in English", min_length=1, max_length=20_000)
    zh: str = Field(default="", description="the text in Chinese; English stands in for it", max_length=20_000)

    def text(self, language: str) -> str:
        """Return the text in a language, English where there is none."""
        return self.zh if language == "zh" and self.zh else self.en


class NetworkInit(LayerInit):
    """How parameters that the file does not give are drawn, for all layers."""

    generator: Literal["philox", "numpy-legacy"] = Field(
        default="philox",
        description="philox, or numpy-legacy: one stream of NumPy's RandomState, seeded by network.seed, that"
        " draws the weights layer by layer and then shuffles",
    )


class NetworkTable(Model):
    """The network."""

    inputs: int = Field(
        default=0,
        ge=0,
        le=MAX_UNITS,
        description="number of inputs; none where no layer reads them, as in a free graph",
    )
    input_shape: Annotated[tuple[AxisLength, ...], Field(strict=False)] | None = Field(
        default=None,
        min_length=1,
        max_length=4,
        description="the axes of the inputs: rows and columns of an image, with channels before them for a"
        " convolution; time and features of a sequence",
    )
    arithmetic: Literal["exact", "blas"] = Field(
        default="exact",
        description="exact: sums run in written order, and every partial sum that is shown existed; blas: the"
        " products of the BLAS library, for large networks",
    )
    numbering: NumberingOrder = Field(default="target", description="numbering of the layers that state none")
    layout: WeightLayout = Field(
        default="outputs_first", description="how the file writes the weights of the layers that state no layout"
    )
    lstm_gates: str = Field(
        default="ifgo", max_length=8, description="the order of the gates in the tables of every lstm; see gate_order"
    )
    gru_gates: str = Field(
        default="rzn", max_length=8, description="the order of the gates in the tables of every gru; see gate_order"
    )
    seed: int = Field(default=0, ge=0, le=MAX_SEED, description="seed of the initialisers")
    weights_file: str | None = Field(
        default=None,
        min_length=1,
        max_length=1000,
        description="a file beside the scenario, or a path from there, with the initial values of all parameters that"
        " this file does not give: .safetensors or .npz, with the names and shapes of PyTorch, h.weight and h.bias of"
        " the layer h; see weights_from",
    )
    init: NetworkInit = Field(
        default_factory=NetworkInit, description="how parameters are drawn in layers that state nothing else"
    )
    layers: Annotated[tuple[AnyLayer, ...], Field(strict=False)] = Field(
        min_length=1, max_length=MAX_LAYERS, description="the layers from the first hidden one to the output"
    )


def _usual(way: str, reduction: Reduction) -> str:
    names = [row.name for row in LOSSES.values() if getattr(row, way) == reduction]
    return f"{reduction} for {', '.join(names[:-1])} and {names[-1]}"


class _LossKeys(Model):
    kind: LossKind = Field(
        description="the loss of one output; value: the output itself, or times the target, where every loss is one and"
        " the data have targets"
    )
    over_outputs: Reduction | None = Field(
        default=None,
        description=f"how outputs add up; absent: {_usual('over_outputs', 'mean')}, else sum",
    )
    over_batch: Reduction | None = Field(
        default=None,
        description=f"how samples add up; absent: {_usual('over_batch', 'sum')}, else mean",
    )
    over_time: Literal["sum", "mean", "pooled", "all"] | None = Field(
        default=None,
        description="how the time steps of a sequence add up; mean: over the steps of the sample that count; pooled:"
        " one mean over the steps of all samples that count, as PyTorch's ignore_index; all: over all steps, as Keras"
        " with a mask; with class losses also the positions of an array (positions, classes); absent: as over_batch",
    )
    normalise: Literal["count", "weights"] = Field(
        default="count",
        description="what a mean over the batch divides by, where samples or classes have weights; count: how many"
        " there are, as Keras; weights: the sum of their weights, as PyTorch's class weights and scikit-learn",
    )
    class_weights: Row | None = Field(
        default=None,
        description="what the terms of each class are multiplied by; a number per output, or two for the classes 0 and"
        " 1 of one output with binary_cross_entropy",
    )
    ignore_index: int | None = Field(
        default=None,
        description="the class index of targets that have no loss and do not count, such as -100; a mean runs over the"
        " others",
    )


if TYPE_CHECKING:
    _LossOptions = _LossKeys
else:
    _LossOptions = with_loss_options(_LossKeys, LOSSES.values())


class LossTable(_LossOptions):
    """The loss, with the factors that textbooks leave open."""

    label_smoothing: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="of cross_entropy: ε; targets count as (1 − ε)·t + ε/K, with K classes",
    )
    layer: str | None = Field(
        default=None, max_length=24, description="the layer whose outputs are compared; the last one if absent"
    )
    weight: float = Field(default=1.0, description="what the loss is multiplied by, where there are several")


class StopTable(Model):
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


class Expectation(Model):
    """A published figure."""

    value: str = Field(
        min_length=1, max_length=200, description="a name or a formula: out_o1, grad(w5), E, W_h, norm(grad(W_o))"
    )
    updates: int = Field(
        default=0,
        ge=0,
        le=10**18,
        description="how many updates come before; E after n is that of iteration n + 1",
    )
    printed: str = Field(
        pattern=PRINTED,
        max_length=4000,
        description="the figure with the digits that were printed; nan and inf are figures too; of an array"
        ' "[[0.15, 0.20], [0.25, 0.30]]"',
    )
    factor: float = Field(default=1.0, description="published = factor · value")
    mode: Literal["round", "truncate"] = Field(default="round", description="how the source shortened the figure")
    verdict: Literal["agrees", "source_wrong"] = Field(
        default="agrees", description="source_wrong: the figure must not match; needs a reason"
    )
    reason: (
        Annotated[Annotated[str, Tag("<text>")] | Annotated[TextTable, Tag("<texts>")], Discriminator(_text_or_texts)]
        | None
    ) = Field(default=None, description="why the source is wrong, or how it arrives at the figure")


class Variant(Model):
    """The same scenario with another training, to compare with."""

    name: str = Field(
        pattern=VARIANT_NAME,
        max_length=40,
        description="its name: `retrograde race:adam` opens the variant adam of the scenario race",
    )
    title: TextTable | None = Field(default=None, description="the title, instead of the scenario's")
    training: dict[str, Any] = Field(
        description="keys of [training] that are other than there; with another optimizer, the options of the first"
        " one and its memory are left out"
    )
    expect: Annotated[tuple[Expectation, ...], Field(strict=False)] = Field(
        default=(), max_length=1000, description="published figures of the variant"
    )

    def table(self, training: Training) -> dict[str, Any]:
        """The table ``[training]`` of the variant, as a file would write it.

        Args:
            training: that of the scenario, not completed.
        """
        return retrained(training.model_dump(exclude_unset=True), self.training)


def retrained(given: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A table ``[training]`` with other values; with another optimizer, without options and memory of the first one.

    Args:
        given: the table, as a file writes it.
        changes: what is other than there.
    """
    usual = Training.model_fields["optimizer"].default
    words = [table.get("optimizer", usual) for table in (given, {**given, **changes})]
    before, now = (canonical(word, OPTIMISERS) if isinstance(word, str) else word for word in words)
    if before != now:
        given = {key: value for key, value in given.items() if key not in OPTIONS and key != "memory"}
    return {**given, **changes}


class Chapter(Model):
    """A part of what the scenario tells, bound to a moment of its run."""

    at: str = Field(
        min_length=1,
        max_length=200,
        description="the moment: 2:1:17 (epoch, iteration, step), 2:1 or 2 (the end of it), start; grad(w5): the step"
        " that makes it in the first iteration, 2:1 w5: in that one; first E < 0.01: the first time that it is true",
    )
    title: TextTable = Field(description="the title, a few words")
    text: TextTable = Field(
        description="what is told there, about 250 letters; {w5} or {grad(w1)} becomes the number at that moment,"
        " {E after 1:1} that at another one"
    )
    panel: Literal["network", "equation", "weights", "loss", "timeline", "debug"] | None = Field(
        default=None, description="the panel that comes to the front"
    )
    select: str | None = Field(
        default=None, min_length=1, max_length=100, description="the parameter that is selected: w5, W_h[1,2]"
    )


class Scenario(Model):
    """A scenario: a network, its data, its training, and what was published about it.

    Attributes:
        name: the name of a scenario that ships, else the file's name without `.toml`.
        path: the file; None for a scenario that was made from a text.
    """

    format: Literal[1] = Field(description="the version of this format")
    group: ScenarioGroup | None = Field(default=None, description="the group of the list that it belongs to")
    source: str | None = Field(default=None, min_length=1, max_length=2000, description="an address or citation")
    title: TextTable = Field(description="the title")
    teaches: TextTable | None = Field(default=None, description="one line that says what it teaches")
    about: TextTable | None = Field(default=None, description="a few sentences")
    network: NetworkTable
    data: Data = Field(default_factory=Data, description="the samples; a network without inputs and targets needs none")
    held_out: HeldOut | None = Field(
        default=None, description="samples that training never sees: a file, or a share of the samples"
    )
    loss: LossTable
    losses: Annotated[tuple[LossTable, ...], Field(strict=False)] = Field(
        default=(),
        max_length=64,
        description="further losses, of other layers; each takes the next columns of the targets",
    )
    training: Training
    stop: StopTable
    expect: Annotated[tuple[Expectation, ...], Field(strict=False)] = Field(
        default=(), max_length=10_000, description="published figures that `retrograde check` verifies"
    )
    chapter: Annotated[tuple[Chapter, ...], Field(strict=False)] = Field(
        default=(), max_length=100, description="what the scenario tells at moments of its run, in order"
    )
    doctor: DoctorTable | None = Field(
        default=None, description="limits of the rules of `retrograde doctor` that are other than usual"
    )
    variants: Annotated[tuple[Variant, ...], Field(strict=False)] = Field(
        default=(), max_length=100, description="the same with other trainings, for `retrograde race`"
    )

    _name: str = PrivateAttr(default="")
    _path: Path | None = PrivateAttr(default=None)
    _data_path: Path | None = PrivateAttr(default=None)
    # With the table that it comes from: a copy of the scenario may have another one.
    _dataset: tuple[Data, Dataset] | None = PrivateAttr(default=None)
    _warnings: tuple[Problem, ...] = PrivateAttr(default=())
    _weights: Mapping[str, Mapping[str, NDArray[Any]]] = PrivateAttr(default_factory=dict)

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
    def warnings(self) -> tuple[Problem, ...]:
        """What is odd in it and can be computed all the same, in the order of the file."""
        return self._warnings

    @property
    def weights(self) -> Mapping[str, Mapping[str, NDArray[Any]]]:
        """What network.weights_file gives each layer, by its name: parameters, ``W``, and what is drawn, ``mask``."""
        return self._weights

    def weighted(self, weights: Mapping[str, Mapping[str, NDArray[Any]]], update: Mapping[str, Any]) -> Scenario:
        """Return the scenario with what its file of weights gives.

        Args:
            weights: the arrays of each layer.
            update: the tables that have numbers from there.
        """
        found = self.model_copy(update=dict(update))
        found._weights = weights
        return found

    def sourced(
        self,
        *,
        name: str,
        path: Path | None = None,
        data_path: Path | None = None,
        dataset: Dataset | None = None,
        warnings: tuple[Problem, ...] = (),
    ) -> Scenario:
        """Return the scenario with what its file alone does not say.

        Args:
            name: its name.
            path: the file it was read from.
            data_path: the file its samples come from.
            dataset: its samples.
            warnings: what is odd in it.
        """
        found = self.model_copy()
        found._name, found._path, found._data_path, found._warnings = name, path, data_path, warnings
        found._dataset = None if dataset is None else (self.data, dataset)
        return found

    def dataset(self, read: Callable[[Scenario], Dataset]) -> Dataset:
        """Return its samples, which are read once, and again where a copy has another table of them."""
        if self._dataset is None or self._dataset[0] is not self.data:
            self._dataset = (self.data, read(self))
        return self._dataset[1]

    @property
    def topology(self) -> str:
        """The widths from the inputs to the outputs, `2-2-2`; of layers that are not dense, their kind."""
        layers = (str(layer.units) if isinstance(layer, DenseLayer) else layer.kind for layer in self.network.layers)
        return "-".join((*([str(self.network.inputs)] if self.network.inputs else []), *layers))

    @property
    def shapes(self) -> Shapes:
        """The shapes of its network; the scenario is complete."""
        network = self.network
        return Shapes(
            inputs=network.inputs,
            input_shape=network.input_shape,
            layers=network.layers,
            names=[layer.name for layer in network.layers],
            loss=self.loss,
            losses=self.losses,
            coefficients=self.coefficients,
        )

    @property
    def coefficients(self) -> bool:
        """Whether the targets are the coefficients of a loss that is an output itself."""
        return self.data.coefficients([loss.kind for loss in (self.loss, *self.losses)])

    @property
    def forms(self) -> dict[str, Form]:
        """What the inputs and each layer hand on, by name; the scenario is complete."""
        shapes, layers = self.shapes, self.network.layers
        known = zip(layers, shapes.forms, shapes.sources, strict=True)
        # Of a scenario that was made by hand, a layer says what it cannot take.
        forms = {layer.name: form or layer.form(before or ()) for layer, form, before in known}
        return {INPUT_LAYER: shapes.input_form or Form(()), **forms}

    @property
    def goals(self) -> tuple[Goal, ...]:
        """What each loss compares with, in the order of the columns of the targets; the scenario is complete."""
        return tuple(self.shapes.goals or ())

    @property
    def vocabulary(self) -> int | None:
        """How many different indices the inputs may be; None where they are numbers."""
        return self.shapes.vocabulary

    def varied(self, name: str) -> Scenario:
        """Return a variant of the scenario, which is checked and not completed.

        Raises:
            EngineError: there is no such variant.
        """
        variant = next((one for one in self.variants if one.name == name), None)
        if variant is None:
            known = ", ".join(one.name for one in self.variants) or _("none")
            raise EngineError(_("there is no variant {name}; there are: {known}").format(name=name, known=known))
        training = Training.model_validate(variant.table(self.training))
        update: dict[str, Any] = {"training": training, "expect": variant.expect, "chapter": (), "variants": ()}
        if variant.title is not None:
            update["title"] = variant.title
        return self.model_copy(update=update)

    def seeded(self, seed: int, name: str, beside: Collection[str]) -> Scenario:
        """Return the scenario with another seed for all that is drawn and shuffled, under another name.

        Args:
            seed: the other seed.
            name: its name.
            beside: the keys that have been set for themselves, which keep theirs.
        """
        update: dict[str, Any] = {}
        if "network.seed" not in beside:
            update["network"] = self.network.model_copy(update={"seed": seed})
        if "training.seed" not in beside:
            update["training"] = self.training.model_copy(update={"seed": seed})
        found = self.model_copy(update=update)
        found._name = name
        return found

    def deviating(self, name: str, update: Mapping[str, Any]) -> Scenario:
        """Return a changed copy that no file has, under another name.

        Args:
            name: its name.
            update: what is changed.
        """
        found = self.model_copy(update=dict(update))
        found._name, found._path, found._warnings = name, None, ()
        return found

    def completed(self) -> Scenario:
        """Return the scenario with everything stated that a file may leave out."""
        network = self.network
        names = layer_names([layer.name for layer in network.layers])
        before = [INPUT_LAYER, *names]
        layers = tuple(
            _completed_layer(layer, name, above, network)
            for layer, name, above in zip(network.layers, names, before, strict=False)
        )
        return self.model_copy(
            update={
                "network": network.model_copy(
                    update={"layers": layers, "init": _completed_init(network.init, network.init)}
                ),
                "loss": _completed_loss(self.loss, names[-1]),
                "losses": tuple(_completed_loss(loss, names[-1]) for loss in self.losses),
                "training": self.training.completed(),
            }
        )


def laid_out(layer: Layer, network: NetworkTable) -> Layer:
    """Return a layer with the layout of its tables stated."""
    update: dict[str, Any] = {"layout": layer.layout or network.layout}
    gates = {"lstm": network.lstm_gates, "gru": network.gru_gates}.get(layer.kind)
    if gates is not None:
        update[GATE_ORDER] = getattr(layer, GATE_ORDER) or gates
    return layer.model_copy(update=update)


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


def _completed_layer(layer: Layer, name: str, above: str, network: NetworkTable) -> Layer:
    update: dict[str, Any] = {
        "name": name,
        "inputs": layer.taken(above),
        "init": _completed_init(layer.init or network.init, network.init),
    }
    layer = laid_out(layer, network)
    if isinstance(layer, DenseLayer):
        update["numbering"] = layer.numbering if layer.numbering is not None else network.numbering
    return layer.model_copy(update={**update, **layer.completed()})


def _completed_loss(loss: LossTable, last: str) -> LossTable:
    row = LOSSES[loss.kind]
    update: dict[str, Any] = {
        "layer": loss.layer or last,
        "over_outputs": loss.over_outputs or row.over_outputs,
        "over_batch": loss.over_batch or row.over_batch,
        "over_time": loss.over_time or loss.over_batch or row.over_batch,
        **row.settings(loss),
    }
    return loss.model_copy(update=update)
