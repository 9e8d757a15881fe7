"""Pictures of the app for the documentation: `python -m retrograde.tui.screenshot NAME out.svg`.

Textual's own export is used, and three things of it are mended: fonts that are named by a web address are left out, so
that the picture loads nothing; the grid of characters is kept by placing every run of text by its cells; and Chinese
text, which has half as many characters as cells, is not squeezed, nor is text with accents (x̂) stretched.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import sys
import tempfile
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from pathlib import Path

from retrograde.engine.text import use

FONTS = "'DejaVu Sans Mono', 'Cascadia Mono', Menlo, Consolas, 'Noto Sans Mono CJK SC', monospace"


def clean(svg: str) -> str:
    """The picture without web addresses of fonts, and without squeezed Chinese text."""
    svg = re.sub(r"@font-face\s*\{.*?\}", "", svg, flags=re.DOTALL)
    svg = re.sub(r"font-family:\s*Fira Code[^;]*;", f"font-family: {FONTS};", svg)
    svg = re.sub(r"font-family:\s*arial[^;]*;", "font-family: sans-serif;", svg)

    def mend(match: re.Match[str]) -> str:
        attributes, text = match[1], match[2]
        if any(ord(character) >= 0x2E80 or unicodedata.combining(character) for character in unescape(text)):
            attributes = re.sub(r'\stextLength="[^"]*"', "", attributes)
        return f"<text{attributes}>{text}</text>"

    return re.sub(r"<text([^>]*)>([^<]*)</text>", mend, svg)


async def picture(
    source: str | None,
    *,
    size: tuple[int, int],
    steps: int = 0,
    keys: tuple[str, ...] = (),
    theme: str = "dark",
    ascii_only: bool = False,
) -> str:
    """An SVG picture of the app after some steps and keys.

    Args:
        source: a scenario, or None for the list of them.
        size: columns and rows.
        steps: steps to make first.
        keys: Textual's names of keys to press then; ``run`` waits for the end of a run.
        theme: ``dark`` or ``light``.
        ascii_only: draw with plain characters.
    """
    from retrograde.tui.app import RetrogradeApp
    from retrograde.tui.debugger.screen import DebuggerScreen

    app = RetrogradeApp(source, theme=theme, ascii_only=ascii_only)
    async with app.run_test(size=size) as pilot:
        while source is not None and app.session is None:
            await pilot.pause(0.02)
        await pilot.pause(0.1)
        for key in ("right",) * steps + keys:
            if key == "run":
                await pilot.press("r")
                while isinstance(app.screen, DebuggerScreen) and app.screen.parts.working.work is not None:
                    await pilot.pause(0.05)
            else:
                await pilot.press(key)
        # The checks of a step are computed once the cursor rests.
        await pilot.pause(0.4)
        return clean(app.export_screenshot(title="Retrograde"))


@contextmanager
def _own_state() -> Iterator[None]:
    """A folder of state for a picture alone: unsaved work of people is nothing for it, and it leaves none."""
    before = os.environ.get("XDG_STATE_HOME")
    with tempfile.TemporaryDirectory(prefix="retrograde-picture-") as folder:
        os.environ["XDG_STATE_HOME"] = folder
        try:
            yield
        finally:
            os.environ.pop("XDG_STATE_HOME")
            if before is not None:
                os.environ["XDG_STATE_HOME"] = before


def main(arguments: list[str] | None = None) -> int:
    """Writes a picture and returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m retrograde.tui.screenshot", description=__doc__)
    parser.add_argument("scenario", help="a scenario, or - for the list of them")
    parser.add_argument("out", type=Path)
    parser.add_argument("--size", default="120x36", help="columns x rows")
    parser.add_argument("--steps", type=int, default=0)
    parser.add_argument("--keys", default="", help="names of keys, separated by spaces; run waits for a run")
    parser.add_argument("--theme", choices=("dark", "light", "terminal"), default="dark")
    parser.add_argument("--ascii", action="store_true")
    parser.add_argument("--language", default="en")
    options = parser.parse_args(arguments)
    use(options.language)
    columns, rows = (int(part) for part in options.size.split("x"))
    with _own_state():
        svg = asyncio.run(
            picture(
                None if options.scenario == "-" else options.scenario,
                size=(columns, rows),
                steps=options.steps,
                keys=tuple(options.keys.split()),
                theme=options.theme,
                ascii_only=options.ascii,
            )
        )
    options.out.write_text(svg, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
