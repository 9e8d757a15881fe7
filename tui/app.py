"""The app: themes, screens, and how a scenario is opened."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual.binding import BindingType
from textual.events import Event, Key, Paste
from textual.message import Message

from retrograde.engine.recording import is_recording
from retrograde.engine.scenario.groups import START
from retrograde.engine.text import LANGUAGES, _, joined, language, ngettext, use
from retrograde.tui.canvas.themes import THEME_NAMES, look, theme_called, themes
from retrograde.tui.debugger.ahead import Ahead
from retrograde.tui.debugger.loading import LoadingScreen
from retrograde.tui.debugger.panelled import PanelledScreen
from retrograde.tui.debugger.screen import DebuggerScreen
from retrograde.tui.screens.late_keys import TakesLate
from retrograde.tui.widgets.one_line import visible
from retrograde.tui.work.endings import Endings
from retrograde.tui.work.garbage import keep, keep_besides, wake
from retrograde.tui.work.guarded import GuardedApp
from retrograde.tui.work.pace import calm
from retrograde.tui.work.seen import remember_opened, remember_toured, toured
from retrograde.tui.work.unsaved import Keeper

if TYPE_CHECKING:
    from rich.console import RenderableType
    from textual.command import Provider
    from textual.driver import Driver
    from textual.screen import Screen

    from retrograde.engine.errors import EngineError
    from retrograde.engine.scenario.models import Scenario
    from retrograde.engine.session.saving import SessionFile
    from retrograde.engine.session.session import Session
    from retrograde.tui.work.unsaved import Leftover

    Source = str | Path | Scenario


class OpenedSession(Message):
    """A scenario, or a saved session, was read: with a session, or with what is wrong with it.

    Attributes:
        screen: the screen that waits for it.
        session: the session.
        error: what is wrong.
        file: the saved session.
        leftover: the unsaved work, where it is some.
        warnings: what is not as it was saved.
        unexpected: what was raised that nobody expected.
        offers: the unsaved work that there is of the scenario.
        others: how much there is of other scenarios.
    """

    def __init__(
        self,
        screen: LoadingScreen,
        session: Session | None,
        error: EngineError | None,
        *,
        file: SessionFile | None = None,
        leftover: Leftover | None = None,
        warnings: tuple[str, ...] = (),
        unexpected: Exception | None = None,
    ) -> None:
        super().__init__()
        self.offers: list[Leftover] = []
        self.others = 0
        self.unexpected = unexpected
        self.screen = screen
        self.session = session
        self.error = error
        self.file = file
        self.leftover = leftover
        self.warnings = warnings


TOUR, NO = "RETROGRADE_TOUR", {"0", "no", "off", "false"}
"""The variable of the environment that says that nobody is led by the hand, and how."""
MOST_MOMENTS = 50
"""Milliseconds that a key which was typed ahead is waited for at most."""
KEEP_SECONDS = 2.0
"""How long an ending waits for the disk."""
IDLE_SECONDS = 0.05
"""How long after a session was shown the rest of the program is loaded: its values are on the screen by then."""
HANGUP = 1
"""The number of the signal that says that a terminal is gone."""


def _palette() -> type[Provider]:
    """The rows of the command palette; it is loaded when it is opened."""
    from retrograde.tui.debugger.palette import Palette

    return Palette


class RetrogradeApp(GuardedApp):
    """A step debugger for backpropagation.

    Args:
        source: a scenario, the name of one that ships, or a file; None asks.
        theme: ``dark`` or ``light``.
        ascii_only: draw with plain characters.
        data: a file of samples that replaces the scenario's.
        session: a saved session, instead of a scenario.
        history: bytes of history; None for the engine's default.
        at: where to begin, as ``2:1:17``.
    """

    CSS_PATH = "app.tcss"
    TITLE = "Retrograde"
    ENABLE_COMMAND_PALETTE = True
    BINDINGS: ClassVar[list[BindingType]] = []
    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {_palette}

    def __init__(
        self,
        source: Source | None = None,
        *,
        theme: str | None = None,
        ascii_only: bool = False,
        data: Path | None = None,
        session: Path | None = None,
        history: int | None = None,
        at: str | None = None,
    ) -> None:
        super().__init__()
        self._at = at
        self._history = history
        self.keeper = Keeper()
        self._ahead = Ahead()
        self.endings = Endings(self.end)
        self._saved = session
        self._source = source
        self._data = data
        self._ascii = ascii_only
        self._chosen = False
        self._colourless = bool(os.environ.get("NO_COLOR"))
        name = theme if theme in THEME_NAMES else THEME_NAMES[0]
        self.look = look(name, ascii_only=ascii_only, colourless=self._colourless)
        for one in themes():
            self.register_theme(one)
        self._begin_with(theme_called(name))
        self.set_class(ascii_only, "-ascii")

    def _begin_with(self, name: str) -> None:
        """Has a theme from the start; that it changes would have all styles read a second time."""
        theme = self.get_theme(name)
        if theme is None or not theme.dark or theme.ansi:
            self.theme = name
            return
        self.set_reactive(RetrogradeApp.theme, name)
        self.stylesheet.set_variables(self.get_css_variables())

    @property
    def session(self) -> Session | None:
        """The session on the screen, if there is one."""
        for screen in reversed(self.screen_stack):
            if isinstance(screen, LoadingScreen | DebuggerScreen):
                return screen.session
        return None

    def situation(self) -> Iterable[str]:
        """Lines about what is on the screen, for a report."""
        yield from super().situation()
        session = self.session
        if session is not None:
            yield f"scenario: {session.name} {session.path or ''}"
            yield f"branch {session.branch.name}, position {session.position} of {session.frontier}"

    def on_mount(self) -> None:
        """Opens the scenario, or the list of them."""
        if self._saved is not None:
            self.open(self._saved.name, saved=self._saved)
        elif self._source is None:
            self.choose()
            self.call_after_refresh(self.recover, quiet=True)
        else:
            self.open(self._source)

    def recover(self, *, quiet: bool = False) -> None:
        """Lists the unsaved work of programs that ended without being asked to.

        Args:
            quiet: says nothing where there is none.
        """
        from retrograde.tui.screens.offer import RecoverScreen
        from retrograde.tui.work.unsaved import leftovers

        found = leftovers()
        if not found:
            if not quiet:
                self._say(_("there is no unsaved work of programs that have ended"))
            return

        def answered(row: int | None) -> None:
            for number, leftover in enumerate(found):
                if number != row:
                    leftover.release()
            if row is not None:
                self._take_over(found[row])

        self.push_screen(RecoverScreen(found, self.look.glyphs), answered)

    def _say(self, text: str) -> None:
        """Says something where that is done on the screen in front."""
        if isinstance(self.screen, DebuggerScreen):
            self.screen.desk.say(text)
        else:
            self.notify(text, markup=False)

    def _take_over(self, leftover: Leftover) -> None:
        self._chosen = True
        self.open(leftover.scenario, saved=leftover.path, leftover=leftover)

    def _offer(self, waiting: list[Leftover]) -> None:
        """Offers unsaved work of the scenario that was opened, one after the other."""
        if not waiting:
            return
        from retrograde.tui.screens.offer import OfferScreen

        leftover, rest = waiting[0], waiting[1:]

        def answered(answer: bool | None) -> None:
            if answer:
                for other in rest:
                    other.release()
                self._take_over(leftover)
                return
            if answer is False:
                leftover.remove()
            else:
                leftover.release()
            self._offer(rest)

        self.push_screen(OfferScreen(leftover, self.look.glyphs), answered)

    async def on_event(self, event: Event) -> None:
        """Hands on keys that were typed so fast that they came to the screen below the one that takes them."""
        if isinstance(event, Paste) and not event.is_forwarded:
            # Also for what is not ours to write, the palette's line.
            event.text = visible(event.text.partition("\n")[0].partition("\r")[0])
        if isinstance(event, Key):
            screen = self.front
            if screen is None:
                # The app begins or ends: nothing is there that could take it.
                return
            if self._ahead.behind:
                self._ahead.follow([event])
                return
            if not event.is_forwarded:
                if self._ahead.takes(screen, event):
                    return
            elif isinstance(screen, TakesLate) and screen.take_late(event):
                return
        await super().on_event(event)

    @property
    def front(self) -> Screen[Any] | None:
        """The screen in front; None while the app begins or ends, when there is none."""
        return next(reversed(self.screen_stack), None)

    def type_behind(self, keys: Iterable[Key]) -> None:
        """Does what was typed behind the end of a line, before any key that comes now.

        Args:
            keys: the keys, in their order.
        """
        self._ahead.follow(keys)
        # What came to a screen before it is handed on before that.
        self.call_later(self._follow)

    async def _follow(self) -> None:
        await self._type(self._ahead.followed())

    async def _release(self) -> None:
        """Does what was typed while the scenario was read."""
        await self._type(self._ahead.taken())

    async def _type(self, keys: Iterable[Key]) -> None:
        """Does what was typed, each key when the one before it is done."""
        for key in keys:
            await super().on_event(key)
            for _moment in range(MOST_MOMENTS):
                await asyncio.sleep(0.001)
                if self.front is None or not self.front.message_queue_size:
                    break

    # -- endings that nobody asked for with a key

    def end(self, code: int) -> None:
        """Ends the app and keeps what is unsaved; on any thread.

        Args:
            code: the exit code.
        """
        loop = self._loop
        if loop is None:
            raise SystemExit(code)
        loop.call_soon_threadsafe(self._end, code)

    def _build_driver(self, headless: bool, inline: bool, mouse: bool, size: tuple[int, int] | None) -> Driver:
        driver = super()._build_driver(headless, inline, mouse, size)
        self.endings.attend(driver)
        return driver

    def _end(self, code: int) -> None:
        for screen in self.screen_stack:
            if isinstance(screen, DebuggerScreen):
                with suppress(Exception):
                    screen.end()
        self.keeper.flush(KEEP_SECONDS)
        self.exit(code, return_code=code)

    def panic(self, *renderables: RenderableType) -> None:
        """Ends where the terminal can not be read any more."""
        self.endings.end(HANGUP)

    def toggle_look(self) -> None:
        """Changes between the dark theme, the light one and the terminal's own colours."""
        name = THEME_NAMES[(THEME_NAMES.index(self.look.name) + 1) % len(THEME_NAMES)]
        self.look = look(name, ascii_only=self._ascii, colourless=self._colourless)
        self.theme = theme_called(name)
        self._paint_all()

    def speak(self, wanted: str = "") -> None:
        """Changes the language of every text.

        Args:
            wanted: the language; empty for the next one.
        """
        use(wanted or LANGUAGES[(LANGUAGES.index(language()) + 1) % len(LANGUAGES)])
        for screen in self.screen_stack:
            if isinstance(screen, PanelledScreen):
                screen.reword()
        self._paint_all()

    def _paint_all(self) -> None:
        """Draws what is on the screen again, also where its view is the same."""
        for screen in self.screen_stack:
            for widget in screen.children:
                widget.refresh()

    def choose(self, problems: Sequence[str] = ()) -> None:
        """Asks which scenario to open; without an answer, stays or leaves.

        Args:
            problems: what is wrong with the one that was chosen before.
        """
        from retrograde.tui.screens.picker import PickerScreen

        wake()

        def chosen(name: str | None) -> None:
            if name is not None:
                self._chosen = True
                self.open(name)
            elif not any(isinstance(screen, PanelledScreen) for screen in self.screen_stack):
                self.exit(0)

        self.push_screen(PickerScreen(self.look.glyphs, problems), chosen)

    def open(self, source: Source, *, saved: Path | None = None, leftover: Leftover | None = None) -> None:
        """Shows the debugger's screen at once, and reads the scenario in the background.

        Args:
            source: the scenario; of a saved session, what to call it until it was read.
            saved: a saved session.
            leftover: the unsaved work that it is.
        """
        title = str(source) if isinstance(source, str | Path) else source.name
        screen = LoadingScreen(title)
        if isinstance(self.front, PanelledScreen):
            self.switch_screen(screen)
        else:
            self.push_screen(screen)
        # After the first paint, which the imports of NumPy and pydantic would hold up.
        read = (
            (lambda: self._read(screen, source)) if saved is None else (lambda: self._reopen(screen, saved, leftover))
        )
        screen.call_after_refresh(self.run_worker, read, thread=True, exit_on_error=True)

    def _reopen(self, screen: LoadingScreen, saved: Path, leftover: Leftover | None) -> None:
        """Reads a saved session; in a thread."""
        from retrograde.engine.errors import EngineError
        from retrograde.engine.scenario.file import load_scenario
        from retrograde.engine.session.saving import open_session

        try:
            opened = open_session(
                saved, lambda source: load_scenario(source, data=self._data), lambda _done, _total: not self.is_running
            )
            _load_the_screen()
        except InterruptedError:
            return
        except EngineError as error:
            if leftover is not None:
                leftover.release()
            self.post_message(OpenedSession(screen, None, error))
            return
        except Exception as unexpected:  # noqa: BLE001 - reported
            if leftover is not None:
                leftover.release()
            self.post_message(OpenedSession(screen, None, None, unexpected=unexpected))
            return
        warnings = list(opened.warnings)
        drift = opened.drift
        if drift is not None:
            warnings.insert(
                0,
                _("other bits than saved from step {step} ({symbol}) on, branch {branch}; saved with {saved}").format(
                    step=f"{drift.step:,}", symbol=drift.symbol, branch=drift.branch, saved=drift.saved_with
                ),
            )
        file = opened.file if leftover is None else None
        message = OpenedSession(screen, opened.session, None, file=file, leftover=leftover, warnings=tuple(warnings))
        self._post(message)

    def _read(self, screen: LoadingScreen, source: Source) -> None:
        """Reads a scenario and makes its session; in a thread."""
        from retrograde.engine.errors import EngineError
        from retrograde.engine.scenario.file import load_scenario
        from retrograde.engine.session.session import Session

        try:
            if isinstance(source, str | Path) and is_recording(source):
                session = Session.of_recording(source)
                # Here, so that the first screen can say it.
                assert session.recording is not None
                _ = session.recording.broken
            else:
                scenario = load_scenario(source, data=self._data) if isinstance(source, str | Path) else source
                session = Session(scenario)
            _load_the_screen()
        except EngineError as error:
            self.post_message(OpenedSession(screen, None, error))
        except Exception as unexpected:  # noqa: BLE001 - reported
            self.post_message(OpenedSession(screen, None, None, unexpected=unexpected))
        else:
            self._post(OpenedSession(screen, session, None))

    def _post(self, message: OpenedSession) -> None:
        """Hands over a session, with the unsaved work that there is of its scenario; in a thread."""
        from retrograde.tui.work.unsaved import leftovers_of

        if message.session is not None and message.leftover is None:
            message.offers, message.others = leftovers_of(message.session)
        self.post_message(message)

    def on_opened_session(self, message: OpenedSession) -> None:
        """Begins, or says what is wrong: asks again, or leaves if this is what the command asked for."""
        from retrograde.engine.errors import EngineError, ScenarioError

        error = message.error
        if self.front is None:
            # It was read for an app that has ended.
            return
        if message.session is not None and self._history is not None:
            message.session.limit(self._history)
        if message.session is not None:
            session = message.session
            if not self.is_headless:
                keep()
                remember_opened(session.name)
            self._offer(message.offers)
            message.screen.give_way(session, lambda: self._begin(message, session))
            return
        wake()
        # They were meant for what can not be shown.
        self._ahead.taken()
        if message.unexpected is not None:
            self.report(message.unexpected)
            error = EngineError(self.words(message.unexpected))
        elif not self._chosen:
            self.failure = error
            self.exit(2, return_code=2)
            return
        if self.front is message.screen:
            self.pop_screen()
        problems: Sequence[object] = error.problems if isinstance(error, ScenarioError) else (error,)
        self.choose([str(problem) for problem in problems])

    def _begin(self, message: OpenedSession, session: Session) -> None:
        """Shows the debugger in place of the screen that has waited for it."""
        debugger = DebuggerScreen(
            session, message.screen.arrangement, self.keeper, file=message.file, leftover=message.leftover
        )
        odd = session.warnings
        if message.warnings:
            debugger.desk.say(joined(message.warnings, "; "), bad=True)
        elif odd:
            text = ngettext("{count} warning, :warnings lists it", "{count} warnings, :warnings lists them", len(odd))
            debugger.desk.say(f"{text.format(count=len(odd))} · {odd[0].message}", bad=True)
        if message.others and not self._chosen:
            count = message.others
            text = ngettext(
                "unsaved work on another scenario: :recover lists it",
                "unsaved work on {count} other scenarios: :recover lists it",
                count,
            )
            debugger.desk.add(text.format(count=count))
        self.switch_screen(debugger)
        if self._leads(message, session):
            remember_toured()
            debugger.call_after_refresh(debugger.parts.touring.begin)
        at, self._at = self._at, None
        if at is not None:
            debugger.call_after_refresh(self._go, debugger, at)
        debugger.call_after_refresh(self.call_later, self._release)
        debugger.call_after_refresh(self.set_timer, IDLE_SECONDS, self._rest)

    def _rest(self) -> None:
        """Loads what no picture has asked for so far."""
        self.run_worker(_load_the_rest, thread=True, exit_on_error=True)

    def _leads(self, message: OpenedSession, session: Session) -> bool:
        """Whether a person is here for the first time, at the scenario that the tour is made for."""
        if self.is_headless or self.is_web or os.environ.get(TOUR, "").lower() in NO or self._at is not None:
            return False
        fresh = message.file is None and message.leftover is None and not message.offers
        return fresh and session.name == START and not toured()

    def _go(self, debugger: DebuggerScreen, at: str) -> None:
        """Goes to the moment that the command line names, or says that there is none."""
        from retrograde.engine.errors import EngineError

        try:
            debugger.parts.moving.to_address(at)
        except EngineError as error:
            debugger.desk.say(str(error), bad=True)

    def action_command_palette(self) -> None:
        """Opens the command palette."""
        from textual.command import CommandPalette

        from retrograde.tui.screens.commands import CommandsScreen

        if not CommandPalette.is_open(cast(Any, self)):
            self.push_screen(CommandsScreen(placeholder=_("a command"), id="--command-palette"))


