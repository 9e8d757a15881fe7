"""What the parts of a scenario demand of each other, beyond what each field says for itself.

The rules run over whatever is valid, so that a file with a wrong name in one place still hears of a wrong
shape in another.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING, Any

from retrograde.engine.equations.activations import ACTIVATIONS
from retrograde.engine.equations.losses import CROSS_ENTROPY, LOSSES, VALUE
from retrograde.engine.equations.optimisers import OPTIMISERS
from retrograde.engine.errors import EngineError
from retrograde.engine.layers.base import (
    MAX_LEGACY_SEED,
    ActivatedLayer,
    Distribution,
    Form,
    KeyPath,
    Layer,
    LayerInit,
    ShapeError,
)
from retrograde.engine.layers.dense import DenseLayer
from retrograde.engine.scenario.models import Goal, vocabulary_of
from retrograde.engine.scenario.rules.reserved import naming_faults
from retrograde.engine.scenario.sequences import steps_of, text_complaints, window_starts
from retrograde.engine.scenario.training import Training, faults
from retrograde.engine.text import _

if TYPE_CHECKING:
    from retrograde.engine.scenario.models import (
        Data,
        Expectation,
        LossTable,
        NetworkInit,
        StopTable,
    )

INPUT_LAYER = "i"

FRAME_BYTES = 384 * 2**20
"""The most memory that the values of one iteration may take."""
ARRAYS_PER_PARAMETER = 6
"""Initial value, state, value, gradient, updated value and work space."""
ARRAYS_PER_UNIT = 10
"""Net input, output, slope, three gradients, and what softmax and losses add; per sample."""
MAX_DATA_BYTES = 512 * 2**20

_PARAMETERS = {
    "constant": ("value",),
    "uniform": ("low", "high"),
    "normal": ("mean", "std"),
}
_NEEDED = {"constant": ("value",), "uniform": ("low", "high"), "normal": ("std",)}
_SYMBOLS = "i t w b x y E W S e lr net out grad delta slope new prev"
_WORDS = "abs and batch data epoch exp inf iteration ln log loss max min nan not or step"
_RESERVED = frozenset(f"{_SYMBOLS} {_WORDS}".split(" "))
# Single letters are good names of weights; E is the loss.
_RESERVED_WEIGHT = re.compile(
    r"(?:W|b|t|net|out|E|e|max|S)_.*|[bi]\d+|E|" + "|".join(sorted(name for name in _RESERVED if len(name) > 1))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A rule that is broken, at a key or at a value of the file."""

    path: KeyPath
    message: str
    key: bool = False


@dataclass(slots=True, kw_only=True, eq=False)
class Parts:
    """The parts of a scenario; None stands for one that is not valid by itself, and for a key that is not.

    Attributes:
        complete: whether all layers are there, valid or not.
        unknown: the keys that are wrong, so that None does not mean that they are absent.
    """

    inputs: int | None = None
    input_shape: tuple[int, ...] | None = None
    seed: int | None = None
    init: NetworkInit | None = None
    layers: Sequence[Layer | None] = ()
    complete: bool = False
    data: Data | None = None
    loss: LossTable | None = None
    losses: Sequence[LossTable | None] = ()
    training: Training | None = None
    stop: StopTable | None = None
    expect: Sequence[Expectation | None] = ()
    names: Sequence[str] = ()
    unknown: AbstractSet[KeyPath] = frozenset()

    forms: list[Form | None] = field(init=False)
    sources: list[list[Form] | None] = field(init=False)

    def __post_init__(self) -> None:
        """Works out what each layer hands on, as far as the file says it."""
        self.forms, self.sources = [], []
        for number, layer in enumerate(self.layers):
            before = self._before(number)
            self.sources.append(before)
            self.forms.append(None if layer is None else self._form(number, layer, before))

    def _form(self, number: int, layer: Layer, before: list[Form] | None) -> Form | None:
        if isinstance(layer, DenseLayer):
            steps = before[0].steps if before else 0
            return None if layer.units is None else Form((layer.units,), steps)
        if before is None or any(path[:3] == ("network", "layers", number) for path in self.unknown):
            return None
        low, high = layer.arity
        if not low <= len(before) <= high:
            return None
        try:
            return layer.form(before)
        except ShapeError:
            return None

    def _before(self, number: int) -> list[Form] | None:
        """What the layers before a layer hand on; None where that is not known."""
        layer = self.layers[number]
        if layer is None:
            return None
        known: dict[str, Form | None] = {INPUT_LAYER: self._inputs()}
        known.update(zip(self.names, self.forms, strict=False))
        above = self.names[number - 1] if number else INPUT_LAYER
        found = [known.get(name) for name in layer.taken(above)]
        return None if None in found else [form for form in found if form is not None]

    def _inputs(self) -> Form | None:
        if self.inputs is None:
            return None
        readers = [
            layer
            for number, layer in enumerate(self.layers)
            if layer is not None and INPUT_LAYER in layer.taken("" if number else INPUT_LAYER)
        ]
        if self.input_shape is None or all(isinstance(layer, DenseLayer) for layer in readers):
            return Form((self.inputs,))
        return Form(self.input_shape)

    @property
    def inputs_read(self) -> bool:
        """Whether a layer reads the inputs of the network."""
        return any(
            layer is not None and INPUT_LAYER in layer.taken("" if number else INPUT_LAYER)
            for number, layer in enumerate(self.layers)
        )

    def number(self, name: str | None) -> int | None:
        """The number of the layer with a name, of the last one without; None where there is none."""
        if name is None:
            return len(self.layers) - 1 if self.complete and self.layers else None
        return next((number for number, other in enumerate(self.names) if other == name), None)

    @property
    def steps(self) -> int | None:
        """Time steps of the inputs, if they are sequences; None where it is not known."""
        return None if self.inputs is None else steps_of(self.inputs, self.input_shape)

    @property
    def positions(self) -> int | None:
        """How many class indices or distributions a sample has: one, or one a time step; None where it is not known."""
        goals = self.goals
        if goals is None:
            return 1 if self.losses else None
        # Several losses share the columns, each with positions of its own; one that is an output itself has none.
        return goals[0].positions if len(goals) == 1 else 1

    @property
    def goals(self) -> list[Goal] | None:
        """What each loss compares with, in the order of the columns of the targets; None where it is not known."""
        found: list[Goal] = []
        for loss in (self.loss, *self.losses):
            if loss is not None and loss.kind == VALUE.name:
                continue
            number = self.number(None if loss is None else loss.layer)
            form = None if number is None else self.forms[number]
            if form is None:
                return None
            found.append(Goal("", form.size, 1) if loss is None else Goal.of(loss, form))
        return found

    @property
    def outputs(self) -> int | None:
        """Width of the targets: that of all layers that have a loss with targets; None where it is not known."""
        goals = self.goals
        return None if goals is None else sum(goal.width for goal in goals)


