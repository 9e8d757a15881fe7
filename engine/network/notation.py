"""Names: how a slot is called in each place, and which slot a name means.

Every slot has a symbol for the screen (``δ_o1``, ``∂E/∂w5``, ``w5⁺``) and an ASCII name for conditions and exports
(``delta(o1)``, ``grad(w5)``, ``new(w5)``). Both are understood wherever a name is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import repeat

from retrograde.engine.equations.array import Array, Role
from retrograde.engine.equations.expression import Ref, refs, terms
from retrograde.engine.equations.words import REDUCING, SCALAR
from retrograde.engine.errors import EngineError
from retrograde.engine.network.program import Program, ravel, unravel
from retrograde.engine.text import _, nearest, ngettext, suggest

MAX_NUMBERED = 99
"""Weights that are called w1, w2, ...; a larger network uses ``W_h[2,1]``."""

MAX_NAME = 200
"""Characters of a name."""

MOST_WRITTEN = 1 << 13
"""Names and symbols that are kept."""

_EDGES = 8
"""Edges that are named where one is not there."""

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
        edges: (unit, source) of each weight, where not every unit sees every source.
    """

    name: str
    units: int
    sources: int
    activation: str
    bias: str
    numbering: str | Sequence[Sequence[str]]
    edges: Sequence[tuple[int, int]] | None = None

    @property
    def pairs(self) -> Sequence[tuple[int, int]]:
        """(unit, source) of each weight, in the order of the array that holds them."""
        if self.edges is not None:
            return self.edges
        return [(unit, source) for unit in range(self.units) for source in range(self.sources)]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wrapper:
    """A way to make a name of another one; writing and reading go by the same two texts.

    Attributes:
        sign: the symbol, with ``{}`` for the other name and ``{sign}`` for that of the array.
        word: the ASCII name.
        target: the name of the array, by that of the other one; ``{bare}`` is that one without ``net_``.
        of_net: whether the other name is that of a net input, whose ``net_`` goes without saying.
    """

    sign: str
    word: str
    target: str
    of_net: bool = False

    def written(self, inner: str, sign: str, pretty: bool) -> str:
        """The name, or on the screen the symbol, around another one."""
        bare = inner.removeprefix("net_") if self.of_net else inner
        return (self.sign if pretty else self.word).format(bare, sign=sign)

    def inside(self, text: str) -> str | None:
        """The other name in a name or a symbol; None where it is not made in this way."""
        for template in (self.word, self.sign):
            match = _pattern(template).fullmatch(text)
            if match is not None:
                return f"net_{match[1]}" if self.of_net else match[1].strip()
        return None

    def array(self, inner: str) -> str:
        """The name of the array, by that of the other one."""
        return self.target.format(inner, bare=inner.removeprefix("net_"))


@lru_cache(maxsize=256)
def _pattern(template: str) -> re.Pattern[str]:
    """What a name that is written by a template looks like."""
    return re.compile(re.escape(template).replace(r"\{\}", "(.+)").replace(r"\{sign\}", "[^()]*"))


_GRADIENT = _Wrapper(sign="∂E/∂{}", word="grad({})", target="grad({})")
_DELTA = _Wrapper(sign="δ_{}", word="delta({})", target="grad({})", of_net=True)
_SLOPE = _Wrapper(sign="{sign}′(net_{})", word="slope({})", target="slope_{bare}", of_net=True)
_UPDATED = _Wrapper(sign="{}⁺", word="new({})", target="new({})")
_WRAPPERS = (_GRADIENT, _DELTA, _SLOPE, _UPDATED)

_OTHER_SLOPE = _Wrapper(sign="{sign}′({})", word="slope({})", target="slope_{}")
"""The slope of an activation without net inputs of its own, which is read by ``Notation._slope``."""


def _wrapper_of(array: Array) -> _Wrapper:
    """How the name of a slope, a gradient or an updated parameter is made of the name of what it belongs to."""
    of_net = array.of is not None and array.of.role is Role.NET
    match array.role:
        case Role.SLOPE:
            return _SLOPE if of_net else _OTHER_SLOPE
        case Role.GRADIENT:
            return _DELTA if of_net else _GRADIENT
        case _:
            return _UPDATED


