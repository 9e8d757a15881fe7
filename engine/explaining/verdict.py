"""The verdict of an autopsy in words: one or two sentences, each of whose numbers is in the account."""

from __future__ import annotations

import math

from retrograde.engine.equations.activation_table import ACTIVATIONS
from retrograde.engine.equations.array import Role
from retrograde.engine.equations.expression import Ref, refs
from retrograde.engine.explaining.autopsy import STILL, Autopsy, Finding
from retrograde.engine.explaining.deficits import Cause, Line
from retrograde.engine.explaining.factors import FactorKind
from retrograde.engine.explaining.gradient_graph import GradientGraph
from retrograde.engine.explaining.nonfinite import Breakdown, Origin
from retrograde.engine.network.frame import Frame
from retrograde.engine.network.network import Network
from retrograde.engine.text import _, joined

MOSTLY = 0.5
"""A line that explains less of what was lost is not called the cause, but the most of it."""


def short(value: float) -> str:
    """A number in a sentence, with three digits; NaN as the screens write it."""
    return "NaN" if math.isnan(value) else f"{value:.3g}"


def times(value: float) -> str:
    """How many times, for people: three digits and separators."""
    if not math.isfinite(value):
        return short(value)
    if value < 1000:
        return short(value)
    if value >= 1e7:
        return f"{value:.2g}"
    digits = len(str(round(value))) - 2
    return f"{round(value, -digits):,.0f}"


def verdict(found: Autopsy, network: Network, frame: Frame) -> str:
    """What is the matter with a gradient, in a sentence or two."""
    symbol = network.notation.symbol
    opening = _opening(found, network)
    match found.finding:
        case Finding.NOT_FINITE:
            assert found.origin is not None
            return joined((opening, story(found.origin, network, frame)))
        case Finding.ZERO:
            return joined((opening, _zero(found, network)))
        case Finding.RESIDUE:
            assert found.graph is not None
            return _(
                "{symbol} is a rounding residue: paths of ±{absolute} cancel to {value}. In exact arithmetic the"
                " gradient is 0."
            ).format(symbol=symbol(found.ref), absolute=short(float(found.graph.absolute[0])), value=short(found.value))
        case Finding.ORDINARY:
            return _acquitted(found, network)
        case _:
            return joined((opening, *_blamed(found, network)))


def _opening(found: Autopsy, network: Network) -> str:
    symbol, value = network.notation.symbol(found.ref), short(found.value)
    beside = found.beside
    if found.finding is Finding.TINY and beside is not None and (found.times_less or 0) >= 10:
        return _("{symbol} is {value}, {times} times less than {other}.").format(
            symbol=symbol,
            value=value,
            times=times(found.times_less or 0.0),
            other=network.notation.symbol(beside.ref),
        )
    if found.finding is Finding.ZERO:
        return _("{symbol} is exactly 0.").format(symbol=symbol)
    return _("{symbol} is {value}.").format(symbol=symbol, value=value)


def _acquitted(found: Autopsy, network: Network) -> str:
    symbol, value = network.notation.symbol(found.ref), short(found.value)
    relative = found.relative_step
    if relative is not None and relative < STILL:
        rate = network.learning_rate
        if rate is None:
            return _(
                "{symbol} is ordinary ({value}); its step is small all the same: {share} of the parameter."
            ).format(symbol=symbol, value=value, share=short(relative))
        return _(
            "{symbol} is ordinary ({value}). It is the learning rate, {rate}, that makes the step small:"
            " {share} of the parameter."
        ).format(symbol=symbol, value=value, rate=short(rate), share=short(relative))
    return _("{symbol} is ordinary ({value}): no factor on its way is small.").format(symbol=symbol, value=value)


def _blamed(found: Autopsy, network: Network) -> list[str]:
    assert found.deficits is not None
    lines = found.deficits.grown if found.finding is Finding.HUGE else found.deficits.named
    sentences: list[str] = []
    # Slopes are told as a whole: what they take at their best, and what they take besides.
    slopes = [line for line in lines if line.cause in {Cause.TAX, Cause.SLOPE}]
    for line in lines:
        if line in slopes:
            if line is slopes[0]:
                sentences.append(_slopes(found, slopes, network))
        else:
            sentences.append(_line(found, line, network))
    return [sentence for sentence in dict.fromkeys(sentences) if sentence]


