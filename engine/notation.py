"""Names: how a slot is called in each place, and which slot a name means.

Every slot has a symbol for the screen (``δ_o1``, ``∂E/∂w5``, ``w5⁺``) and an ASCII name for conditions and exports
(``delta(o1)``, ``grad(w5)``, ``new(w5)``). Both are understood wherever a name is read.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from retrograde.engine.array import Array, Role
from retrograde.engine.errors import EngineError
from retrograde.engine.expression import Ref, refs, terms
from retrograde.engine.functions import ACTIVATIONS
from retrograde.engine.program import Program, unravel
from retrograde.engine.text import _

MAX_NUMBERED = 99
"""Weights that are called w1, w2, ...; a larger network uses ``W_h[2,1]``."""

_SUGGEST_LIMIT = 5000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LayerNames:
    """What notation needs to know of a layer.

    Attributes:
        name: the layer's name.
        units: its width.
        sources: the width of what feeds it; 0 for the input layer.
        activation: the name of its activation.
        bias: "neuron", "shared" or "none".
        numbering: "target", "source", or explicit names, one row a target.
    """

    name: str
    units: int
    sources: int
    activation: str
    bias: str
    numbering: str | Sequence[Sequence[str]]


class Notation:
    """The names of one network.

    Args:
        inputs: the input layer's name and width.
        layers: the layers in order.
    """

    def __init__(self, inputs: LayerNames, layers: Sequence[LayerNames]) -> None:
        self._layers = {layer.name: layer for layer in (inputs, *layers)}
        self._input = inputs
        self._order = {layer.name: number for number, layer in enumerate(layers, 1)}
        self._weights: dict[str, list[list[str]]] = {}
        self._weight_slots: dict[str, tuple[str, tuple[int, int]]] = {}
        numbered = sum(layer.units * layer.sources for layer in layers) <= MAX_NUMBERED
        count = 0
        for layer in layers:
            if not isinstance(layer.numbering, str):
                rows = [list(row) for row in layer.numbering]
            elif numbered:
                rows = [["" for _ in range(layer.sources)] for _ in range(layer.units)]
                by_target = layer.numbering == "target"
                for first in range(layer.units if by_target else layer.sources):
                    for second in range(layer.sources if by_target else layer.units):
                        i, j = (first, second) if by_target else (second, first)
                        count += 1
                        rows[i][j] = f"w{count}"
            else:
                continue
            self._weights[layer.name] = rows
            for i, row in enumerate(rows):
                for j, name in enumerate(row):
                    self._weight_slots[name] = (layer.name, (i, j))

    def neuron(self, layer: str, unit: int) -> str:
        """The label of a neuron, counted from 0: ``h1``, or ``h2.3`` where the layer's name ends in a digit."""
        dot = "." if layer[-1:].isdigit() else ""
        return f"{layer}{dot}{unit + 1}"

    @property
    def layer_names(self) -> tuple[str, ...]:
        """The names of the layers, without the inputs."""
        return tuple(self._order)

    def neuron_of(self, label: str) -> tuple[str, int] | None:
        """The layer and the unit (from 0) of a neuron's label; None where it is none, or an input."""
        found = self._neuron(label)
        return None if found is None or found[0] == self._input.name else found

    def symbol(self, ref: Ref, *, sample: int | None = None) -> str:
        """The symbol of a slot.

        Args:
            ref: the slot.
            sample: the sample that goes without saying; None marks no slot with its sample.
        """
        return self._text(ref.array, ref.index, True) + _sample_mark(ref, sample)

    def name(self, ref: Ref, *, sample: int | None = None) -> str:
        """The ASCII name of a slot; see ``symbol``."""
        return self._text(ref.array, ref.index, False) + _sample_mark(ref, sample)

    def _text(self, array: Array, index: tuple[int, ...], pretty: bool) -> str:
        unit = index[-1] if index else 0
        label = self.neuron(array.layer, unit)
        match array.role:
            case Role.INPUT:
                return label
            case Role.TARGET:
                return f"t_{label}"
            case Role.WEIGHT:
                rows = self._weights.get(array.layer)
                if rows is not None:
                    return rows[index[-2]][index[-1]]
                return f"{array.name}[{index[-2] + 1},{index[-1] + 1}]"
            case Role.BIAS:
                if self._layers[array.layer].bias == "shared":
                    return f"b{self._order[array.layer]}"
                return f"b_{label}"
            case Role.RATE:
                return "η" if pretty else "lr"
            case Role.NET:
                return f"net_{label}"
            case Role.OUT:
                return f"out_{label}"
            case Role.MAXIMUM:
                return f"max_{array.layer}"
            case Role.EXPONENTIAL:
                return f"e_{label}"
            case Role.NORMALISER:
                return f"S_{array.layer}"
            case Role.LOSS:
                return f"E_{label}"
            case Role.TOTAL:
                return "E"
            case Role.SLOPE:
                symbol = ACTIVATIONS[self._layers[array.layer].activation].symbol
                return f"{symbol}′(net_{label})" if pretty else f"slope({label})"
            case Role.GRADIENT:
                assert array.of is not None
                if array.of.role is Role.NET:
                    return f"δ_{label}" if pretty else f"delta({label})"
                inner = self._text(array.of, index, pretty)
                return f"∂E/∂{inner}" if pretty else f"grad({inner})"
            case Role.UPDATED:
                assert array.of is not None
                inner = self._text(array.of, index, pretty)
                return f"{inner}⁺" if pretty else f"new({inner})"

    def resolve(self, text: str, program: Program, *, sample: int = 0) -> Ref:
        """The slot that a name or a symbol means.

        Args:
            text: the name; ``name{2}`` means sample 2 of the batch.
            program: the program whose arrays are meant.
            sample: the sample (from 0) of a name without a mark.

        Raises:
            EngineError: no slot has that name; the message has the nearest ones.
        """
        source = text.strip()
        bare = source
        marked = re.fullmatch(r"(.*?)\s*\{\s*(\d+)\s*\}", source)
        if marked:
            bare, sample = marked[1], int(marked[2]) - 1
        found = self._find(bare)
        if found is None:
            raise EngineError(self._unknown(source, program))
        name, index = found
        array = program.named.get(name)
        if array is None:
            raise EngineError(_("{name} is not computed in this network").format(name=source))
        if not array.batched:
            return Ref(array, index)
        if not 0 <= sample < program.batch:
            raise EngineError(
                _("{name}: sample {sample} is not in 1 to {batch}").format(
                    name=source, sample=sample + 1, batch=program.batch
                )
            )
        return Ref(array, (sample, *index))

    def resolve_term(self, text: str, program: Program, *, sample: int = 0) -> tuple[Ref, int] | None:
        """The gradient and the position of the term that a name such as ``∂E_o1/∂out_h1`` means."""
        match = re.fullmatch(r"\s*∂E_(?P<through>[^/]+)/∂(?P<of>.+)", text)
        if match is None:
            return None
        whole = self.resolve(f"grad({match['of']})", program, sample=sample)
        op = program.maker(whole.array)
        assert op is not None
        through = self.resolve(f"delta({match['through']})", program, sample=sample)
        for position, term in enumerate(terms(op.equation(whole.index))):
            if through in refs(term):
                return whole, position
        raise EngineError(
            _("{whole} has no term that comes through {through}").format(
                whole=self.symbol(whole), through=match["through"]
            )
        )

    def _find(self, text: str) -> tuple[str, tuple[int, ...]] | None:
        for pattern, wrap in _WRAPPERS:
            match = re.fullmatch(pattern, text)
            if match:
                inner = self._find(f"net_{match[1]}" if wrap in {"delta", "slope"} else match[1].strip())
                if inner is None:
                    return None
                name, index = inner
                if wrap == "slope":
                    return f"slope_{name.removeprefix('net_')}", index
                return (f"grad({name})" if wrap == "delta" else f"{wrap}({name})"), index
        if text in self._weight_slots:
            layer, pair = self._weight_slots[text]
            return f"W_{layer}", pair
        if text in {"E", "lr", "η"}:
            return ("E" if text == "E" else "lr"), ()
        match = re.fullmatch(r"(W|b)_(\w+)\[\s*(\d+)\s*(?:,\s*(\d+)\s*)?\]", text)
        if match and match[2] in self._order:
            return self._indexed(match)
        match = re.fullmatch(r"b(\d+)", text)
        if match:
            for name, number in self._order.items():
                if number == int(match[1]) and self._layers[name].bias == "shared":
                    return f"b_{name}", (0,)
        match = re.fullmatch(r"(net|out|E|t|e|b)_(.+)", text)
        if match:
            neuron = self._neuron(match[2])
            if neuron is None or neuron[0] == self._input.name:
                return None
            layer, unit = neuron
            if match[1] == "b" and self._layers[layer].bias != "neuron":
                return None
            prefix = {"E": "E", "t": "t"}.get(match[1], match[1])
            return f"{prefix}_{layer}", (unit,)
        match = re.fullmatch(r"(max|S)_(\w+)", text)
        if match and match[2] in self._order:
            return text, ()
        neuron = self._neuron(text)
        if neuron is not None and neuron[0] == self._input.name:
            return self._input.name, (neuron[1],)
        return None

    def _indexed(self, match: re.Match[str]) -> tuple[str, tuple[int, ...]] | None:
        layer = self._layers[match[2]]
        first = int(match[3]) - 1
        if not 0 <= first < layer.units:
            return None
        if match[1] == "b":
            return (f"b_{layer.name}", (first,)) if match[4] is None and layer.bias == "neuron" else None
        if match[4] is None or not 0 <= int(match[4]) - 1 < layer.sources:
            return None
        return f"W_{layer.name}", (first, int(match[4]) - 1)

    def _neuron(self, text: str) -> tuple[str, int] | None:
        for layer in self._layers.values():
            dot = r"\." if layer.name[-1:].isdigit() else ""
            match = re.fullmatch(re.escape(layer.name) + dot + r"(\d+)", text)
            if match and 1 <= int(match[1]) <= layer.units:
                return layer.name, int(match[1]) - 1
        return None

    def _unknown(self, text: str, program: Program) -> str:
        message = _("there is no value called {name}").format(name=text)
        near = difflib.get_close_matches(text, self.names(program), n=3, cutoff=0.5)
        if near:
            message += _("; did you mean {names}?").format(names=", ".join(near))
        return message

    def names(self, program: Program) -> list[str]:
        """The ASCII names of all slots of a sample, at most a few thousand."""
        return [self.name(ref) for ref in _first_refs(program.arrays, _SUGGEST_LIMIT)]


