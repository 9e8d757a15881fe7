"""`retrograde flow`: how a gradient goes through the layers."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

from retrograde.engine.text import N_, _, joined
from retrograde.tui.cli.support.columns import table
from retrograde.tui.cli.support.progress import ProgressBar
from retrograde.tui.cli.support.saved import load_session
from retrograde.tui.cli.support.subcommand import JSON, Subcommand, argument
from retrograde.tui.plain.flow import flow_record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from retrograde.engine.explaining.flow import FlowRow

_BAR = 24
_SPAN = 9.0
"""Powers of ten that a whole bar stands for, at least."""


def flow(source: str, *, at: str | None, as_json: bool) -> int:
    """Print the gradient layer by layer: a row a layer and time step, the loss last.

    Args:
        source: A scenario by name or file, or a saved session, which is at the moment where it was left.
        at: A moment in the iteration; by default the first iteration, of a saved session the one it is in.
        as_json: Print one JSON object.

    Returns:
        0.

    Raises:
        EngineError: The moment makes no sense; nothing was printed.
        ScenarioError: The scenario can not be used.
    """
    session = load_session(source)
    with ProgressBar() as bar:
        if at is not None:
            session.seek(at, bar.searched)
        rows = session.flow()
    epoch, iteration = divmod(session.iteration, session.schedule.per_epoch)
    if as_json:
        record = {
            "scenario": session.name,
            "branch": session.branch.name,
            "epoch": epoch + 1,
            "iteration": iteration + 1,
            "layers": [flow_record(row) for row in rows],
        }
        print(json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False))
        return 0
    where = _("epoch {epoch}, iteration {iteration}").format(epoch=epoch + 1, iteration=iteration + 1)
    if session.recording is not None:
        where = _("one step")
    print("\n".join((joined((session.name, where), ", "), "", *_lines(rows))))
    return 0


def _lines(rows: Sequence[FlowRow]) -> list[str]:
    head = [_("layer"), "rms δ", "", "‖∂E/∂W‖", _("slope"), "‖W‖", _("update/W"), _("factor")]
    logs = [math.log10(row.delta) for row in rows if row.delta and math.isfinite(row.delta)]
    top = max(logs, default=0.0)
    span = max(_SPAN, top - min(logs, default=0.0) + 1.0)
    found = [head]
    for row in rows:
        numbers = [row.gradient, row.slope, row.size, row.update, row.factor]
        cells = [_number(number) for number in numbers]
        if row.smallest:
            cells[-1] += " ◀"
        found.append([row.name, _number(row.delta), _bar(row.delta, top, span), *cells])
    return table(found, right=frozenset({1, 3, 4, 5, 6}))


def _number(value: float | None) -> str:
    return "·" if value is None else f"{value:.3g}"


def _bar(value: float | None, top: float, span: float) -> str:
    """A bar as long as the logarithm of a number is high, the largest being whole."""
    if not value or not math.isfinite(value):
        return ""
    return "█" * max(1, round(_BAR * (1.0 - (top - math.log10(value)) / span)))


COMMAND = Subcommand(
    name="flow",
    help=N_("print the gradient layer by layer"),
    arguments=(
        argument("scenario", metavar="NAME|FILE.toml|FILE.session.json|FILE.rgrec"),
        argument("--at", metavar="MOMENT", help=N_("a moment in the iteration, as 2:1 (default: the first)")),
        JSON,
    ),
    run=lambda given: flow(given.scenario, at=given.at, as_json=given.json),
)
