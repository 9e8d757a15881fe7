"""What a notebook shows: a session, a step as its equation, a curve, the flow of a gradient, an autopsy, a diagnosis.

Each is a fragment of HTML that is well-formed XML, with MathML and inline SVG, without scripts and without anything
from another host. Every number has all its digits in the ``title`` of its element, as ``repr`` writes them. What is
named in a file is text and nothing else: it is escaped here, once, by ``_text``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from html import escape
from typing import Any

from retrograde.engine.equations.ailments import AILMENTS
from retrograde.engine.equations.expression import Const, Expr, Ref
from retrograde.engine.explaining.account import LayerAccount
from retrograde.engine.explaining.autopsy import Autopsy
from retrograde.engine.explaining.detectors.records import Alert, Diagnosis
from retrograde.engine.explaining.flow import Flow
from retrograde.engine.explaining.step import Step
from retrograde.engine.explaining.verdict import verdict
from retrograde.engine.session.session import Session
from retrograde.engine.text import _, joined
from retrograde.engine.travel.history import LossHistory
from retrograde.engine.writing.markup import LATEX, MATHML, Spelling
from retrograde.engine.writing.mathematics import pieces, symbol
from retrograde.engine.writing.picture import as_svg, network_picture
from retrograde.engine.writing.setting import figure

MOST_TERMS = 24
"""Terms of a sum that are shown; of more the first ones, dots and the last."""
MOST_ROWS = 40
"""Rows of a table that are shown."""
WIDTH, HEIGHT = 480, 180
"""Of a curve, in pixels."""
LEFT, BOTTOM, TOP = 64, 24, 10
MOST_POINTS = 400
"""Points of a curve."""


def html(shown: Any) -> str:
    """What a notebook shows of an object of ``SHOWN``.

    Args:
        shown: the object.
    """
    write = next(write for kind, write in SHOWN if isinstance(shown, kind))
    return f'<div class="retrograde">{write(shown)}</div>'


def latex(step: Step) -> str:
    """The equation of a step with its numbers and its result, as LaTeX between dollar signs."""
    left, sides = _sides(step, LATEX)
    return f"$\\displaystyle {left} = {' = '.join(sides)}$"


# -- pieces of markup


def _text(text: str) -> str:
    """A text as markup; a character that XML does not have is left out."""
    return escape("".join(letter for letter in text if letter.isprintable() or letter in "\n\t"))


def _number(value: float, text: str = "") -> str:
    """A number as the screens write it, with all its digits behind it."""
    return f'<span title="{value!r}">{_text(text or figure(value))}</span>'


def _maths(text: str) -> str:
    """A symbol, as the screens write it, as a formula."""
    return MATHML.whole(symbol(text, MATHML))


def _paragraph(*parts: str) -> str:
    return f"<p>{' '.join(part for part in parts if part)}</p>"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], *, sentences: bool = False) -> str:
    """A table of cells that are markup under texts; numbers end at the right, sentences begin at the left."""
    side = ' style="text-align: left"' if sentences else ""
    edge = f"<td{side}>"
    above = "".join(f"<th{side}>{_text(cell)}</th>" for cell in head)
    found = list(rows)
    below = "".join("<tr>" + "".join(f"{edge}{cell}</td>" for cell in row) + "</tr>" for row in found[:MOST_ROWS])
    left = len(found) - MOST_ROWS
    more = _paragraph(_text(_("{count} more").format(count=left))) if left > 0 else ""
    return f"<table><thead><tr>{above}</tr></thead><tbody>{below}</tbody></table>{more}"


def _maybe(value: float | None) -> str:
    return "·" if value is None else _number(value, figure(value, 4))


# -- a step


def _sides(step: Step, spelling: Spelling) -> tuple[str, list[str]]:
    """A step's symbol, and its equation in symbols, in numbers, and the result, each as one piece."""
    equation = step.equation
    in_symbols = _short(equation, step.notation.symbol, spelling, "·")
    sides = [in_symbols]
    # What is only handed on is its own result.
    if not isinstance(equation, Ref | Const):
        sides.append(_short(equation, lambda ref: figure(step.frame.value(ref)), spelling, "×"))
    running = step.running
    if running is None or running.of == 1:
        sides.append(symbol(figure(step.result), spelling))
    else:
        sides.append(symbol(figure(step.contribution), spelling))
    return symbol(step.part, spelling), sides


