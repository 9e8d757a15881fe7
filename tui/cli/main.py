"""The command line: arguments, exit codes and messages. Each command imports what it needs when it runs.

Exit codes: 0 done, 1 a published figure that does not hold, a gradient that disagrees or a query that finds nothing,
2 bad input or something that can not be done here, 130 interrupted.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from retrograde.engine.text import LANGUAGES, _, use

if TYPE_CHECKING:
    from retrograde.engine.errors import EngineError

OK, FAILED, BAD, INTERRUPTED = 0, 1, 2, 130
COMMANDS = ("open", "run", "query", "trace", "list", "check", "gradcheck", "race", "new", "schema")
_WITH_VALUE = ("--theme", "--language", "--data")


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        text = _("{program}: {message} (see {program} --help)").format(program=self.prog, message=message)
        self.exit(BAD, text + "\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; every failure is one clear message on stderr."""
    try:
        return _guarded(list(sys.argv[1:] if arguments is None else arguments))
    except KeyboardInterrupt:
        _complain(_("interrupted"))
        return INTERRUPTED


def _guarded(arguments: list[str]) -> int:
    """Run the command line and return its exit code, with errors turned into messages."""
    from retrograde.engine.errors import EngineError, ScenarioError

    use(_language(arguments))
    _settle_streams()
    try:
        code = _carry_out(arguments)
        # What is still in the buffer fails here, where it can be said, not in the interpreter's last flush.
        sys.stdout.flush()
    except ScenarioError as error:
        _complain(str(error), name=False)
        return BAD
    except EngineError as error:
        _complain(str(error))
        _point_at(error)
        return BAD
    except BrokenPipeError:
        # The reader has seen enough, as `| head` does: that is no error.
        _abandon_stdout()
        return OK
    except MemoryError:
        _complain(_("not enough memory"))
        return BAD
    except OSError as error:
        _abandon_stdout()
        where = f"{error.filename}: " if error.filename else ""
        _complain(where + (error.strerror or str(error)))
        return BAD
    return code


def _carry_out(arguments: list[str]) -> int:
    """Read the arguments, run the command and return its exit code."""
    try:
        options = _parser().parse_args(_with_command(arguments))
    except SystemExit as leaving:  # --help, --version and wrong arguments
        return leaving.code if isinstance(leaving.code, int) else OK
    return _run(options)


def _run(options: argparse.Namespace) -> int:
    """Run the command that the arguments name and return its exit code."""
    match options.command:
        case "open":
            from retrograde.tui.cli.terminal import open_app

            return open_app(
                options.scenario,
                theme=options.theme,
                ascii_only=options.ascii,
                data=options.data,
                history=options.history,
            )
        case "run":
            from retrograde.tui.cli.run import run

            return run(
                options.scenario,
                epochs=options.epochs,
                until=options.until,
                data=options.data,
                as_json=options.json,
            )
        case "query":
            from retrograde.tui.cli.query import query

            return query(
                options.scenario, options.query, epochs=options.epochs, limit=options.limit, as_json=options.json
            )
        case "trace":
            from retrograde.tui.cli.trace import write_trace

            return write_trace(
                options.scenario,
                start=options.start,
                end=options.end,
                granularity=options.granularity,
                form=options.format,
                ascii_only=options.ascii,
            )
        case "list":
            from retrograde.tui.cli.listing import write_list

            return write_list(as_json=options.json)
        case "check":
            from retrograde.tui.cli.check import write_checks

            return write_checks(options.scenarios)
        case "gradcheck":
            from retrograde.tui.cli.gradcheck import gradcheck

            return gradcheck(
                options.scenario,
                at=options.at,
                values=options.values,
                count=None if options.all else options.count,
                seed=options.seed,
                as_json=options.json,
            )
        case "race":
            from retrograde.tui.cli.race import race

            return race(
                options.scenario, options.variants, epochs=options.epochs, data=options.data, as_json=options.json
            )
        case "new":
            from retrograde.tui.cli.template import write_template

            return write_template(options.file)
        case _:
            from retrograde.tui.cli.schema import write_schema

            return write_schema()


