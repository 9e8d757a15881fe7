"""The formats of a sheet: Markdown, HTML, LaTeX and PDF, a notebook, a table of steps, the picture alone.

The texts come from templates of Jinja2, an extra; each format escapes what it is given, but for markup that says so.
"""

from __future__ import annotations

import base64
import csv
import io
import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from retrograde.engine.equations.rendering import render
from retrograde.engine.errors import EngineError
from retrograde.engine.explaining.step import shown
from retrograde.engine.text import _, joined
from retrograde.engine.writing.markup import LATEX, MATHML, Spelling, latex_text
from retrograde.engine.writing.picture import as_svg
from retrograde.engine.writing.setting import Setter, number
from retrograde.engine.writing.sheet import Sheet, SheetStep

TEMPLATES = Path(__file__).parent / "templates"
TYPESETTERS = ("xelatex", "pdflatex")
"""What makes PDF of LaTeX, the best first; the second has no Chinese."""
PATIENCE = 120.0
"""Seconds that a typesetter may take."""


class Markup(str):
    """A text that is markup already."""

    __slots__ = ()

    def __html__(self) -> str:
        """What Jinja2 asks of a text that it is not to escape."""
        return str(self)


_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|$~&])")


def markdown_text(text: str) -> str:
    """A text for people as Markdown: what would be obeyed is escaped."""
    found = _MARKDOWN.sub(r"\\\1", " ".join(text.split()))
    return re.sub(r"^([-+]|\d+[.)])(?=\s)", r"\\\1", found)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Markups:
    """How templates of one format are filled in.

    Attributes:
        spelling: the markup of mathematics.
        escaped: makes of a text for people what shows it.
        broken: see ``Setter``.
        edges: the signs around a variable, a block and a comment of a template, where braces mean something else.
    """

    spelling: Spelling
    escaped: Callable[[str], str]
    broken: bool = False
    edges: Mapping[str, str]


_TEX_EDGES = {
    "block_start_string": "<%",
    "block_end_string": "%>",
    "variable_start_string": "<<",
    "variable_end_string": ">>",
    "comment_start_string": "<#",
    "comment_end_string": "#>",
}
HTML = Markups(spelling=MATHML, escaped=escape, broken=True, edges={})
MARKDOWN = Markups(spelling=LATEX, escaped=markdown_text, edges={})
TEX = Markups(spelling=LATEX, escaped=latex_text, edges=_TEX_EDGES)
_ENVIRONMENTS: dict[Markups, Any] = {}
"""Templates are compiled once."""


def _words() -> dict[str, str]:
    """The words of the templates."""
    return {
        "network": _("The network"),
        "data": _("Data"),
        "given": _("Given"),
        "sample": _("sample"),
        "step": _("step"),
        "what": _("what"),
        "value": _("value"),
        "result": _("result"),
        "key": _("Answer key"),
        "figures": _("Published figures"),
        "printed": _("printed"),
        "computed": _("computed"),
        "agrees": _("agrees"),
        "differs": _("differs"),
        "why": _("why"),
        "notes": _("Marks and notes"),
        "mark": _("mark"),
        "source": _("Source"),
        "name": _("Name"),
        # The blank of an English colon is no edge of a text, which Markdown would cut off.
        "colon": Markup(joined((" ", " "), ": ")[1:-1]),
        "made": _("Written by Retrograde; every number is the one that was computed, shown with nine digits."),
    }


def filled(template: str, sheet: Sheet, markups: Markups, **more: Any) -> str:
    """A template with a sheet in it.

    Args:
        template: the file's name.
        sheet: the sheet.
        markups: how it is filled in.
        more: what the template knows besides.

    Raises:
        EngineError: Jinja2 is not installed.
    """
    environment = _environment(markups)
    found = Setter(markups.spelling, Markup, broken=markups.broken).sheet(sheet)
    text: str = environment.get_template(template).render(
        sheet=sheet, found=found, words=_words(), picture=Markup(as_svg(sheet.picture, "currentColor")), **more
    )
    return text


def _environment(markups: Markups) -> Any:
    """What reads templates, and escapes what is put into them.

    Raises:
        EngineError: Jinja2 is not installed.
    """
    try:
        import jinja2
    except ImportError:
        message = _(
            "this format is written with Jinja2: python -m pip install 'retrograde[export]'; csv and svg need nothing"
        )
        raise EngineError(message) from None
    if markups in _ENVIRONMENTS:
        return _ENVIRONMENTS[markups]

    def escaped(value: object) -> object:
        # Numbers of loops are no texts; a variable that is missing has to fail by itself.
        return value if isinstance(value, Markup) or not isinstance(value, str) else Markup(markups.escaped(value))

    _ENVIRONMENTS[markups] = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        finalize=escaped,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        **markups.edges,
    )
    return _ENVIRONMENTS[markups]


def as_html(sheet: Sheet) -> bytes:
    """One page that asks for nothing from outside: MathML, SVG and its style."""
    return filled("sheet.html", sheet, HTML).encode()


def as_markdown(sheet: Sheet) -> bytes:
    """Markdown, with formulas as GitHub and notebooks read them; the picture is in the text."""
    text = filled("sheet.md", sheet, MARKDOWN, image=_image(sheet), part="")
    return (re.sub(r"\n{3,}", "\n\n", text).strip() + "\n").encode()


