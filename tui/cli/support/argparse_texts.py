"""What argparse itself says, as messages of the catalogue: its help, and what is wrong with arguments."""

from __future__ import annotations

import argparse

from retrograde.engine.text import N_, _, language, ngettext

MESSAGES = (
    N_("usage: "),
    N_("options"),
    N_("positional arguments"),
    N_("show this help message and exit"),
    N_(" (default: %(default)s)"),
    N_("argument %(argument_name)s: %(message)s"),
    N_("the following arguments are required: %s"),
    N_("one of the arguments %s is required"),
    N_("unrecognized arguments: %s"),
    N_("not allowed with argument %s"),
    N_("ambiguous option: %(option)s could match %(matches)s"),
    N_("expected one argument"),
    N_("expected at least one argument"),
    N_("expected at most one argument"),
    N_("ignored explicit argument %r"),
    N_("invalid choice: %(value)r (choose from %(choices)s)"),
    N_("invalid %(type)s value: %(value)r"),
    N_("%(prog)s: error: %(message)s\n"),
)
"""Looked up by argparse, as `gettext` calls with these very texts; one that it words otherwise stays English."""


def translate_argparse() -> None:
    """Has argparse look its texts up where ours are; English needs nothing.

    argparse asks the catalogue of the process, which knows the language of the environment alone.
    """
    if language() == "en":
        return
    setattr(argparse, "_", _)  # noqa: B010 - a name that its stubs do not have
    setattr(argparse, "ngettext", ngettext)  # noqa: B010
