"""Golden drawings: what the app drew when somebody last looked at it and found it right, in ``tests/tui/golden``.

A drawing is its rows of text, and below them the inks of the same cells, a letter each (see ``letter``), so that
exchanged colours show. ``python -m tests.tui.golden`` writes the files anew; look at what git says has changed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from retrograde.engine.scenario.file import load_scenario
from retrograde.engine.session.session import Session
from retrograde.tui.canvas.canvas import Canvas, Span
from retrograde.tui.canvas.glyphs import COLOURLESS, UNICODE
from retrograde.tui.canvas.inks import GREY, HEAT_NEGATIVE, HEAT_POSITIVE, MARKED, PAIR, SELECTED, SHADES, STEPS, Ink
from retrograde.tui.drawing.curves import draw_plot
from retrograde.tui.drawing.dispatch import Slice, picture_rows
from retrograde.tui.drawing.graph import draw_graph
from retrograde.tui.drawing.nodes import Nodes
from retrograde.tui.pictures.table import maker_of, pictures_of
from retrograde.tui.reading.reading import Reading
from retrograde.tui.records.curves import DASHED, CurveEvent, CurvePlot, Series
from retrograde.tui.records.marks import PanelEdge
from retrograde.tui.screens.pictures import PICTURES
from retrograde.tui.screens.picturing import Room, Surroundings
from retrograde.tui.views.lens import Lens
from retrograde.tui.views.network import network_view
from retrograde.tui.views.parameters import Parameters
from retrograde.tui.widgets.picture import PictureWidget

FOLDER = Path(__file__).with_name("golden")
SIZE = (78, 20)

PICTURED = {
    "activation": ("mazur", "lenet-digits"),
    "attention": ("attention-by-hand", "tiny-transformer"),
    "batch": ("batch-norm",),
    "convolution": ("convolution-by-hand", "lenet-digits"),
    "embedding": ("char-transformer",),
    "layer_norm": ("tiny-transformer",),
    "mask": ("dropout",),
    "pooling": ("cs231n-max-pool", "lenet-digits"),
    "recurrent": ("elman", "lstm-two-steps", "gru"),
    "terms": ("mazur", "batch-norm"),
    "update": ("rumelhart-symmetry", "tiny-transformer"),
}
"""Scenarios with the pictures of each module of ``tui.pictures``; the second iteration is looked at."""


def letter(ink: int) -> str:
    """An ink as a letter: ``a`` on for a meaning, a digit for a positive shade, ``A`` on for a negative one.

    Of a field it is that of the lower half: ``a`` on for what is above, ``A`` on for what is below, ``0`` on else.
    """
    if ink >= PAIR:
        shade = (ink - PAIR) % SHADES
        first = "a" if shade < STEPS else "A" if shade < 2 * STEPS else "0"
        return chr(ord(first) + shade % STEPS)
    if ink & SELECTED:
        return "*"
    if ink < GREY:
        return chr(ord("a") + ink)
    if ink < HEAT_POSITIVE or ink >= MARKED:
        return "#"
    return str(ink - HEAT_POSITIVE) if ink < HEAT_NEGATIVE else chr(ord("A") + ink - HEAT_NEGATIVE)


def written(canvas: Canvas) -> str:
    """The rows of a canvas and their inks."""
    texts = canvas.text()
    inks = ["".join(map(letter, row)) for row in canvas.inks()]
    # Of a blank, the ink says nothing, unless it is a cell of a picture.
    shown = [
        "".join(" " if one == " " and own < GREY else ink for one, ink, own in zip(row, row_inks, owns, strict=False))
        for row, row_inks, owns in zip(texts, inks, canvas.inks(), strict=True)
    ]
    return "\n".join(row.rstrip() for row in (*texts, "-" * 8, *shown)) + "\n"


def reading_of(name: str, position: int, terms: int = 0) -> Reading:
    """A scenario at a moment, with so many terms of the next step."""
    session = session_of(name)
    session.seek(position)
    for _term in range(terms):
        session.step("term")
    return Reading.of(session)


@cache
def session_of(name: str) -> Session:
    """A scenario, once."""
    return Session(load_scenario(name))


# -- pictures of steps: of each maker the first and the last step of an iteration that has one


def picture_text(reading: Reading, size: tuple[int, int] = SIZE) -> str:
    """All pictures of a step, below each other."""
    assert reading.step is not None
    found = []
    for picture in pictures_of(reading, reading.step, 6):
        rows = picture_rows(picture, *size, UNICODE)
        canvas = Canvas(size[0], len(rows), UNICODE)
        for y, row in enumerate(rows):
            if not isinstance(row, Slice):
                canvas.spans(0, y, row)
            elif not row.row:
                row.draw(canvas, y)
        found.append(written(canvas))
    return "\n".join(found)


def steps_pictured(module: str, name: str) -> dict[str, list[int]]:
    """The first and the last step of an iteration that have a picture of a module, by the function that makes it."""
    schedule = session_of(name).schedule
    start, program = schedule.start(1), schedule.program(1)
    found: dict[str, list[int]] = {}
    for number in range(program.steps):
        maker = maker_of(program.ops[program.place(number).op])
        if maker is not None and maker.__module__.endswith(f".{module}"):
            found.setdefault(maker.__name__, []).append(start + number + 1)
    return {maker: sorted({places[0], places[-1]}) for maker, places in found.items()}


def pictures_text(module: str) -> str:
    """The pictures that a module of ``tui.pictures`` makes."""
    found = []
    for name in PICTURED[module]:
        for maker, positions in steps_pictured(module, name).items():
            texts = ((position, picture_text(reading_of(name, position))) for position in positions)
            found += [f"== {name}: {maker} at {position}\n{text}" for position, text in texts if text]
    return "\n".join(found)


def terms_text(module: str) -> str:
    """The same of the first step of each maker within which its terms are revealed, at the second term."""
    name = PICTURED[module][0]
    found = []
    for maker, positions in steps_pictured(module, name).items():
        reading = reading_of(name, positions[0] - 1, 2)
        if reading.term and reading.step is not None:
            found.append(f"== {name}: {maker} in {positions[0]}\n{picture_text(reading)}")
    return "\n".join(found)


# -- drawings of networks and losses


def network_text(name: str, position: int, size: tuple[int, int], node: int = -1, *, blocks: bool = False) -> str:
    """The network at a moment: as nodes where all its layers have them and blocks are not asked for, else as blocks."""
    reading = reading_of(name, position)
    view = network_view(reading, Parameters(reading), Lens(node=node))
    canvas = Canvas(*size, UNICODE)
    if view.small and not blocks:
        Nodes(canvas, view).draw()
    else:
        draw_graph(canvas, view)
    return f"== {name} at {position}\n{written(canvas)}"


def networks_text(*cases: Any) -> str:
    """Several of them."""
    return "\n".join(network_text(*case) for case in cases)


def losses_text() -> str:
    """A falling loss with what happened, one with a mean over a noisy ground and another one, one that diverges."""
    x = np.arange(1, 41.0)
    falling, rising = 2 * 0.9**x + 0.01, np.exp(x / 8)
    events = (CurveEvent(number=5, sign="!", ink=Ink.BAD), CurveEvent(number=20, sign="a", ink=Ink.KEY))
    main = Series(name="", x=x, low=falling, high=falling, ink=Ink.POSITIVE)
    ground = Series(name="each", x=x, low=falling / 2, high=falling * 2, ink=Ink.EDGE_POSITIVE, behind=True)
    mean = Series(name="mean", x=x, low=falling, high=falling, ink=Ink.POSITIVE)
    other = Series(name="other", x=x, low=rising / 100, high=rising / 90, ink=Ink.ACCENT, dashes=DASHED)
    up = Series(name="", x=x, low=rising, high=rising, ink=Ink.POSITIVE)
    found = []
    for series, more in (
        ((main,), {"events": events}),
        ((other, ground, mean), {"per_unit": 4, "unit": "epoch", "pointer": 30}),
        ((up,), {"unit": "iteration", "logarithmic": False}),
    ):
        plot = CurvePlot(series=series, start=1, stop=40, cursor=12, **more)
        canvas = Canvas(60, 12, UNICODE)
        draw_plot(canvas, plot, 0, 12)
        found.append(written(canvas))
    return "\n".join(found)


def run_pictures_text() -> str:
    """The pictures of a run in digits, two epochs before its end."""
    session = Session(load_scenario("xor-2-2-1"))
    session.run(600)
    session.seek(session.schedule.start(598) + session.program.steps)
    room = Room(columns=60, rows=16)
    found = []
    for kind in PICTURES:
        picture = kind(session, Surroundings())
        picture.take(picture.read(room, lambda: False))
        partial_ones: list[Any] = []
        studied = picture.study(Room(columns=26, rows=9), lambda: False, partial_ones.append)
        if studied is not None:
            picture.take(studied)
        view = picture.view(room, COLOURLESS)
        widget = PictureWidget(id="picture")
        canvas = Canvas(62, 20, COLOURLESS)
        widget.paint(canvas, PanelEdge(title=(Span(kind.name),), corners=COLOURLESS.corners[:2], bottom=True), view)
        found.append(f"== {kind.name}\n{written(canvas)}")
    return "\n".join(found)


def cases() -> dict[str, Callable[[], str]]:
    """What is drawn, by the name of its file."""
    found: dict[str, Callable[[], str]] = {
        f"pictures-{module}": lambda module=module: pictures_text(module)  # type: ignore[misc]
        for module in PICTURED
    }
    forms = [("mazur", at, size) for at, size in ((3, (70, 14)), (30, (46, 12)), (30, (38, 9)), (30, (26, 6)))]
    found["nodes"] = lambda: networks_text(*forms, ("vanishing", 60, (60, 16), 3), ("mazur", 38, (70, 14)))
    found["blocks"] = lambda: networks_text(
        ("iris", 20, (70, 18)),
        ("lenet-digits", 300, (90, 20)),
        ("char-rnn", 40, (70, 20)),
        ("tiny-transformer", 200, (100, 20)),
        ("micrograd-neuron", 12, (80, 20)),
        ("elman", 25, (64, 18)),
    )
    found["pictures-at-a-term"] = lambda: "\n".join(
        terms_text(module) for module in ("convolution", "pooling", "attention", "recurrent", "terms")
    )
    found["pictures-of-runs"] = run_pictures_text
    found["blocks-with-edges"] = lambda: network_text("iris", 20, (90, 20), blocks=True)
    found["pictures-in-little-room"] = lambda: "\n".join(
        picture_text(reading_of(name, position), (34, 6))
        for name, position in (("attention-by-hand", 60), ("convolution-by-hand", 40), ("elman", 1500))
    )
    found["losses"] = losses_text
    return found


def file_of(name: str) -> Path:
    """The file of a drawing or a screen."""
    return FOLDER / f"{name}.txt"


def renew(texts: Iterable[tuple[str, str]]) -> None:
    """Writes the files anew."""
    for name, text in texts:
        file_of(name).write_text(text, encoding="utf-8")


# -- screens

SCREENS: dict[str, tuple[str, ...]] = {
    "mazur": ("right", "right", "right"),
    "iris": ("}", "}", "right"),
    "lstm-two-steps": ("}", "}", "}", "right", "down"),
    "convolution-by-hand": ("}", "right", "4"),
    "xor-2-2-1": ("}", "}", "}", "B"),
    "diverging": ("}", "}", "}", "}", "}", "}", "}", "D"),
}
LOOKS = {
    "vanishing": ("why w1", "chain w1", "flow"),
    "xor-2-2-1": ("why w1",),
    "lenet-digits": ("chain W_c1[4,1,3,1]",),
}
"""What is written to open screens over the one of a scenario, at the end of its second iteration."""
SCREEN_SIZES = ((80, 24), (120, 40))


async def screens_of(name: str) -> dict[str, str]:
    """The screen of a scenario after some keys, by the name of its file."""
    from retrograde.tui.app import RetrogradeApp
    from retrograde.tui.debugger.screen import DebuggerScreen

    found = {}
    for size in SCREEN_SIZES:
        app = RetrogradeApp(name)
        async with app.run_test(size=size) as pilot:
            while not isinstance(app.screen, DebuggerScreen):
                await pilot.pause(0.02)
            for key in SCREENS[name]:
                await pilot.press(key)
            # The checks of a step come once the cursor rests.
            await pilot.pause(0.4)
            while getattr(app.screen, "_working", False):
                await pilot.pause(0.02)
            rows = [strip.text.rstrip() for strip in app.screen._compositor.render_strips(app.screen.size)]
            found[f"screen-{name}-{size[0]}x{size[1]}"] = "\n".join(rows) + "\n"
    return found


async def looks_of(name: str) -> dict[str, str]:
    """The screens over that of a scenario, by the names of their files."""
    from retrograde.engine.session import explanations
    from retrograde.tui.app import RetrogradeApp
    from retrograde.tui.debugger.screen import DebuggerScreen
    from retrograde.tui.screens.looking import LookingScreen

    # How much is tried depends on the time that it takes, which a picture must not.
    searched = explanations.revival
    explanations.revival = partial(searched, seconds=60.0)
    try:
        return await _looks_of(name, RetrogradeApp, DebuggerScreen, LookingScreen)
    finally:
        explanations.revival = searched


async def _looks_of(name: str, app_of: type[Any], debugger: type[Any], looking: type[Any]) -> dict[str, str]:
    found = {}
    for size in SCREEN_SIZES:
        app = app_of(name)
        async with app.run_test(size=size) as pilot:
            while not isinstance(app.screen, debugger):
                await pilot.pause(0.02)
            main = app.screen
            await pilot.press("]", "]")
            for line in LOOKS[name]:
                await pilot.press("colon", *line, "enter")
                while not isinstance(app.screen, looking):
                    await pilot.pause(0.02)
                # What takes longer is looked for in two pieces, one after the other.
                for _piece in range(2):
                    await pilot.pause(0.1)
                    while main.parts.working.work is not None:
                        await pilot.pause(0.02)
                rows = [strip.text.rstrip() for strip in app.screen._compositor.render_strips(app.screen.size)]
                found[f"screen-{name}-{line.partition(' ')[0]}-{size[0]}x{size[1]}"] = "\n".join(rows) + "\n"
                await pilot.press("escape")
                while not isinstance(app.screen, debugger):
                    await pilot.pause(0.02)
    return found


def main() -> None:
    """Writes all files anew."""
    import asyncio
    import os
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_STATE_HOME"] = folder
        renew((name, make()) for name, make in cases().items())
        for name in SCREENS:
            renew(asyncio.run(screens_of(name)).items())
        for name in LOOKS:
            renew(asyncio.run(looks_of(name)).items())
    print(f"{len(list(FOLDER.glob('*.txt')))} files in {FOLDER}", file=sys.stderr)


if __name__ == "__main__":
    main()
