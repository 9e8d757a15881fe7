"""The debugger's screen: it owns the session, and after each change hands every widget its frozen view."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.geometry import NULL_OFFSET, NULL_SPACING, Region, Size
from textual.layout import ArrangeResult, Layout, WidgetPlacement
from textual.timer import Timer
from textual.widget import Widget

from retrograde.engine.errors import EngineError, FormulaError
from retrograde.engine.text import _
from retrograde.tui import rooms
from retrograde.tui.commands import commands, footer_keys
from retrograde.tui.look import Glyphs
from retrograde.tui.panel import Drawn, HasLook, Panel
from retrograde.tui.screens.debugging import Debugging
from retrograde.tui.screens.editing import Editing
from retrograde.tui.screens.keeping import Keeping
from retrograde.tui.state import FooterView, Frame, PanelId
from retrograde.tui.widgets.bars import Breadcrumb, Footer, Notice
from retrograde.tui.widgets.debug import DebugPanel
from retrograde.tui.widgets.equation import EquationPanel
from retrograde.tui.widgets.loss import LossPanel
from retrograde.tui.widgets.network import NetworkPanel
from retrograde.tui.widgets.timeline import TimelinePanel
from retrograde.tui.widgets.weights import WeightsPanel

if TYPE_CHECKING:
    from retrograde.engine.session import Here, Session
    from retrograde.engine.step import Operand
    from retrograde.tui.reading import Reading
    from retrograde.tui.runner import Run, RunEnded, RunProgress
    from retrograde.tui.state import Badge, LossView, RunView, WeightsView
    from retrograde.tui.unsaved import Leftover
    from retrograde.tui.view import Lens, Parameters
    from retrograde.tui.words import Fault

CHECK_SECONDS = 0.12
"""How long the cursor rests before the checks of its step are computed."""
FAR_SECONDS = 0.05
"""A seek that takes longer by estimate goes to the worker."""
NO_FRAME = Frame(title=())


class _Arrangement(Layout):
    """Places the widgets where ``rooms`` says."""

    name = "rooms"

    def arrange(self, parent: Widget, children: list[Widget], size: Size, greedy: bool = True) -> ArrangeResult:
        """The placements of the widgets that have a room; the others are not shown."""
        screen = cast(MainScreen, parent)
        places = screen.placed = screen.divide(size.width, size.height).places
        found = []
        for child in children:
            place = places.get(child.id or "")
            if child.id == "notice" and not places:
                place = rooms.Room(0, 0, size.width, size.height)
            if place is not None and place.width > 0 and place.height > 0:
                found.append(WidgetPlacement(Region(*place), NULL_OFFSET, NULL_SPACING, child))
        return found


_ARRANGEMENT = _Arrangement()


class MainScreen(Editing, Keeping, Debugging):
    """Steps through a training. Until it is given a session it shows empty panels."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(",".join(command.keys), f"command('{command.id}')", show=False)
        for command in commands()
        if command.keys
    ]

    def __init__(self, title: str = "") -> None:
        super().__init__()
        self.session: Session | None = None
        self.reading: Reading | None = None
        self.run_state: Run | None = None
        self._opening = title
        self._lens: Lens | None = None
        self._parameters: Parameters | None = None
        self._run_view: RunView | None = None
        self._after_run: Callable[[], None] | None = None
        self._origin: Here | None = None
        self._weights_now: WeightsView | None = None
        self._weights_before: WeightsView | None = None
        self._loss: tuple[object, LossView] | None = None
        self._badges: dict[int, tuple[Badge, ...]] = {}
        self._views: dict[str, tuple[tuple[object, ...], object]] = {}
        self._footer = footer_keys()
        self._accuracy: tuple[int, tuple[int, int] | None] = (-1, None)
        self._check_timer: Timer | None = None
        self._pending_g = False
        self._notice = ("", False)
        self._outcome = ""
        self._tab = PanelId.WEIGHTS
        self._beside = PanelId.LOSS
        self._focus = PanelId.EQUATION
        self._zoom = False
        self.placed: dict[str, rooms.Room] = {}
        self._rooms: tuple[object, rooms.Rooms] | None = None

    # -- parts ------------------------------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        """The widgets; where they lie is worked out for each size."""
        yield Breadcrumb(id=rooms.HEADER)
        yield NetworkPanel(id=PanelId.NETWORK.value)
        yield EquationPanel(id=PanelId.EQUATION.value)
        yield WeightsPanel(id=PanelId.WEIGHTS.value)
        yield LossPanel(id=PanelId.LOSS.value)
        yield TimelinePanel(id=PanelId.TIMELINE.value)
        yield DebugPanel(id=PanelId.DEBUG.value)
        yield Footer(id=rooms.FOOTER)
        yield Notice(id="notice")

    def on_mount(self) -> None:
        """Takes over the layout, and shows empty panels."""
        self._parts = {child.id: child for child in self.children}
        self._show()

    @property
    def layout(self) -> Layout:
        """The rooms, instead of a layout of the stylesheet."""
        return _ARRANGEMENT

    def divide(self, width: int, height: int) -> rooms.Rooms:
        """The rooms for a size, with the panel in front that has the focus."""
        key = (width, height, self._tab, self._focus, self._zoom, self._beside)
        if self._rooms is None or self._rooms[0] != key:
            made = rooms.arrange(
                width, height, tab=self._tab, front=self._front(), zoom=self._zoom, beside=self._beside
            )
            self._rooms = (key, made)
        return self._rooms[1]

    def _front(self) -> PanelId:
        return self._focus if self._focus is not PanelId.TIMELINE else self._tab

    def on_resize(self, event: events.Resize) -> None:
        """Frames change with the layout."""
        self._show()

    @property
    def _glyphs(self) -> Glyphs:
        return cast(HasLook, self.app).look.glyphs

    # -- the session ------------------------------------------------------------------------------------------

    def begin(self, session: Session, *, file: Path | None = None, leftover: Leftover | None = None) -> None:
        """Shows a session, from its initial state or from where it was left.

        Args:
            session: the session.
            file: the file that it was opened from.
            leftover: the unsaved work that it was opened from.
        """
        from retrograde.tui.reading import Reading
        from retrograde.tui.view import Lens, Parameters

        self.session = session
        digits = self._lens.digits if self._lens is not None else 9
        self._lens = Lens(focus=self._focus, digits=digits)
        self.reading = Reading.of(session)
        self._parameters = Parameters(self.reading)
        self._origin = None
        self._forget_debugging()
        self._badges.clear()
        self._accuracy = (-1, None)
        self._weights_now = self._weights_before = None
        self._loss = None
        self._outcome = ""
        self._notice = ("", False)
        self._begin_keeping(file, leftover)
        self._moved(follow=False)

    def warn(self, text: str) -> None:
        """Says what is not as it should be."""
        self._say(text, bad=True)

    def _moved(self, *, follow: bool = True) -> None:
        """Reads the session after a motion and shows what it reads."""
        from retrograde.tui.reading import Reading

        session = self.session
        assert session is not None
        assert self._lens is not None
        self.reading = Reading.of(session)
        self._read_pins()
        self._weights_before = self._weights_now
        weight = self._lens.weight
        if follow and self._focus is not PanelId.WEIGHTS:
            weight = self._followed(self.reading, weight)
        self._lens = replace(self._lens, operand=-1, weight=weight)
        self._show()
        self._schedule_check()
        self._schedule_parent()
        self._schedule_rest()

    def _followed(self, reading: Reading, weight: int) -> int:
        """The row of the parameter that the step is about, so that the table follows the cursor."""
        step = reading.step
        if step is None or self._parameters is None:
            return weight
        row = self._parameters.find(step.target)
        if row is None:
            from retrograde.engine.expression import refs

            for ref in refs(step.equation):
                row = self._parameters.find(ref)
                if row is not None:
                    break
        return weight if row is None else row

    # -- showing ----------------------------------------------------------------------------------------------

    def _show(self) -> None:
        """Hands every widget that has a room its view."""
        if not self.is_attached or not hasattr(self, "_parts"):
            return
        size = self.app.size
        divided = self.divide(size.width, size.height)
        if divided.tiny:
            self._give("notice", NO_FRAME, self._in_glyphs(self._tiny()))
            return
        self._show_footer()
        if self.reading is None or self._lens is None or self._parameters is None:
            self._show_empty(divided)
            return
        from retrograde.tui import view

        reading, lens, parameters = self.reading, replace(self._lens, focus=self._focus), self._parameters
        shown = divided.places
        self._give(rooms.HEADER, NO_FRAME, self._made(rooms.HEADER, (reading,), lambda: view.header_view(reading)))
        badges = self._badges.get(self._badge_key(), ())
        chosen = lens.weight if lens.focus is PanelId.WEIGHTS else -1
        before = self._weights_before
        views: dict[PanelId, tuple[tuple[object, ...], Callable[[], object]]] = {
            PanelId.NETWORK: (
                (reading, chosen, lens.node, lens.digits),
                lambda: view.network_view(reading, parameters, lens),
            ),
            PanelId.EQUATION: (
                (reading, badges, lens.operand, lens.digits),
                lambda: view.equation_view(reading, lens, badges),
            ),
            PanelId.WEIGHTS: (
                (reading, before, lens.weight, lens.search, lens.digits, size.height),
                lambda: view.weights_view(reading, parameters, lens, before, window=size.height),
            ),
            PanelId.TIMELINE: ((reading, self._pins), lambda: view.timeline_view(reading, self._pins)),
        }
        for panel, (key, make) in views.items():
            made = self._made(panel, key, make)
            if panel is PanelId.WEIGHTS:
                self._weights_now = cast("WeightsView", made)
            if panel in shown:
                self._give(panel, rooms.frame(divided, panel, self._focus, self._glyphs), made)
        if PanelId.LOSS in shown:
            frame = rooms.frame(divided, PanelId.LOSS, self._focus, self._glyphs)
            self._give(PanelId.LOSS, frame, self._loss_view(reading))
        if PanelId.DEBUG in shown:
            frame = rooms.frame(divided, PanelId.DEBUG, self._focus, self._glyphs)
            self._give(PanelId.DEBUG, frame, self._made(PanelId.DEBUG, self._debug_key(), self._debug_view))

    def _made(self, part: str, key: tuple[object, ...], make: Callable[[], object]) -> object:
        """A view that was made before for the same key, else a new one; what is the same is not drawn again."""
        known = self._views.get(part)
        key = (*key, self._glyphs)
        if known is None or known[0] != key:
            known = self._views[part] = (key, self._in_glyphs(make()))
        return known[1]

    def _in_glyphs(self, made: Any) -> Any:
        """The view in the characters of the screen."""
        if not self._glyphs.ascii:
            return made
        from retrograde.tui.view import in_ascii

        return in_ascii(made)

    def _show_footer(self) -> None:
        notice, bad = self._notice
        footer = FooterView(keys=self._footer, notice=notice, bad=bad)
        self._give(rooms.FOOTER, NO_FRAME, self._in_glyphs(footer))

    def _give(self, part: str, frame: Frame, made: Any) -> None:
        cast("Drawn[Any]", self._parts[part]).show(self._in_glyphs(frame), made)

    def _show_empty(self, divided: rooms.Rooms) -> None:
        from retrograde.tui.state import HeaderView

        loading = _("reading {name} …").format(name=self._opening)
        header = HeaderView(scenario=self._opening, crumbs=(("", loading),), step="", loss=())
        self._give(rooms.HEADER, NO_FRAME, self._in_glyphs(header))
        for panel in PanelId:
            if panel in divided.places:
                frame = rooms.frame(divided, panel, self._focus, self._glyphs)
                self._give(panel, frame, None)

    def _tiny(self) -> str:
        return _("Retrograde needs {width} × {height} cells").format(width=rooms.LEAST_WIDTH, height=rooms.LEAST_HEIGHT)

    def _loss_view(self, reading: Reading) -> LossView:
        """The loss panel's view; the same object while nothing of it changes, so that it is not drawn again."""
        from retrograde.engine.expression import Ref
        from retrograde.tui import view

        assert self.session is not None
        other = self._other_branch()
        beside = None if other is None else (other.name, other.history.points())
        if self._run_view is not None:
            live = view.loss_view(reading, self._run_view.points, run=self._run_view, other=beside)
            return cast("LossView", self._in_glyphs(live))
        so_far = reading.partial(Ref(reading.program.named["E"]))
        updates = self._updates()
        accuracy = self._accuracy[1] if self._accuracy[0] == updates else None
        furthest = reading.schedule.locate(reading.frontier)[0]
        # Until there is a curve, the outputs of the step are shown in its place.
        step = reading if furthest == 0 else None
        known = None if other is None else (other.name, other.history.count)
        key = (reading.iteration, furthest, so_far, self._outcome, accuracy, step, self.session.branch.name, known)
        if self.run_state is not None:
            # The worker has the session: what was shown stays.
            if self._loss is None:
                self._loss = (None, self._in_glyphs(view.loss_view(reading, _no_points(), run=None)))
            return self._loss[1]
        if self._loss is None or self._loss[0] != key:
            points = self.session.losses.points()
            made = view.loss_view(reading, points, run=None, message=self._outcome, accuracy=accuracy, other=beside)
            self._loss = (key, self._in_glyphs(made))
        return self._loss[1]

    # -- checks -----------------------------------------------------------------------------------------------

    def _badge_key(self) -> int:
        reading = self.reading
        assert reading is not None
        return reading.position if not reading.term else -1

    def _schedule_check(self) -> None:
        if self._check_timer is not None:
            self._check_timer.stop()
            self._check_timer = None
        if self._badge_key() not in self._badges or self._accuracy[0] != self._updates():
            self._check_timer = self.set_timer(CHECK_SECONDS, self._check)

    def _check(self) -> None:
        """Holds the number on the screen against a finite difference and against published figures."""
        from retrograde.tui.checks import accuracy, badges

        if self.session is None or self.run_state is not None or self.reading is None:
            return
        key, updates, news = self._badge_key(), self._updates(), False
        if key >= 0 and key not in self._badges:
            if len(self._badges) > 1000:
                self._badges.clear()
            self._badges[key] = badges(self.session, self.reading)
            news = bool(self._badges[key])
        if self._accuracy[0] != updates:
            self._accuracy = (updates, accuracy(self.session))
            news = news or self._accuracy[1] is not None
        if news:
            self._show()

    def _updates(self) -> int:
        """How many iterations are complete at the cursor."""
        reading = self.reading
        assert reading is not None
        return reading.iteration + (reading.revealed == reading.program.steps)

    # -- commands ---------------------------------------------------------------------------------------------

    def action_command(self, name: str) -> None:
        """Does the command with an id of the table."""
        self.do(name)

    def do(self, name: str) -> None:
        """Does the command with an id of the table."""
        if self.run_state is not None:
            self.run_state.hold()
        pending, self._pending_g = self._pending_g, False
        self._asked, self._asking = self._asking, ""
        if self._notice[0]:
            self._notice = ("", False)
            if self.run_state is None and not self.divide(*self.app.size).tiny:
                self._show_footer()
        if name == "start" and not pending:
            self._pending_g = True
            return
        if name.startswith("panel_") and name[6:].isdigit():
            self._focus_on(list(PanelId)[int(name[6:]) - 1])
            return
        if self.session is None and name not in {"quit", "help", "palette", "open", "theme"}:
            return
        motion, back = name.removesuffix("_back"), name.endswith("_back")
        if motion in {"step", "term", "layer", "phase", "sample", "iteration", "epoch"}:
            self._motion(motion, back=back)
            return
        action = getattr(self, f"do_{name}", None)
        if action is None:
            self._write(f"{_words()[name]} ")
        else:
            action()

    def _say(self, text: str, *, bad: bool = False) -> None:
        self._notice = (text, bad)
        self._show()

    def _when_idle(self, action: Callable[[], None]) -> bool:
        """Whether the session is free; otherwise the run is paused, and the action follows."""
        self._stop_quiet_job()
        if self.run_state is None:
            return True
        self._after_run = action
        self.run_state.cancel()
        return False

    def _walk(self, move: Callable[[], object]) -> bool:
        """Moves over the past of a run that goes on; False where there is none, or it has to be paused."""
        session, run = self.session, self.run_state
        if session is None or run is None or not run.walkable:
            return False
        with session.lock:
            place = (session.position, session.term)
            move()
            if session.position + bool(session.term) > session.branch.frontier:
                session.position, session.term = place
                self._say(_("the run is not further yet; Space pauses it"))
                return True
            run.follow = False
            self._moved()
        return True

    def _motion(self, granularity: str, *, back: bool) -> None:
        session = self.session
        assert session is not None
        if self._walk(lambda: session.back(granularity) if back else session.step(granularity)):
            return
        if not self._when_idle(lambda: self._motion(granularity, back=back)):
            return
        moved = session.back(granularity) if back else session.step(granularity)
        if moved:
            self._moved()
        else:
            self._say(_("this is the initial state") if back else _("this is the end of the training"))

    # Going somewhere

    def _jump(self, number: int) -> None:
        """Goes to a step and remembers where from."""
        self._seek(number)

    def _seek(self, where: int) -> None:
        """Goes to a position and remembers where from; what takes long is done in the worker."""
        session = self.session
        assert session is not None
        if where <= session.branch.frontier and self._walk(lambda: self._visit(where)):
            return
        if not self._when_idle(lambda: self._seek(where)):
            return
        if where <= session.frontier:
            self._visit(where)
            self._moved()
        else:
            self._origin = session.here
            self._start(where=where)

    def _visit(self, where: int) -> None:
        assert self.session is not None
        self._origin = self.session.here
        self.session.seek(where)
        self._remember()

    def _remember(self) -> None:
        """Remembers where a jump came from, if it has gone anywhere."""
        origin, self._origin = self._origin, None
        if self.session is not None and origin is not None and self.session.here != origin:
            self.session.visit(origin)

    def _operands(self) -> tuple[Operand, ...]:
        from retrograde.tui.view import operands_of

        return () if self.reading is None else operands_of(self.reading)

    def do_origin(self) -> None:
        """Goes to the step that made the selected operand, or the first that was made by one."""
        operands = self._operands()
        assert self._lens is not None
        if 0 <= self._lens.operand < len(operands):
            chosen = operands[self._lens.operand]
            if chosen.made_by is None:
                self._say(_("{name} was given, no step made it").format(name=chosen.symbol))
                return
            self._jump(chosen.made_by)
            return
        made = next((operand.made_by for operand in operands if operand.made_by is not None), None)
        if made is None:
            self._say(_("all operands were given, no step made them"))
        else:
            self._jump(made)

    def do_uses(self) -> None:
        """Lists the steps that read the selected operand, or the value of this step."""
        if not self._when_idle(self.do_uses):
            return
        session, reading, lens = self.session, self.reading, self._lens
        assert session is not None
        assert reading is not None
        assert lens is not None
        if reading.step is None:
            self._say(_("make a step first"))
            return
        operands = self._operands()
        ref = operands[lens.operand].ref if 0 <= lens.operand < len(operands) else reading.step.target
        symbol = reading.symbol(ref)
        found = session.uses(ref)
        if not found:
            self._say(_("{name} is not used again in this iteration").format(name=symbol))
            return
        if len(found) == 1:
            self._jump(found[0].number)
            return
        from retrograde.tui.figures import phase_word
        from retrograde.tui.screens.choice import ChoiceScreen

        rows = []
        for moment in found[:500]:
            step = session.step_at(moment.number)
            place = f"{phase_word(moment.phase)} {moment.layer}"
            rows.append(
                (
                    _("step {number}").format(number=moment.step),
                    reading.symbol(step.target),
                    f"{place} · {step.op.title}",
                )
            )
        title = _("where {name} is used").format(name=symbol)

        def go(choice: int | None) -> None:
            if choice is not None:
                self._jump(found[choice].number)

        self.app.push_screen(ChoiceScreen(title, tuple(rows), self._glyphs), go)

    def do_enter(self) -> None:
        """Goes to what is selected in the panel that has the focus."""
        if self._focus is PanelId.WEIGHTS:
            self.do_row()
        elif self._focus is PanelId.NETWORK:
            self._enter_node()
        elif self._focus is PanelId.EQUATION:
            self.do_origin()
        elif self._focus is PanelId.DEBUG:
            self._enter_debug()

    def _enter_node(self) -> None:
        from retrograde.engine.expression import Ref
        from retrograde.tui.view import node_at

        reading, lens = self.reading, self._lens
        assert reading is not None
        assert lens is not None
        if lens.node < 0:
            self._say(_("select a neuron with the arrows first"))
            return
        layer, unit = node_at(reading, lens.node)
        array = reading.program.named.get(f"out_{layer}")
        number = None if array is None else reading.made_by(Ref(array, (reading.sample, unit)))
        if number is None:
            self._say(_("{name} is an input, no step made it").format(name=reading.notation.neuron(layer, unit)))
        else:
            self._jump(number)

    def do_row(self) -> None:
        """Goes to the next step that makes the gradient or the new value of the selected parameter."""
        self._to_row(back=False)

    def do_row_back(self) -> None:
        """Goes to the previous such step."""
        self._to_row(back=True)

    def _to_row(self, *, back: bool) -> None:
        if not self._when_idle(lambda: self._to_row(back=back)):
            return
        from retrograde.tui.view import steps_of_parameter

        reading, lens, parameters = self.reading, self._lens, self._parameters
        assert reading is not None
        assert lens is not None
        assert parameters is not None
        ref = parameters.ref(lens.weight)
        number = steps_of_parameter(reading, ref, back=back)
        if number is None:
            self._say(_("there is no such step"))
            return
        keep = lens.weight
        self._jump(number)
        if self._lens is not None:
            self._lens = replace(self._lens, weight=keep)

    def do_start(self) -> None:
        """Goes to the initial state."""
        self._leap(0)

    def do_end(self) -> None:
        """Goes to the furthest moment that was reached."""
        if self._when_idle(self.do_end):
            assert self.session is not None
            self._leap(self.session.frontier)

    def _leap(self, position: int) -> None:
        self._seek(position)

    def do_line(self) -> None:
        """Asks for an address or a command."""
        self._write()

    def _write(self, text: str = "", fault: Fault | None = None) -> None:
        from retrograde.tui.screens.line import LineScreen

        hint = _("2:1:17   50%   +5i   run 100   break E < 0.01   first E < 0.01   Tab completes")
        line = LineScreen(":", hint, text, fault=fault, history=self._history, complete=self._complete)
        self.app.push_screen(line, self._obey)

    def _obey(self, text: str | None) -> None:
        """Does what was written on the command line."""
        line = (text or "").strip().lstrip(":").strip()
        if not line or self.session is None:
            return
        if self._busy and not self._when_idle(lambda: self._obey(text)):
            return
        word, _space, rest = line.partition(" ")
        if word.endswith("!"):
            word, rest = word[:-1], f"! {rest}"
        known = {written: name for name, written in _words().items()}
        name = known.get("quit" if word == "q" else word)
        self._record(line)
        try:
            if name is not None:
                written = getattr(self, f"line_{name}", None)
                if written is not None:
                    written(rest.strip())
                else:
                    self.do(name)
            elif not rest and (not word.isalpha() or word in {"start", "end"}):
                # A bare number is the number of a step; 2: and 2:1 are addresses.
                self._go(f"@{word}" if word.isdigit() else word.rstrip(":"))
            else:
                raise FormulaError(line, 1, self._no_command(word, known))
        except EngineError as error:
            self._write(line, self._fault(error, line))

    def line_quit(self, rest: str) -> None:
        """Leaves; without asking after an exclamation mark."""
        self._leave(self._exit, forced=rest.startswith("!"))

    def _go(self, where: str) -> None:
        assert self.session is not None
        self._seek(self.session.find(where))

    def line_run(self, rest: str) -> None:
        """Runs a number of epochs, or until a stop rule ends it."""
        words = rest.split()
        if len(words) == 2 and words[1] in {"epoch", "epochs"}:
            del words[1]
        if not words:
            self.do_run()
        elif len(words) == 1 and words[0].replace(",", "").isdigit() and int(words[0].replace(",", "")) > 0:
            count = int(words[0].replace(",", ""))
            assert self.reading is not None
            done = self.reading.schedule.start(0) + self.reading.position // self.reading.schedule.steps_per_epoch
            self._run_to(done + count)
        else:
            self._say(_("run takes a number of epochs, such as run 100"), bad=True)

    # Running

    def do_run(self) -> None:
        """Runs until a stop rule ends it."""
        if self.run_state is None:
            self._run_to(None)

    def _run_to(self, epochs: int | None) -> None:
        if not self._when_idle(lambda: self._run_to(epochs)):
            return
        self._start(epochs=epochs)

    def _start(self, *, epochs: int | None = None, where: int | str | None = None) -> None:
        """Hands the session to a worker."""
        from retrograde.tui.runner import Run

        session = self.session
        assert session is not None
        self._outcome = ""
        self.run_state = Run(session, self.post_message, epochs=epochs, where=where)
        self.run_worker(self.run_state.work, thread=True, exit_on_error=True, group="run")
        if where is None:
            self._say(_("running; Space pauses"))

    def on_run_progress(self, message: RunProgress) -> None:
        """Shows the live loss curve."""
        if self.run_state is None:
            return
        self._run_view = message.view
        self._show_progress()

    def _show_progress(self) -> None:
        size = self.app.size
        divided = self.divide(size.width, size.height)
        view = self._run_view
        if divided.tiny or view is None or self.reading is None:
            return
        if PanelId.LOSS in divided.places:
            frame = rooms.frame(divided, PanelId.LOSS, self._focus, self._glyphs)
            self._give(PanelId.LOSS, frame, self._loss_view(self.reading))
        text = _("epoch {epoch} of {epochs} · E {loss} · {rate} epochs/s · Space pauses").format(
            epoch=f"{view.epoch:,}", epochs=f"{view.epochs:,}", loss=f"{view.loss:.6g}", rate=f"{view.rate:,.0f}"
        )
        if self.run_state is not None and self.run_state.where is not None:
            from retrograde.tui.view import duration

            text = _("{time} left").format(time=duration(view.seconds_left)) + " · " + text
        self._notice = (text, False)
        self._show_footer()

    def on_run_ended(self, message: RunEnded) -> None:
        """Takes the session back and shows where the run arrived."""
        if message.run is not self.run_state:
            return
        self._free()
        after, self._after_run = self._after_run, None
        if message.error:
            self._notice = (message.error, True)
            self._show()
        else:
            self._remember()
            self._notice = ("", False)
            if message.outcome is not None:
                self._outcome = message.outcome.message
                self._notice = (message.outcome.message, False)
            self._moved()
        if after is not None:
            self._notice = ("", False)
            if message.run.walkable and message.outcome is not None and message.outcome.rule == "cancelled":
                self.notify(_("the run was {paused}; r goes on").format(paused=message.outcome.message), markup=False)
            after()

    def _free(self) -> None:
        self.run_state = None
        self._run_view = None
        self._loss = None

    def do_pause(self) -> None:
        """Pauses a run."""
        if self.run_state is not None:
            self.run_state.cancel()
        else:
            self._say(_("nothing is running; r runs, q quits"))

    def do_restart(self) -> None:
        """Starts again with the same seed."""
        if not self._when_idle(self.do_restart):
            return
        if not self._sure("restart", _("unsaved edits: :save keeps them, 0 again restarts without")):
            return
        from retrograde.engine.session import Session

        assert self.session is not None
        fresh = Session(self.session.scenario)
        self._carry_over(self.session, fresh)
        self.begin(fresh)
        self._say(_("restarted with the same seed"))

    # Selecting

    def do_down(self) -> None:
        """Selects the next row."""
        self._select(1)

    def do_up(self) -> None:
        """Selects the previous row."""
        self._select(-1)

    def do_page_down(self) -> None:
        """Selects ten rows further."""
        self._select(10)

    def do_page_up(self) -> None:
        """Selects ten rows back."""
        self._select(-10)

    def _select(self, by: int) -> None:
        lens, reading = self._lens, self.reading
        assert lens is not None
        assert reading is not None
        match self._focus:
            case PanelId.EQUATION:
                count = len(self._operands())
                self._lens = replace(lens, operand=_next(lens.operand, by, count))
            case PanelId.WEIGHTS:
                assert self._parameters is not None
                self._lens = replace(lens, weight=_next(lens.weight, by, len(self._parameters)))
            case PanelId.NETWORK:
                from retrograde.tui.view import node_count

                self._lens = replace(lens, node=_next(lens.node, by, node_count(reading)))
            case PanelId.LOSS:
                self._motion("iteration", back=by < 0)
                return
            case PanelId.TIMELINE:
                self._motion("phase", back=by < 0)
                return
            case PanelId.DEBUG:
                self._select_debug(by)
                return
        self._show()

    def do_search(self) -> None:
        """Asks for a text to find among the parameters."""
        from retrograde.tui.screens.line import LineScreen

        self.app.push_screen(LineScreen("/", _("part of a name: w5, W_h[3, b_o")), self._search)

    def _search(self, text: str | None) -> None:
        if text is None or self._lens is None or self._parameters is None:
            return
        self._lens = replace(self._lens, search=text)
        if not text:
            self._show()
            return
        self._focus_on(PanelId.WEIGHTS)
        self._match(1, include=True)

    def do_match(self) -> None:
        """Selects the next match."""
        self._match(1)

    def do_match_back(self) -> None:
        """Selects the previous match."""
        self._match(-1)

    def _match(self, by: int, *, include: bool = False) -> None:
        lens, parameters = self._lens, self._parameters
        assert lens is not None
        assert parameters is not None
        if not lens.search:
            self._say(_("/ searches the weights"))
            return
        found = parameters.matches(lens.search)
        if not found:
            self._say(_("no parameter has {text} in its name").format(text=lens.search), bad=True)
            return
        here = lens.weight
        if by > 0:
            row = next((k for k in found if k > here or (include and k == here)), found[0])
        else:
            row = next((k for k in reversed(found) if k < here), found[-1])
        self._lens = replace(lens, weight=row)
        text = _("match {number} of {count}").format(number=found.index(row) + 1, count=len(found))
        self._say(text)

    # The screen

    def _focus_on(self, panel: PanelId) -> None:
        self._focus = panel
        self._bring(panel)

    def _bring(self, panel: PanelId) -> None:
        if panel in rooms.BELOW:
            self._tab = panel
        if panel in rooms.BESIDE:
            self._beside = panel
        self._rearrange()

    def _switched(self) -> None:
        self._badges.clear()
        self._accuracy = (-1, None)
        self._loss = None

    def _rearrange(self) -> None:
        """Shows what changed, and places the widgets anew where their places are others."""
        size = self.app.size
        if self.placed != self.divide(size.width, size.height).places:
            # A layout is forgotten when a child asks for it, not when its parent does.
            self._parts[rooms.HEADER].refresh(layout=True)
        self._show()

    def do_panel_next(self) -> None:
        """Gives the next panel the focus."""
        self._cycle(1)

    def do_panel_back(self) -> None:
        """Gives the previous panel the focus."""
        self._cycle(-1)

    def _cycle(self, by: int) -> None:
        order = list(PanelId)
        self._focus_on(order[(order.index(self._focus) + by) % len(order)])

    def do_zoom(self) -> None:
        """Enlarges the panel with the focus, or shows all again."""
        self._zoom = not self._zoom
        self._rearrange()

    def do_precision(self) -> None:
        """Changes how many digits are shown."""
        assert self._lens is not None
        digits = {9: 17, 17: 5, 5: 9}[self._lens.digits]
        self._lens = replace(self._lens, digits=digits)
        self._say(
            {
                9: _("nine digits"),
                17: _("all digits: exactly the float64 that was computed"),
                5: _("five digits"),
            }[digits]
        )

    def do_theme(self) -> None:
        """Changes between dark and light."""
        cast(Any, self.app).toggle_look()

    def do_open(self) -> None:
        """Chooses another scenario."""
        if self._when_idle(self.do_open) and self._sure("open", _("unsaved edits: :save keeps them, o again opens")):
            cast(Any, self.app).choose()

    def do_help(self) -> None:
        """Shows all keys."""
        from retrograde.tui.screens.help import HelpScreen

        self.app.push_screen(HelpScreen(cast(HasLook, self.app).look))

    def do_palette(self) -> None:
        """Opens the command palette."""
        self.app.action_command_palette()

    def do_quit(self) -> None:
        """Leaves; a run is cancelled first."""
        self._leave(self._exit)

    def _exit(self) -> None:
        if self.run_state is not None:
            self.run_state.cancel()
        self.app.exit(0)

    # Mouse

    def on_panel_pressed(self, message: Panel.Pressed) -> None:
        """Gives a panel the focus, and selects what was pressed."""
        if self._lens is None:
            return
        if message.item is not None:
            if message.panel is PanelId.EQUATION:
                self._lens = replace(self._lens, operand=message.item)
            elif message.panel is PanelId.WEIGHTS:
                self._lens = replace(self._lens, weight=message.item)
            elif message.panel is PanelId.DEBUG:
                self._point_at(message.item)
        self._focus_on(message.panel)

    def on_panel_wheeled(self, message: Panel.Wheeled) -> None:
        """Scrolls by moving the selection."""
        if self._lens is None or message.panel in {PanelId.LOSS, PanelId.TIMELINE}:
            return
        if message.panel is not self._focus:
            self._focus_on(message.panel)
        self._select(message.by)


def _words() -> dict[str, str]:
    """The words of the command line, by the id of their command."""
    return {command.id: command.word for command in commands() if command.word}


def _next(selected: int, by: int, count: int) -> int:
    if not count:
        return -1
    if selected < 0:
        return 0 if by > 0 else count - 1
    return min(max(selected + by, 0), count - 1)


def _no_points() -> Any:
    import numpy as np

    empty = np.empty(0)
    return empty, empty, empty
