"""The kinds of input, by the word of the command line."""

from __future__ import annotations

from importlib import import_module
from typing import NamedTuple

from tests.fuzz.target import Target


class Kind(NamedTuple):
    """A row: what its cases are called, and how many of what is counted are in one case."""

    noun: str
    each: int = 1


KINDS: dict[str, Kind] = {
    "scenarios": Kind("mutants"),
    "data": Kind("data files"),
    "formulas": Kind("formulas"),
    "app": Kind("events", 20),
    "sessions": Kind("saved sessions"),
    "elsewhere": Kind("files from elsewhere"),
}


def target_of(kind: str) -> type[Target]:
    """The class of a kind, whose file is loaded when it is needed."""
    found: type[Target] = import_module(f"tests.fuzz.{kind}").TARGET
    return found