def broken_rules(parts: Parts) -> Iterator[Finding]:
    """Yield every rule that the parts of a scenario break; nothing large is allocated."""
    yield from _network_rules(parts)
    yield from _name_rules(parts)
    yield from _own_name_rules(parts)
    for number, layer in enumerate(parts.layers):
        if layer is not None:
            yield from _layer_rules(parts, number, layer)
    if parts.data is not None:
        yield from _data_rules(parts, parts.data)
    if parts.loss is not None:
        yield from _loss_rules(parts, parts.loss, ("loss",))
    for number, loss in enumerate(parts.losses):
        if loss is not None:
            yield from _loss_rules(parts, loss, ("losses", number))
            others = (parts.loss, *parts.losses[:number])
            if any(other is not None and parts.number(other.layer) == parts.number(loss.layer) for other in others):
                message = _("two losses of the same layer; give each the name of another layer")
                yield Finding(path=("losses", number), message=message)
    yield from training_rules(parts)
    for number, expectation in enumerate(parts.expect):
        if expectation is None or expectation.verdict != "source_wrong" or expectation.reason is not None:
            continue
        if ("expect", number, "reason") not in parts.unknown:
            yield Finding(
                path=("expect", number, "verdict"),
                message=_("source_wrong needs a reason: say what is wrong there"),
            )
    data = parts.data
    rows = None if data is None else data.inputs if parts.inputs != 0 else data.inputs or data.targets or ((),)
    if data is not None and data.file is None and rows is not None:
        yield from sample_rules(parts, len(rows))
    elif data is not None and data.text is not None and parts.steps is not None:
        yield from sample_rules(parts, max(1, len(window_starts(data.text, parts.steps, data.stride))))