def _slopes(found: Autopsy, lines: list[Line], network: Network) -> str:
    assert found.account is not None
    taxed = next((line for line in lines if line.cause is Cause.TAX), None)
    single = [line for line in lines if line.cause is Cause.SLOPE]
    if taxed is not None and (not single or taxed.deficit <= single[0].deficit):
        layers = [layer for layer in found.account.layers if FactorKind.SLOPE in layer.kinds]
        whole = math.exp(-math.fsum(layer.slopes for layer in layers))
        names = dict.fromkeys(_activation(layer.layer, network) for layer in layers)
        signs = joined((ACTIVATIONS[name].symbol or name for name in names if name in ACTIVATIONS), ", ")
        if len(layers) == 1:
            return _("The slope of {signs} takes away a factor of {times}.").format(signs=signs, times=times(whole))
        if list(names) == ["sigmoid"]:
            return _("{count} slopes of {signs}, none above ¼, take away a factor of {times}.").format(
                count=len(layers), signs=signs, times=times(whole)
            )
        return _("{count} slopes of {signs} take away a factor of {times}.").format(
            count=len(layers), signs=signs, times=times(whole)
        )
    (line, *_more) = single
    return _saturated(found, line, network)


def _saturated(found: Autopsy, line: Line, network: Network) -> str:
    """A single slope: the unit that most of the gradient goes through, with its net input."""
    assert found.account is not None and found.graph is not None
    unit = _busiest(found.graph, line, found.account.mass)
    name = _activation(line.layer, network)
    sign = ACTIVATIONS[name].symbol or name if name in ACTIVATIONS else name
    if unit is None:
        return _("The slopes of {layer} are {value} in the mean.").format(layer=line.layer, value=short(line.value))
    net, value = unit
    symbol = network.notation.symbol(net)
    return _("The slope at {symbol} is {slope}: its net input is {net}, far out on {sign}.").format(
        symbol=symbol.removeprefix("net_"), slope=short(line.value), net=short(value), sign=sign
    )


def _busiest(graph: GradientGraph, line: Line, mass: object) -> tuple[Ref, float] | None:
    """The net input of a layer that most of the gradient goes through."""
    best: tuple[float, Ref] | None = None
    for array in graph.arrays:
        of = array.of
        if of is None or of.role is not Role.NET or (array.layer, array.time) != (line.layer, line.time):
            continue
        for number in graph.nodes(array):
            weight = float(mass[number])  # type: ignore[index]
            if best is None or weight > best[0]:
                best = (weight, Ref(of, graph.node(number).ref.index))
    return None if best is None else (best[1], graph.frame.value(best[1]))


def _line(found: Autopsy, line: Line, network: Network) -> str:
    assert found.graph is not None
    value, share = short(line.value), found.deficits.share(line) if found.deficits is not None else 0.0
    mostly = share < MOSTLY
    match line.cause:
        case Cause.AGREEMENT:
            return _(
                "The samples oppose each other: of what they add up to in absolute values, {share:.2g} % is left."
            ).format(share=100 * line.value)
        case Cause.ERROR:
            if line.deficit < 0:
                return _("Little is wrong here: the error at {layer} is {value}.").format(layer=line.layer, value=value)
            return _("The error at {layer} itself is large: {value}.").format(layer=line.layer, value=value)
        case Cause.INPUT | Cause.ACTIVATION:
            slot = _own_factor(found.graph)
            name = network.notation.symbol(slot) if slot is not None else _("its input")
            text = _("{name} is small: {value}.") if line.deficit < 0 else _("{name} is large: {value}.")
            return text.format(name=name, value=value)
        case Cause.WEIGHTS:
            text = (
                _("The weights that lead on from {layer} take away a factor of {times}.")
                if line.deficit < 0
                else _("The weights that lead on from {layer} multiply it by {times}.")
            )
            size = 1.0 / line.value if line.deficit < 0 else line.value
            return text.format(layer=line.layer, times=times(size))
        case Cause.MASK:
            return _("A mask at {layer} lets {value} of it pass.").format(layer=line.layer, value=value)
        case Cause.NUMBER:
            return "" if mostly else _("The mean over samples or outputs divides it: {value}.").format(value=value)
        case _:
            return _("{layer} multiplies it by {value} ({cause}).").format(
                layer=line.layer, value=value, cause=_(str(line.cause))
            )


