"""How signs and exponents of numbers are written on the screen: one way, whoever made the text."""

from __future__ import annotations

import re

_EXPONENT = re.compile(r"(?<=\de)([-+−])0*(?=\d)")
_SIGN = re.compile(r"(?<![\w.])-(?=\d)")


def typeset(text: str) -> str:
    """A number, or a sentence with numbers, as the screen writes them: ``−5.6e−5``, and ``4e3``.

    Args:
        text: as Python writes them.
    """
    if "e" in text:
        text = _EXPONENT.sub(lambda found: "" if found[1] == "+" else "−", text)
    return _SIGN.sub("−", text) if "-" in text else text
