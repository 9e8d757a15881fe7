"""What is said of a step in words: its question, one sentence, and notes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from retrograde.engine.equations.array import Role
from retrograde.engine.equations.expression import Ref, refs
from retrograde.engine.equations.losses import LOSSES
from retrograde.engine.late import late
from retrograde.engine.ops.dense import Dense
from retrograde.engine.ops.gradient import Gradient
from retrograde.engine.ops.loss import CollapsedPart, CrossEntropy, LossPart, LossTerm
from retrograde.engine.text import _, joined
from retrograde.tui.canvas.canvas import Line, Span
from retrograde.tui.canvas.inks import Ink, signed
from retrograde.tui.canvas.typesetting import typeset
from retrograde.tui.reading.figures import show, show_signed
from retrograde.tui.reading.reading import Reading
from retrograde.tui.views.parameters import change_of
from retrograde.tui.views.slots import PARAMETERS, class_of, info_of, place_name

if TYPE_CHECKING:
    from retrograde.engine.explaining.step import Step
    from retrograde.engine.ops import edges
    from retrograde.engine.ops.base import Part
else:
    edges = late("retrograde.engine.ops.edges")


def question(reading: Reading, step: Step) -> str:
    """The step in a few words."""
    array, symbol = step.target.array, reading.symbol(step.target)
    neuron = place_name(reading, step.target)
    of = array.of
    inner = ""
    if of is not None:
        inner = reading.symbol(Ref(of, step.target.index))
    if array.role in {Role.OUT, Role.LOSS} and (kind := class_of(reading, step.target)):
        neuron = _("{neuron}, which stands for {name}").format(neuron=neuron, name=kind)
    match array.role:
        case Role.NET if isinstance(step.op, (Dense, edges.EdgeSum)):
            return _("The weighted sum of {neuron}").format(neuron=neuron)
        case Role.OUT:
            return _("The output of {neuron}").format(neuron=neuron)
        case Role.LOSS:
            return _("How wrong is {neuron}?").format(neuron=neuron)
        case Role.TOTAL:
            return _("How wrong is the network?")
        case Role.SLOPE:
            # A gate is not the neuron that it belongs to: f_h1@2 has a slope of its own.
            return _("How strongly does {neuron} listen?").format(neuron=inner.removeprefix("net_"))
        case Role.GRADIENT:
            return _("How much does E change with {name}?").format(name=inner)
        case Role.UPDATED:
            return _("The new {name}").format(name=inner)
        case _:
            return joined((step.op.title, symbol), ": ")


def why(reading: Reading, step: Step) -> str:
    """One sentence; for gradients, whose question is asked above, the answer's shape."""
    array = step.target.array
    if array.role is Role.GRADIENT and array.of is not None:
        match array.of.role:
            case Role.NET if any(one.role is Role.SLOPE for one in step.op.inputs):
                return _("What reaches the output, times its slope.")
            case Role.NET if _collapses(step):
                out, goal = _names(reading, step)
                return _("Softmax and cross-entropy together: {out} − {target}.").format(out=out, target=goal)
            case Role.NET if _passes_on(step):
                return _("What reaches the output passes on unchanged.")
            case Role.WEIGHT if _is_edge(reading, step):
                return _("Its target's δ times its source's output.")
            case Role.BIAS if _is_edge(reading, step):
                return _("The δ of its neuron: its input is always 1.")
            case _ if len(step.terms) > 1 and not _speaks(step):
                return _("Added up over every way that leads from it to E.")
    return step.why


def _parts(step: Step) -> tuple[Part, ...]:
    return step.op.parts if isinstance(step.op, Gradient) else ()


def _collapses(step: Step) -> bool:
    """Whether the gradient is that of softmax and cross-entropy together."""
    return any(isinstance(part, CollapsedPart) for part in _parts(step))


def _divided(step: Step) -> tuple[str, ...]:
    """What a loss term, or the slope of one, is divided by, in words."""
    shares = [
        one.share
        for one in (step.op, *_parts(step))
        if isinstance(one, LossTerm | CrossEntropy | LossPart | CollapsedPart)
    ]
    return tuple(dict.fromkeys(filter(None, (share.said() for share in shares))))


def _names(reading: Reading, step: Step) -> tuple[str, str]:
    """How the outputs and the targets of a softmax are called, without their place."""
    part = next(part for part in _parts(step) if isinstance(part, CollapsedPart))
    index = reading.program.index(step.place)
    found = [
        reading.symbol(ref).partition("_")[0] for ref in refs(part.term(index)) if ref.array in (part.out, part.goal)
    ]
    return (found[0], found[-1]) if len(found) > 1 else ("out", "t")


