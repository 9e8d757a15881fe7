"""`retrograde gradcheck`: gradients beside differences of E."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from retrograde.engine.text import N_, _, joined, ngettext
from retrograde.tui.cli.support.columns import table, wrapped
from retrograde.tui.cli.support.progress import ProgressBar
from retrograde.tui.cli.support.recordings import refuse_recording
from retrograde.tui.cli.support.saved import load_session
from retrograde.tui.cli.support.subcommand import JSON, OneOf, Subcommand, argument, count
from retrograde.tui.plain.numbers import encoded, shown

if TYPE_CHECKING:
    from retrograde.engine.equations.expression import Ref
    from retrograde.engine.explaining.gradcheck import GradientCheck, Verdict
    from retrograde.engine.session.gradient_report import GradientReport
    from retrograde.engine.session.session import Session

_WIDTH = 96
_COMMA = re.compile(r",(?![^\[(]*[\])])")


def gradcheck(source: str, *, at: str | None, values: str | None, count: int | None, seed: int, as_json: bool) -> int:
    """Check gradients of one iteration, and print a table of them.

    Args:
        source: A scenario by name or file, or a saved session, which is at the moment where it was left.
        at: A moment in the iteration; by default the first iteration, of a saved session the one it is in.
        values: Names with commas between them; without them, parameters are drawn.
        count: How many parameters are drawn; None for all.
        seed: Of the draw.
        as_json: Print one JSON object.

    Returns:
        0 when no gradient disagrees, 1 when one does.

    Raises:
        EngineError: A name or the moment makes no sense; nothing was printed.
        ScenarioError: The scenario can not be used.
    """
    from retrograde.engine.session.gradient_report import check_gradients

    refuse_recording(source)
    session = load_session(source)
    with ProgressBar() as bar:
        if at is not None:
            session.seek(at, bar.searched)
        names = [] if values is None else [name for name in map(str.strip, _COMMA.split(values)) if name]
        report = check_gradients(session, names=names, count=count, seed=seed, on_progress=bar.checked)
    if as_json:
        print(json.dumps(_record(session, report), indent=2, ensure_ascii=False, allow_nan=False))
    else:
        print("\n".join(_lines(session, report)))
    return 0 if report.ok else 1


def _iteration(session: Session) -> tuple[int, int]:
    """The epoch of the session's iteration, and the iteration in it, from 1."""
    epoch, iteration = divmod(session.iteration, session.schedule.per_epoch)
    return epoch + 1, iteration + 1


def _name(session: Session, ref: Ref, *, pretty: bool = False) -> str:
    """The name of a gradient, with its sample where it has one."""
    notation = session.notation
    name = notation.symbol(ref, sample=session.sample) if pretty else notation.name(ref)
    return name if pretty or not ref.array.batched else f"{name}{{{ref.index[0] + 1}}}"


def _record(session: Session, report: GradientReport) -> dict[str, Any]:
    epoch, iteration = _iteration(session)
    return {
        "scenario": session.name,
        "branch": session.branch.name,
        "epoch": epoch,
        "iteration": iteration,
        "gradients": report.total,
        "checked": len(report.checks),
        "verdicts": {verdict.value: count for verdict, count in _counts(report).items()},
        "left_out": [array.name for array in report.late],
        "checks": [
            {
                "name": _name(session, check.ref),
                "analytic": encoded(check.analytic),
                "numeric": encoded(check.numeric),
                "error": encoded(check.error),
                "verdict": check.verdict.value,
            }
            for check in report.checks
        ],
    }


def _lines(session: Session, report: GradientReport) -> list[str]:
    lines: list[str] = []
    if report.checks:
        head = [_("value"), _("gradient"), _("difference"), _("± error"), _("verdict")]
        lines += table([head, *(_row(session, check) for check in report.checks)], right=frozenset({1, 2, 3}))
    if report.late:
        names = joined((array.name for array in report.late), ", ")
        text = (
            _(
                "left out, because they see parameters that this iteration has updated (in place), so that they are no"
                " derivatives of its E: {names}"
            )
            if session.scenario.training.update == "in_place"
            else _(
                "left out, because truncated backpropagation leaves out a part of them, so that they are no derivatives"
                " of E: {names}"
            )
        )
        lines += [*([""] if lines else []), *wrapped(text.format(names=names), _WIDTH, "")]
    epoch, iteration = _iteration(session)
    counted = ngettext("{done} of {count} gradient", "{done} of {count} gradients", report.total).format(
        done=len(report.checks), count=report.total
    )
    where = _("epoch {epoch}, iteration {iteration}").format(epoch=epoch, iteration=iteration)
    lines += ["", joined((joined((session.name, where, counted), ", "), _summary(report)), ": ")]
    return lines


def _row(session: Session, check: GradientCheck) -> list[str]:
    return [
        _name(session, check.ref, pretty=True),
        shown(check.analytic),
        shown(check.numeric),
        f"{check.error:.1e}",
        _verdicts()[check.verdict],
    ]


def _summary(report: GradientReport) -> str:
    if not report.checks:
        return _("nothing to compare")
    counts, words = _counts(report), _verdicts()
    if all(verdict == "agrees" for verdict in counts):
        return _("all agree")
    return joined((f"{count} {words[verdict]}" for verdict, count in counts.items()), ", ")


def _counts(report: GradientReport) -> dict[Verdict, int]:
    """How many gradients have each verdict, of those that occur."""
    return {verdict: count for verdict in _verdicts() if (count := report.count(verdict))}


def _verdicts() -> dict[Verdict, str]:
    """The verdicts in the language in use."""
    from retrograde.engine.explaining.gradcheck import Verdict

    return {
        Verdict.AGREES: _("agrees"),
        Verdict.DISAGREES: _("disagrees"),
        Verdict.KINK: _("at a kink"),
        Verdict.NOT_FINITE: _("not finite"),
        Verdict.UNCLEAR: _("cannot tell"),
        Verdict.EDITED: _("edited"),
    }


COMMAND = Subcommand(
    name="gradcheck",
    help=N_("compare gradients with differences of E"),
    arguments=(
        argument("scenario", metavar="NAME|FILE.toml|FILE.session.json"),
        argument(
            "--at",
            metavar="MOMENT",
            help=N_("the iteration of this moment: 2:1:17, 2:1, 2, @120, 50%% (default: the first)"),
        ),
        OneOf(
            (
                argument(
                    "--values",
                    metavar="NAMES",
                    help=N_("check these: 'w5,W_h[1,:],net_h1' (default: parameters drawn at random)"),
                ),
                argument("--count", type=count, default=20, metavar="N", help=N_("draw so many (default: 20)")),
                argument("--all", action="store_true", help=N_("check every parameter")),
            )
        ),
        argument("--seed", type=int, default=0, metavar="N", help=N_("of the draw (default: 0)")),
        JSON,
    ),
    run=lambda given: gradcheck(
        given.scenario,
        at=given.at,
        values=given.values,
        count=None if given.all else given.count,
        seed=given.seed,
        as_json=given.json,
    ),
)