def sample_rules(parts: Parts, count: int) -> Iterator[Finding]:
    """Yield the rules that depend on the number of samples."""
    training, stop = parts.training, parts.stop
    if not count:
        return
    batch = count
    if training is not None and training.batch_size:
        batch = training.batch_size
        if batch > count:
            message = _("a batch of {batch} from {count} samples; at most {count}, or 0 for all of them")
            yield Finding(path=("training", "batch_size"), message=message.format(batch=batch, count=count))
            return
    if training is not None and stop is not None and training.batch_size is not None and stop.epochs is not None:
        updates = stop.epochs * -(-count // batch)
        for number, expectation in enumerate(parts.expect):
            if expectation is not None and (expectation.updates or 0) > updates:
                message = _("{asked} updates, but the run has at most {updates} (epochs × iterations of an epoch)")
                yield Finding(
                    path=("expect", number, "updates"),
                    message=message.format(asked=expectation.updates, updates=updates),
                )
    yield from _least_rules(parts, batch, count)
    yield from size_rules(parts, batch, count)


def _least_rules(parts: Parts, batch: int, count: int) -> Iterator[Finding]:
    """Yield the layers that need more samples than an iteration has."""
    fewest = min(batch, count % batch or batch)
    for number, (layer, sources) in enumerate(zip(parts.layers, parts.sources, strict=True)):
        if layer is None or sources is None or parts.forms[number] is None:
            continue
        least = layer.least_batch(sources)
        if fewest < least:
            message = _("{kind} needs {least} samples in every iteration; one has {fewest} (of {count}, {batch} each)")
            text = message.format(kind=layer.kind, least=least, fewest=fewest, count=count, batch=batch)
            yield Finding(path=("network", "layers", number), message=text)


def size_rules(parts: Parts, batch: int, count: int) -> Iterator[Finding]:
    """Yield what would not fit in memory: the values of an iteration, or the samples."""
    outputs = parts.outputs
    if parts.inputs is None or not parts.complete or outputs is None or None in parts.forms:
        return
    size, parameters = frame_size(parts, batch)
    if size > FRAME_BYTES:
        message = _(
            "the values of one iteration would take about {size} ({parameters} parameters, {batch} samples in"
            " a batch); the limit is {limit}"
        )
        text = message.format(size=_bytes(size), parameters=f"{parameters:,}", batch=batch, limit=_bytes(FRAME_BYTES))
        yield Finding(path=("network", "layers"), message=text)
    samples = 8 * count * (parts.inputs + outputs)
    if samples > MAX_DATA_BYTES:
        message = _("the samples would take {size}; the limit is {limit}")
        text = message.format(size=_bytes(samples), limit=_bytes(MAX_DATA_BYTES))
        yield Finding(path=("data",), message=text)


def frame_size(parts: Parts, batch: int) -> tuple[int, int]:
    """Return an estimate in bytes of the values of one iteration, and the number of parameters."""
    parameters, values = 0, parts.inputs or 0
    for layer, sources in zip(parts.layers, parts.sources, strict=True):
        if layer is None or sources is None:
            continue
        try:
            values += layer.slots(sources)
        except ShapeError:  # which is reported where the layer is
            continue
        if layer.share is None:
            parameters += sum(parameter.size for parameter in layer.parameters(sources))
    name = parts.training.optimizer if parts.training is not None else None
    optimiser = OPTIMISERS[name or "sgd"]
    training = parts.training
    # Without momentum and decay, gradient descent makes nothing besides the new value.
    plain = bool(optimiser.spare) and not (
        training is not None and any(getattr(training, key) for key in optimiser.spare)
    )
    each = ARRAYS_PER_PARAMETER + (0 if plain else 2 * optimiser.state + optimiser.made)
    return 8 * (each * parameters + ARRAYS_PER_UNIT * batch * values), parameters


def shape(rows: Sequence[Any]) -> str:
    """Return the shape of a table as a person reads it: `2×3`, or `2 rows of 3, 2` if they differ."""
    widths = [len(row) for row in rows]
    if len(set(widths)) <= 1:
        return f"{len(rows)}×{widths[0] if widths else 0}"
    listed = ", ".join(str(width) for width in widths[:8]) + (", …" if len(widths) > 8 else "")
    return _("{rows} rows of {widths}").format(rows=len(rows), widths=listed)


def _bytes(size: int) -> str:
    for unit, factor in (("TiB", 2**40), ("GiB", 2**30)):
        if size >= factor:
            return f"{size / factor:,.1f} {unit}"
    return f"{size / 2**20:,.0f} MiB"


def _network_rules(parts: Parts) -> Iterator[Finding]:
    if not parts.inputs and parts.inputs_read and ("network", "inputs") not in parts.unknown:
        yield Finding(path=("network", "inputs"), message=_("missing: {what}").format(what=_("number of inputs")))
    size = parts.input_shape
    if size is not None and parts.inputs is not None and (min(size) < 1 or prod(size) != parts.inputs):
        message = _("an array of {shape} does not have {inputs} inputs")
        text = message.format(shape="×".join(map(str, size)), inputs=parts.inputs)
        yield Finding(path=("network", "input_shape"), message=text)
    if parts.init is not None:
        yield from _init_rules(parts, parts.init, ("network", "init"))
        if parts.init.generator == "numpy-legacy" and parts.seed is not None and parts.seed > MAX_LEGACY_SEED:
            message = _("seeds of numpy-legacy go from 0 to {last}")
            yield Finding(path=("network", "seed"), message=message.format(last=MAX_LEGACY_SEED))


def _init_rules(parts: Parts, init: LayerInit, path: KeyPath) -> Iterator[Finding]:
    yield from _distribution_rules(parts, init, path)
    if init.bias is not None:
        yield from _distribution_rules(parts, init.bias, (*path, "bias"))
        if init.draw_bias:
            message = _("draw_bias draws biases like the weights; leave it out beside a bias table")
            yield Finding(path=(*path, "draw_bias"), message=message)


def _distribution_rules(parts: Parts, distribution: Distribution, path: KeyPath) -> Iterator[Finding]:
    if (*path, "kind") in parts.unknown:
        return
    allowed = _PARAMETERS.get(distribution.kind, ())
    for name in ("value", "low", "high", "mean", "std"):
        given = getattr(distribution, name) is not None or (*path, name) in parts.unknown
        if given and name not in allowed:
            takes = ", ".join(allowed) or _("no parameters")
            message = _("{kind} has no {name}; it takes {takes}")
            text = message.format(kind=distribution.kind, name=name, takes=takes)
            yield Finding(path=(*path, name), message=text, key=True)
        if not given and name in _NEEDED.get(distribution.kind, ()):
            message = _("{kind} needs {name}")
            yield Finding(path=(*path, "kind"), message=message.format(kind=distribution.kind, name=name))
    if distribution.low is not None and distribution.high is not None:
        if distribution.high < distribution.low:
            message = _("high is {high}, which is below low, {low}")
            text = message.format(high=distribution.high, low=distribution.low)
            yield Finding(path=(*path, "high"), message=text)
        elif distribution.high - distribution.low == float("inf"):
            yield Finding(path=(*path, "high"), message=_("the range from low to high is larger than any number"))


def _name_rules(parts: Parts) -> Iterator[Finding]:
    taken: dict[str, int] = {}
    for number, name in enumerate(parts.names):
        path = ("network", "layers", number, "name")
        if not name:
            continue
        if name in _RESERVED:
            message = _("{name} means something else in Retrograde; choose another name")
            yield Finding(path=path, message=message.format(name=name))
        elif name in taken:
            message = _("layer {other} is called {name} too; names are unique")
            yield Finding(path=path, message=message.format(name=name, other=taken[name] + 1))
        else:
            taken[name] = number
    for number, name in enumerate(parts.names):
        base = name.rstrip("0123456789") if name else ""
        if base != name and (base in taken or base == "i"):
            message = _("{name} is also what a neuron of layer {base} is called; choose another name")
            path = ("network", "layers", number, "name")
            yield Finding(path=path, message=message.format(name=name, base=base))
        for other, layer in zip(parts.names, parts.layers, strict=False):
            if layer is not None and any(name == f"{head}_{other}" for head in layer.gate_names):
                message = _("{name} is also what a gate of layer {base} is called; choose another name")
                path = ("network", "layers", number, "name")
                yield Finding(path=path, message=message.format(name=name, base=other))


def _own_name_rules(parts: Parts) -> Iterator[Finding]:
    """Names of values that layers choose mean nothing else."""
    chosen = [
        (name, ("network", "layers", number, *inside))
        for number, layer in enumerate(parts.layers)
        if layer is not None
        for name, inside in layer.own_names()
    ]
    if not chosen:
        return
    weights = {
        name
        for layer in parts.layers
        if isinstance(layer, DenseLayer) and layer.numbering is not None and not isinstance(layer.numbering, str)
        for row in layer.numbering
        for name in row
    }
    counted = {name for name, _path in chosen if re.fullmatch(r"w[1-9]\d*", name) and _counted_name(parts, 0, name)}
    for path, message in naming_faults(parts.names, chosen, weights | counted):
        yield Finding(path=path, message=message)


def _layer_rules(parts: Parts, number: int, layer: Layer) -> Iterator[Finding]:
    path: KeyPath = ("network", "layers", number)
    yield from _source_rules(parts, number, layer)
    yield from _index_rules(parts, number, layer)
    if isinstance(layer, ActivatedLayer):
        for row in ACTIVATIONS.values():
            key = None if row.parameter is None else row.parameter.key
            if key and getattr(layer, key) is not None and layer.activation not in {row.name, None}:
                message = _("{name} belongs to {activation}; this layer has {found}")
                text = message.format(name=key, activation=row.name, found=layer.activation)
                yield Finding(path=(*path, key), message=text, key=True)
    frozen = layer.frozen or ()
    if len(set(frozen)) < len(frozen):
        yield Finding(path=(*path, "frozen"), message=_("the same parameter is named twice"))
    if layer.init is not None:
        yield from _init_rules(parts, layer.init, (*path, "init"))
    if isinstance(layer, DenseLayer):
        yield from _dense_rules(parts, number, layer)
    else:
        yield from _parameter_rules(parts, number, layer)


def _source_rules(parts: Parts, number: int, layer: Layer) -> Iterator[Finding]:
    """What comes before a layer: names that exist, as many as it takes, of shapes that it can take."""
    path: KeyPath = ("network", "layers", number)
    earlier = (INPUT_LAYER, *parts.names[:number])
    for position, name in enumerate(layer.inputs or ()):
        place = (*path, "inputs", position)
        if name in parts.names[number:]:
            message = _("{name} comes later; a layer takes the outputs of those above it")
            yield Finding(path=place, message=message.format(name=name))
        elif name not in earlier:
            message = _("there is no layer {name}; above are {names}")
            yield Finding(path=place, message=message.format(name=name, names=", ".join(earlier)))
    low, high = layer.arity
    count = len(layer.taken(""))
    if not low <= count <= high:
        message = _("{kind} takes {low} layers before it; inputs names {count}")
        wanted = str(low) if low == high else _("{low} or more").format(low=low)
        yield Finding(
            path=(*path, "inputs") if layer.inputs else path,
            message=message.format(kind=layer.kind, low=wanted, count=count),
            key=True,
        )
        return
    sources = parts.sources[number]
    if sources is not None and not any(known[:3] == path for known in parts.unknown):
        for inside, text in layer.faults(sources):
            yield Finding(path=(*path, *inside), message=text)
        try:
            layer.form(sources)
        except ShapeError as error:
            place = (*path, *error.path) if error.key in layer.model_fields_set else path
            yield Finding(path=place, message=error.message)
    if layer.share is not None:
        yield from _sharing_rules(parts, number, layer)


def _index_rules(parts: Parts, number: int, layer: Layer) -> Iterator[Finding]:
    """What takes indices takes those of the inputs, which are then all of them indices."""
    path: KeyPath = ("network", "layers", number)
    taken = layer.taken(parts.names[number - 1] if number else INPUT_LAYER)
    if layer.indices is not None and taken != (INPUT_LAYER,):
        message = _('an {kind} takes the indices of the inputs: put it first, or say inputs = ["i"]')
        yield Finding(path=path, message=message.format(kind=layer.kind))
    if layer.indices is not None and parts.data is not None:
        for key in ("divide_inputs_by", "standardise"):
            if getattr(parts.data, key):
                message = _("the inputs are indices, which are not scaled")
                yield Finding(path=("data", key), message=message)


def _sharing_rules(parts: Parts, number: int, layer: Layer) -> Iterator[Finding]:
    """A layer that uses the parameters of another: one above, with the same shapes, and none of its own."""
    path: KeyPath = ("network", "layers", number)
    other = parts.number(layer.share)
    if other is None or other >= number:
        message = _("there is no layer {name} above; above are {names}")
        text = message.format(name=layer.share, names=", ".join(parts.names[:number]))
        yield Finding(path=(*path, "share"), message=text)
        return
    model, mine, theirs = parts.layers[other], parts.sources[number], parts.sources[other]
    if model is None or mine is None or theirs is None or parts.forms[number] is None or parts.forms[other] is None:
        return
    shapes = [[(one.name, one.shape) for one in each.parameters(of)] for each, of in ((layer, mine), (model, theirs))]
    edges = [getattr(each, "edges", None) for each in (layer, model)]
    if model.kind != layer.kind or shapes[0] != shapes[1] or edges[0] != edges[1] or model.share is not None:
        message = _("{name} does not have the same parameters as this layer")
        yield Finding(path=(*path, "share"), message=message.format(name=layer.share))
    given = {one.key for one in layer.parameters(mine) if one.given is not None} | {"init", "frozen"}
    for key in sorted(given & layer.model_fields_set):
        message = _("the parameters are those of {name}; {key} belongs there")
        yield Finding(path=(*path, key), message=message.format(name=layer.share, key=key), key=True)


def _parameter_rules(parts: Parts, number: int, layer: Layer) -> Iterator[Finding]:
    """Values that the file gives have the shape of their parameter, and only what exists is frozen."""
    path: KeyPath = ("network", "layers", number)
    sources = parts.sources[number]
    if sources is None or parts.forms[number] is None:
        return
    parameters = layer.parameters(sources)
    names = [one.name for one in parameters]
    for position, name in enumerate(layer.frozen or ()):
        if name not in names:
            message = _("this layer has no parameter {name}; it has {names}")
            text = message.format(name=name, names=", ".join(names) or _("none"))
            yield Finding(path=(*path, "frozen", position), message=text)
    for one in parameters:
        found = nested_shape(one.given)
        if one.given is not None and found != one.shape:
            message = _("{found} values where the layer needs {wanted}")
            text = message.format(found=_axes(found), wanted=_axes(one.shape))
            yield Finding(path=(*path, one.key), message=text)


def nested_shape(value: Any) -> tuple[int, ...] | None:
    """The shape of numbers in nested lists; None where the lists of one level have different lengths."""
    if not isinstance(value, list | tuple):
        return ()
    inner = {nested_shape(part) for part in value}
    if len(inner) > 1:
        return None
    rest = inner.pop() if inner else ()
    return None if rest is None else (len(value), *rest)


def _axes(found: tuple[int, ...] | None) -> str:
    if found is None:
        return _("lists of different lengths instead of")
    return "×".join(map(str, found)) or "1"


def _dense_rules(parts: Parts, number: int, layer: DenseLayer) -> Iterator[Finding]:
    path: KeyPath = ("network", "layers", number)
    sources = parts.sources[number]
    before = layer.width(sources) if sources else None
    wanted = None if before is None or layer.units is None else (layer.units, before)
    frozen = layer.frozen or ()
    if "bias" in frozen and layer.bias == "none":
        message = _("this layer has no bias that could be frozen")
        yield Finding(path=(*path, "frozen", frozen.index("bias")), message=message)
    if layer.weights is not None:
        yield from _shape_rules(
            layer.weights, wanted, (*path, "weights"), _("weights"), _("units × inputs of the layer"), before
        )
    yield from _bias_rules(layer, path)
    if layer.numbering is not None and not isinstance(layer.numbering, str):
        yield from _shape_rules(
            layer.numbering,
            wanted,
            (*path, "numbering"),
            _("names"),
            _("units × inputs of the layer"),
            before,
        )
        yield from _weight_name_rules(parts, number, layer.numbering)
    yield from _edge_rules(layer, path, wanted)
    if layer.init is not None and layer.weights is not None and (layer.bias == "none" or layer.biases is not None):
        message = _("nothing is left to draw: weights and biases are given")
        yield Finding(path=(*path, "init"), message=message, key=True)


def _edge_rules(layer: DenseLayer, path: KeyPath, wanted: tuple[int, int] | None) -> Iterator[Finding]:
    """Weights and names belong to the edges that there are: no value and no name where there is none."""
    table = layer.edges
    if (
        wanted is not None
        and table is not None
        and (len(table), {len(row) for row in table}) != (wanted[0], {wanted[1]})
    ):
        return
    for key, rows in (("weights", layer.weights), ("numbering", layer.numbering)):
        if rows is None or isinstance(rows, str):
            continue
        for i, row in enumerate(rows):
            for j, value in enumerate(row):
                there = table is None or (i < len(table) and j < len(table[i]) and table[i][j] == 1)
                if not there and value not in {0, ""}:
                    message = _("there is no edge here, so it has no weight; write {blank}")
                    text = message.format(blank='""' if key == "numbering" else "0")
                    yield Finding(path=(*path, key, i, j), message=text)
                elif there and value == "":
                    message = _("{found} is not a name; use letters and digits, such as w1")
                    yield Finding(path=(*path, key, i, j), message=message.format(found='""'))


def _bias_rules(layer: DenseLayer, path: KeyPath) -> Iterator[Finding]:
    if layer.biases is None:
        return
    if layer.bias == "none":
        message = _('this layer has no bias (bias = "none"), so it takes no biases')
        yield Finding(path=(*path, "biases"), message=message, key=True)
    elif layer.bias is None or layer.units is None:
        return
    elif isinstance(layer.biases, tuple) and len(layer.biases) != layer.bias_count:
        if layer.bias == "shared":
            message = _("a list of {found}, but the layer shares one bias: give a number")
        else:
            message = _("a list of {found} for {units} units")
        text = message.format(found=len(layer.biases), units=layer.units)
        yield Finding(path=(*path, "biases"), message=text)


def _shape_rules(
    rows: Sequence[Sequence[Any]],
    wanted: tuple[int, int] | None,
    path: KeyPath,
    what: str,
    meaning: str,
    before: int | None,
) -> Iterator[Finding]:
    """Yield a table that has another shape than the network; both shapes are named."""
    found = shape(rows)
    if wanted is not None:
        fits = len(rows) == wanted[0] and all(len(row) == wanted[1] for row in rows)
        if not fits:
            message = _("{what} of {found} where the network needs {units}×{before} ({meaning})")
            text = message.format(what=what, found=found, units=wanted[0], before=before, meaning=meaning)
            turned = {len(row) for row in rows} == {wanted[0]} and len(rows) == wanted[1]
            if turned:
                text += _("; a row belongs to a unit of this layer: transpose the table")
            yield Finding(path=path, message=text)
    elif len({len(row) for row in rows}) > 1:
        message = _("{what} of {found}: every row needs the same length")
        yield Finding(path=path, message=message.format(what=what, found=found))


def _weight_name_rules(parts: Parts, number: int, names: Sequence[Sequence[str]]) -> Iterator[Finding]:
    layers = set(parts.names)
    earlier = {
        name
        for other in parts.layers[:number]
        if isinstance(other, DenseLayer) and other.numbering is not None and not isinstance(other.numbering, str)
        for row in other.numbering
        for name in row
    }
    counted = any(
        isinstance(other, DenseLayer) and (other.numbering is None or isinstance(other.numbering, str))
        for other in parts.layers
    )
    for i, row in enumerate(names):
        for j, name in enumerate(row):
            path = ("network", "layers", number, "numbering", i, j)
            base = name.rstrip("0123456789")
            if not name:
                continue
            if name in earlier:
                message = _("two weights are called {name}")
                yield Finding(path=path, message=message.format(name=name))
            elif _RESERVED_WEIGHT.fullmatch(name) or name in layers or (base != name and base in layers):
                message = _("{name} means something else in Retrograde; choose another name, such as w1")
                yield Finding(path=path, message=message.format(name=name))
            elif counted and re.fullmatch(r"w\d+", name) and _counted_name(parts, number, name):
                message = _("{name} is also counted in a layer without a table of names")
                yield Finding(path=path, message=message.format(name=name))
            earlier.add(name)


def _counted_name(parts: Parts, number: int, name: str) -> bool:
    """Whether a layer that is numbered by counting has a weight of this name."""
    del number
    total = counted = 0
    for layer, sources in zip(parts.layers, parts.sources, strict=True):
        if layer is None or sources is None:
            return False
        if not isinstance(layer, DenseLayer) or layer.share is not None:
            continue
        if layer.units is None:
            return False
        size = layer.units * layer.width(sources) if layer.pairs is None else len(layer.pairs)
        total += size
        if layer.numbering is None or isinstance(layer.numbering, str):
            counted += size
    # Larger networks do not count their weights: they are called W_h[2,1].
    return total <= 99 and 1 <= int(name[1:]) <= counted


def _data_rules(parts: Parts, data: Data) -> Iterator[Finding]:
    if ("data", "file") in parts.unknown:
        return
    if data.file is None:
        for key in (
            "skip_rows",
            "input_columns",
            "target_columns",
            "length_column",
            "input_key",
            "target_key",
            "length_key",
            "rows",
        ):
            if key in data.model_fields_set:
                message = _("{key} belongs to a file; there is no data.file")
                yield Finding(path=("data", key), message=message.format(key=key), key=True)
        yield from _inline_rules(parts, data)
    else:
        yield from _file_rules(parts, data)
    for key in ("input_columns", "target_columns", "rows"):
        text = getattr(data, key)
        if text is not None:
            from retrograde.engine.scenario.data import ranges

            try:
                ranges(text)
            except EngineError as error:
                yield Finding(path=("data", key), message=str(error))
    if data.divide_inputs_by is not None:
        if data.divide_inputs_by == 0:
            yield Finding(path=("data", "divide_inputs_by"), message=_("inputs cannot be divided by 0"))
        if data.standardise:
            message = _("divide_inputs_by and standardise exclude each other")
            yield Finding(path=("data", "standardise"), message=message)
    yield from _sequence_rules(parts, data)
    outputs = parts.outputs
    if outputs is not None and parts.positions is not None:
        outputs //= parts.positions
    if data.classes is not None and outputs is not None and data.classes != outputs:
        message = _("{classes} classes, but the last layer has {units} units; they must be the same number")
        text = message.format(classes=data.classes, units=outputs)
        yield Finding(path=("data", "classes"), message=text)
    wanted = None if ("data", "classes") in parts.unknown else data.classes or outputs
    if data.class_names is not None and wanted is not None and len(data.class_names) != wanted:
        message = _("{found} names for {wanted} classes or outputs")
        text = message.format(found=len(data.class_names), wanted=wanted)
        yield Finding(path=("data", "class_names"), message=text)


def _sequence_rules(parts: Parts, data: Data) -> Iterator[Finding]:
    """Lengths of sequences, and a text that stands for samples."""
    outputs, positions = parts.outputs, parts.positions
    if data.text is not None:
        units = None if outputs is None or positions is None else outputs // positions
        given, vocabulary = sorted(data.model_fields_set), vocabulary_of(parts.layers)
        for complaint in text_complaints(data.text, given, parts.inputs, parts.input_shape, units, vocabulary):
            yield Finding(path=("data", *complaint.key), message=complaint.message, key=complaint.about_key)
        if positions is not None and positions not in {1, parts.steps}:
            message = _("the text is read for {steps} steps, but the last layer has {found}")
            text = message.format(steps=parts.steps, found=positions)
            yield Finding(path=("data", "text"), message=text)
    elif data.stride is not None:
        yield Finding(path=("data", "stride"), message=_("stride belongs to text; there is no data.text"), key=True)
    key = next((key for key in ("lengths", "length_column", "length_key") if getattr(data, key) is not None), None)
    if key is None:
        return
    if parts.complete and not any(layer is None or layer.sequential for layer in parts.layers):
        message = _("{key} belongs to sequences; there is no recurrent layer that could read them")
        yield Finding(path=("data", key), message=message.format(key=key), key=True)
    if data.lengths is not None and data.inputs is not None and len(data.lengths) != len(data.inputs):
        message = _("{lengths} lengths for {inputs} rows of inputs")
        text = message.format(lengths=len(data.lengths), inputs=len(data.inputs))
        yield Finding(path=("data", "lengths"), message=text)


def _file_rules(parts: Parts, data: Data) -> Iterator[Finding]:
    from retrograde.engine.scenario.data import SUFFIXES

    name = (data.file or "").lower()
    for key in ("inputs", "targets", "lengths"):
        if key in data.model_fields_set:
            message = _("samples are inline or in a file, not both; drop {key} or file")
            yield Finding(path=("data", key), message=message.format(key=key), key=True)
    if not name.endswith(SUFFIXES):
        message = _("{file} is not a kind of file that is read: {kinds}")
        text = message.format(file=data.file, kinds=", ".join(SUFFIXES))
        yield Finding(path=("data", "file"), message=text)
        return
    table = not name.endswith(".npz")
    foreign = (
        ("input_key", "target_key", "length_key")
        if table
        else ("skip_rows", "input_columns", "target_columns", "length_column")
    )
    for key in foreign:
        if key in data.model_fields_set:
            message = (
                _("{key} belongs to CSV files; this is an NPZ file")
                if not table
                else _("{key} belongs to NPZ files; this is a CSV file")
            )
            yield Finding(path=("data", key), message=message.format(key=key), key=True)
    if parts.inputs == 0:
        message = _("no layer reads inputs, so there are none to be read from a file")
        yield Finding(path=("data", "file"), message=message)
    elif parts.outputs == 0:
        for key in ("target_columns", "target_key"):
            if getattr(data, key) is not None:
                message = _("the loss is the value of an output itself: there are no targets")
                yield Finding(path=("data", key), message=message, key=True)
    if table:
        for key, width in (("input_columns", parts.inputs), ("target_columns", parts.outputs)):
            if getattr(data, key) is None and ("data", key) not in parts.unknown and width != 0:
                message = _('missing: which columns of the file, from 1, such as {key} = "1-4"')
                yield Finding(path=("data", key), message=message.format(key=key), key=True)


def _inline_rules(parts: Parts, data: Data) -> Iterator[Finding]:
    if not data.model_fields_set and parts.inputs != 0 and parts.outputs != 0:
        yield Finding(path=("data",), message=_("missing: the table [{name}]").format(name="data"))
        return
    for key, width in (("inputs", parts.inputs), ("targets", parts.outputs)):
        if width == 0:
            if getattr(data, key) is not None and key == "targets":
                message = _("the loss is the value of an output itself: there are no targets")
                yield Finding(path=("data", key), message=message, key=True)
                return
            continue
        if getattr(data, key) is None and ("data", key) not in parts.unknown and data.text is None:
            message = _("missing: a row per sample, or a file of samples in data.file")
            yield Finding(path=("data", key), message=message, key=True)
    if data.inputs is not None:
        if not data.inputs:
            yield Finding(path=("data", "inputs"), message=_("there are no samples; at least one is needed"))
        yield from _row_rules(data.inputs, parts.inputs, ("data", "inputs"), _("inputs"), _("network.inputs"))
    if data.targets is None:
        return
    if data.inputs is not None and len(data.inputs) != len(data.targets):
        message = _("{targets} rows of targets for {inputs} rows of inputs")
        text = message.format(targets=len(data.targets), inputs=len(data.inputs))
        yield Finding(path=("data", "targets"), message=text)
    if ("data", "classes") in parts.unknown:
        return
    flat = bool(data.targets) and not isinstance(data.targets[0], tuple)
    if data.classes is not None and data.targets and parts.positions is not None and parts.positions > 1:
        rows = [row if isinstance(row, tuple) else (row,) for row in data.targets]
        yield from _row_rules(rows, parts.positions, ("data", "targets"), _("targets"), _("class indices, one a step"))
    elif data.classes is not None and data.targets and not flat and parts.positions is not None:
        message = _("with classes, targets are a list of class indices such as [0, 2, 1]")
        yield Finding(path=("data", "targets"), message=message)
    elif data.classes is None and flat:
        message = _("a row per sample is needed, such as [[0.1], [0.9]]; for class indices give classes")
        yield Finding(path=("data", "targets"), message=message)
    elif data.classes is None:
        meaning = _("units of the layers that have a loss") if parts.losses else _("units of the last layer")
        yield from _row_rules(data.targets, parts.outputs, ("data", "targets"), _("targets"), meaning)


def _row_rules(rows: Sequence[Any], wanted: int | None, path: KeyPath, what: str, meaning: str) -> Iterator[Finding]:
    widths = {len(row) for row in rows}
    if wanted is None:
        if len(widths) > 1:
            message = _("{what} of {found}: every row needs the same length")
            yield Finding(path=path, message=message.format(what=what, found=shape(rows)))
    elif len(widths) == 1 and wanted not in widths:
        message = _("{what} of {found} where the network needs {count}×{wanted} ({meaning})")
        text = message.format(what=what, found=shape(rows), count=len(rows), wanted=wanted, meaning=meaning)
        yield Finding(path=path, message=text)
    else:
        message = _("row {row} has the width {found} where {wanted} is needed ({meaning})")
        for number, row in enumerate(rows):
            if len(row) != wanted:
                text = message.format(row=number + 1, found=len(row), wanted=wanted, meaning=meaning)
                yield Finding(path=(*path, number), message=text)


def _loss_rules(parts: Parts, loss: LossTable, path: KeyPath) -> Iterator[Finding]:
    if loss.kind is None:
        return
    owners = {row.parameter.key: row.name for row in LOSSES.values() if row.parameter is not None}
    for key, owner in (*owners.items(), ("label_smoothing", CROSS_ENTROPY.name)):
        if getattr(loss, key) not in {None, type(loss).model_fields[key].default} and loss.kind != owner:
            message = _("{key} belongs to {owner}; this loss is {kind}")
            yield Finding(path=(*path, key), message=message.format(key=key, owner=owner, kind=loss.kind), key=True)
    number = parts.number(loss.layer)
    form = None if number is None else parts.forms[number]
    positions = loss.kind == CROSS_ENTROPY.name and form is not None and len(form.shape) > 1
    if loss.over_time is not None and form is not None and not form.steps and not positions:
        message = _("over_time belongs to a sequence; this layer hands on one array")
        yield Finding(path=(*path, "over_time"), message=message, key=True)
    if number is None and loss.layer is not None and parts.complete:
        message = _("there is no layer {name}; there are {names}")
        text = message.format(name=loss.layer, names=", ".join(parts.names))
        yield Finding(path=(*path, "layer"), message=text)
    last = None if number is None else parts.layers[number]
    activation = getattr(last, "activation", None)
    if last is None or (activation is None and isinstance(last, ActivatedLayer)):
        return
    activation = activation or last.kind
    needed = LOSSES[loss.kind].activations
    if needed and activation not in needed:
        message = _("{kind} needs {needed} in the last layer, which has {found}")
        text = message.format(kind=loss.kind, needed=_(" or ").join(needed), found=activation)
        yield Finding(path=(*path, "kind"), message=text)
    if loss.kind == CROSS_ENTROPY.name and form is not None and form.shape[-1:] == (1,):
        message = _("cross_entropy over one output is always 0; use binary_cross_entropy with sigmoid")
        yield Finding(path=(*path, "kind"), message=message)


def training_rules(parts: Parts) -> Iterator[Finding]:
    """Yield what the keys of the training demand of each other."""
    training = parts.training
    if training is None:
        return
    for path, message, key in faults(training):
        yield Finding(path=("training", *path), message=message, key=key)
    unrolled = next((n for n, layer in enumerate(parts.layers) if layer is not None and layer.sequential), None)
    if unrolled is not None and training.update == "in_place":
        message = _(
            "in_place is for parameters that are used once; the recurrent layer {name} uses its own at each step"
        )
        yield Finding(path=("training", "update"), message=message.format(name=parts.names[unrolled]))
    if training.shuffle == "numpy-legacy":
        own = parts.init is not None and parts.init.generator != "numpy-legacy"
        if own and (training.seed or 0) > MAX_LEGACY_SEED:
            message = _("seeds of numpy-legacy go from 0 to {last}")
            yield Finding(path=("training", "seed"), message=message.format(last=MAX_LEGACY_SEED))
