"""What the terminal can show, as far as its environment says."""

from __future__ import annotations

import os

_PLAIN = frozenset({"vt52", "vt100", "vt102", "vt220", "ansi"})
"""Terminals that were made before Unicode, and what emulates them."""


def only_ascii() -> bool:
    """Whether only plain characters can be relied on: the locale is set and not UTF-8, or the terminal is too old.

    A locale that is not set says nothing: containers have none, and terminals that show everything.
    """
    locale = next((value for name in ("LC_ALL", "LC_CTYPE", "LANG") if (value := os.environ.get(name, ""))), "")
    encoding = locale.lower().replace("-", "")
    return (bool(locale) and "utf8" not in encoding) or os.environ.get("TERM", "") in _PLAIN


def little_motion() -> bool:
    """Whether the environment asks for no animations, in Textual's words."""
    return os.environ.get("TEXTUAL_ANIMATIONS", "").lower() == "none"
