"""`retrograde`: the table of subcommands, the parser that is made from it, and what becomes of errors.

Exit codes: 0 done, 1 a published figure that does not hold, a gradient that disagrees or a query that finds nothing,
2 bad input or something that can not be done here, 130 interrupted.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, NoReturn

from retrograde.engine.text import LANGUAGES, N_, _, suggest, use
from retrograde.tui.cli.support.argparse_texts import translate_argparse
from retrograde.tui.cli.support.streams import abandon_stdout, complain, settled_streams
from retrograde.tui.cli.support.subcommand import Argument, Subcommand, argument, plain_characters, theme

if TYPE_CHECKING:
    from retrograde.engine.errors import EngineError

SUBCOMMANDS: tuple[str, ...] = (
    "open",
    "run",
    "query",
    "step",
    "trace",
    "list",
    "check",
    "gradcheck",
    "why",
    "flow",
    "samples",
    "quiz",
    "doctor",
    "biography",
    "race",
    "sweep",
    "serve",
    "mcp",
    "dap",
    "keys",
    "new",
    "import",
    "compare",
    "code",
    "worksheet",
    "data",
    "schema",
)
"""THE table of subcommands, in the order of `--help`: a row is a file of this package, loaded when it is needed."""

OK, BAD, INTERRUPTED = 0, 2, 130

NATIVE = "RETROGRADE_NATIVE"
"""The variable of the environment by which machine code is switched off, here and in every process that is started."""
_DEFAULT = "open"
_WITH_VALUE = ("--theme", "--language", "--data")


def subcommand(name: str) -> Subcommand:
    """The subcommand of a row."""
    command: Subcommand = import_module(f"retrograde.tui.cli.{name}").COMMAND
    return command


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; every failure is one clear message on stderr."""
    with settled_streams():
        try:
            return _guarded(list(sys.argv[1:] if arguments is None else arguments))
        except KeyboardInterrupt:
            complain(_("interrupted"))
            return INTERRUPTED


def _guarded(arguments: list[str]) -> int:
    """Run the command line and return its exit code, with errors turned into messages."""
    from retrograde.engine.errors import EngineError, ScenarioError

    use(_language(arguments))
    translate_argparse()
    try:
        code = _carry_out(arguments)
        # What is still in the buffer fails here, where it can be said, not in the interpreter's last flush.
        sys.stdout.flush()
    except ScenarioError as error:
        complain(str(error), name=False)
        return BAD
    except EngineError as error:
        complain(str(error))
        _point_at(error)
        return BAD
    except BrokenPipeError:
        # The reader has seen enough, as `| head` does: that is no error.
        abandon_stdout()
        return OK
    except MemoryError:
        complain(_("not enough memory"))
        return BAD
    except OSError as error:
        abandon_stdout()
        where = f"{error.filename}: " if error.filename else ""
        complain(where + (error.strerror or str(error)))
        return BAD
    return code


def _carry_out(arguments: list[str]) -> int:
    """Read the arguments, run the subcommand and return its exit code."""
    meant: list[str] = []
    match _word(arguments):
        case "-h" | "--help":
            known = [subcommand(name) for name in SUBCOMMANDS]
        case "--version":
            known = []
        case str(word) if word in SUBCOMMANDS:
            known = [subcommand(word)]
        case word:
            known = [subcommand(_DEFAULT)]
            meant = [] if word is None else [word]
            arguments = [_DEFAULT, *arguments]
    try:
        options = _parser(known, meant).parse_args(arguments)
    except SystemExit as leaving:  # --help, --version and wrong arguments
        return leaving.code if isinstance(leaving.code, int) else OK
    if options.no_native:
        os.environ[NATIVE] = "0"
    (command,) = known
    return command.run(options)


def _word(arguments: Sequence[str]) -> str | None:
    """What stands where a subcommand's name would, or asks for help or the version before it; None for neither."""
    words = iter(arguments)
    for word in words:
        if not word.startswith("-") or word in {"-h", "--help", "--version"}:
            return word
        if word == "--":
            break
        if word in _WITH_VALUE:
            next(words, None)
    return None


def _language(arguments: Sequence[str]) -> str | None:
    """The language that is asked for; needed before parsing, because help texts are translated."""
    for at, word in enumerate(arguments):
        if word == "--language" and at + 1 < len(arguments):
            return arguments[at + 1]
        if word.startswith("--language="):
            return word.partition("=")[2]
    return None


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line.

    Attributes:
        meant: words that are no subcommands, and may have been meant for one.
    """

    meant: Sequence[str] = ()

    def error(self, message: str) -> NoReturn:
        message += "".join(_suggestion(word) for word in self.meant)
        text = _("{program}: {message} (see {program} --help)").format(program=self.prog, message=message)
        self.exit(BAD, text + "\n")


class _Help(argparse.RawDescriptionHelpFormatter):
    """The help, with lines that are measured in cells: a Chinese character takes two."""

    def _split_lines(self, text: str, width: int) -> list[str]:
        from retrograde.tui.cli.support.columns import wrapped

        return wrapped(" ".join(text.split()), width)


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


OPTIONS: tuple[Argument, ...] = (
    argument("--version", action=_Version, nargs=0, help=N_("print the version and leave")),
    plain_characters(default=False),
    theme(),
    argument("--language", choices=LANGUAGES, help=N_("language of texts (default: the system's)")),
    argument(
        "--no-native",
        action="store_true",
        help=N_("compute without machine code, which the extra `native` brings; the numbers are the same"),
    ),
)
"""The options that stand before a subcommand's name, or a scenario's."""


def _parser(known: Iterable[Subcommand], meant: Sequence[str]) -> argparse.ArgumentParser:
    """The parser of the command line, as far as some subcommands; `meant` is as in ``_Parser``."""
    parser = _Parser(
        prog="retrograde",
        description=_("A step debugger for backpropagation."),
        usage=_("retrograde [options] [NAME | FILE.toml | FILE.session.json | command ...]"),
        epilog=_("Without a command the app opens, with the scenario that is named or with a list to choose from."),
        formatter_class=_Help,
    )
    parser.meant = meant
    for option in OPTIONS:
        option.add_to(parser)
    commands = parser.add_subparsers(
        dest="command", metavar="command", title=_("commands"), required=True, prog="retrograde"
    )
    for row in known:
        command = commands.add_parser(row.name, help=_(row.help), formatter_class=_Help)
        for one in row.arguments:
            one.add_to(command)
        command.add_argument("--language", choices=LANGUAGES, default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        command.add_argument("--no-native", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    return parser


def _suggestion(word: str) -> str:
    """What to append for a word that is nearly a subcommand, and no scenario; else empty."""
    from retrograde.engine.scenario.catalogue import shipped

    return "" if word in shipped() else suggest(word, SUBCOMMANDS, most=2, between=_(" or "))


def _point_at(error: EngineError) -> None:
    """Show the text of a formula with a caret under what is wrong with it."""
    from retrograde.engine.errors import FormulaError
    from retrograde.tui.cli.support.columns import width

    if isinstance(error, FormulaError) and error.text.strip() and error.text.isprintable():
        indent = " " * width(error.text[: error.column - 1])
        complain(f"  {error.text}\n  {indent}^", name=False)
