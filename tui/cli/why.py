"""`retrograde why`: why a gradient is tiny, huge, zero or not a number, or that nothing is the matter with it."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from retrograde.engine.errors import EngineError
from retrograde.engine.recording import is_recording
from retrograde.engine.text import N_, _, joined, ngettext
from retrograde.tui.cli.support.columns import table, wrapped
from retrograde.tui.cli.support.numbers import encoded, shown
from retrograde.tui.cli.support.progress import ProgressBar
from retrograde.tui.cli.support.recordings import why_recording
from retrograde.tui.cli.support.saved import load_session
from retrograde.tui.cli.support.subcommand import JSON, Subcommand, argument, count

if TYPE_CHECKING:
    from collections.abc import Iterator

    from retrograde.engine.equations.expression import Ref
    from retrograde.engine.explaining.account import LayerAccount
    from retrograde.engine.explaining.autopsy import Autopsy
    from retrograde.engine.explaining.death import Death
    from retrograde.engine.explaining.gradient_graph import GraphTerm
    from retrograde.engine.explaining.revival import Remedy, Revival
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
    if name is None:
        raise EngineError(_("which gradient? as in `retrograde why {source} w1`").format(source=source))
    session = load_session(source)
    with ProgressBar() as bar:
        if at is not None:
            session.seek(at, bar.searched)
        found = session.autopsy(name)
        chain = session.chain(name)
        died, revived = _beyond(session, found, bar)
    if as_json:
        record = _record(session, found, chain, paths) | _beyond_record(session, died, revived)
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
        lines += ["", *(_paths(session, chain, most) if chain.by_paths else _cuts(session, chain))]
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


def _cuts(session: Session, chain: Chain) -> list[str]:
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


def _record(session: Session, found: Autopsy, chain: Chain, most: int) -> dict[str, Any]:
    record: dict[str, Any] = {
        "scenario": session.name,
        "branch": session.branch.name,
        "epoch": session.iteration // session.schedule.per_epoch + 1,
        "iteration": session.iteration % session.schedule.per_epoch + 1,
        "name": session.notation.name(found.ref),
        "symbol": _symbol(session, found.ref),
        "value": encoded(found.value),
        "finding": str(found.finding),
        "verdict": session.explanations.verdict(found),
    }
    if found.beside is not None:
        record["beside"] = {
            "name": session.notation.name(found.beside.ref),
            "value": encoded(found.beside.value),
            "times_less": None if found.times_less is None else encoded(found.times_less),
        }
    if found.step is not None:
        record["update"] = encoded(found.step)
        record["relative_update"] = None if found.relative_step is None else encoded(found.relative_step)
    if found.deficits is not None:
        record["causes"] = [
            {
                "cause": str(line.cause),
                "layer": line.layer,
                "time": line.time,
                "factor": encoded(line.value),
                "deficit": encoded(line.deficit),
                "share": encoded(found.deficits.share(line)),
            }
            for line in found.deficits.named
        ]
    if found.account is not None:
        record["account"] = [*_account_record(found)]
        record["product"] = encoded(found.account.product)
    if found.zeros is not None:
        record["zeros"] = {
            "in_series": found.zeros.series,
            "samples": found.zeros.samples,
            "nearest": {str(kind): samples for kind, samples in found.zeros.kinds.items()},
        }
    if found.origin is not None:
        record["origin"] = {
            "name": session.notation.name(found.origin.ref),
            "breakdown": str(found.origin.breakdown),
        }
    if math.isfinite(found.value):
        record["paths"] = _paths_record(chain, most)
    return record


def _beyond_record(session: Session, died: Death | None, revived: Revival | None) -> dict[str, Any]:
    per_epoch = session.schedule.per_epoch
    record: dict[str, Any] = {"died": None, "pushed_by": None, "revived_by": None}
    if died is not None:
        record["died"] = {
            **_moment(died.iteration, per_epoch),
            "value": encoded(died.value),
            "alive_from": encoded(died.threshold),
            "largest_of_first_epoch": encoded(died.best),
        }
        if died.ledger is not None and (worst := died.ledger.worst) is not None:
            first, last = died.ledger.pushes[0], died.ledger.pushes[-1]
            record["pushed_by"] = {
                "name": session.notation.name(died.ledger.net),
                "row": died.ledger.row + 1,
                "from": encoded(first.before),
                "to": encoded(last.after),
                **_moment(worst.start, per_epoch),
                "before": encoded(worst.before),
                "after": encoded(worst.after),
                "change": encoded(float(worst.change)),
                "weights": encoded(float(worst.weights)),
                "bias": encoded(float(worst.bias)),
                "inputs": encoded(float(worst.inputs)),
                "remainder": encoded(float(worst.remainder)),
                "shares": [
                    {
                        "cause": str(share.kind),
                        "row": None if share.row is None else share.row + 1,
                        "amount": encoded(float(share.amount)),
                    }
                    for share in died.ledger.shares(worst)
                ],
            }
    if revived is not None:
        record["revived_by"] = {
            "least": encoded(revived.least),
            "most": encoded(revived.most),
            "refused": None if revived.refusal is None else str(revived.refusal),
            "tried": revived.tried,
            "parameters": revived.parameters,
            "in_time": revived.whole,
            "change": None if revived.single is None else _remedy(session, revived.single),
            "all_weights": [{"times": one.factor, "value": encoded(one.value)} for one in revived.scaled],
        }
    return record


def _moment(iteration: int, per_epoch: int) -> dict[str, int]:
    return {"epoch": iteration // per_epoch + 1, "iteration": iteration % per_epoch + 1}


def _remedy(session: Session, remedy: Remedy) -> dict[str, Any]:
    (one,) = remedy.replaced
    return {
        "name": session.notation.name(one.ref),
        "before": encoded(one.before),
        "after": encoded(one.after),
        "cost": encoded(remedy.cost),
        "value": encoded(remedy.value),
    }


def _account_record(found: Autopsy) -> Iterator[dict[str, Any]]:
    assert found.account is not None
    for layer in reversed(found.account.layers):
        yield {
            "layer": layer.layer,
            "time": layer.time,
            "factors": {str(kind): encoded(math.exp(value)) for kind, value in layer.kinds.items()},
            "ways": encoded(math.exp(layer.ways)),
            "agreement": encoded(math.exp(layer.agreement)),
            "total": encoded(math.exp(layer.total)),
        }
    own = found.account.own
    yield {
        "layer": None,
        "time": None,
        "factors": {str(kind): encoded(math.exp(value)) for kind, value in own.kinds.items()},
        "ways": encoded(math.exp(own.ways)),
        "agreement": encoded(math.exp(own.agreement)),
        "total": encoded(math.exp(own.total)),
    }


def _paths_record(chain: Chain, most: int) -> dict[str, Any]:
    view = chain.paths(most)
    return {
        "count": view.count,
        "absolute": encoded(view.absolute),
        "largest": [encoded(path.value) for path in view.paths],
        "rest": encoded(view.rest),
    }


COMMAND = Subcommand(
    name="why",
    help=N_("say why a gradient is tiny, huge, zero or not a number"),
    arguments=(
        argument("scenario", metavar="NAME|FILE.toml|FILE.session.json|FILE.rgrec"),
        argument("gradient", nargs="?", metavar="VALUE", help=N_("'grad(w1)', 'w1', 'out_h1'")),
        argument("--at", metavar="ADDRESS", help=N_("a moment in the iteration, as 2:1 (default: the first)")),
        argument("--paths", type=count, default=8, metavar="N", help=N_("list so many of the largest paths")),
        JSON,
    ),
    run=lambda given: why(given.scenario, given.gradient, at=given.at, paths=given.paths, as_json=given.json),
)
