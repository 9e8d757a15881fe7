"""The scenario picker: a list that is searched by typing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input

from retrograde.engine.errors import EngineError
from retrograde.engine.scenario.catalogue import Summary, by_group, shipped, summary
from retrograde.engine.scenario.groups import START, group_heading
from retrograde.engine.text import _, joined, language, ngettext
from retrograde.tui.canvas.canvas import Line, Span, middle, shorten, wrap
from retrograde.tui.canvas.glyphs import Glyphs, plain, width
from retrograde.tui.canvas.inks import Ink
from retrograde.tui.records.choices import ChoicesView
from retrograde.tui.records.marks import PanelEdge
from retrograde.tui.screens.answering import Answering
from retrograde.tui.widgets.choices import Choices
from retrograde.tui.widgets.one_line import OneLine
from retrograde.tui.work.seen import opened

LONGEST_SIZES = ((100, 22), (72, 12), (0, 7))
"""Cells that the widths of a network's layers take at most, by those of the screen: titles matter more."""
MARGIN = 5
"""Cells beside the columns: the frame, the cursor, and the gap at the end."""
NARROW = 100
"""Cells from which on the names of variants have room beside the titles."""
LEAST_ABOUT, MOST_ABOUT = 3, 12
"""Rows about the selected scenario, where there is room for any: a third of the screen, within these."""