class Notation:
    """The names of one network.

    Args:
        inputs: the input layer's name and width.
        layers: the layers in order.

    Attributes:
        dotted: whether names are paths such as ``3.c2.weight``, in which formulas read a number as a part of a name.
    """

    dotted: bool = False

    def __init__(self, inputs: LayerNames, layers: Sequence[LayerNames]) -> None:
        self._layers = {layer.name: layer for layer in (inputs, *layers)}
        self._input = inputs
        # A step is written several times, in symbols and with its operands, and the next step reads half of the same.
        self._written = lru_cache(MOST_WRITTEN)(self._of_slot)
        self._order = {layer.name: number for number, layer in enumerate(layers, 1)}
        # By layer: the name of each weight, in the order of the array that holds them, laid out flat.
        self._weights: dict[str, list[str]] = {}
        self._weight_slots: dict[str, tuple[str, tuple[int, ...]]] = {}
        count = 0
        for layer in layers:
            count += layer.units * layer.sources if layer.edges is None else len(layer.edges)
        numbered, count = count <= MAX_NUMBERED, 0
        for layer in layers:
            if isinstance(layer.numbering, str) and not numbered:
                continue
            pairs = layer.pairs
            if not isinstance(layer.numbering, str):
                found = [layer.numbering[unit][source] for unit, source in pairs]
            else:
                found = [""] * len(pairs)
                keys = [pair if layer.numbering == "target" else pair[::-1] for pair in pairs]
                for k in sorted(range(len(pairs)), key=keys.__getitem__):
                    count += 1
                    found[k] = f"w{count}"
            if found:
                self._weights[layer.name] = found
            for k, name in enumerate(found):
                self._weight_slots[name] = (layer.name, pairs[k] if layer.edges is None else (k,))

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
        found = self._neuron(_short(label))
        return None if found is None or found[0] == self._input.name else found

    def symbol(self, ref: Ref, *, sample: int | None = None) -> str:
        """The symbol of a slot.

        Args:
            ref: the slot.
            sample: the sample that goes without saying; None marks no slot with its sample.
        """
        written = self._written(ref, True)
        return written if sample is None else written + _sample_mark(ref, sample)

    def symbols(self, refs: Iterable[Ref]) -> list[str]:
        """The symbols of many slots."""
        return list(map(self._written, refs, repeat(True)))

    def name(self, ref: Ref, *, sample: int | None = None) -> str:
        """The ASCII name of a slot; see ``symbol``."""
        written = self._written(ref, False)
        return written if sample is None else written + _sample_mark(ref, sample)

    def whole(self, array: Array) -> str:
        """The symbol of a whole array, of all its slots together."""
        match array.role:
            case Role.RATE:
                return "η"
            case Role.TOTAL:
                return "E"
            case Role.SLOPE | Role.GRADIENT | Role.UPDATED if array.of is not None:
                return _wrapper_of(array).written(self.whole(array.of), array.sign, True)
        return self._plain(array, (), True)

    def _of_slot(self, ref: Ref, pretty: bool) -> str:
        return self._text(ref.array, ref.index, pretty)

    def _text(self, array: Array, index: tuple[int, ...], pretty: bool) -> str:
        match array.role:
            case Role.INPUT if array.layer == self._input.name and len(array.shape) == 2 + array.timed:
                time = f"@{index[-2] + 1}" if array.timed else ""
                return self.neuron(array.layer, index[-1]) + time
            case Role.WEIGHT if array.shape:
                names = self._weights.get(array.layer) if array.name == f"W_{array.layer}" else None
                if names:
                    return names[ravel(index[-len(array.shape) :], array.shape)]
                return f"{array.name}[{_listing(array, index[-len(array.shape) :])}]"
            case Role.BIAS if self._layers[array.layer].bias == "shared" and array.stem == "b":
                return f"b{self._order[array.layer]}"
            case Role.RATE:
                return "η" if pretty else "lr"
            case Role.TOTAL:
                return "E"
            case Role.SLOPE | Role.GRADIENT | Role.UPDATED:
                assert array.of is not None
                inner = self._text(array.of, index, pretty)
                if array.role is Role.SLOPE and array.of.role is not Role.NET and not pretty:
                    inner = self._own(array, index)
                return _wrapper_of(array).written(inner, array.sign, pretty)
            case Role.MEMORY | Role.VALUE if (
                array.of is not None and (index or not array.shape) and _of_parameter(array)
            ):
                return _around(_stem(array, pretty)).format(self._text(array.of, index, pretty))
        return self._plain(array, index, pretty)

    def _plain(self, array: Array, index: tuple[int, ...], pretty: bool) -> str:
        """The stem, then the neuron where there is one axis besides the sample's, or an index in brackets; the time."""
        stem = _stem(array, pretty)
        head = f"{stem}_{array.layer}" if array.stem and array.layer and array.name != stem else stem
        time = "" if array.time is None else f"@{array.time}"
        axes = len(array.element_shape)
        if array.timed and index:
            time = f"@{index[-axes] + 1}"
            axes -= 1
        if axes == 0 or not index:
            return head + time
        if axes == 1 and array.layer and array.stem and not array.blocks:
            return f"{stem}_{self.neuron(array.layer, index[-1])}{time}"
        return f"{head}[{_listing(array, index[-axes:])}]{time}"

    def _own(self, array: Array, index: tuple[int, ...]) -> str:
        """A slot by the name of its layer alone: ``a1``, ``a[1,2]``, ``a1@3``."""
        time = "" if array.time is None else f"@{array.time}"
        axes = len(array.element_shape)
        if axes == 1:
            return self.neuron(array.layer, index[-1]) + time
        return (f"{array.layer}[{_listing(array, index[-axes:])}]" if axes else array.layer) + time

    def parameter(self, text: str) -> tuple[str, tuple[int, ...]] | None:
        """The array and the place in it of a weight or a bias with a name of its own: ``w5``, ``b_h1``."""
        return self._find(text.strip())

    def resolve(self, text: str, program: Program, *, sample: int = 0) -> Ref:
        """The slot that a name or a symbol means.

        Args:
            text: the name; ``name{2}`` means sample 2 of the batch.
            program: the program whose arrays are meant.
            sample: the sample (from 0) of a name without a mark.

        Raises:
            EngineError: no slot has that name; the message has the nearest ones.
        """
        source = _short(text)
        bare = source
        marked = re.fullmatch(r"(.*?)\s*\{\s*(\d+)\s*\}", source)
        if marked:
            bare, sample = marked[1], int(marked[2]) - 1
        if not bare:
            raise EngineError(_("a value needs a name"))
        ref = self._found(bare, program) or self._listed(bare, program)
        if ref is None:
            plain = _VERSION.sub(_plain_version, source)
            if plain != source and self._find(bare) is None:
                return self.resolve(plain, program, sample=sample)
            raise EngineError(
                self._unchanged(bare, program) or self._misfit(bare, program) or self._absent(source, program)
            )
        if not ref.array.batched:
            return ref
        if not 0 <= sample < program.batch:
            raise EngineError(
                _("{name}: sample {sample} is not in 1 to {batch}").format(
                    name=source, sample=sample + 1, batch=program.batch
                )
            )
        return Ref(ref.array, (sample, *ref.index))

    def resolve_term(self, text: str, program: Program, *, sample: int = 0) -> tuple[Ref, int] | None:
        """The gradient and the position of the term that a name such as ``∂E_o1/∂out_h1`` means."""
        match = re.fullmatch(r"∂E_(?P<through>[^/]+)/∂(?P<of>.+)", _short(text))
        if match is None:
            return None
        whole = self.resolve(f"grad({match['of']})", program, sample=sample)
        op = program.maker(whole.array)
        assert op is not None
        through = self.resolve(f"delta({match['through']})", program, sample=sample)
        for position, term in enumerate(terms(op.equation(whole.index))):
            slopes = {ref for ref in refs(term) if ref.array.role is Role.GRADIENT}
            if through in slopes and len(slopes) > 1:
                message = _("{whole} adds up what comes from each layer first; {through} is a part of such a sum")
                raise EngineError(message.format(whole=self.symbol(whole), through=match["through"]))
            if through in slopes:
                return whole, position
        raise EngineError(
            _("{whole} has no term that comes through {through}").format(
                whole=self.symbol(whole), through=match["through"]
            )
        )

    def _find(self, text: str) -> tuple[str, tuple[int, ...]] | None:
        for wrapper in _WRAPPERS:
            inside = wrapper.inside(text)
            if inside is not None:
                inner = self._find(inside)
                return None if inner is None else (wrapper.array(inner[0]), inner[1])
        if text in self._weight_slots:
            layer, pair = self._weight_slots[text]
            return f"W_{layer}", pair
        if text in {"E", "lr", "η"}:
            return ("E" if text == "E" else "lr"), ()
        if (match := re.fullmatch(r"(W|b)_(\w+)\[\s*(\d+)\s*(?:,\s*(\d+)\s*)?\]", text)) and match[2] in self._order:
            return self._indexed(match)
        if match := re.fullmatch(r"b(\d+)", text):
            return self._shared(int(match[1]))
        if match := re.fullmatch(r"(net|out|E|t|e|b)_(.+)", text):
            return self._of_neuron(match[1], match[2])
        if (match := re.fullmatch(r"(max|S)_(\w+)", text)) and match[2] in self._order:
            return text, ()
        neuron = self._neuron(text)
        return (neuron[0], (neuron[1],)) if neuron is not None and neuron[0] == self._input.name else None

    def _shared(self, number: int) -> tuple[str, tuple[int, ...]] | None:
        """The bias that the neurons of a layer share, by the layer's number."""
        layer = next((name for name, order in self._order.items() if order == number), None)
        return (f"b_{layer}", (0,)) if layer is not None and self._layers[layer].bias == "shared" else None

    def _of_neuron(self, stem: str, label: str) -> tuple[str, tuple[int, ...]] | None:
        """What a neuron has: ``net``, ``out``, ``E``, ``t``, ``e``, and ``b`` where it has a bias of its own."""
        neuron = self.neuron_of(label)
        if neuron is None or (stem == "b" and self._layers[neuron[0]].bias != "neuron"):
            return None
        return f"{stem}_{neuron[0]}", (neuron[1],)

    def _listed(self, text: str, program: Program) -> Ref | None:
        """The slot that a name means by the names of the program's own arrays; without its sample."""
        if not text:
            # An array that is called by its own name has an empty stem, which an empty name would be.
            return None
        for wrapper in (*_WRAPPERS, *_memories(program)):
            inside = wrapper.inside(text)
            inner = None if inside is None else self._listed(inside, program) or self._found(inside, program)
            array = None if inner is None else program.named.get(wrapper.array(inner.array.name))
            if inner is not None and array is not None:
                return _within(array, inner.index)
        if text.startswith("slope(") or "′(" in text:
            return self._slope(text, program)
        number = next((one for one in program.arrays if one.sign == text and not one.shape), None)
        if number is not None:
            return Ref(number, ())
        text = spelled_out(text, program)
        match = re.fullmatch(r"(?P<name>[^\[\]@]+)(?:\[(?P<index>[\w\s,]+)\])?(?P<time>@\d+)?", text)
        if match is None:
            return None
        name, time = match["name"], match["time"] or ""
        if match["index"]:
            return self._picked(program, name, time, [part.strip() for part in match["index"].split(",")])
        return self._picked(program, name, time, []) or self._numbered(text, name, time, program)

    def _numbered(self, text: str, name: str, time: str, program: Program) -> Ref | None:
        """The slot of a neuron whose number stands behind the name of an array: ``mu_n1``, ``mu_n1.2``."""
        digits = re.search(r"\d+$", name)
        # A layer's name may end in a digit itself: h2.3, or a stem that is read with a digit too few.
        for cut in range(digits.start() if digits else len(name), len(name)):
            for base in (name[:cut], name[:cut].removesuffix(".")):
                slot = self._picked(program, base, time, [name[cut:]])
                if slot is not None and self._text(slot.array, slot.index, False) == text:
                    return slot
        return None

    def _found(self, text: str, program: Program) -> Ref | None:
        """The slot that a name means by the layers of the network, where the program has its array."""
        found = self._find(text)
        return None if found is None else _within(program.named.get(found[0]), found[1])

    def _slope(self, text: str, program: Program) -> Ref | None:
        """The slope of an activation without net inputs of its own: ``slope(a1)``, ``σ′(out_h1)``."""
        digits = [int(part) - 1 for part in re.findall(r"\d+", text)]
        for array in program.arrays:
            if array.role is not Role.SLOPE or array.of is None or array.of.role is Role.NET:
                continue
            # The numbers of the index are the last ones, before that of the time step.
            stop = len(digits) - (array.time is not None)
            index = tuple(digits[max(0, stop - len(array.element_shape)) : stop])
            ref = _within(array, index)
            if ref is not None and text in {self._text(array, index, True), self._text(array, index, False)}:
                return ref
        return None

    def _picked(self, program: Program, name: str, time: str, picks: Sequence[str]) -> Ref | None:
        """The slot of an array at an index from 1; the time belongs to the name, or is its first axis."""
        whole = array_called(name + time, program)
        if whole is None:
            return None
        try:
            places = self.places(whole[0], (*whole[1], *picks))
        except EngineError:
            return None
        single = all(len(along) == 1 for along in places)
        return Ref(whole[0], tuple(along[0] for along in places)) if single else None

    def places(self, array: Array, picks: Sequence[str]) -> tuple[Sequence[int], ...]:
        """The places, from 0, that picks mean along each axis of an array; every index that is written is read here.

        Args:
            array: the array.
            picks: a pick for each axis besides the sample's, see ``span``; of weights with ``edges``, which are listed
                along one axis, also a row and a column.

        Raises:
            EngineError: the array has other axes, or not so many places along one.
        """
        edges = self._edges(array)
        if edges is not None and len(picks) == 2:
            return (self._of_edges(array, edges, picks),)
        count = len(array.element_shape)
        if len(picks) != count:
            message = ngettext("{name} has {count} axis, not {given}", "{name} has {count} axes, not {given}", count)
            raise EngineError(message.format(name=array.name, count=count, given=len(picks)))
        return tuple(
            _along(array.name, length, pick, span(array, axis, pick), () if axis else _blocks(array))
            for axis, (length, pick) in enumerate(zip(array.element_shape, picks, strict=True))
        )

    def _edges(self, array: Array) -> LayerNames | None:
        """The layer whose edges an array lists, one by one; None of other arrays."""
        while array.of is not None and array.of.shape == array.shape:
            array = array.of
        layer = self._layers.get(array.layer)
        listed = layer is not None and layer.edges is not None and array.name == f"W_{layer.name}"
        return layer if listed else None

    def _of_edges(self, array: Array, layer: LayerNames, picks: Sequence[str]) -> tuple[int, ...]:
        """The places of the weights in some rows and columns, of those that there are."""
        rows, columns = (
            _along(array.name, length, pick, _numbers(pick, length))
            for length, pick in zip((layer.units, layer.sources), picks, strict=True)
        )
        found = tuple(k for k, (unit, source) in enumerate(layer.pairs) if unit in rows and source in columns)
        if not found:
            known = [f"W_{layer.name}[{unit + 1},{source + 1}]" for unit, source in layer.pairs[:_EDGES]]
            more = ", ..." if len(layer.pairs) > _EDGES else ""
            message = _("{name}[{picks}]: there is no such edge; there are {known}")
            raise EngineError(message.format(name=array.name, picks=",".join(picks), known=", ".join(known) + more))
        return found

    def _misfit(self, text: str, program: Program) -> str | None:
        """What is said of a name whose array has other axes, or not so many places; None of other names."""
        found = self._find(text)
        array = None if found is None else program.named.get(found[0])
        picks: Sequence[str] = [] if found is None else [str(place + 1) for place in found[1]]
        if array is not None and len(picks) < len(array.element_shape):
            first = Ref(array, (0,) * len(array.shape))
            message = _("{array} has {count} axes: {example} is its first value")
            return message.format(array=array.name, count=len(array.element_shape), example=self.name(first))
        if array is None:
            match = re.fullmatch(r"(.+?)\[([^\[\]]*)\]([^\[\]]*)", text)
            whole = None if match is None else array_called(match[1] + match[3], program)
            if match is None or whole is None:
                return None
            array, picks = whole[0], (*whole[1], *map(str.strip, match[2].split(",")))
        try:
            self.places(array, picks)
        except EngineError as error:
            return str(error)
        return None

    def _indexed(self, match: re.Match[str]) -> tuple[str, tuple[int, ...]] | None:
        layer = self._layers[match[2]]
        first = int(match[3]) - 1
        if not 0 <= first < layer.units:
            return None
        if match[1] == "b":
            return (f"b_{layer.name}", (first,)) if match[4] is None and layer.bias == "neuron" else None
        if match[4] is None or layer.edges is not None or not 0 <= int(match[4]) - 1 < layer.sources:
            return None
        return f"W_{layer.name}", (first, int(match[4]) - 1)

    def _neuron(self, text: str) -> tuple[str, int] | None:
        for layer in self._layers.values():
            dot = r"\." if layer.name[-1:].isdigit() else ""
            match = re.fullmatch(re.escape(layer.name) + dot + r"(\d+)", text)
            if match and 1 <= int(match[1]) <= layer.units:
                return layer.name, int(match[1]) - 1
        return None

    def _unchanged(self, text: str, program: Program) -> str | None:
        """What is said of the new value of a slot or an array that no iteration changes; None of other names."""
        match = re.fullmatch(r"new\((.+)\)|(.+)⁺", text)
        if match is None:
            return None
        inner = match[1] or match[2]
        if inner not in program.named:
            try:
                self.resolve(inner, program)
            except EngineError:
                return None
        return no_new_value(inner, program)

    def _absent(self, text: str, program: Program) -> str:
        """What is said of a name that no slot of a program has: one of another network, or of none."""
        found = self._find(text.partition("{")[0].strip())
        if found is not None and found[0] in self._inputs_gradients(program):
            return _(
                "no step makes {name}; formulas, breakpoints and gradcheck know it at the end of the backward pass"
            ).format(name=text)
        if found is not None:
            return _("{name} is not computed in this network").format(name=text)
        array = program.named.get(text)
        if array is not None and array.size:
            message = _("{name} is an array of {shape}; name one of its values, such as {example}, or ask a formula")
            shape = "×".join(map(str, array.element_shape)) or "1"
            first = self.name(Ref(array, (0,) * len(array.shape)), sample=0)
            return message.format(name=text, shape=shape, example=first)
        if re.match(rf"(?:{'|'.join((*REDUCING, *SCALAR))})\(", text):
            return _("{name} is a formula, not a name; session.look(session.formula(...)) reads it").format(name=text)
        message = _("there is no value called {name}").format(name=text)
        others = (name for name in EXTRA_NAMES if name != text)
        return message + suggest(text, (*others, *self.names(program)), most=3, likeness=0.5)

    @staticmethod
    def _inputs_gradients(program: Program) -> set[str]:
        return {f"grad({array.name})" for array in program.arrays if array.role is Role.INPUT}

    def names(self, program: Program) -> list[str]:
        """The ASCII names of all slots of a sample, at most a few thousand."""
        return [self.name(ref) for ref in _first_refs(program.arrays, _SUGGEST_LIMIT)]


