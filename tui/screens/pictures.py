"""The screen of pictures: one at a time, over the panels; the cursor moves underneath, and the picture follows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.message import Message

from retrograde.engine.errors import EngineError
from retrograde.engine.text import N_, _, joined
from retrograde.tui.canvas.canvas import Line, Span
from retrograde.tui.canvas.inks import Ink
from retrograde.tui.records.fields import PictureView
from retrograde.tui.records.marks import PanelEdge
from retrograde.tui.screens.answering import SayingModal
from retrograde.tui.screens.goals import Visit
from retrograde.tui.screens.looking import Work
from retrograde.tui.screens.picture_boundary import BoundaryPicture
from retrograde.tui.screens.picture_inputs import InputsPicture
from retrograde.tui.screens.picture_loss import LossPicture
from retrograde.tui.screens.picture_plane import PlanePicture
from retrograde.tui.screens.picture_spread import SpreadPicture
from retrograde.tui.screens.picturing import Picture, Room, Surroundings, Then
from retrograde.tui.views.plain import in_ascii
from retrograde.tui.widgets.bars import Saying
from retrograde.tui.widgets.picture import PictureWidget

if TYPE_CHECKING:
    from collections.abc import Callable

    from retrograde.engine.session.session import Session
    from retrograde.tui.canvas.glyphs import Glyphs
    from retrograde.tui.work.jobs import Job

PICTURES: tuple[type[Picture], ...] = (LossPicture, BoundaryPicture, PlanePicture, SpreadPicture, InputsPicture)
"""The pictures, in the order of their keys. Adding one is adding a row."""

ALL_KEYS = (
    ("] [ } {", N_("iteration, epoch")),
    ("Tab", N_("next picture")),
    ("z", N_("picture alone")),
    ("Esc", N_("back")),
)
"""The keys that all pictures have."""
EDGES = (4, 4)
"""Columns and rows that the frame and what is said take."""


def picture_named(session: Session, name: str) -> type[Picture]:
    """The picture with a name; an empty one means the first.

    Args:
        session: the session.
        name: its word, or the beginning of it.

    Raises:
        EngineError: there is none of that name, or this network has none.
    """
    found = [one for one in PICTURES if one.name.startswith(name.lower())]
    if not found:
        known = joined((one.name for one in PICTURES if not one.why_not(session)), ", ")
        raise EngineError(_("there is no picture {name}; there are {known}").format(name=name, known=known))
    why = found[0].why_not(session)
    if why:
        raise EngineError(_("this network has no picture {name}: {why}").format(name=found[0].name, why=why))
    return found[0]


class PicturesScreen(SayingModal[Visit | None]):
    """Shows pictures of the run; answers with a step to go to, or None.

    Args:
        session: the session, which is lent to the screen.
        glyphs: the characters of the screen.
        work: does work on the session.
        around: what the debugger knows besides the session.
        first: the picture that is shown first.
        words: what was written after its name.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape,q,X", "leave", "leave"),
        ("tab", "turn(1)", "next picture"),
        ("shift+tab", "turn(-1)", "previous picture"),
        *((str(number), f"choose({number - 1})", one.name) for number, one in enumerate(PICTURES, 1)),
        ("left,h", "do('left')", "left"),
        ("right", "do('right')", "right"),
        ("up,k", "do('up')", "up"),
        ("down,j", "do('down')", "down"),
        ("plus,equals_sign", "do('in')", "nearer"),
        ("minus", "do('out')", "further away"),
        ("0", "do('whole')", "the whole"),
        ("l", "do('log')", "log or linear"),
        ("s", "do('smooth')", "mean"),
        ("a", "do('accuracy')", "accuracy"),
        ("m", "do('movers')", "what moved furthest"),
        ("x", "do('x')", "across"),
        ("y", "do('y')", "upward"),
        ("z", "alone", "the picture alone"),
        ("enter", "go", "go there"),
        ("right_square_bracket", "travel('iteration')", "next iteration"),
        ("left_square_bracket", "travel('iteration', True)", "previous iteration"),
        ("right_curly_bracket", "travel('epoch')", "next epoch"),
        ("left_curly_bracket", "travel('epoch', True)", "previous epoch"),
        ("g", "seek('start')", "start of the run"),
        ("G", "seek('end')", "end of what was run"),
    ]

    class Told(Message):
        """A part of what a picture studies."""

        def __init__(self, picture: Picture, found: Any) -> None:
            super().__init__()
            self.picture = picture
            self.found = found

    def __init__(
        self,
        session: Session,
        glyphs: Glyphs,
        work: Work,
        around: Surroundings,
        first: type[Picture],
        words: list[str],
    ) -> None:
        super().__init__()
        self.session = session
        self._glyphs = glyphs
        self._work = work
        self._around = around
        self._made: dict[type[Picture], Picture] = {}
        self._why = {one: one.why_not(session) for one in PICTURES}
        self._shown = first
        self._alone = False
        self._moment: Line = ()
        self._room: Room | None = None
        self.picture.ask(words)

    def compose(self) -> ComposeResult:
        """The picture."""
        yield PictureWidget(id="picture")
        yield Saying(id="said")

    def on_resize(self) -> None:
        """Reads as much as there is room for."""
        room = self.room
        if self._room != room:
            self._room = room
            self.refresh_picture()

    @property
    def picture(self) -> Picture:
        """The picture that is shown."""
        if self._shown not in self._made:
            self._made[self._shown] = self._shown(self.session, self._around)
        return self._made[self._shown]

    @property
    def room(self) -> Room:
        """The cells that there are for the picture."""
        columns, rows = self.size.width - 2, self.size.height - (2 if self._alone else EDGES[1])
        return Room(columns=max(columns, 1), rows=max(rows, 1))

    # -- reading

    def refresh_picture(self, move: Callable[[], bool] | None = None) -> None:
        """Reads the session where it stands, shows it, and then studies it.

        Args:
            move: moves the cursor first; False where it has not moved.
        """
        picture, room = self.picture, self.room

        def task(job: Job) -> Any:
            if move is not None and not move():
                return None
            return picture.read(room, job.asked), self._where()

        def done(found: Any) -> None:
            if found is None or not self.is_attached:
                return
            self._moment = found[1]
            picture.take(found[0])
            self.show()
            self._study(picture)

        self._work(_("picture"), task, done)

    def _study(self, picture: Picture) -> None:
        """Looks at what takes longer."""
        room = self.room

        def tell(found: Any) -> None:
            self.post_message(self.Told(picture, found))

        def done(found: Any) -> None:
            if found is not None and self.is_attached:
                picture.take(found)
                self.show()

        self._work("", lambda job: picture.study(room, job.asked, tell), done)

    def on_pictures_screen_told(self, message: Told) -> None:
        """Shows what is known so far."""
        if message.picture is self.picture:
            message.picture.take(message.found)
            self.show()

    def _where(self) -> Line:
        """The moment of the cursor, in words."""
        session = self.session
        epoch, within = divmod(session.iteration, session.schedule.per_epoch)
        words = [_("epoch {number}").format(number=f"{epoch + 1:,}")]
        if session.schedule.per_epoch > 1:
            words.append(_("iteration {number}").format(number=f"{within + 1:,}"))
        words.append(
            _("step {number} of {count}").format(number=f"{session.revealed:,}", count=f"{session.program.steps:,}")
        )
        return (Span(" · ".join(words), Ink.DIM),)

    # -- showing

    def show(self) -> None:
        """Shows the picture as it was read."""
        if not self.is_attached:
            return
        view = self.picture.view(self.room, self._glyphs)
        lines = () if self._alone else (*view.lines, self._moment)[:3]
        keys = (*self._shown.keys, *ALL_KEYS)
        view = PictureView(plot=view.plot, lines=lines, keys=tuple((key, _(title)) for key, title in keys))
        frame = PanelEdge(title=self._tabs(), corners=self._glyphs.corners[:2], bottom=True)
        if self._glyphs.ascii:
            frame, view = in_ascii(frame), in_ascii(view)
        self.query_one(PictureWidget).show(frame, view)

    def _tabs(self) -> Line:
        """The pictures, by their keys; those that this network does not have are faint."""
        spans: list[Span] = []
        for number, one in enumerate(PICTURES, 1):
            if number > 1:
                spans.append(Span(" │ ", Ink.FRAME))
            ink = Ink.TITLE_ON if one is self._shown else Ink.FAINT if self._why[one] else Ink.TITLE
            spans += [Span(f"{number} ", Ink.KEY if not self._why[one] else Ink.FAINT), Span(_(one.title), ink)]
        return tuple(spans)

    # -- what the keys do

    def action_choose(self, number: int) -> None:
        """Shows another picture, if the network has it."""
        wanted = PICTURES[number]
        if self._why[wanted]:
            why = _("this network has no picture {name}: {why}").format(name=_(wanted.title), why=self._why[wanted])
            self.say(why)
        elif wanted is not self._shown:
            self._shown = wanted
            self.refresh_picture()

    def action_turn(self, by: int) -> None:
        """Shows the next picture that the network has."""
        number = PICTURES.index(self._shown)
        for _place in PICTURES:
            number = (number + by) % len(PICTURES)
            if not self._why[PICTURES[number]]:
                break
        self.action_choose(number)

    def action_do(self, action: str) -> None:
        """Does what a key is for in this picture."""
        then = self.picture.do(action, self.room)
        if then is not Then.NOTHING:
            self.show()
        if then is Then.READ:
            self.refresh_picture()

    def action_alone(self) -> None:
        """Gives the picture all the room, or shows again what is said of it."""
        self._alone = not self._alone
        self.refresh_picture()

    def action_go(self) -> None:
        """Goes to what is pointed at, and leaves."""
        step = self.picture.step
        if step is not None:
            self.dismiss(Visit(step))

    def action_travel(self, granularity: str, back: bool = False) -> None:
        """Moves the cursor; the picture follows.

        Args:
            granularity: how far.
            back: backward.
        """
        session = self.session
        self.refresh_picture(lambda: session.back(granularity) if back else session.step(granularity))

    def action_seek(self, where: str | int) -> None:
        """Moves the cursor to a moment; the picture follows.

        Args:
            where: the moment.
        """
        session = self.session

        def move() -> bool:
            session.visit()
            session.seek(where)
            return True

        self.refresh_picture(move)

    def action_leave(self) -> None:
        """Leaves."""
        self.dismiss(None)

    def on_picture_widget_picked(self, event: PictureWidget.Picked) -> None:
        """Goes to what was pressed; the picture stays."""
        step = self.picture.pick(event.number, event.place)
        if step is not None:
            self.action_seek(step)
        else:
            self.show()

    def on_picture_widget_wheeled(self, event: PictureWidget.Wheeled) -> None:
        """Comes nearer, or goes further away."""
        self.action_do("out" if event.by > 0 else "in")