class PickerScreen(Answering[str | None]):
    """Asks for a scenario; answers with its name, a path, or None.

    Args:
        glyphs: the glyphs of the frame.
        problems: what is wrong with the scenario that was chosen before; shown until something is typed.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "move(1)", show=False, priority=True),
        Binding("up", "move(-1)", show=False, priority=True),
        Binding("pagedown", "move(8)", show=False, priority=True),
        Binding("pageup", "move(-8)", show=False, priority=True),
        Binding("escape", "leave", show=False),
        Binding("ctrl+c", "leave", show=False, priority=True),
    ]

    def __init__(self, glyphs: Glyphs, problems: Sequence[str] = ()) -> None:
        super().__init__()
        self._glyphs = glyphs
        self._problems = list(problems)
        self._known: list[Summary] = []
        self._found: list[Summary] = []
        self._selected = 0
        self._opened = opened()
        self._sections: list[tuple[str, list[Summary]]] = []
        self._places: list[int] = []

    def compose(self) -> ComposeResult:
        """The search line above the list."""
        yield OneLine(placeholder=_("type to search, Enter opens"), id="search")
        yield Choices(id="choices")

    def on_mount(self) -> None:
        """Shows the list; the files are read after the first paint."""
        self.query_one(Input).focus()
        self._show()
        self.call_after_refresh(self._read)

    def _read(self) -> None:
        for name in shipped():
            try:
                one = summary(name)
            except EngineError:
                continue
            self._known.append(one)
            for variant, title in one.variants.items():
                texts = title if title["en"] else one.title
                self._known.append(replace(one, name=f"{name}:{variant}", title=texts, variants={}, figures=0))
        self._search(self.query_one(Input).value)

    def on_resize(self, event: events.Resize) -> None:
        """Gives the list more room where there is little."""
        self.set_class(event.size.height < 14, "-short")
        self._show()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Searches."""
        event.stop()
        self._problems = []
        self._search(event.value)

    def _search(self, text: str) -> None:
        words = text.casefold().split()
        found = [one for one in self._known if all(word in _haystack(one) for word in words)]
        self._sections = sections(found, () if words else self._opened)
        self._found = [one for _heading, inside in self._sections for one in inside]
        self._selected = 0
        self._show()

    def _show(self) -> None:
        narrow = self.size.width < NARROW
        size = next(most for least, most in LONGEST_SIZES if self.size.width >= least)
        columns = (
            max([width(one.name) for one in self._known if not (narrow and ":" in one.name)] + [8]),
            max([width(_figures(one, self._glyphs)) for one in self._known] + [1]),
            min(max([width(self._clean(one.size)) for one in self._known] + [5]), size),
        )
        room = max(self.size.width - sum(columns) - 2 * len(columns) - MARGIN, 1)
        rows: list[Line] = []
        headings, selected = set[int](), -1
        self._places = []
        for heading, inside in self._sections:
            headings.add(len(rows))
            rows.append((Span(self._clean(heading), Ink.TITLE_ON),))
            for one in inside:
                if len(self._places) == self._selected:
                    selected = len(rows)
                self._places.append(len(rows))
                rows.append(self._row(one, (columns[0], size, room)))
        title = (
            Span("Retrograde", Ink.BRAND),
            Span("  " + self._clean(_("a step debugger for backpropagation")), Ink.TITLE),
        )
        empty = _("nothing found; Enter opens a file of that name") if self._known else self._clean(_("reading …"))
        view = ChoicesView(
            rows=tuple(rows),
            columns=columns,
            selected=selected,
            about=self._problem_lines() if self._problems else self._about(),
            empty=empty,
            headings=frozenset(headings),
        )
        self.query_one(Choices).show(PanelEdge(title=title, corners=self._glyphs.corners), view)

    def _clean(self, text: str) -> str:
        return plain(text) if self._glyphs.ascii else text

    def _row(self, one: Summary, rooms: tuple[int, int, int]) -> Line:
        """A scenario in the list: its name, its figures, its size, its title in the room that is left.

        Args:
            one: the scenario.
            rooms: cells of the name, the size and the title at most.
        """
        longest, most, room = rooms
        title = self._clean(one.title.get(language()) or one.title["en"])
        size = shorten(self._clean(one.size), most, self._glyphs.ellipsis)
        return (
            Span(middle(one.name, longest, self._glyphs.ellipsis), Ink.STRONG),
            Span(_figures(one, self._glyphs), Ink.GOOD),
            Span(size, Ink.ACCENT),
            Span(shorten(title, room, self._glyphs.ellipsis), Ink.TEXT),
        )

    def _problem_lines(self) -> tuple[Line, ...]:
        """What is wrong with the scenario that was chosen before."""
        room = max(self.size.width - 8, 10)
        lines = map(self._clean, [_("this scenario can not be used:"), *self._problems])
        about = [(Span(line, Ink.BAD),) for text in lines for line in wrap(text, room)]
        return tuple(about[: max(self.size.height - 12, 3)])

    def _about(self) -> tuple[Line, ...]:
        """What is said of the selected scenario, in the lower third of the screen; always as many rows."""
        height = min(max(self.size.height // 3, LEAST_ABOUT), MOST_ABOUT)
        if not 0 <= self._selected < len(self._found):
            return ((),) * height if self._known else ()
        one, room = self._found[self._selected], max(self.size.width - 8, 10)
        end = joined(
            (
                ngettext("{count} published figure", "{count} published figures", one.figures).format(count=one.figures)
                if one.figures
                else "",
                one.source,
            ),
            " · ",
        )
        lines: list[Line] = []
        lines += [(Span(line, Ink.STRONG),) for line in self._wrapped(one.teaches, room)[:2]]
        for line in self._wrapped(one.about, room):
            if len(lines) >= height - 1:
                last = lines[-1][0]
                lines[-1] = (last._replace(text=shorten(f"{last.text} {line}", room, self._glyphs.ellipsis)),)
                break
            lines.append((Span(line, Ink.TEXT),))
        lines.append((Span(shorten(self._clean(end), room, self._glyphs.ellipsis), Ink.FAINT),))
        return (*lines, *((),) * (height - len(lines)))

    def _wrapped(self, texts: Mapping[str, str], room: int) -> list[str]:
        text = self._clean(texts.get(language()) or texts.get("en", ""))
        return wrap(" ".join(text.split()), room) if text else []

    def action_move(self, by: int) -> None:
        """Moves the selection."""
        self._selected = min(max(self._selected + by, 0), max(len(self._found) - 1, 0))
        self._show()

    def action_leave(self) -> None:
        """Leaves without an answer."""
        self.dismiss(None)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Opens the selected scenario, or the file that was named."""
        event.stop()
        if self._found:
            self.dismiss(self._found[self._selected].name)
        elif event.value.strip():
            self.dismiss(event.value.strip())

    def on_choices_clicked(self, event: Choices.Clicked) -> None:
        """Opens with the mouse; a heading is nothing to open."""
        if event.row in self._places:
            self.dismiss(self._found[self._places.index(event.row)].name)


def sections(found: Sequence[Summary], opened: Sequence[str] = ()) -> list[tuple[str, list[Summary]]]:
    """The list under its headings: where to start, what was opened last, and then every group.

    Args:
        found: the scenarios, in the order of the list.
        opened: the names of those that were opened last; where there are any, nobody is told where to start.
    """
    by_name = {one.name: one for one in found}
    first = [by_name[name] for name in opened if name in by_name]
    heading = _("opened last")
    if not opened and START in by_name and len(found) > 1:
        first, heading = [by_name[START]], _("start here")
    rest = by_group(one for one in found if one not in first)
    return [*([(heading, first)] if first else []), *rest]


def _figures(one: Summary, glyphs: Glyphs) -> str:
    """The sign of published figures, and how many there are."""
    return f"{glyphs.check} {one.figures}" if one.figures else ""


def _haystack(one: Summary) -> str:
    words = (one.name, one.topology, one.size, group_heading(one.group), *one.title.values(), *one.teaches.values())
    return " ".join(words).casefold()