def no_new_value(name: str, program: Program) -> str:
    """What is said of the new value of what no iteration changes, with the nearest that one does."""
    changed = [array.of.name for array in program.arrays if array.role is Role.UPDATED and array.of is not None]
    near = nearest(name, changed, most=2, likeness=0.3) or changed[:2]
    message = _("{name} has no new value; an iteration gives one only to what it trains or remembers")
    if near:
        message += _(": {names}").format(names=", ".join(f"new({one})" for one in near))
    return message.format(name=name)


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


def _stem(array: Array, pretty: bool) -> str:
    return (array.sign if pretty and array.sign else array.stem) or array.name


def _listing(array: Array, index: tuple[int, ...]) -> str:
    """An index from 1, as it stands in brackets; where an axis is stacked of blocks, ``f1`` is the first of block f."""
    found = [str(part + 1) for part in index]
    if array.blocks:
        block, place = divmod(index[0], array.shape[0] // len(array.blocks))
        found[0] = f"{array.blocks[block]}{place + 1}"
    return ",".join(found)


_IN_BLOCK = re.compile(r"([^\W\d]\w*?)(\d*)")


def _blocks(array: Array) -> Sequence[str]:
    """The blocks that an array's first axis is stacked of: its own, or those of what it belongs to."""
    while not array.blocks and array.of is not None:
        array = array.of
    return array.blocks


def span(array: Array, axis: int, pick: str) -> tuple[int, int] | None:
    """The places (first and stop, from 0) that a pick means along an axis: a number, ``2:5``, ``f1`` or ``f``.

    Args:
        array: the array; of a gradient or an optimiser's memory, what it belongs to has the blocks.
        axis: the axis, counted without the sample's.
        pick: the text; numbers count from 1, ends are included.

    Returns:
        None where it is none of these; the places may be outside the array.
    """
    length = array.element_shape[axis]
    numbers = _numbers(pick, length)
    if numbers is not None:
        return numbers
    blocks, match = _blocks(array), _IN_BLOCK.fullmatch(pick)
    if match is None or axis or match[1] not in blocks:
        return None
    size = length // len(blocks)
    first = blocks.index(match[1]) * size
    if not match[2]:
        return first, first + size
    place = int(match[2])
    return (first + place - 1, first + place) if 1 <= place <= size else None


def _numbers(pick: str, length: int) -> tuple[int, int] | None:
    """The places (first and stop, from 0) that a number or a slice means along an axis of some length."""
    match = re.fullmatch(r"(\d*)(:?)(\d*)", pick)
    if match is None or not pick:
        return None
    low = int(match[1] or 1)
    return low - 1, int(match[3] or length) if match[2] else low


def _along(name: str, length: int, pick: str, found: tuple[int, int] | None, blocks: Sequence[str] = ()) -> range:
    """The places along an axis that a pick means; raises EngineError where there are none."""
    if found is None and blocks and _IN_BLOCK.fullmatch(pick):
        message = _("there is no `{pick}` in {name}; there are {blocks}, each from 1 to {length}")
        size = length // len(blocks)
        raise EngineError(message.format(pick=pick, name=name, blocks=", ".join(blocks), length=size))
    if found is None:
        raise EngineError(_("`{pick}` is neither a number nor a slice such as 2:5").format(pick=pick))
    if not 0 <= found[0] < found[1] <= length:
        raise EngineError(_("`{pick}` is not in 1 to {length} of {name}").format(pick=pick, length=length, name=name))
    return range(*found)


def array_called(name: str, program: Program) -> tuple[Array, tuple[str, ...]] | None:
    """The array that a name means, with the picks of its first axes that stand in the name.

    Args:
        name: the name, in letters or signs: ``W_h``, ``net_h@3``, ``grad(W_h)``, ``∂E/∂W_h``, ``σ′(net_h)``.
        program: the program whose arrays are meant.
    """
    name = spelled_out(name, program)
    match = re.fullmatch(r"(delta|slope)\((\w+(?:@\d+)?)\)", name)
    if match:
        name = f"grad(net_{match[2]})" if match[1] == "delta" else f"slope_{match[2]}"
    elif name.startswith(("∂E/∂", "δ_")):
        name = f"grad({name.removeprefix('∂E/∂')})" if name[0] == "∂" else f"grad(net_{name.removeprefix('δ_')})"
    elif "′(" in name:
        name = next((one.name for one in program.arrays if _as_slope(one) == name), name)
    array = program.named.get(name)
    if array is not None:
        return array, ()
    bare, _at, time = name.partition("@")
    array = program.named.get(bare) if time.isdecimal() else None
    return (array, (time,)) if array is not None and array.timed else None


def _as_slope(array: Array) -> str | None:
    """How a slope of an activation is written with its sign, as a whole; None of other arrays."""
    return f"{array.sign}′({array.of.name})" if array.role is Role.SLOPE and array.of is not None else None


def _short(text: str) -> str:
    """A name without blanks around it; raises EngineError where it is longer than any name is."""
    found = text.strip()
    if len(found) > MAX_NAME:
        raise EngineError(_("a name has at most {limit} characters").format(limit=MAX_NAME))
    return found


def _within(array: Array | None, index: tuple[int, ...]) -> Ref | None:
    """The slot of an array at an index without the sample; None where there is none."""
    if array is None or len(index) != len(array.element_shape):
        return None
    inside = all(0 <= part < length for part, length in zip(index, array.element_shape, strict=True))
    return Ref(array, index) if inside else None


def spelled_out(text: str, program: Program) -> str:
    """A name whose stem is written as a sign with its stem in letters: ``mu_n1`` of ``μ_n1``."""
    if text.isascii():
        return text
    for array in program.arrays:
        if array.sign and array.role is not Role.SLOPE and array.sign in text:
            text = re.sub(rf"(^|\(|∂E/∂){re.escape(array.sign)}(_|$)", rf"\g<1>{array.stem}\g<2>", text)
    return text


def _memories(program: Program) -> list[_Wrapper]:
    """How what belongs to parameters is written: ``m(w5)``."""
    spellings = {(spelling, array.stem) for array in _memory_of(program) for spelling in (array.stem, array.sign)}
    return [
        _Wrapper(sign=_around(spelling), word=_around(spelling), target=f"{stem}({{}})")
        for spelling, stem in sorted(spellings)
        if spelling
    ]


def _around(stem: str) -> str:
    """How a stem stands before the name of a parameter: ``m(w5)``, ``∂L/∂w5``."""
    return f"{stem}{{}}" if stem.endswith("∂") else f"{stem}({{}})"


def wrappers(program: Program) -> frozenset[str]:
    """What may stand before a bracket with a name in it, besides ``grad`` and its like: ``m`` of ``m(w5)``."""
    heads = (array.sign.partition("(") for array in program.arrays if not array.shape)
    numbers = {head for head, bracket, _rest in heads if bracket}
    numbers |= {array.name.partition("(")[0] for array in program.arrays if array.name.endswith(")")}
    return frozenset({*numbers, *(each for array in _memory_of(program) for each in (array.stem, array.sign))})


def _memory_of(program: Program) -> list[Array]:
    return [array for array in program.arrays if array.role in {Role.MEMORY, Role.VALUE} and _of_parameter(array)]


def _of_parameter(array: Array) -> bool:
    """Whether an array belongs to a parameter, element by element: what an optimiser remembers or computes of it."""
    of = array.of
    return of is not None and of.role in {Role.WEIGHT, Role.BIAS} and of.shape == array.shape


def _sample_mark(ref: Ref, sample: int | None) -> str:
    if sample is None or not ref.array.batched or ref.index[0] == sample:
        return ""
    return f"{{{ref.index[0] + 1}}}"


# The second value that is called c is c.2, on the screen c₂.
_VERSION = re.compile("[₀-₉]+")
_DIGITS = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")


def _plain_version(match: re.Match[str]) -> str:
    return "." + match[0].translate(_DIGITS)


EXTRA_NAMES: Mapping[str, str] = {
    "E_epoch": "the loss of the epoch: the mean of its iterations' E, each before its own update",
    "E_data": "the loss over the whole data set, with the parameters as they are",
    "accuracy": "the share of the data set that is classified rightly, with the parameters as they are",
    "E_held_out": "the loss over the samples that are held out, with the parameters as they are",
    "epoch": "the number of the epoch, from 1",
    "iteration": "the number of the iteration in the epoch, from 1",
}
"""Names that are no slots; a session knows their values."""
