"""Rprop and Lion: only the sign of a gradient counts, not its size."""

from __future__ import annotations

from retrograde.engine.equations.array import Array
from retrograde.engine.equations.expression import ONE, ZERO, Compare, Comparison, Expr, Neg, Product, Select, Sub, Sum
from retrograde.engine.ops.pointwise import Rule
from retrograde.engine.ops.update.adaptive import AVERAGE
from retrograde.engine.ops.update.appending import Updates, steps_of
from retrograde.engine.text import N_


def sign(x: Expr) -> Expr:
    """−1, 0 or 1, with NaN seen."""
    low = Select(Compare(Comparison.LT, x, ZERO), Neg(ONE), x)
    return Select(Compare(Comparison.GT, x, ZERO), ONE, low)


def _between(x: Expr, least: Expr, most: Expr) -> Expr:
    low = Select(Compare(Comparison.LT, x, least), least, x)
    return Select(Compare(Comparison.GT, x, most), most, low)


def _by_sign(g: Expr, last: Expr, same: Expr, other: Expr, none: Expr) -> Expr:
    """A choice by whether the gradient has the sign it had, the other one, or none."""
    both = Product((g, last))
    low = Select(Compare(Comparison.LT, both, ZERO), other, none)
    return Select(Compare(Comparison.GT, both, ZERO), same, low)


FACTOR = Rule(
    name="factor",
    title=N_("factor"),
    why=N_("Did the gradient keep its sign? Then the step may grow; after a change it was too large."),
    value=lambda g, last, shrink, grow: _by_sign(g, last, grow, shrink, ONE),
    source="Riedmiller, Braun 1993, eq. 4",
)
SIZE = Rule(
    name="step size",
    title=N_("step size"),
    why=N_("The size of this parameter's own step, within its bounds."),
    value=lambda size, factor, least, most: _between(Product((size, factor)), least, most),
    source="Riedmiller, Braun 1993, eq. 4",
)
LAST = Rule(
    name="gradient",
    title=N_("gradient"),
    why=N_("The gradient that decides; where it changed its sign, it counts as 0 and the parameter rests."),
    value=lambda g, last: Select(Compare(Comparison.LT, Product((g, last)), ZERO), ZERO, g),
    source="Igel, Hüsken 2000, iRprop−",
)
RPROP = Rule(
    name="Rprop",
    title=N_("update"),
    why=N_("A step of its own size against the sign of the gradient."),
    value=lambda w, g, size: Sub(w, Product((sign(g), size))),
    source="Riedmiller, Braun 1993, eq. 5 and 6",
)
LION = Rule(
    name="Lion",
    title=N_("update"),
    why=N_("A step of size η against the sign of the average."),
    value=lambda w, rate, c: Sub(w, Product((rate, sign(c)))),
    source="Chen et al. 2023, algorithm 2",
)
MIXED = Rule(
    name="mixture",
    title=N_("mixture"),
    why=N_("The average with a share of the newest gradient: its sign decides."),
    value=AVERAGE.value,
    source="Chen et al. 2023, algorithm 2",
)


def _taken_back(g: Expr, last: Expr, step: Expr, back: Expr, size: Expr) -> Expr:
    """−sign(g)·Δ⁺, and after a change of sign what is taken back of the step before."""
    return Select(Compare(Comparison.LT, Product((g, last)), ZERO), back, Neg(Product((sign(g), size))))


SLOPE = Rule(
    name="gradient", title=N_("gradient"), why=N_("The gradient that the next one is compared with."), value=lambda g: g
)
BACK = Rule(
    name="step",
    title=N_("step"),
    why=N_(
        "A step of its own size against the sign of the gradient; after a change of sign the last step is taken back."
    ),
    value=lambda g, last, step, size: _taken_back(g, last, step, Neg(step), size),
    source="Igel, Hüsken 2000, algorithm 1, Rprop+",
)
BACK_IF_WORSE = Rule(
    name="step",
    title=N_("step"),
    why=N_(
        "A step of its own size; after a change of sign the last one is taken back if E has grown, else there is none."
    ),
    value=lambda g, last, step, size, loss, before: _taken_back(
        g, last, step, Select(Compare(Comparison.GT, loss, before), Neg(step), ZERO), size
    ),
    source="Igel, Hüsken 2000, algorithm 3, iRprop+",
)
LOSS_BEFORE = Rule(
    name="loss",
    title=N_("loss"),
    why=N_("E of this update, for the next one to compare with."),
    value=lambda loss: loss,
)
STEPPED_ON = Rule(
    name="Rprop",
    title=N_("update"),
    why=N_("The parameter moves by its step."),
    value=lambda w, step: Sum((w, step)),
    source="Riedmiller, Braun 1993, eq. 5 and 6",
)


@steps_of("rprop")
def rprop(updates: Updates, parameter: Array, slope: Array) -> Array:
    """A step size for each parameter, which grows while the gradient keeps its sign and shrinks when it changes."""
    shrink, grow = updates.options["etas"]
    least, most = updates.options["step_sizes"]
    form = updates.options["rprop_form"]
    size = updates.memory("size", parameter, updates.initial_rate(parameter), sign="Δ")
    last = updates.memory("last", parameter, sign="g_last")
    settings = updates.setting("eta_minus", shrink), updates.setting("eta_plus", grow)
    factor = updates.made("factor", parameter, FACTOR, slope, last, *settings)
    bounds = updates.setting("min_step", least), updates.setting("max_step", most)
    new_size = updates.renew(size, SIZE, size, factor, *bounds)
    if form == "rprop_minus":
        return updates.replace(parameter, RPROP, parameter, updates.renew(last, SLOPE, slope), new_size)
    g = updates.renew(last, LAST, slope, last)
    if form == "irprop_minus":
        return updates.replace(parameter, RPROP, parameter, g, new_size)
    step = updates.memory("step", parameter)
    if form == "rprop_plus":
        new_step = updates.renew(step, BACK, slope, last, step, new_size)
    else:
        before = updates.remembered("loss_before", 0.0, sign="E_before")
        loss = updates.builder.total
        new_step = updates.renew(step, BACK_IF_WORSE, slope, last, step, new_size, loss, before)
        updates.renewed(before, LOSS_BEFORE, loss)
    return updates.replace(parameter, STEPPED_ON, parameter, new_step)


@steps_of("lion")
def lion(updates: Updates, parameter: Array, slope: Array) -> Array:
    """Take c = β1·m + (1 − β1)·g; w⁺ = w − η·sign(c); m⁺ = β2·m + (1 − β2)·g."""
    rate, (beta1, beta2) = updates.rate, updates.betas()
    w, g = updates.decayed(parameter, slope)
    m = updates.memory("m", parameter)
    c = updates.made("c", parameter, MIXED, m, beta1, g)
    updates.renew(m, AVERAGE, m, beta2, g)
    return updates.replace(parameter, LION, w, rate, c)