def _own_factor(graph: GradientGraph) -> Ref | None:
    """What the gradient of a weight is multiplied by at the first sample that has it."""
    for term in graph.terms(0):
        for factor, _value in term.factors:
            if factor.kind in {FactorKind.INPUT, FactorKind.ACTIVATION}:
                return next(refs(factor.expr), None)
    return None


def _zero(found: Autopsy, network: Network) -> str:
    zeros = found.zeros
    assert zeros is not None and found.graph is not None
    if zeros.series == 0:
        return _("Its paths cancel exactly.")
    if zeros.series > 1 and zeros.beyond_one_change:
        return _("Every way to it has at least {count} factors that are 0. No single change can revive it.").format(
            count=zeros.series
        )
    parts = []
    for kind, samples in zeros.kinds.items():
        of = _("for all {count} samples") if samples == zeros.samples else _("for {some} of {count} samples")
        where = of.format(some=samples, count=zeros.samples) if zeros.samples > 1 else ""
        what = _blocked(found, kind, network)
        parts.append(_("{what} {where}").format(what=what, where=where) if where else what)
    nearest = _("{text}.").format(text=joined(parts, "; "))
    if zeros.series > 1:
        return _("Every way to it has at least {count} factors that are 0, nearest to it: {nearest}").format(
            count=zeros.series, nearest=nearest
        )
    return nearest


def _blocked(found: Autopsy, kind: FactorKind, network: Network) -> str:
    zeros = found.zeros
    assert zeros is not None
    blocker = next(blocker for blocker in zeros.blockers if blocker.factor.kind is kind)
    slot = next(refs(blocker.factor.expr), None)
    name = network.notation.symbol(slot) if slot is not None else str(kind)
    match kind:
        case FactorKind.SLOPE:
            return _("{name} is silent, its slope is 0, so nothing comes back").format(name=_unit_of(slot, network))
        case FactorKind.ERROR:
            return _("nothing is wrong, the error is 0")
        case FactorKind.ROUTING:
            return _("the value was not chosen")
        case FactorKind.MASK:
            return _("the mask {name} is 0").format(name=name)
        case _:
            return _("{name} is 0").format(name=name)


def _unit_of(slot: Ref | None, network: Network) -> str:
    if slot is None:
        return _("the unit")
    of = slot.array.of
    ref = slot if of is None else Ref(of, slot.index)
    return network.notation.symbol(ref).removeprefix("net_").removeprefix("out_")


def _activation(layer: str, network: Network) -> str:
    return next((info.activation for info in network.layers if info.name == layer), "identity")


def story(origin: Origin, network: Network, frame: Frame) -> str:
    """Where a value that is not finite began, and what made it so."""
    symbol = network.notation.symbol
    name = symbol(origin.ref)
    read = joined((f"{symbol(ref)} = {short_exactly(frame.value(ref))}" for ref in origin.operands[:4]), ", ")
    if origin.place is None and origin.ref.array.role is Role.INPUT:
        return _("It began in the data: the input {name} is {value}.").format(name=name, value=short(origin.value))
    if origin.place is None and origin.ref.array.role is Role.TARGET:
        return _("It began in the data: the target {name} is {value}.").format(name=name, value=short(origin.value))
    if origin.place is None:
        return _("It began before this iteration: {name} is {value}.").format(name=name, value=short(origin.value))
    match origin.breakdown:
        case Breakdown.OVERFLOW:
            text = _("It began at {name}: what it reads is finite ({read}), the result is beyond {largest}.")
            largest = f"{frame.largest(origin.ref.array):.2g}".replace("e+", "e")
            return text.format(name=name, read=read, largest=largest)
        case Breakdown.GIVEN:
            return _("It began at {name}.").format(name=name)
        case _:
            return _("It began at {name}: {breakdown}, with {read}.").format(
                name=name, breakdown=_(str(origin.breakdown)), read=read
            )


def short_exactly(value: float) -> str:
    """A number with three digits, or whole where those would hide that it is not 0 or 1."""
    text = short(value)
    return repr(value) if float(text) != value and text in {"0", "1", "-1"} else text
