"""Exporting: the part of the debugger that writes what can be handed out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from retrograde.engine.errors import EngineError
from retrograde.engine.text import _

if TYPE_CHECKING:
    from retrograde.tui.debugger.desk import Desk
    from retrograde.tui.debugger.working import Working
    from retrograde.tui.work.jobs import Job


class Exporting:
    """Writes the cursor's iteration as a worked solution.

    Args:
        desk: the desk.
        working: who has the session.
    """

    def __init__(self, desk: Desk, working: Working) -> None:
        self._desk = desk
        self._working = working

    def export(self, rest: str) -> None:
        """Writes the iteration that the cursor is in, with its marks and notes.

        Args:
            rest: the file, whose suffix says the format; `!` before or after it overwrites one that is there.
        """
        if not self._working.when_idle(lambda: self.export(rest)):
            return
        forced = rest.startswith("!") or rest.endswith(" !")
        name = rest.strip("!").strip()
        try:
            path, form = self._target(name)
            if path.exists() and not forced:
                raise EngineError(_("{path} is there; :export! {path} overwrites it").format(path=path))
        except (EngineError, OSError, ValueError, RuntimeError) as error:
            self._desk.say((error.strerror if isinstance(error, OSError) else None) or str(error), bad=True)
            return
        session = self._desk.session

        def write(_job: Job) -> str:
            from retrograde.engine.atomic import write_bytes
            from retrograde.engine.writing.exporting import FORMATS
            from retrograde.engine.writing.sheet import sheet_of

            try:
                write_bytes(path, FORMATS[form](sheet_of(session)))
            except EngineError as error:
                return str(error)
            return ""

        def done(wrong: str) -> None:
            self._desk.say(wrong or _("written: {file}").format(file=path), bad=bool(wrong))

        self._working.search(_("writing"), write, done)

    def _target(self, name: str) -> tuple[Path, str]:
        """The file that is meant and its format: a page called as the scenario where none is named."""
        from retrograde.engine.writing.exporting import format_of

        called = f"{self._desk.session.name}.html"
        path = Path(name or called).expanduser()
        if path.is_dir():
            path /= called
        return path, format_of(str(path))