def _image(sheet: Sheet) -> Markup:
    """The picture as an address that holds it."""
    return Markup("data:image/svg+xml;base64," + base64.b64encode(as_svg(sheet.picture).encode()).decode())


def as_tex(sheet: Sheet) -> bytes:
    """LaTeX, for XeLaTeX and, without Chinese, pdfLaTeX."""
    return filled("sheet.tex", sheet, TEX).encode()


def as_pdf(sheet: Sheet) -> bytes:
    """The LaTeX, typeset.

    Raises:
        EngineError: no typesetter is installed, or it fails.
    """
    source = as_tex(sheet)
    program = next(filter(None, map(shutil.which, TYPESETTERS)), None)
    if program is None:
        message = _("PDF is typeset by {programs}, and neither is installed; --format tex writes what they read")
        raise EngineError(message.format(programs=" / ".join(TYPESETTERS)))
    chinese = sheet.language == "zh"
    if chinese and Path(program).name != TYPESETTERS[0]:
        raise EngineError(_("Chinese is typeset by {program}, which is not installed").format(program=TYPESETTERS[0]))
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "sheet.tex").write_bytes(source)
        command = [program, "-no-shell-escape", "-interaction=nonstopmode", "-halt-on-error", "sheet.tex"]
        try:
            done = subprocess.run(
                command, cwd=folder, capture_output=True, timeout=PATIENCE, check=False, stdin=subprocess.DEVNULL
            )
        except subprocess.TimeoutExpired:
            raise EngineError(_("{program} takes too long").format(program=Path(program).name)) from None
        made = Path(folder) / "sheet.pdf"
        if done.returncode or not made.is_file():
            said = done.stdout.decode(errors="replace").splitlines()
            reason = next((line for line in said if line.startswith("!")), said[-1] if said else "")
            raise EngineError(f"{Path(program).name}: {reason}")
        log = (Path(folder) / "sheet.log").read_text(encoding="utf-8", errors="replace")
        if chinese and "Missing character" in log:
            raise EngineError(_("no font with Chinese is installed, such as Noto Serif CJK SC"))
        return made.read_bytes()


PARTS = ("top", "network", "given", "sections", "figures", "notes", "key")
"""The parts of the template of Markdown, of which each becomes a cell of a notebook."""


def as_notebook(sheet: Sheet) -> bytes:
    """A notebook of text cells, a cell a section, with the picture attached."""
    cells: list[dict[str, Any]] = []
    picture = base64.b64encode(as_svg(sheet.picture).encode()).decode()
    for part in PARTS:
        text = filled("sheet.md", sheet, MARKDOWN, part=part).strip()
        for piece in re.split(r"\n(?=## )", text) if text else ():
            cell: dict[str, Any] = {
                "cell_type": "markdown",
                "id": f"cell-{len(cells) + 1}",
                "metadata": {},
                "source": re.sub(r"\n{3,}", "\n\n", piece).strip().splitlines(keepends=True),
            }
            if part == "network":
                cell["attachments"] = {"network.svg": {"image/svg+xml": picture}}
            cells.append(cell)
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    content = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return (json.dumps(content, ensure_ascii=False, indent=1) + "\n").encode()


COLUMNS = ("step", "address", "phase", "sample", "layer", "name", "symbol", "equation", "numbers", "result", "sum")


def as_csv(sheet: Sheet) -> bytes:
    """A row a step, its result with all digits; of a blank sheet the key has the results, as rows at the end."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    key: list[tuple[object, ...]] = []
    for section in sheet.sections:
        for group in section.groups:
            for step in group.steps:
                total = "" if step.so_far is None else number(step.so_far[1]).exact
                row = (
                    step.number,
                    step.address,
                    section.phase.value,
                    section.sample or "",
                    group.layer,
                    step.name,
                    step.symbol,
                    render(step.equation, step.symbols.__getitem__),
                )
                solved = (*row, _in_numbers(step), number(step.result).exact, total)
                writer.writerow((*row, "", "", "") if sheet.blank else solved)
                key.append(solved)
    if sheet.blank:
        writer.writerow((_("Answer key"), *[""] * (len(COLUMNS) - 1)))
        writer.writerows(key)
    return out.getvalue().encode()


def _in_numbers(step: SheetStep) -> str:
    """The equation of a step with numbers, as a line."""
    return render(step.equation, lambda ref: shown(step.values[ref]), times=" × ")


FORMATS: Mapping[str, Callable[[Sheet], bytes]] = {
    "md": as_markdown,
    "html": as_html,
    "tex": as_tex,
    "pdf": as_pdf,
    "ipynb": as_notebook,
    "csv": as_csv,
    "svg": lambda sheet: as_svg(sheet.picture).encode(),
}
"""By the suffix of a file: what writes a sheet."""

TEXTS = frozenset({"md", "html", "tex", "csv", "svg", "ipynb"})
"""What may be printed."""


def format_of(path: str) -> str:
    """The format that a file's name asks for.

    Raises:
        EngineError: it asks for none.
    """
    suffix = Path(path).suffix.removeprefix(".").lower()
    suffix = {"htm": "html", "markdown": "md"}.get(suffix, suffix)
    if suffix not in FORMATS:
        known = ", ".join(f".{name}" for name in FORMATS)
        raise EngineError(_("{file}: a sheet is written as one of {known}").format(file=path, known=known))
    return suffix