def _first_refs(arrays: Iterable[Array], limit: int) -> Iterator[Ref]:
    count = 0
    for array in arrays:
        size = 1
        for length in array.element_shape:
            size *= length
        if count + size > limit:
            continue
        count += size
        for flat in range(size):
            index = unravel(flat, array.element_shape)
            yield Ref(array, (0, *index) if array.batched else index)


def _sample_mark(ref: Ref, sample: int | None) -> str:
    if sample is None or not ref.array.batched or ref.index[0] == sample:
        return ""
    return f"{{{ref.index[0] + 1}}}"


_WRAPPERS: tuple[tuple[str, str], ...] = (
    (r"grad\((.+)\)", "grad"),
    (r"∂E/∂(.+)", "grad"),
    (r"delta\((.+)\)", "delta"),
    (r"δ_(.+)", "delta"),
    (r"slope\((.+)\)", "slope"),
    (r"[^()]*′\(net_(.+)\)", "slope"),
    (r"new\((.+)\)", "new"),
    (r"(.+)⁺", "new"),
)

EXTRA_NAMES: Mapping[str, str] = {
    "E_epoch": "the loss of the epoch: the mean of its iterations' E, each before its own update",
    "E_data": "the loss over the whole data set, with the parameters as they are",
    "epoch": "the number of the epoch, from 1",
    "iteration": "the number of the iteration in the epoch, from 1",
}
"""Names that are no slots; a session knows their values."""