def _parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    parser = _Parser(
        prog="retrograde",
        description=_("A step debugger for backpropagation."),
        usage=_("retrograde [options] [NAME | FILE.toml | FILE.session.json | command ...]"),
        epilog=_("Without a command the app opens, with the scenario that is named or with a list to choose from."),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help=_("print the version and leave"))
    _screen_options(parser)
    commands = parser.add_subparsers(
        dest="command", metavar="command", title=_("commands"), required=True, prog="retrograde"
    )

    open_app = commands.add_parser("open", help=_("open the app (what happens without a command)"))
    open_app.add_argument("scenario", nargs="?", metavar="NAME|FILE.toml|FILE.session.json")
    open_app.add_argument("--data", metavar="FILE", help=_("use this data file, wherever it is"))
    open_app.add_argument("--history", type=_count, metavar="MB", help=_("memory for the history (default: 64)"))
    _screen_options(open_app, again=True)

    run = commands.add_parser("run", help=_("train without a screen, and print how it ended"))
    run.add_argument("scenario", metavar="NAME|FILE.toml")
    run.add_argument("--epochs", type=_count, metavar="N", help=_("stop after this many epochs"))
    run.add_argument(
        "--until",
        metavar="CONDITION",
        help=_("stop at the end of the first epoch where it holds, such as 'E_epoch < 0.01 and epoch > 10'"),
    )
    run.add_argument("--data", metavar="FILE", help=_("use this data file, wherever it is"))
    run.add_argument("--json", action="store_true", help=_("one JSON object, numbers in full"))

    query = commands.add_parser("query", help=_("run without a screen, and say when something happened"))
    query.add_argument("scenario", metavar="NAME|FILE.toml|FILE.session.json")
    query.add_argument(
        "query",
        metavar="QUERY",
        help=_("'first E < 0.01', 'last ...', 'count ...', 'all ...', 'max abs(grad(w1))', 'min ...'"),
    )
    query.add_argument("--epochs", type=_count, metavar="N", help=_("run this many epochs (default: to a stop rule)"))
    query.add_argument("--limit", type=_count, metavar="N", help=_("with all: print at most so many moments"))
    query.add_argument("--json", action="store_true", help=_("one JSON object, numbers in full"))

    trace = commands.add_parser("trace", help=_("print every step with its symbols and numbers"))
    trace.add_argument("scenario", metavar="NAME|FILE.toml")
    trace.add_argument(
        "--from",
        dest="start",
        metavar="MOMENT",
        help=_("first step: 2:1:17 (epoch:iteration:step), 2:1, 2, @120, 50%%"),
    )
    trace.add_argument("--to", dest="end", metavar="MOMENT", help=_("last step, in the same forms"))
    trace.add_argument(
        "--granularity",
        default="step",
        choices=("term", "step", "layer", "phase", "sample", "iteration", "epoch"),
        help=_("print only the steps where a motion of this size stops (default: step)"),
    )
    trace.add_argument("--format", default="text", choices=("text", "jsonl"), help=_("default: text"))
    trace.add_argument("--ascii", action="store_true", default=argparse.SUPPRESS, help=_("plain characters only"))

    listing = commands.add_parser("list", help=_("list the scenarios that ship"))
    listing.add_argument("--json", action="store_true", help=_("a JSON list"))

    check = commands.add_parser("check", help=_("compare published figures with what is computed"))
    check.add_argument("scenarios", nargs="*", metavar="NAME|FILE.toml", help=_("default: all that ship"))

    gradients = commands.add_parser("gradcheck", help=_("compare gradients with differences of E"))
    gradients.add_argument("scenario", metavar="NAME|FILE.toml|FILE.session.json")
    gradients.add_argument(
        "--at",
        metavar="MOMENT",
        help=_("the iteration of this moment: 2:1:17, 2:1, 2, @120, 50%% (default: the first)"),
    )
    which = gradients.add_mutually_exclusive_group()
    which.add_argument(
        "--values", metavar="NAMES", help=_("check these: 'w5,W_h[1,:],net_h1' (default: parameters drawn at random)")
    )
    which.add_argument("--count", type=_count, default=20, metavar="N", help=_("draw so many (default: 20)"))
    which.add_argument("--all", action="store_true", help=_("check every parameter"))
    gradients.add_argument("--seed", type=int, default=0, metavar="N", help=_("of the draw (default: 0)"))
    gradients.add_argument("--json", action="store_true", help=_("one JSON object, numbers in full"))

    race = commands.add_parser("race", help=_("train a scenario and its variants, and compare their losses"))
    race.add_argument("scenario", metavar="NAME|FILE.toml")
    race.add_argument("variants", nargs="*", metavar="VARIANT", help=_("default: all of the file"))
    race.add_argument("--epochs", type=_count, metavar="N", help=_("stop after this many epochs"))
    race.add_argument("--data", metavar="FILE", help=_("use this data file, wherever it is"))
    race.add_argument("--json", action="store_true", help=_("one JSON list, numbers in full"))

    new = commands.add_parser("new", help=_("write a commented scenario to start from"))
    new.add_argument("file", metavar="FILE.toml")

    commands.add_parser("schema", help=_("print the JSON Schema of scenario files"))
    for command in commands.choices.values():
        command.add_argument("--language", choices=LANGUAGES, default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    return parser


def _screen_options(parser: argparse.ArgumentParser, *, again: bool = False) -> None:
    """Add the options of the app; `again` in a second place, whose defaults must not overwrite the first."""
    plain = argparse.SUPPRESS if again else None
    parser.add_argument(
        "--ascii",
        action="store_true",
        default=argparse.SUPPRESS if again else False,
        help=_("plain characters only"),
    )
    parser.add_argument("--theme", choices=("dark", "light"), default=plain, help=_("dark or light"))
    if not again:
        help_text = _("language of texts (default: the system's)")
        parser.add_argument("--language", choices=LANGUAGES, help=help_text)


class _Version(argparse.Action):
    """Prints the version; the package's metadata is only read when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_arguments: object) -> NoReturn:
        from importlib.metadata import PackageNotFoundError, version

        try:
            number = version("retrograde")
        except PackageNotFoundError:
            number = _("(not installed)")
        print(f"retrograde {number}")
        parser.exit(OK)


def _count(text: str) -> int:
    """Return a whole number from 1, for argparse."""
    try:
        count = int(text.replace("_", ""))
    except ValueError:
        count = 0
    if count < 1:
        raise argparse.ArgumentTypeError(_("{text!r} is not a whole number from 1").format(text=text))
    return count


def _with_command(arguments: list[str]) -> list[str]:
    """Return the arguments with `open` in front where no command is named."""
    at = 0
    while at < len(arguments) and arguments[at].startswith("-"):
        if arguments[at] in {"-h", "--help", "--version"}:
            return arguments
        at += 2 if arguments[at] in _WITH_VALUE else 1
    if at < len(arguments) and arguments[at] in COMMANDS:
        return arguments
    return ["open", *arguments]


def _language(arguments: list[str]) -> str | None:
    """Return the language that is asked for; needed before parsing, because help texts are translated."""
    for at, argument in enumerate(arguments):
        if argument == "--language" and at + 1 < len(arguments):
            return arguments[at + 1]
        if argument.startswith("--language="):
            return argument.partition("=")[2]
    return None


def _settle_streams() -> None:
    """Give a closed stream somewhere to go, and let a terminal that knows no ∂ show a replacement."""
    if sys.stdin is None or sys.stdout is None or sys.stderr is None:
        nowhere = Path(os.devnull).open("r+", encoding="utf-8")  # noqa: SIM115 - until the process ends
        sys.stdin, sys.stdout, sys.stderr = (stream or nowhere for stream in (sys.stdin, sys.stdout, sys.stderr))
    for stream in (sys.stdout, sys.stderr):
        if (reconfigure := getattr(stream, "reconfigure", None)) is not None:
            reconfigure(errors="replace")


def _complain(message: str, *, name: bool = True) -> None:
    """Print a message on stderr, which may itself be closed."""
    with contextlib.suppress(OSError):
        print(f"retrograde: {message}" if name else message, file=sys.stderr)


def _point_at(error: EngineError) -> None:
    """Show the text of a formula with a caret under what is wrong with it."""
    from retrograde.engine.errors import FormulaError
    from retrograde.tui.cli.columns import width

    if isinstance(error, FormulaError) and error.text.strip() and error.text.isprintable():
        indent = " " * width(error.text[: error.column - 1])
        _complain(f"  {error.text}\n  {indent}^", name=False)


def _abandon_stdout() -> None:
    """Point stdout to nowhere, so that the interpreter's last flush finds nothing to complain about."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
