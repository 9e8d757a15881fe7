"""Writes the page of subcommands: `python -m retrograde.tui.cli.commandtable docs/commands.md docs/commands.zh.md`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from retrograde.engine.text import ended, joined
from retrograde.tui.cli.main import OPTIONS, SUBCOMMANDS, subcommand
from retrograde.tui.cli.support.markdown import linked, markdown_table, page_of, told, write_page
from retrograde.tui.cli.support.subcommand import Argument, OneOf, Subcommand

_INTRODUCTION = """\
# The command line

English · [简体中文](commands.zh.md)

`retrograde` opens the app with a list of scenarios to choose from; `retrograde NAME` and `retrograde FILE.toml` open it
with a scenario, `retrograde FILE.session.json` with a saved session, where it was left. `NAME` is a scenario that ships
(`retrograde list`), `NAME:VARIANT` one of its variants.

Written from the table of subcommands by
`python -m retrograde.tui.cli.commandtable docs/commands.md docs/commands.zh.md`.
"""

_EXIT_CODES = """\
## Exit codes

0 done, 1 a published figure does not hold, a gradient disagrees or a query finds nothing, 2 bad input or something that
can not be done here, 130 interrupted. Whatever goes wrong is one message on stderr.
"""


def command_page(language: str = "en") -> str:
    """The page, in a language."""
    return page_of(_lines, language)


def _lines() -> Iterator[str]:
    known = [subcommand(name) for name in SUBCOMMANDS]
    yield told(_INTRODUCTION)
    yield from markdown_table(
        ("command", "what it does"),
        ((f"[`retrograde {command.name}`](#retrograde-{command.name})", told(command.help)) for command in known),
    )
    yield told("Before the name of a command, or of a scenario:\n")
    yield from _meanings(OPTIONS)
    for command in known:
        yield from _section(command)
    yield told(_EXIT_CODES)


def _section(command: Subcommand) -> Iterator[str]:
    yield f"## retrograde {command.name}\n"
    page = linked(command.page)
    more = told("More in {page}.").format(page=f"[{page}]({page})") if page else ""
    sentence = told(command.help)
    yield f"{joined((ended(sentence[0].upper() + sentence[1:]), more))}\n"
    arguments = command.arguments
    yield f"```text\n{' '.join(['retrograde', command.name, *map(_usage, arguments)])}\n```\n"
    yield from _meanings(arguments)


def _meanings(arguments: Iterable[Argument | OneOf]) -> Iterator[str]:
    """A table of what the arguments mean, of those that say more than their names."""
    single = [one for entry in arguments for one in (entry.options if isinstance(entry, OneOf) else (entry,))]
    rows = [(f"`{_written(one)}`", told(one.help).replace("%%", "%")) for one in single if one.help]
    if rows:
        yield from markdown_table(("argument", "what it means"), rows)


def _usage(entry: Argument | OneOf) -> str:
    """How arguments are written in a usage."""
    if isinstance(entry, OneOf):
        return "[" + " | ".join(map(_written, entry.options)) + "]"
    if entry.names[0].startswith("-"):
        return f"[{_written(entry)}]"
    repeated = {"?": "[{}]", "*": "[{} ...]"}.get(entry.settings.get("nargs", ""), "{}")
    return repeated.format(_written(entry))


def _written(one: Argument) -> str:
    """How an argument is written, an option with its value."""
    choices = one.settings.get("choices")
    value = one.settings.get("metavar", "") if choices is None else "{" + ",".join(choices) + "}"
    return f"{one.names[0]} {value}".rstrip() if one.names[0].startswith("-") else value or one.names[0]


if __name__ == "__main__":
    write_page(command_page)
