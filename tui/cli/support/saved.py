"""Saved sessions on the command line."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from retrograde.engine.recording import is_recording
from retrograde.engine.text import _
from retrograde.tui.cli.support.loading import load
from retrograde.tui.cli.support.moments import parted
from retrograde.tui.cli.support.progress import ProgressBar

if TYPE_CHECKING:
    from retrograde.engine.session.session import Session

SUFFIX = ".session.json"
"""How the name of a saved session ends; known here so that other commands need not load what opens one."""


def is_saved(source: str) -> bool:
    """Whether a source is a saved session, by its name."""
    return source.endswith(SUFFIX)


def load_session(source: str) -> Session:
    """Open a saved session, or begin one with a scenario or a recording, at a moment if one is named (`mazur@2:1:17`).

    What is not as it was saved is said on stderr.

    Raises:
        EngineError: The file is no saved session, or can not be opened; or there is no such moment.
        ScenarioError: The scenario can not be used.
    """
    source, at = parted(source)
    if not is_saved(source):
        from retrograde.engine.session.session import Session

        session = Session.of_recording(source) if is_recording(source) else Session(load(source))
        if at is not None:
            with ProgressBar() as bar:
                session.seek(at, bar.searched)
        return session
    from retrograde.engine.session.saving import open_session

    with ProgressBar() as bar:
        opened = open_session(Path(source), load, bar.searched)
        if at is not None:
            opened.session.seek(at, bar.searched)
    for warning in (*opened.warnings, *(() if opened.drift is None else (opened.drift,))):
        print(_("{source}: note: {text}").format(source=source, text=warning), file=sys.stderr)
    return opened.session
