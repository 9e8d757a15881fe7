"""`retrograde check`: published figures beside what is computed."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from retrograde.engine.errors import EngineError
from retrograde.engine.recording import is_recording
from retrograde.engine.text import N_, _, joined, ngettext
from retrograde.tui.cli.support.columns import table, wrapped
from retrograde.tui.cli.support.loading import load
from retrograde.tui.cli.support.recordings import check_recording
from retrograde.tui.cli.support.subcommand import Subcommand, argument

if TYPE_CHECKING:
    from retrograde.engine.session.published import Finding

_REASON_WIDTH = 96
_INDENT = " " * 6


def write_all(sources: Sequence[str], *, every: bool) -> int:
    """Check scenarios and recordings, all scenarios that ship when nothing is named; return the worst exit code."""
    recordings = [source for source in sources if is_recording(source)]
    codes = [check_recording(source, every=every) for source in recordings]
    if not sources or len(recordings) < len(sources):
        codes.append(write_checks([source for source in sources if not is_recording(source)]))
    return max(codes)


def write_checks(scenarios: Sequence[str]) -> int:
    """Check the scenarios, all that ship when none is named, and print a table of each.

    Returns:
        0 when every figure holds, 1 when one does not, 2 when a scenario can not be used.
    """
    from retrograde.engine.scenario.catalogue import shipped

    figures = fails = wrong = sources = 0
    names = scenarios or shipped()
    usable = len(names)
    for name in names:
        try:
            for entry, findings, chapters in _entries(name):
                figures += len(findings)
                fails += sum(not finding.ok for finding in findings)
                slips = sum(finding.wrong for finding in findings)
                wrong += slips
                sources += slips > 0
                print("\n".join((*_report(entry, findings), *chapters)), end="\n\n", flush=True)
        except EngineError as error:
            print(error, file=sys.stderr)
            usable -= 1
    if not usable:
        return 2
    count = ngettext("{count} scenario", "{count} scenarios", usable).format(count=usable)
    verified = ngettext("{count} figure", "{count} figures", figures).format(count=figures)
    verdict = _verdict(figures, wrong, sources, fails) if figures else _("nothing to compare")
    if usable:
        print(joined((joined((count, verified), ", "), verdict), ": "))
    if usable < len(names):
        return 2
    return 1 if fails else 0


def _verdict(figures: int, wrong: int, sources: int, fails: int) -> str:
    """How many figures agree, of how many the source is wrong, in how many sources that is so, and how many fail."""
    from retrograde.engine.session.published import summary

    said = summary(figures - wrong - fails, wrong, fails)
    if sources < 2:
        return said
    return said + ngettext(" ({count} source is wrong)", " ({count} sources are wrong)", sources).format(count=sources)


def _entries(name: str) -> Iterator[tuple[str, tuple[Finding, ...], list[str]]]:
    """The findings of a scenario and what is said of its chapters, and then those of variants with own figures."""
    from retrograde.engine.session.published import check
    from retrograde.engine.session.session import Session

    scenario = load(name)
    count = Session(scenario).chapters.check() if scenario.chapter else 0
    text = ngettext("{count} chapter: its moment comes", "{count} chapters: their moments come", count)
    yield name, check(scenario), ["  " + text.format(count=count)] if count else []
    for variant in scenario.variants:
        if variant.expect:
            yield f"{name}:{variant.name}", check(load(f"{name}:{variant.name}", said=scenario.warnings)), []


def _report(name: str, findings: Sequence[Finding]) -> list[str]:
    """The lines about one scenario."""
    from retrograde.engine.session.published import reason_of

    if not findings:
        return [name, "  " + _("no published figures")]
    head = [_("value"), _("updates"), _("published"), _("computed"), _("mode"), _("verdict")]
    rows = [
        [
            finding.expect.value,
            str(finding.expect.updates),
            finding.expect.printed,
            finding.shown,
            _("truncated") if finding.expect.mode == "truncate" else _("rounded"),
            finding.verdict,
        ]
        for finding in findings
    ]
    lines = ["  " + line for line in table([head, *rows], right=frozenset({1, 2, 3}))]
    report = [name, lines[0]]
    previous = ""
    for line, finding in zip(lines[1:], findings, strict=True):
        report.append(line)
        reason = reason_of(finding.expect)
        if reason and reason == previous:
            report.append(_INDENT + _("for the same reason"))
        elif reason:
            report += wrapped(reason, _REASON_WIDTH, _INDENT)
        previous = reason
    return report


COMMAND = Subcommand(
    name="check",
    help=N_("compare published figures with what is computed"),
    arguments=(
        argument("scenarios", nargs="*", metavar="NAME|FILE.toml|FILE.rgrec", help=N_("default: all that ship")),
        argument("--all", action="store_true", help=N_("of a recording: every element, also of large ops")),
    ),
    run=lambda given: write_all(given.scenarios, every=given.all),
)
