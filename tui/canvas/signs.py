"""The legend: every sign that is drawn on a screen, and what it says."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from retrograde.engine.text import N_
from retrograde.tui.canvas.glyphs import Glyphs


class Sign(NamedTuple):
    """A sign.

    Attributes:
        drawn: its characters, of a set of glyphs.
        meaning: what it says, a message.
    """

    drawn: Callable[[Glyphs], str]
    meaning: str


def _same(unicode: str, ascii_only: str = "") -> Callable[[Glyphs], str]:
    """Characters that are in no set of glyphs."""
    return lambda glyphs: (ascii_only or unicode) if glyphs.ascii else unicode


SIGNS = (
    Sign(lambda g: f"{g.left_target} {g.right_target}", N_("around the neuron whose value this step makes")),
    Sign(lambda g: f"{g.left_operand} {g.right_operand}", N_("around what this step reads")),
    Sign(
        lambda g: g.target_cell, N_("in pictures of many cells, the cell that this step makes; on the timeline, a mark")
    ),
    Sign(lambda g: g.operand_cell, N_("a cell that this step reads")),
    Sign(lambda g: g.selected_cell, N_("the selected cell")),
    Sign(lambda g: g.cursor, N_("the selected row; between words, the way to where the cursor is")),
    Sign(_same("◂", "<"), N_("the target of an output, on its bar")),
    Sign(_same("▾", "v"), N_("a branch of a tree that is unfolded")),
    Sign(_same("•", "*"), N_("the way of the run through a picture")),
    Sign(_same("○", "o"), N_("the doctor: worth knowing, and no fault")),
    Sign(_same("§", "*"), N_("a chapter of the scenario, on the timeline")),
    Sign(lambda g: g.dot, N_("a breakpoint; in a curve, where the cursor is")),
    Sign(lambda g: g.check, N_("checked: a finite difference or a published figure agrees")),
    Sign(_same("✗", "X"), N_("does not agree, or went wrong")),
    Sign(lambda g: g.edited, N_("differs from the run without the edit")),
    Sign(_same("*"), N_("changed by the last motion")),
    Sign(lambda g: g.unknown, N_("not computed yet at the cursor; between two factors, times")),
    Sign(lambda g: g.ellipsis, N_("something is left out for want of room")),
    Sign(lambda g: g.levels.strip(), N_("how large, from little to much: bars and small curves")),
    Sign(lambda g: g.bar, N_("done so far, on the timeline; a large share, in bars")),
    Sign(lambda g: g.track, N_("still to come, on the timeline; a small share, in bars")),
    Sign(_same("▒▓", ":#"), N_("shades of a positive value, from small to large")),
    Sign(_same("-=≡", "-=#"), N_("shades of a negative value where there are no colours, from small to large")),
    Sign(lambda g: "0" + g.below[1:], N_("digits of a negative cell of a picture, where colours do not tell")),
    Sign(lambda g: f"{g.up} {g.down}", N_("there is more above, below; the largest and the smallest of a curve")),
    Sign(lambda g: f"{g.arrow} {g.back}", N_("from what to what; a pass forward and backward")),
    Sign(_same("⁺", "+"), N_("behind a parameter: its new value")),
    Sign(_same("′", "'"), N_("behind σ: the derivative of the activation")),
    Sign(_same("∂", "d"), N_("∂E/∂w: how much E changes with w, all else equal")),
    Sign(_same("δ", "delta"), N_("δ_h1 = ∂E/∂net_h1, the gradient at a net input")),
    Sign(_same("Σ", "sum"), N_("the sum of all")),
    Sign(_same("η", "lr"), N_("the learning rate")),
    Sign(_same("Δ", "d"), N_("how much an update changes a value")),
    Sign(_same("‖", "|"), N_("‖W‖: the length of all its numbers as one vector")),
    Sign(_same("@"), N_("h1@2: at time step 2; 2:1:17 behind @: an address")),
    Sign(_same("{4}"), N_("E{4}: the part of sample 4")),
)
"""The signs, those about the step first."""

FRAMES = "─│┌┐└┘├┤┴┬┼━┃┏┓┗┛┣┫┳┻╋╭╮╰╯╱╲╴╵╶╷"
"""Edges of panels and wires between cells: they say nothing by themselves."""
NOTATION = "−×·²¼½√∏±≤≥≈∞σμγβελρτκψαθπ°␣\u0302₀₁₂₃₄₅₆₇₈₉ᵗ⁻ᵀ…"
"""Letters and marks of mathematics, which mean what they mean in a textbook; ␣ is a blank among symbols."""
EIGHTHS = "▏▎▍▌▋▊▉"
"""The end of a bar, by eighths of a cell."""