def _short(expr: Expr, leaf: Callable[[Ref], str], spelling: Spelling, times: str) -> str:
    parts = pieces(expr, leaf, spelling, times=times)
    if len(parts) > MOST_TERMS:
        parts = [*parts[: MOST_TERMS - 1], spelling.sign("+"), spelling.sign("…"), parts[-1]]
    return spelling.row(parts)


def _step(step: Step) -> str:
    left, sides = _sides(step, MATHML)
    rows = "".join(
        f"<mtr><mtd>{left if number == 0 else ''}</mtd><mtd><mo>=</mo></mtd>"
        f'<mtd style="text-align: left">{side}</mtd></mtr>'
        for number, side in enumerate(sides)
    )
    equation = f'<p title="{step.contribution!r}">{MATHML.whole(f"<mtable>{rows}</mtable>")}</p>'
    so_far = ""
    if step.running is not None and step.running.of > 1:
        told = _("so far, {done} of {of} samples") if not step.final else _("of all {of} samples")
        said = told.format(done=step.running.done, of=step.running.of)
        so_far = _paragraph(_maths(step.symbol), "=", _number(step.result), f"({_text(said)})")
    operands = [
        (
            _maths(operand.symbol),
            _number(operand.value),
            _text(_("step {number}").format(number=operand.made_by) if operand.made_by is not None else _("given")),
        )
        for operand in step.operands
    ]
    head = joined((_(step.moment.phase.value), step.moment.layer), " · ")
    return (
        _paragraph(f"<b>{step.moment.address}</b>", _text(head), f"<i>{_text(step.why)}</i>")
        + equation
        + so_far
        + (_table((_("operand"), _("value"), _("from")), operands) if operands else "")
    )


# -- curves


def _losses(losses: LossHistory) -> str:
    where, low, high = losses.points()
    if not len(where):
        return _paragraph(_text(_("nothing was run yet")))
    every = -(-len(where) // MOST_POINTS)
    points = [(float(where[at]) + 1, float(low[at]), float(high[at])) for at in range(0, len(where), every)]
    last = len(where) - 1
    if last % every:
        points.append((float(where[last]) + 1, float(low[last]), float(high[last])))
    said = _("E over {count} iterations").format(count=f"{losses.count:,}")
    first, end = _number(points[0][2]), _number(points[-1][2])
    return _paragraph(_text(said), first, "→", end) + _curve(points, said)


def _curve(points: Sequence[tuple[float, float, float]], title: str) -> str:
    """A line through points (where, lowest, highest) on a scale that is logarithmic where all are above 0."""
    finite = [value for _where, low, high in points for value in (low, high) if math.isfinite(value)]
    if not finite:
        return ""
    logarithmic = min(finite) > 0 and max(finite) > 10 * min(finite)
    scale: Callable[[float], float] = math.log10 if logarithmic else float
    bottom, top = scale(min(finite)), scale(max(finite))
    span, first, reach = (top - bottom) or 1.0, points[0][0], (points[-1][0] - points[0][0]) or 1.0

    def place(where: float, value: float) -> str:
        x = LEFT + (where - first) / reach * (WIDTH - LEFT - 10)
        y = HEIGHT - BOTTOM - (scale(value) - bottom) / span * (HEIGHT - BOTTOM - TOP)
        return f"{x:.1f},{y:.1f}"

    lines: list[list[str]] = [[]]
    for where, low, high in points:
        if math.isfinite(low) and math.isfinite(high):
            lines[-1] += dict.fromkeys((place(where, high), place(where, low)))
        elif lines[-1]:
            lines.append([])
    drawn = "".join(
        f'<polyline points="{" ".join(line)}" fill="none" stroke="#1f77b4" stroke-width="1.5"/>'
        for line in lines
        if line
    )
    labels = (
        (4, TOP + 8, figure(max(finite), 3)),
        (4, HEIGHT - BOTTOM, figure(min(finite), 3)),
        (LEFT, HEIGHT - 6, f"{first:,.0f}"),
        (WIDTH - 60, HEIGHT - 6, f"{points[-1][0]:,.0f}"),
    )
    said = "".join(f'<text x="{x}" y="{y}" font-size="11" fill="currentColor">{text}</text>' for x, y, text in labels)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}"'
        f' role="img"><title>{_text(title)}</title>{drawn}{said}</svg>'
    )


