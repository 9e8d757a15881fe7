"""`retrograde worksheet`: an iteration as a worked solution to hand out, or as a sheet to fill in."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from retrograde.engine.errors import EngineError
from retrograde.engine.text import N_, _
from retrograde.tui.cli.support.progress import ProgressBar
from retrograde.tui.cli.support.saved import load_session
from retrograde.tui.cli.support.subcommand import Subcommand, argument, whole

FORMATS = ("md", "html", "tex", "pdf", "ipynb", "csv", "svg")
"""Those of ``retrograde.engine.writing.exporting``, known here so that the help need not load them."""


def worksheet(given: argparse.Namespace) -> int:
    """Write a worked solution, or print it; return 0.

    Raises:
        EngineError: A moment is not one of this training's, there are too many steps, or what writes the format is
            not installed.
        ScenarioError: The scenario can not be used.
    """
    from retrograde.engine.atomic import write_bytes
    from retrograde.engine.writing import exporting
    from retrograde.engine.writing.sheet import sheet_of

    session = load_session(given.scenario)
    form = given.format or ("md" if given.output is None else exporting.format_of(given.output))
    if given.output is None and form not in exporting.TEXTS:
        raise EngineError(_("a {format} is no text to print: -o FILE writes it").format(format=form))
    with ProgressBar() as bar:
        if any(moment is not None and (moment == "end" or moment.endswith("%")) for moment in (given.start, given.end)):
            session.run()
        sheet = sheet_of(
            session, start=given.start, end=given.end, blank=given.blank, seed=given.seed, on_progress=bar.searched
        )
    content = exporting.FORMATS[form](sheet)
    if given.output is None:
        sys.stdout.write(content.decode())
        return 0
    write_bytes(Path(given.output), content)
    print(_("written: {file}").format(file=given.output))
    return 0


COMMAND = Subcommand(
    name="worksheet",
    help=N_("an iteration as a worked solution to hand out, or as a sheet to fill in"),
    arguments=(
        argument("scenario", metavar="NAME|FILE.toml|FILE.session.json"),
        argument("--blank", action="store_true", help=N_("leave the results open; a key with them is at the end")),
        argument(
            "--seed",
            type=whole,
            metavar="N",
            help=N_("other weights and inputs, round and in the ranges of the originals; each N has its own"),
        ),
        argument(
            "--from",
            dest="start",
            metavar="MOMENT",
            help=N_("first step: 2:1:17 (epoch:iteration:step), 2:1, 2, @120 (default: of the iteration)"),
        ),
        argument("--to", dest="end", metavar="MOMENT", help=N_("last step, in the same forms")),
        argument(
            "--format",
            choices=FORMATS,
            help=N_("default: what FILE ends in, else md; pdf needs xelatex or pdflatex"),
        ),
        argument("-o", "--output", metavar="FILE", help=N_("write it there")),
    ),
    run=worksheet,
    page="worksheets.md",
)