def _load_the_screen() -> None:
    """Loads what the debugger's screen is made of, in the thread that reads."""
    import retrograde.tui.debugger.parts  # noqa: F401


def _load_the_rest() -> None:
    """Loads what the first picture of a session does without, in a thread behind it: no key need wait for it."""
    from retrograde.engine.late import load
    from retrograde.tui.pictures.table import pictures

    # The next key is most often a step.
    pictures()
    for _module in load():
        pass
    keep_besides()


def run_app(
    source: Source | None = None,
    *,
    theme: str | None = None,
    ascii_only: bool = False,
    language: str | None = None,
    data: Path | None = None,
    session: Path | None = None,
    history: int | None = None,
    at: str | None = None,
    reduced_motion: bool = False,
) -> int:
    """Runs the app and returns its exit code.

    Args:
        source: a scenario, the name of one that ships, or a file; None asks.
        theme: ``dark`` or ``light``; dark when None.
        ascii_only: draw with plain characters.
        language: the language of all texts; as it was chosen before when None.
        data: a file of samples that replaces the scenario's.
        session: a saved session, instead of a scenario.
        history: bytes of history; None for the engine's default.
        at: where to begin, as ``2:1:17``.
        reduced_motion: nothing blinks, and what moves by itself does so once a second.

    Raises:
        EngineError: the scenario can not be used; the terminal is as it was before.
    """
    if language is not None:
        use(language)
    app = RetrogradeApp(source, theme=theme, ascii_only=ascii_only, data=data, session=session, history=history, at=at)
    if reduced_motion:
        app.animation_level = "none"
        app.add_class("-calm")
    calm(reduced_motion)
    try:
        with app.endings.taken():
            code = app.run()
    finally:
        wake()
    if app.failure is not None:
        raise app.failure
    return code or 0