# -- explanations


def _flow(rows: Flow) -> str:
    largest = max((row.delta for row in rows if row.delta is not None and math.isfinite(row.delta)), default=0.0)
    head = (_("layer"), "rms δ", "", "‖∂E/∂W‖", _("slope"), "‖W‖", _("update/weight"), _("factor"))
    return _table(
        head,
        (
            (
                _text(row.name),
                _maybe(row.delta),
                _bar(row.delta, largest),
                _maybe(row.gradient),
                _maybe(row.slope),
                _maybe(row.size),
                _maybe(row.update),
                f"<b>{_maybe(row.factor)}</b>" if row.smallest else _maybe(row.factor),
            )
            for row in rows
        ),
    )


def _bar(value: float | None, largest: float) -> str:
    """A bar on a logarithmic scale of six powers of ten."""
    if not value or not largest or not math.isfinite(value):
        return ""
    length = max(1.0, 90 * (1 + math.log10(value / largest) / 6))
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" width="92" height="10">'
        f'<rect width="{length:.0f}" height="10" fill="#1f77b4"/></svg>'
    )


def _autopsy(found: Autopsy) -> str:
    assert found.network is not None
    assert found.frame is not None
    name = found.network.notation.symbol(found.ref)
    told = verdict(found, found.network, found.frame)
    parts = [_paragraph(_maths(name), "=", _number(found.value)), _paragraph(_text(told))]
    if found.account is not None:
        sofar = 0.0
        rows = []
        for layer in reversed(found.account.layers):
            sofar += layer.total
            rows.append((*_layer(layer), _factor(sofar)))
        own = found.account.own
        kinds = joined((f"{_(str(kind))} {figure(math.exp(value), 3)}" for kind, value in own.kinds.items()), ", ")
        rows.append((_text(_("itself")), _text(kinds), _factor(own.agreement), _factor(sofar + own.total)))
        parts.append(_table((_("layer"), _("factors"), _("ways agree"), _("so far")), rows))
    return "".join(parts)


def _layer(layer: LayerAccount) -> tuple[str, str, str]:
    """A layer's name, its factors by kind, and how far its ways agree."""
    name = (layer.layer or _("loss")) if layer.time is None else f"{layer.layer}@{layer.time}"
    kinds = joined((f"{_(str(kind))} {figure(math.exp(value), 3)}" for kind, value in layer.kinds.items()), ", ")
    return _text(name), _text(kinds), _factor(layer.agreement)


def _factor(logarithm: float) -> str:
    value = math.exp(logarithm)
    return _number(value, figure(value, 3))


def _rule(alert: Alert) -> str:
    """What a rule is called; its name, by which it is asked for, behind that."""
    return f'<span title="{_text(alert.rule)}">{_text(_(AILMENTS[alert.rule].title))}</span>'


def _diagnosis(found: Diagnosis) -> str:
    if not found.alerts:
        return _paragraph(_text(_("nothing is wrong")))
    rows = (
        (
            f"<b>{_rule(alert)}</b>" if alert is found.headline else _rule(alert),
            _text(alert.address if alert.address[:1].isdigit() else _("start")),
            _text(alert.cause),
            _text(alert.advice),
        )
        for alert in found.alerts
    )
    return _table((_("rule"), _("moment"), _("cause"), _("what to do")), rows, sentences=True)


def _session(session: Session) -> str:
    step = session.current
    size = _("{count} steps an iteration").format(count=f"{session.program.steps:,}")
    parts = [_paragraph(f"<b>{_text(session.name)}</b>", _text(size))]
    if session.recording is None:
        parts.append(as_svg(network_picture(session.network), "currentColor"))
    parts.append(_step(step) if step is not None else _paragraph(_text(_("the initial state"))))
    if session.recording is None and len(session.losses) > 1:
        parts.append(_losses(session.losses))
    return "".join(parts)


SHOWN: tuple[tuple[type[Any], Callable[[Any], str]], ...] = (
    (Session, _session),
    (Step, _step),
    (LossHistory, _losses),
    (Flow, _flow),
    (Autopsy, _autopsy),
    (Diagnosis, _diagnosis),
)
"""By class: what writes it. The class inherits ``retrograde.engine.rich.Rich``, so that a notebook asks."""