def _collapse(reading: Reading, step: Step) -> list[str]:
    """Why the gradient of softmax and cross-entropy is out − t, in the names of the screen."""
    part = next(part for part in _parts(step) if isinstance(part, CollapsedPart))
    out, t = _names(reading, step)
    net = reading.symbol(Ref(step.target.array.of or step.target.array, step.target.index)).partition("_")[0]
    plain = part.share.plain and part.classes is None
    n = part.share.count if plain else 1
    by, within, whole = (f"/({n}·{out}_j)", f"({out}_k · Σ_j {t}_j − {t}_k) / {n}", f"({out}_k − {t}_k) / {n}")
    if n == 1:
        by, within, whole = f"/{out}_j", f"{out}_k · Σ_j {t}_j − {t}_k", f"{out}_k − {t}_k"
    return [
        f"∂E/∂{net}_k = Σ_j ∂E/∂{out}_j · ∂{out}_j/∂{net}_k",
        f"          = Σ_j −{t}_j{by} · {out}_j·([j = k] − {out}_k)",
        f"          = {within}",
        f"          = {whole}",
        *([] if plain else [_("times what this term counts for")]),
    ]


def _speaks(step: Step) -> bool:
    """Whether the gradient is that of one use, which says what it is."""
    parts = _parts(step)
    return len(parts) == 1 and bool(parts[0].why(step.symbol))


def _passes_on(step: Step) -> bool:
    """Whether the gradient is that of one other slot."""
    return isinstance(step.equation, Ref)


def _is_edge(reading: Reading, step: Step) -> bool:
    """Whether the parameter belongs to a dense layer and is used once."""
    info = info_of(reading.network, step.target.array.layer)
    return info is not None and info.dense and len(_parts(step)) == 1


def notes_of(reading: Reading, step: Step, digits: int) -> list[Line]:
    """What else there is to say of a step: conventions, and what its value means."""
    array, scenario = step.target.array, reading.scenario
    of = array.of
    notes: list[Line] = []

    def say(text: str, ink: int = Ink.DIM) -> None:
        notes.append((Span(text, ink),))

    if stated := step.undeviated:
        say(_("as stated: {what}").format(what=stated), Ink.CHANGED)
    for text in _divided(step):
        say(text)
    match array.role:
        case Role.GRADIENT if of is not None and of.role in {Role.WEIGHT, Role.BIAS} and step.final:
            value = reading.frame.value(Ref(of, step.target.index))
            # One per cent of 0 moves nothing.
            moved = 0.01 * (value or 1.0) * step.result
            # In a variant it is not what E changes with.
            if not reading.term and math.isfinite(moved) and not reading.network.original:
                text = _("1 % more {name} moves E by {change}, to first order")
                if not value:
                    text = _("0.01 more {name} moves E by {change}, to first order")
                name = reading.symbol(Ref(of, step.target.index))
                say(text.format(name=name, change=typeset(f"{moved:+.3g}")))
        case Role.GRADIENT if of is not None and of.role is Role.OUT and _reads_weights(step):
            if scenario.training.update == "in_place":
                say(_("in place: weights that are updated already count as they are now"))
            else:
                say(_("weights from before the update"))
        case Role.GRADIENT if of is not None and of.role is Role.NET and _collapses(step):
            say(_("the Jacobian of softmax collapses:"))
            for line in _collapse(reading, step):
                say(line, Ink.TEXT)
        case Role.LOSS | Role.TOTAL:
            say(as_stated(reading, loss_convention(reading)))
        case Role.UPDATED if of is not None and of.role in PARAMETERS:
            ref = Ref(of, step.target.index)
            change, plain = change_of(reading, ref, step.result)
            if change == 0:
                say(_("no change: the gradient is 0") if plain else _("no change"))
            else:
                text = _("{name} moves by {change}, against its gradient") if plain else _("{name} moves by {change}")
                say(text.format(name=reading.symbol(ref), change=show_signed(change, digits)), signed(change))
        case _:
            pass
    if not math.isfinite(step.result):
        say(_("not a finite number: look where it comes from with w"), Ink.BAD)
    return notes


def notes_of_branch(reading: Reading, step: Step, digits: int) -> list[Line]:
    """What the step makes on the parent branch, where it is something else; and what was noted here."""
    notes: list[Line] = []
    before = None if reading.term else reading.before(step.target)
    if before is not None:
        notes.append((Span(_("without the edit: {value}").format(value=show(before, digits)), Ink.CHANGED),))
    if reading.note:
        notes.append((Span(_("note: {text}").format(text=reading.note), Ink.ACCENT),))
    return notes


def _reads_weights(step: Step) -> bool:
    return any(array.role in {Role.WEIGHT, Role.BIAS, Role.UPDATED} for array in step.op.inputs)


def as_stated(reading: Reading, text: str) -> str:
    """What the scenario says, which a variant may do otherwise."""
    return _("as stated: {what}").format(what=text) if reading.network.original else text


def loss_convention(reading: Reading) -> str:
    """Which loss it is, and whether it is a sum or a mean."""
    loss = reading.scenario.loss
    words = {"sum": _("sum"), "mean": _("mean")}
    return _("{loss}; {outputs} over outputs, {batch} over the batch").format(
        loss=_(LOSSES[loss.kind].title),
        outputs=words.get(str(loss.over_outputs), str(loss.over_outputs)),
        batch=words.get(str(loss.over_batch), str(loss.over_batch)),
    )
