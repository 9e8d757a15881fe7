"""What a notebook shows of an object, which ``retrograde.engine.writing.notebook`` writes when it is first asked for.

Jupyter, and whatever else knows its protocol, asks an object for ``_repr_html_`` and ``_repr_latex_``. Objects of rooms
below the one that writes have both from here, and know nothing of how they are written.
"""

from __future__ import annotations

from retrograde.engine.late import imported


class Rich:
    """Something with a display in a notebook: HTML with MathML and SVG, without any script."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        found: str = imported("retrograde.engine.writing", "notebook:html")(self)
        return found


class RichEquation(Rich):
    """The same, of what is an equation in LaTeX, too."""

    __slots__ = ()

    def _repr_latex_(self) -> str:
        found: str = imported("retrograde.engine.writing", "notebook:latex")(self)
        return found
