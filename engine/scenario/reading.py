"""The text of a scenario file, its tables, and where its samples lie."""

from __future__ import annotations

import re
import stat
import tomllib
from pathlib import Path
from typing import Any

from retrograde.engine.errors import EngineError, Problem, ScenarioError
from retrograde.engine.scenario.catalogue import folder, shipped
from retrograde.engine.scenario.limits import MAX_FILE_BYTES, SUFFIXES
from retrograde.engine.scenario.locate import line_and_column
from retrograde.engine.scenario.toml_hints import written_so
from retrograde.engine.text import _, suggest
from retrograde.engine.within import OutsideError, require_readable

# Every alternative takes what it begins with, whether it is closed or not, so that no character is read twice.
_LONG_TEXT = r"""\"{3}(?:[^"\\]++|\\.?|"(?!""))*+"{0,5}|'{3}(?:[^']++|'(?!''))*+'{0,5}"""
_PART = r"""(?:[A-Za-z0-9_-]++|"(?:[^"\\\n]++|\\.)*+"?+|'[^'\n]*+'?+)"""
_WORDS = re.compile(rf"(?:{_LONG_TEXT}|\#[^\n]*+)|(?P<key>{_PART}(?:[ \t]*+\.[ \t]*+{_PART})*+)", re.DOTALL)
"""Comments, texts of several lines, and words that dots join."""
_DOTTED = re.compile(rf"{_PART}(?:[ \t]*+\.[ \t]*+{_PART}){{12}}", re.DOTALL)
_LONG_NUMBER = re.compile(r"(?<![0-9_])[0-9_]{400}")


_SYNTAX = re.compile(
    r"^(?P<what>.*?) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)$", re.DOTALL
)


def find(source: str | Path) -> tuple[Path, str]:
    """Return the file of a scenario, and how problems name it."""
    if isinstance(source, Path):
        return source, str(source)
    if "\0" in source:
        raise ScenarioError([Problem(path=repr(source), message=_("there is no such scenario"))])
    names = shipped()
    if source in names:
        return folder() / f"{source}.toml", f"{source}.toml"
    if source.endswith(".toml") or "/" in source or "\\" in source or _is_file(source):
        return Path(source), source
    message = _("there is no such scenario")
    known = suggest(source, names, most=3, likeness=0.5, between=_(" or "))
    message += known or _("; `retrograde list` shows those that ship")
    raise ScenarioError([Problem(path=source, message=message)])


def _is_file(name: str) -> bool:
    """Whether there is a file of that name; a name that no file can have is none."""
    try:
        return Path(name).is_file()
    except (OSError, ValueError):
        return False


def read(path: Path, shown: str) -> str:
    """Return the text of a file.

    Args:
        path: the file.
        shown: how problems name it.

    Raises:
        ScenarioError: it is not there, too large, or no text.
    """

    def refuse(message: str, line: int | None = None, column: int | None = None) -> ScenarioError:
        return ScenarioError([Problem(path=shown, line=line, column=column, message=message)])

    try:
        require_readable(path)
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise refuse(_("this is not a file"))
        with path.open("rb") as stream:
            content = stream.read(MAX_FILE_BYTES + 1)
    except OutsideError as error:
        raise refuse(str(error)) from error
    except FileNotFoundError as error:
        raise refuse(_("there is no such file")) from error
    except (OSError, ValueError) as error:
        raise refuse(_("the file cannot be read: {reason}").format(reason=error)) from error
    if len(content) > MAX_FILE_BYTES:
        message = _("the file has more than {limit} MiB; put samples into a data file")
        raise refuse(message.format(limit=MAX_FILE_BYTES // 2**20))
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8", "replace")
        line, column = line_and_column(before, len(before))
        raise refuse(_("this byte is not UTF-8; save the file as UTF-8"), line, column) from error


def data_file(name: str, path: Path | None) -> Path:
    """Return a file of samples, or a folder of images, that a scenario names: a path from where the scenario is.

    It may be outside the folder of the scenario: only numbers are read from it, and only from files and folders, so
    that nothing waits for a device or a pipe.

    Raises:
        EngineError: it is neither.
    """
    if path is None:
        raise EngineError(_("a scenario without a file has no data file; give its samples inline"))
    if "\0" in name:
        raise EngineError(_("{file} cannot be read: {reason}").format(file=repr(name), reason=_("it has a NUL in it")))
    try:
        # A scenario that is itself a link belongs where it leads.
        real = (path.resolve().parent / name).resolve()
        require_readable(real)
        status = real.stat()
    except FileNotFoundError as error:
        raise EngineError(_("there is no file {file} beside the scenario").format(file=name)) from error
    except (OSError, ValueError, RuntimeError) as error:
        raise EngineError(_("{file} cannot be read: {reason}").format(file=name, reason=error)) from error
    folder = stat.S_ISDIR(status.st_mode) and not name.lower().endswith(SUFFIXES)
    if not (stat.S_ISREG(status.st_mode) or folder):
        raise EngineError(_("{file} is not a file").format(file=name))
    return real


def toml(text: str, shown: str) -> dict[str, Any]:
    """Return the tables of a TOML text.

    Args:
        text: the text.
        shown: how problems name its file.

    Raises:
        ScenarioError: it is not TOML, with the place.
    """

    def refuse(message: str, offset: int) -> ScenarioError:
        line, column = line_and_column(text, offset)
        return ScenarioError([Problem(path=shown, line=line, column=column, message=message)])

    # tomllib copies a dotted key for each of its parts, and calls itself for each bracket.
    for word in _WORDS.finditer(text):
        if word["key"] and word["key"].count(".") > 11 and _DOTTED.match(word["key"]):
            raise refuse(_("this key has more than 11 dots"), word.start())
    if long := _LONG_NUMBER.search(text):
        raise refuse(_("this number has 400 digits or more"), long.start())
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        match = _SYNTAX.match(str(error))
        what = match["what"] if match else str(error)
        if match and match["line"]:
            line, column = int(match["line"]), int(match["column"])
        else:
            line, column = line_and_column(text, len(text.rstrip()))
        message = _("this is not TOML: {what}").format(what=what[:1].lower() + what[1:])
        message += written_so(text.split("\n")[line - 1], column)
        raise ScenarioError([Problem(path=shown, line=line, column=column, message=message)]) from error
    except RecursionError as error:
        offset = max(text.find("[" * 8), text.find("{"), 0)
        raise refuse(_("brackets are nested too deeply"), offset) from error
    except ValueError as error:
        # Dates that do not exist, and escapes of code points that do not exist, are no TOMLDecodeError.
        raise refuse(_("this is not TOML: {what}").format(what=error), 0) from error
