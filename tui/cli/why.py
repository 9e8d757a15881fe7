"""`retrograde why`: why a gradient is tiny, huge, zero or not a number, or that nothing is the matter with it."""

from __future__ import annotations

import json
import math
from shlex import quote
from typing import TYPE_CHECKING

from retrograde.engine.errors import EngineError
from retrograde.engine.recording import is_recording
from retrograde.engine.text import N_, _, joined, ngettext
from retrograde.tui.cli.support.columns import table, wrapped
from retrograde.tui.cli.support.progress import ProgressBar
from retrograde.tui.cli.support.recordings import why_recording
from retrograde.tui.cli.support.saved import load_session
from retrograde.tui.cli.support.subcommand import JSON, Subcommand, argument, count
from retrograde.tui.plain.numbers import shown
from retrograde.tui.plain.why import autopsy_record, beyond_record

if TYPE_CHECKING:
    from retrograde.engine.equations.expression import Ref
    from retrograde.engine.explaining.account import LayerAccount
    from retrograde.engine.explaining.autopsy import Autopsy
    from retrograde.engine.explaining.death import Death
    from retrograde.engine.explaining.gradient_graph import GraphTerm
    from retrograde.engine.explaining.revival import Revival
    from retrograde.engine.session.explanations import Chain
    from retrograde.engine.session.session import Session

_WIDTH = 96
_ROWS = 8
"""Rows of a cut that are printed."""


def why(source: str, name: str | None, *, at: str | None, paths: int, as_json: bool) -> int:
    """Say why a gradient is as it is.

    Args:
        source: A scenario by name or file, or a saved session, which is at the moment where it was left; or a
            recording, of which the first value that is not finite is told.
        name: The gradient: `grad(w1)`, `w1`, `out_h1`; None of a recording.
        at: A moment in the iteration; by default the first iteration, of a saved session the one it is in.
        paths: How many of the largest paths are listed.
        as_json: Print one JSON object.

    Returns:
        0.

    Raises:
        EngineError: The name or the moment makes no sense; nothing was printed.
        ScenarioError: The scenario can not be used.
    """
    if name is None and is_recording(source):
        return why_recording(source, as_json=as_json)
    session = load_session(source)
    if name is None:
        raise EngineError(_("which gradient? as in `retrograde why {source} w1`").format(source=quote(source)))
    with ProgressBar() as bar:
        if at is not None:
            session.seek(at, bar.searched)
        found = session.autopsy(name)
        chain = session.chain(name)
        died, revived = _beyond(session, found, bar)
    if as_json:
        record = autopsy_record(session, found, chain, paths) | beyond_record(session, died, revived)
        print(json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False))
    else:
        print("\n".join(_lines(session, found, chain, paths, (died, revived))))
    return 0


def _beyond(session: Session, found: Autopsy, bar: ProgressBar) -> tuple[Death | None, Revival | None]:
    """When a gradient died and what would revive it; only of a parameter's that is tiny or 0, and of no recording."""
    if session.recording is not None or found.finding not in {"tiny", "zero"} or found.parameter is None:
        return None, None
    return session.death(found.ref, bar.searched), session.revival(found.ref)


def _symbol(session: Session, ref: Ref) -> str:
    return session.notation.symbol(ref, sample=session.sample)


def _where(session: Session) -> str:
    if session.recording is not None:
        return ""
    epoch, iteration = divmod(session.iteration, session.schedule.per_epoch)
    return _("epoch {epoch}, iteration {iteration}").format(epoch=epoch + 1, iteration=iteration + 1)


def _lines(
    session: Session, found: Autopsy, chain: Chain, most: int, beyond: tuple[Death | None, Revival | None]
) -> list[str]:
    head = f"{_symbol(session, found.ref)} = {shown(found.value)}   " + joined((session.name, _where(session)), ", ")
    lines = [head, "", *wrapped(session.explanations.told(found, *beyond), _WIDTH)]
    if found.account is not None:
        lines += ["", *_account(found)]
    if found.value and math.isfinite(found.value):
        lines += ["", *(_paths(session, chain, most) if chain.by_paths else _cuts(chain))]
    if found.step is not None:
        text = _("update {step}").format(step=shown(found.step))
        if found.relative_step is not None:
            text += "   " + _("{share} of the parameter").format(share=f"{found.relative_step:.3g}")
        lines += ["", text]
    return lines


def _number(logarithm: float) -> str:
    return f"{math.exp(logarithm):.3g}"


