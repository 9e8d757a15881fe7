"""Authoring: the scenario's file in the person's editor, and what has changed in it."""

from __future__ import annotations

import os
import shlex
import shutil
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrograde.engine.errors import EngineError, ScenarioError
from retrograde.engine.text import _, joined, ngettext, visible

if TYPE_CHECKING:
    from retrograde.engine.session.session import Session
    from retrograde.tui.debugger.desk import Desk
    from retrograde.tui.debugger.keeping import Keeping
    from retrograde.tui.debugger.working import Working

SHOWN = 3
"""Changes that are said one by one."""
LONGEST = 24
"""Characters of a value that are said."""
EDITORS = ("nano", "vim", "vi", "emacs")
"""What is looked for where neither VISUAL nor EDITOR says."""


class Authoring:
    """The part that edits the file and reads it again."""

    def __init__(self, desk: Desk, working: Working, keeping: Keeping) -> None:
        self._desk = desk
        self._working = working
        self._keeping = keeping

    def edit(self) -> None:
        """Opens the scenario's file in an editor; when that has ended, reads it again if it was changed."""
        if not self._working.when_idle(self.edit):
            return
        desk = self._desk
        try:
            path, line = self._file()
            before = path.read_bytes()
            code = desk.host.edit(_editor(path, line))
            after = path.read_bytes()
        except (OSError, EngineError) as error:
            desk.say(str(error), bad=True)
            return
        if code:
            desk.say(_("the editor has ended with {code}").format(code=code), bad=True)
        elif before == after:
            desk.say(_("nothing was changed"))
        elif path == desk.session.scenario.path:
            self._read(path, changes(before, after))

    def reload(self) -> None:
        """Reads the scenario's file again."""
        if not self._working.when_idle(self.reload):
            return
        path = self._desk.session.scenario.path
        if path is None:
            self._desk.say(_("this was not read from a file of a scenario"), bad=True)
        else:
            self._read(path, ())

    def _file(self) -> tuple[Path, int | None]:
        """The file to edit and its line: of a recording, the code of the step.

        Raises:
            EngineError: there is none, or it is not the person's.
        """
        from retrograde.engine.scenario.catalogue import folder

        reading = self._desk.reading
        if reading.recording is not None:
            source = None if reading.step is None else reading.recording.source(reading.step.moment.op)
            if source is None or not Path(source.file).is_file():
                raise EngineError(_("the code of this step is not here"))
            return Path(source.file), source.line
        path = self._desk.session.scenario.path
        if path is None or path.parent == folder():
            message = _("{name} ships with Retrograde; copy it first: retrograde new my.toml --from {name}")
            raise EngineError(message.format(name=self._desk.session.scenario.name))
        return path, None

    def _read(self, path: Path, changed: tuple[str, ...]) -> None:
        """Shows the scenario as it is in its file now; a wrong one leaves what is there."""
        from retrograde.engine.scenario.file import load_scenario
        from retrograde.engine.session.session import Session

        desk, old = self._desk, self._desk.session
        if not self._keeping.sure("reload", _("unsaved edits: :save keeps them, :reload again reads without")):
            return
        try:
            session = Session(load_scenario(path))
        except ScenarioError as error:
            more = len(error.problems) - 1
            text = str(error.problems[0])
            if more:
                text += " " + ngettext("and {count} more", "and {count} more", more).format(count=more)
            desk.say(text, bad=True)
            return
        except EngineError as error:
            desk.say(str(error), bad=True)
            return
        lost = _carry(old, session)
        # As far in the first iteration as before: what follows has to be run anew.
        session.seek(min(old.position, session.schedule.program(0).steps))
        desk.begin(session)
        said = [_("read again"), *changed]
        if lost:
            text = ngettext(
                "{count} breakpoint or watch is left out", "{count} breakpoints or watches are left out", lost
            )
            said.append(text.format(count=lost))
        desk.say(joined(said, " · "))


def _carry(old: Session, new: Session) -> int:
    """Sets the breakpoints and the watches of a session on another one; returns how many make no sense there."""
    lost = 0
    for point in old.breakpoints.values():
        if point.log:
            continue
        try:
            new.add_breakpoint(point.text)
        except EngineError:
            lost += 1
    for watch in old.watches:
        try:
            new.watch(watch.text)
        except EngineError:
            lost += 1
    return lost


def _editor(path: Path, line: int | None) -> list[str]:
    """The command of the editor: VISUAL, EDITOR, or one that is there.

    Raises:
        EngineError: there is none.
    """
    asked = os.environ.get("VISUAL") or os.environ.get("EDITOR") or next(filter(shutil.which, EDITORS), "")
    try:
        words = shlex.split(asked)
    except ValueError:
        words = []
    if not words or shutil.which(words[0]) is None:
        raise EngineError(_("there is no editor {name}: set EDITOR").format(name=visible(asked)))
    at = [f"+{line}"] if line is not None and Path(words[0]).name in EDITORS else []
    return [*words, *at, str(path)]


def changes(before: bytes, after: bytes) -> tuple[str, ...]:
    """What is another one in a file of a scenario, key by key: the first few, and how many more there are.

    Args:
        before: the file as it was.
        after: as it is.
    """
    try:
        old, new = (dict(_flat(tomllib.loads(text.decode()))) for text in (before, after))
    except (ValueError, RecursionError):
        return ()
    said = []
    for key in dict.fromkeys((*old, *new)):
        if key not in new:
            said.append(_("{key} is gone").format(key=key))
        elif key not in old:
            said.append(f"{key}: {_brief(new[key])}")
        elif repr(old[key]) != repr(new[key]):
            said.append(f"{key}: {_brief(old[key])} → {_brief(new[key])}")
    more = len(said) - SHOWN
    if more > 0:
        said[SHOWN:] = [ngettext("{count} more change", "{count} more changes", more).format(count=more)]
    return tuple(said)


def _flat(table: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """The values of a table by their whole keys; of tables in a list, by their number from 1."""
    for key, value in table.items():
        name = visible(f"{before}{key}")
        if isinstance(value, dict):
            yield from _flat(value, f"{name}.")
        elif isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
            for number, one in enumerate(value, 1):
                yield from _flat(one, f"{name}[{number}].")
        else:
            yield name, value


def _brief(value: Any) -> str:
    text = visible(repr(value))
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
