"""The timeline: the phases of the iteration as a bar, filled up to the cursor."""

from __future__ import annotations

from retrograde.engine.text import N_, _
from retrograde.tui.canvas.canvas import Canvas, Line, Span, measure, shorten
from retrograde.tui.canvas.glyphs import width
from retrograde.tui.canvas.inks import Ink
from retrograde.tui.records.status import TimelineSegment, TimelineView
from retrograde.tui.widgets.panel import Panel

EIGHTHS = "▏▎▍▌▋▊▉"
ALARM = "✗"
"""Stands where something began to go wrong."""
LEAST_WORD = 8
"""Cells that a word beside it takes at least; the legend and the doctor's screen say the others."""
LEGEND_WIDTH = 100
"""Cells from which on the pins are explained at the right."""


def share(room: int, segments: tuple[TimelineSegment, ...]) -> list[int]:
    """Divides cells among segments by their steps, at least one each while there is room."""
    total = sum(segment.steps for segment in segments)
    if not segments or room <= 0 or total <= 0:
        return [0] * len(segments)
    floor = 1 if room >= len(segments) else 0
    spare = room - floor * len(segments)
    sizes = [floor + spare * segment.steps // total for segment in segments]
    for k in range(room - sum(sizes)):
        sizes[k % len(sizes)] += 1
    return sizes


class TimelinePanel(Panel[TimelineView]):
    """Draws a ``TimelineView``."""

    TIP = N_("The passes of this iteration, and how far the run has come; marks, breakpoints and alerts stand on it.")

    def draw(self, canvas: Canvas, view: TimelineView) -> None:
        """Draws the bar of the iteration, and below it, where there is a row, the whole run."""
        self._iteration(canvas, view)
        if canvas.height >= 2 and view.run_label:
            g = canvas.glyphs
            x = canvas.put(1, 1, view.run_label + " ", Ink.DIM)
            room = canvas.width - x - 1
            if view.run is not None and room > 4:
                canvas.fill(x, 1, room, g.track, Ink.TRACK)
                at = x + min(round(view.run * (room - 1)), room - 1)
                canvas.fill(x, 1, at - x, g.bar if g.ascii else "━", Ink.FRAME)
                canvas.put(at, 1, g.dot, Ink.KEY)
                for letter, share_of_run in view.pins.far:
                    mark(canvas, min(x + round(share_of_run * (room - 1)), x + room - 2), 1, letter)
                self._alerts(canvas, view, x, room)

    @staticmethod
    def _alerts(canvas: Canvas, view: TimelineView, x: int, room: int) -> None:
        """Draws what the doctor found on the bar of the run, each with its word where there is room before the next."""
        places = [(x + round(share_of_run * (room - 1)), word) for share_of_run, word, _here in view.pins.alerts]
        free = x
        for at, word in sorted(places, key=lambda place: place[0]):
            canvas.put(at, 1, ALARM, Ink.BAD)
            after = min((other for other, _word in places if other > at), default=x + room)
            if at >= free and after - at > LEAST_WORD:
                text = shorten(f" {word} ", after - at - 1, canvas.glyphs.ellipsis)
                free = canvas.put(at + 1, 1, text, Ink.BAD)

    def _iteration(self, canvas: Canvas, view: TimelineView) -> None:
        g = canvas.glyphs
        x = 1
        if view.before:
            x = canvas.put(x, 0, view.before + "  ", Ink.DIM)
        labels = [segment.label for segment in view.segments]
        legend = self._legend(canvas, view)
        end = canvas.width - 1 - (measure(legend) + 2 if legend else 0)
        for cut in (20, 4, 1, 0):
            shown = [label[:cut] for label in labels]
            used = sum(width(label) + (2 if label else 1) for label in shown)
            room = end - x - used
            if room >= 2 * len(labels):
                break
        if legend and room >= 2 * len(labels):
            canvas.spans(end + 2, 0, legend)
        sizes = share(room, view.segments)
        for segment, label, size in zip(view.segments, shown, sizes, strict=True):
            if label:
                x = canvas.put(x, 0, label, Ink.STRONG if segment.here else Ink.DIM) + 1
            canvas.fill(x, 0, size, g.track, Ink.TRACK)
            eighths = round(8 * size * segment.done / max(segment.steps, 1))
            ink = Ink.KEY if segment.here else Ink.DONE
            canvas.fill(x, 0, eighths // 8, g.bar, ink)
            if eighths % 8 and not g.ascii:
                canvas.put(x + eighths // 8, 0, EIGHTHS[eighths % 8 - 1], ink)
            self._pins(canvas, view, segment, x, size)
            x += size + 1

    @staticmethod
    def _legend(canvas: Canvas, view: TimelineView) -> Line:
        """What the pins of the iteration mean, where there is room to say it."""
        if canvas.width < LEGEND_WIDTH:
            return ()
        spans: list[Span] = []
        if view.pins.marks:
            letters = " ".join(letter for letter, _step in view.pins.marks)
            spans.append(Span("◆ ", Ink.ACCENT))
            spans.append(Span(_("mark {letters}").format(letters=letters) + "  ", Ink.DIM))
        for _share, word, here in view.pins.alerts:
            if here:
                spans.append(Span(f"{ALARM} ", Ink.BAD))
                spans.append(Span(f"{word} ", Ink.DIM))
        if view.pins.chapters:
            spans.append(Span("§ ", Ink.ACCENT))
            spans.append(Span(_("chapter") + "  ", Ink.DIM))
        if view.pins.hits:
            spans.append(Span("● ", Ink.BAD))
            spans.append(Span(_("breakpoint") + " ", Ink.DIM))
        return tuple(spans)

    @staticmethod
    def _pins(canvas: Canvas, view: TimelineView, segment: TimelineSegment, x: int, size: int) -> None:
        """Draws breakpoint hits, chapters and marks within a segment; a mark stands over a hit."""
        if size <= 0:
            return

        def cell(step: int) -> int:
            return x + (step - 1 - segment.start) * size // max(segment.steps, 1)

        inside = range(segment.start + 1, segment.start + segment.steps + 1)
        for at in {cell(step) for step in view.pins.hits if step in inside}:
            canvas.put(at, 0, "●", Ink.BAD)
        free = x
        for sign, step in view.pins.chapters:
            at = max(min(cell(step), x + size - width(sign)), free)
            if step in inside and at + width(sign) <= x + size:
                free = canvas.put(at, 0, sign, Ink.ACCENT)
        for letter, step in view.pins.marks:
            if step in inside:
                mark(canvas, min(cell(step), x + max(size - 2, 0)), 0, letter)


def mark(canvas: Canvas, x: int, y: int, letter: str) -> None:
    """Draws a mark and its letter."""
    canvas.put(x, y, "◆", Ink.ACCENT)
    canvas.put(x + 1, y, letter, Ink.ACCENT)