def _account(found: Autopsy) -> list[str]:
    """The account by layer, the loss first, and the product so far."""
    account = found.account
    assert account is not None
    rows = [[_("layer"), _("slope"), _("weights"), _("ways agree"), _("other"), _("so far")]]
    sofar = 0.0
    for layer in reversed(account.layers):
        sofar += layer.total
        rows.append([*_layer(layer), _number(sofar)])
    own = account.own
    other = joined((f"{_(str(kind))} {_number(value)}" for kind, value in own.kinds.items()), ", ")
    rows.append([_("itself"), "", "", _number(own.agreement), other, _number(sofar + own.total)])
    return table(rows, right=frozenset({1, 2, 3, 5}))


def _layer(layer: LayerAccount) -> list[str]:
    name = (layer.layer or _("loss")) if layer.time is None else f"{layer.layer}@{layer.time}"
    kinds = layer.kinds
    other = joined(
        (f"{_(str(kind))} {_number(value)}" for kind, value in kinds.items() if kind not in {"slope", "weight"}), ", "
    )
    slope = _number(kinds[kind]) if (kind := next((k for k in kinds if k == "slope"), None)) is not None else "·"
    weights = _number(layer.weights) if any(kind == "weight" for kind in kinds) or layer.weights else "·"
    agreement = _number(layer.agreement) if layer.agreement < -1e-12 else "·"
    return [name, slope, weights, agreement, other]


def _factors(session: Session, terms: tuple[GraphTerm, ...]) -> str:
    from retrograde.engine.equations.rendering import render

    notation = session.notation
    parts = [f"{render(factor.expr, notation.symbol)} {value:.4g}" for term in terms for factor, value in term.factors]
    return " · ".join(parts)


def _paths(session: Session, chain: Chain, most: int) -> list[str]:
    view = chain.paths(most)
    counted = ngettext("{count} path", "{count} paths", view.count).format(count=f"{view.count:,}")
    lines = [_("{paths}, largest first; they agree to {share:.3g} %").format(paths=counted, share=100 * view.agreement)]
    rows = [(f"{path.value:+.9g}", f"= {_factors(session, path.terms)}") for path in view.paths if path.value]
    if view.others:
        rest = _("the other {count}, at most {most:.3g}").format(count=f"{view.others:,}", most=view.rest_at_most)
        rows.append((f"{view.rest:+.9g}", rest))
    column = max(len(value) for value, _text in rows)
    for value, text in rows:
        first, *more = wrapped(text, _WIDTH - column - 4)
        lines += [f"  {value:>{column}}  {first}", *(" " * (column + 6) + line for line in more)]
    return lines


def _cuts(chain: Chain) -> list[str]:
    from retrograde.engine.explaining.paths import axes

    count_ = f"{chain.graph.paths[0]:,}"
    lines = [_("{count} paths; what goes through").format(count=count_)]
    for array in chain.cuts.arrays:
        if not chain.cuts.is_whole(array):
            continue
        groups = axes(array)
        cut = chain.cuts.at(array, groups[0] if groups else None)
        if len(cut.rows) < 2:
            continue
        name = array.of.name if array.of is not None else array.name
        lines.append("  " + joined((name, _(groups[0].name)), ", "))
        for row in cut.rows[:_ROWS]:
            label = ",".join(str(part + 1) for part in row.label)
            lines.append(f"    {label:>6}  {row.value:+.9g}")
        if len(cut.rows) > _ROWS:
            others = _("the other {count}").format(count=len(cut.rows) - _ROWS)
            lines.append(f"    {'':>6}  {cut.rest(_ROWS):+.9g}  {others}")
        if len(lines) > 40:
            break
    return lines


COMMAND = Subcommand(
    name="why",
    help=N_("say why a gradient is tiny, huge, zero or not a number"),
    arguments=(
        argument("scenario", metavar="NAME|FILE.toml|FILE.session.json|FILE.rgrec"),
        argument("gradient", nargs="?", metavar="VALUE", help=N_("'grad(w1)', 'w1', 'out_h1'")),
        argument("--at", metavar="MOMENT", help=N_("a moment in the iteration, as 2:1 (default: the first)")),
        argument("--paths", type=count, default=8, metavar="N", help=N_("list so many of the largest paths")),
        JSON,
    ),
    run=lambda given: why(given.scenario, given.gradient, at=given.at, paths=given.paths, as_json=given.json),
)
