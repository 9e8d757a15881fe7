"""What forensics found, printed, or as JSON; shared by `retrograde figures` and `retrograde slip`."""

from __future__ import annotations

import json
import shutil
import sys
from typing import TYPE_CHECKING, Any

from retrograde.tui.cli.support.terminal import only_ascii
from retrograde.tui.plain.numbers import encoded

if TYPE_CHECKING:
    from retrograde.engine.forensics.forensics import Explanation, Report

WIDEST = 120


def write(report: Report, name: str, *, as_json: bool, ascii_only: bool) -> int:
    """Print what was found; return 0 where every figure is explained, else 1."""
    if as_json:
        print(json.dumps(record(report, name), indent=2, ensure_ascii=False, allow_nan=False))
    else:
        from retrograde.tui.canvas.glyphs import ASCII, UNICODE, plain
        from retrograde.tui.views.forensics import forensics_lines

        simple = ascii_only or only_ascii()
        columns = min(shutil.get_terminal_size((100, 24)).columns - 1, WIDEST) if sys.stdout.isatty() else WIDEST
        for line in forensics_lines(report, name, columns, ASCII if simple else UNICODE):
            text = "".join(span.text for span in line).rstrip()
            print(plain(text) if simple else text)
    return 0 if report.explained else 1


def record(report: Report, name: str) -> dict[str, Any]:
    """What was found, for programs."""
    decider = report.decider
    return {
        "scenario": name,
        "figures": [
            {"name": one.name, "updates": one.updates, "printed": one.printed, "factor": one.factor}
            for one in report.figures
        ],
        "left_out": [{"name": figure, "reason": reason} for figure, reason in report.left_out],
        "acquitted": report.acquitted,
        "explained": report.explained,
        "stated": _explanation(report.stated),
        "best": _explanation(report.best),
        "more": [_explanation(one) for one in report.more],
        "others": [_explanation(one) for one in report.others],
        "decider": None
        if decider is None
        else {"name": decider.name, "updates": decider.updates, "values": [encoded(one) for one in decider.values]},
        "tried": report.tried,
        "all_tried": not report.short,
    }


def _explanation(found: Explanation) -> dict[str, Any]:
    return {
        "deviations": [
            {"kind": one.kind, "where": one.where, "text": one.text, "bits": one.bits, "without": without}
            for one, without in zip(found.deviations, found.without, strict=True)
        ],
        "changes": [{"name": one.name, "made": one.made, "stated": one.stated} for one in found.changes],
        "bits": found.bits,
        "count": found.count,
        "fits": list(found.fits),
        "values": [encoded(one) for one in found.values],
    }
