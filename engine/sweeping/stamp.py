"""What the bits of a run depend on besides the scenario: the program, the numbers' library, and the mathematics."""

from __future__ import annotations

import hashlib
import math
import struct
import sys
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from retrograde.engine.errors import EngineError
from retrograde.engine.text import _

_ARGUMENTS = tuple(math.ldexp(1.0 + 0.6180339887498949 * k % 1.0, k % 23 - 12) for k in range(512))


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """The program that computes, wherever it runs.

    Attributes:
        retrograde: its version.
        code: a digest of the engine's source.
        python: the version of Python, without its last part.
        numpy: the version of NumPy.
        mathematics: a digest of what exp, log, tanh and their like give here for some arguments.
    """

    retrograde: str
    code: str
    python: str
    numpy: str
    mathematics: str

    def difference(self, other: Stamp) -> str:
        """What another one has otherwise, for a message; empty where nothing."""
        mine, theirs = asdict(self), asdict(other)
        return ", ".join(f"{key} {theirs[key]} ({mine[key]})" for key in mine if mine[key] != theirs[key])


@cache
def stamp() -> Stamp:
    """The program as it is here."""
    try:
        number = version("retrograde")
    except PackageNotFoundError:
        number = "0"
    return Stamp(
        retrograde=number,
        code=_code(),
        python=".".join(map(str, sys.version_info[:2])),
        numpy=np.__version__,
        mathematics=_mathematics(),
    )


def require(expected: Stamp, where: str) -> None:
    """Refuse to compute for a program that is another one.

    Raises:
        EngineError: it is.
    """
    found = expected.difference(stamp())
    if found:
        message = _("{where} has another program, which may compute other bits: {difference}")
        raise EngineError(message.format(where=where, difference=found))


def _code() -> str:
    folder = Path(__file__).parent.parent
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*.py")):
        digest.update(file.relative_to(folder).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


def _mathematics() -> str:
    digest = hashlib.sha256()
    for function in (math.exp, math.tanh, math.sin, math.cos, math.erf, math.log, math.sqrt, math.log1p, math.expm1):
        for argument in _ARGUMENTS:
            try:
                value = function(argument)
            except OverflowError:
                value = math.inf
            digest.update(struct.pack("<d", value))
    return digest.hexdigest()[:12]
