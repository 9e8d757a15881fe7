"""How a subcommand is stated: its name, its arguments and what it does, as data that the parser and the docs read."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from retrograde.engine.text import N_, _


@dataclass(frozen=True, slots=True, kw_only=True)
class Argument:
    """One argument of a subcommand.

    Attributes:
        names: one name without dashes, or the names of an option.
        help: what it means, in English; empty for what its metavar says.
        settings: what argparse is told besides.
    """

    names: tuple[str, ...]
    help: str
    settings: Mapping[str, Any]

    def add_to(self, parser: argparse._ActionsContainer) -> None:
        """Add the argument to a parser, or to a group of one."""
        parser.add_argument(*self.names, help=_(self.help) if self.help else None, **self.settings)


@dataclass(frozen=True, slots=True)
class OneOf:
    """Options of which one may be given."""

    options: tuple[Argument, ...]

    def add_to(self, parser: argparse.ArgumentParser) -> None:
        """Add the options to a parser."""
        group = parser.add_mutually_exclusive_group()
        for option in self.options:
            option.add_to(group)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subcommand:
    """A subcommand of `retrograde`.

    Attributes:
        name: its name, which is its file's.
        help: what it does, in a few words, in English.
        arguments: its arguments.
        run: does it, given the arguments' values, and returns the exit code.
        page: the page of the documentation that says more; empty for none.
    """

    name: str
    help: str
    arguments: tuple[Argument | OneOf, ...] = ()
    run: Callable[[argparse.Namespace], int]
    page: str = ""


def argument(*names: str, help: str = "", **settings: Any) -> Argument:  # noqa: A002 - argparse's word
    """An argument, stated as for argparse."""
    return Argument(names=names, help=help, settings=settings)


def count(text: str) -> int:
    """A whole number from 1, for argparse.

    Raises:
        argparse.ArgumentTypeError: It is none.
    """
    number = _number(text)
    if number is None or number < 1:
        raise argparse.ArgumentTypeError(_("{text!r} is not a whole number from 1").format(text=text))
    return number


def whole(text: str) -> int:
    """A whole number from 0, for argparse.

    Raises:
        argparse.ArgumentTypeError: It is none.
    """
    number = _number(text)
    if number is None or number < 0:
        raise argparse.ArgumentTypeError(_("{text!r} is not a whole number from 0").format(text=text))
    return number


def _number(text: str) -> int | None:
    try:
        return int(text.replace("_", ""))
    except ValueError:
        return None


def port(text: str) -> int:
    """A port, for argparse; 0 for any that is free.

    Raises:
        argparse.ArgumentTypeError: It is none.
    """
    if not (text.isascii() and text.isdigit() and int(text) < 1 << 16):
        raise argparse.ArgumentTypeError(_("{text!r} is not a port from 0 to 65535").format(text=text))
    return int(text)


DATA = argument("--data", metavar="FILE", help=N_("use this data file, wherever it is"))
JSON = argument("--json", action="store_true", help=N_("one JSON object, numbers in full"))
EPOCHS = argument("--epochs", type=count, metavar="N", help=N_("stop after this many epochs"))


def plain_characters(**settings: Any) -> Argument:
    """The option `--ascii`; a subcommand leaves the value alone that was given before its name."""
    return argument(
        "--ascii",
        action="store_true",
        help=N_("plain characters only (by itself where the locale is not UTF-8)"),
        **settings,
    )


def reduced_motion(**settings: Any) -> Argument:
    """The option `--reduced-motion`."""
    return argument(
        "--reduced-motion",
        action="store_true",
        help=N_("nothing blinks or moves by itself more than once a second"),
        **settings,
    )


def theme(**settings: Any) -> Argument:
    """The option `--theme`."""
    return argument(
        "--theme",
        choices=("dark", "light", "terminal"),
        help=N_("dark, light, or the terminal's own colours"),
        **settings,
    )
