"""Adagrad, RMSprop and Adadelta: each parameter has a scale of its own, from the squares of its gradients."""

from __future__ import annotations

from retrograde.engine.equations.array import Array
from retrograde.engine.equations.expression import ONE, Call, Div, Expr, Product, Sub, Sum
from retrograde.engine.equations.functions import SQRT
from retrograde.engine.ops.pointwise import Rule
from retrograde.engine.ops.update.appending import Updates, steps_of
from retrograde.engine.ops.update.descent import FOLLOW
from retrograde.engine.text import N_


def root(x: Expr, eps: Expr) -> Expr:
    """√x + ε."""
    return Sum((Call(SQRT, x), eps))


def root_inside(x: Expr, eps: Expr) -> Expr:
    """√(x + ε)."""
    return Call(SQRT, Sum((x, eps)))


SQUARES = Rule(
    name="sum of squares",
    title=N_("squares"),
    why=N_("The squares of all gradients so far: what moved much is to move less."),
    value=lambda s, g: Sum((s, Product((g, g)))),
    source="Duchi, Hazan, Singer 2011",
)
AVERAGE_OF_SQUARES = Rule(
    name="average of squares",
    title=N_("running average"),
    why=N_("The running average of g²: how large this gradient usually is."),
    value=lambda s, share, g: Sum((Product((share, s)), Product((Sub(ONE, share), g, g)))),
    source="Tieleman, Hinton 2012, lecture 6e",
)
AVERAGE = Rule(
    name="average",
    title=N_("running average"),
    why=N_("The running average of g: where this gradient usually points."),
    value=lambda m, share, g: Sum((Product((share, m)), Product((Sub(ONE, share), g)))),
)
VARIANCE = Rule(
    name="variance",
    title=N_("variance"),
    why=N_("The variance of g: its mean square without the square of its mean."),
    value=lambda s, a: Sub(s, Product((a, a))),
    source="Graves 2013, eq. 40",
)
FADING_RATE = Rule(
    name="fading rate",
    title=N_("learning rate"),
    why=N_("The learning rate fades with the updates: η / (1 + (t − 1)·κ)."),
    value=lambda rate, t, decay: Div(rate, Sum((ONE, Product((Sub(t, ONE), decay))))),
    source="torch.optim.Adagrad",
)
SCALED = Rule(
    name="scaled descent",
    title=N_("update"),
    why=N_("A step against the gradient, measured by the gradient's usual size; ε keeps it finite."),
    value=lambda w, rate, g, s, eps: Sub(w, Div(Product((rate, g)), root(s, eps))),
)
SCALED_INSIDE = Rule(
    name="scaled descent",
    title=N_("update"),
    why=N_("A step against the gradient, measured by the gradient's usual size; ε inside of the root keeps it finite."),
    value=lambda w, rate, g, s, eps: Sub(w, Div(Product((rate, g)), root_inside(s, eps))),
)
SCALED_VELOCITY = Rule(
    name="scaled velocity",
    title=N_("velocity"),
    why=N_("The velocity: what is left of the earlier steps, and the gradient measured by its usual size."),
    value=lambda v, mu, g, s, eps: Sum((Product((mu, v)), Div(g, root(s, eps)))),
    source="torch.optim.RMSprop",
)
SCALED_VELOCITY_INSIDE = Rule(
    name="scaled velocity",
    title=N_("velocity"),
    why=N_("The velocity: what is left of the earlier steps, and the gradient measured by its usual size."),
    value=lambda v, mu, g, s, eps: Sum((Product((mu, v)), Div(g, root_inside(s, eps)))),
)
CHANGE = Rule(
    name="change",
    title=N_("change"),
    why=N_("The step, in the unit of the parameter: usual steps measured by usual gradients."),
    value=lambda u, s, eps, g: Product((Div(root_inside(u, eps), root_inside(s, eps)), g)),
    source="Zeiler 2012, eq. 14",
)


@steps_of("adagrad")
def adagrad(updates: Updates, parameter: Array, slope: Array) -> Array:
    """s⁺ = s + g²; w⁺ = w − η·g / (√s⁺ + ε)."""
    options, rate = updates.options, updates.rate
    w, g = updates.decayed(parameter, slope)
    if options["lr_decay"]:
        fading = updates.own("fading_rate")
        rate = updates.shared(fading, FADING_RATE, rate, updates.count, updates.option("lr_decay"), sign="η_κ")
    old = updates.memory("s", parameter, float(options["initial_accumulator"]))
    s = updates.renew(old, SQUARES, old, g)
    rule = SCALED_INSIDE if options["eps_inside"] else SCALED
    return updates.replace(parameter, rule, w, rate, g, s, updates.option("eps"))


@steps_of("rmsprop")
def rmsprop(updates: Updates, parameter: Array, slope: Array) -> Array:
    """s⁺ = α·s + (1 − α)·g²; w⁺ = w − η·g / (√s⁺ + ε); centred and with momentum as the options say."""
    options, rate, eps = updates.options, updates.rate, updates.option("eps")
    w, g = updates.decayed(parameter, slope)
    alpha, inside = updates.option("alpha"), options["eps_inside"]
    old = updates.memory("s", parameter)
    s = updates.renew(old, AVERAGE_OF_SQUARES, old, alpha, g)
    if options["centered"]:
        mean = updates.memory("a", parameter)
        s = updates.made("var", parameter, VARIANCE, s, updates.renew(mean, AVERAGE, mean, alpha, g))
    if not options["momentum"]:
        return updates.replace(parameter, SCALED_INSIDE if inside else SCALED, w, rate, g, s, eps)
    before, mu = updates.memory("v", parameter), updates.option("momentum")
    v = updates.renew(before, SCALED_VELOCITY_INSIDE if inside else SCALED_VELOCITY, before, mu, g, s, eps)
    return updates.replace(parameter, FOLLOW, w, rate, v)


@steps_of("adadelta")
def adadelta(updates: Updates, parameter: Array, slope: Array) -> Array:
    """s⁺ = ρ·s + (1 − ρ)·g²; d = √(u + ε) / √(s⁺ + ε)·g; u⁺ = ρ·u + (1 − ρ)·d²; w⁺ = w − η·d."""
    rate, eps, rho = updates.rate, updates.option("eps"), updates.option("rho")
    w, g = updates.decayed(parameter, slope)
    squares, changes = updates.memory("s", parameter), updates.memory("u", parameter)
    s = updates.renew(squares, AVERAGE_OF_SQUARES, squares, rho, g)
    d = updates.made("d", parameter, CHANGE, changes, s, eps, g)
    updates.renew(changes, AVERAGE_OF_CHANGES, changes, rho, d)
    return updates.replace(parameter, FOLLOW_CHANGE, w, rate, d)


AVERAGE_OF_CHANGES = Rule(
    name="average of changes",
    title=N_("running average"),
    why=N_("The running average of d²: how large the steps usually are."),
    value=AVERAGE_OF_SQUARES.value,
    source="Zeiler 2012, algorithm 1, line 6",
)
FOLLOW_CHANGE = Rule(
    name="adadelta",
    title=N_("update"),
    why=N_("A step of the size that suits this parameter."),
    value=FOLLOW.value,
    source="Zeiler 2012, algorithm 1, line 7",
)
