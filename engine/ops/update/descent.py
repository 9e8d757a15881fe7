"""Gradient descent, with and without momentum."""

from __future__ import annotations

from retrograde.engine.equations.array import Array
from retrograde.engine.equations.expression import ONE, Compare, Comparison, Expr, Product, Select, Sub, Sum
from retrograde.engine.ops.pointwise import Rule
from retrograde.engine.ops.update.appending import AHEAD, Updates, steps_of
from retrograde.engine.text import N_


def _sum_of_shares(kept: Expr, old: Expr, share: Expr, new: Expr) -> Expr:
    return Sum((Product((kept, old)), Product((share, new))))


DESCEND = Rule(
    name="descent",
    title=N_("update"),
    why=N_("A step against the gradient makes E smaller."),
    value=lambda w, rate, g: Sub(w, Product((rate, g))),
    source="Rumelhart, Hinton, Williams 1986, eq. 8",
)
FOLLOW = Rule(
    name="momentum",
    title=N_("update"),
    why=N_("A step against the velocity: gradients that agree add up, those that change sign cancel."),
    value=lambda w, rate, v: Sub(w, Product((rate, v))),
    source="Polyak 1964",
)
ACCUMULATED = Rule(
    name="velocity",
    title=N_("velocity"),
    why=N_("The velocity: what is left of the earlier gradients, and the new one."),
    value=lambda v, mu, g: Sum((Product((mu, v)), g)),
    source="Polyak 1964; torch.optim.SGD",
)
DAMPENED = Rule(
    name="dampened velocity",
    title=N_("velocity"),
    why=N_(
        "The velocity: what is left of the earlier gradients, and a share of the new one; the first counts in full."
    ),
    value=lambda v, mu, tau, g, t: Select(Compare(Comparison.EQ, t, ONE), g, _sum_of_shares(mu, v, Sub(ONE, tau), g)),
    source="torch.optim.SGD",
)
AVERAGED = Rule(
    name="averaged velocity",
    title=N_("velocity"),
    why=N_("The velocity: a running average of the gradients."),
    value=lambda v, mu, g: _sum_of_shares(mu, v, Sub(ONE, mu), g),
)
STEPPED = Rule(
    name="step",
    title=N_("velocity"),
    why=N_("The velocity: what is left of the step before, and a step against the gradient."),
    value=lambda v, mu, rate, g: Sub(Product((mu, v)), Product((rate, g))),
    source="Rumelhart, Hinton, Williams 1986, eq. 9",
)
MOVE = Rule(
    name="move",
    title=N_("update"),
    why=N_("The parameter moves by its velocity."),
    value=lambda w, v: Sum((w, v)),
    source="Sutskever et al. 2013, eq. 2",
)
NESTEROV = Rule(
    name="Nesterov",
    title=N_("update"),
    why=N_("A step against the gradient and the velocity after it: as if one had looked ahead."),
    value=lambda w, rate, g, mu, v: Sub(w, Product((rate, Sum((g, Product((mu, v))))))),
    source="Nesterov 1983; torch.optim.SGD",
)
NESTEROV_AVERAGED = Rule(
    name="Nesterov",
    title=N_("update"),
    why=N_("A step against the average, with the newest gradient once more: as if one had looked ahead."),
    value=lambda w, rate, g, mu, v: Sub(w, Product((rate, Sum((Product((Sub(ONE, mu), g)), Product((mu, v))))))),
)
NESTEROV_STEPPED = Rule(
    name="Nesterov",
    title=N_("update"),
    why=N_(
        "The parameter moves by a step against the gradient and by what comes after it: as if one had looked ahead."
    ),
    value=lambda w, mu, v, rate, g: Sub(Sum((w, Product((mu, v)))), Product((rate, g))),
    source="Sutskever et al. 2013, eq. 3 and 4, in the form of Bengio et al. 2013",
)


LOOK_AHEAD = Rule(
    name="look ahead",
    title=N_("look ahead"),
    why=N_("Where the velocity alone would lead: there the network runs, and there the gradient is taken."),
    value=lambda w, rate, mu, v: Sub(w, Product((rate, mu, v))),
    source="Sutskever et al. 2013, eq. 3",
)
LOOK_AHEAD_STEPPED = Rule(
    name="look ahead",
    title=N_("look ahead"),
    why=N_("Where the velocity alone would lead: there the network runs, and there the gradient is taken."),
    value=lambda w, mu, v: Sum((w, Product((mu, v)))),
    source="Sutskever et al. 2013, eq. 3",
)


def ahead(updates: Updates, parameter: Array) -> Array:
    """ŵ = w − η·μ·v; of the form step w + μ·v."""
    mu, v = updates.option("momentum"), updates.memory("v", parameter)
    if updates.options["momentum_form"] == "step":
        return updates.made("ahead", parameter, LOOK_AHEAD_STEPPED, parameter, mu, v, sign="ŵ")
    return updates.made("ahead", parameter, LOOK_AHEAD, parameter, updates.rate, mu, v, sign="ŵ")


AHEAD["sgd"] = ahead


@steps_of("sgd")
def sgd(updates: Updates, parameter: Array, slope: Array) -> Array:
    """w⁺ = w − η·g; with momentum in one of three forms, see ``momentum_form``."""
    options, rate = updates.options, updates.rate
    w, g = updates.decayed(parameter, slope)
    if not options["momentum"]:
        return updates.replace(parameter, DESCEND, w, rate, g)
    mu = updates.option("momentum")
    old = updates.memory("v", parameter)
    # With the gradient at ŵ the velocity already has the look ahead.
    nesterov = options["nesterov"] and not options["look_ahead"]
    if options["momentum_form"] == "step":
        v = updates.renew(old, STEPPED, old, mu, rate, g)
        if nesterov:
            return updates.replace(parameter, NESTEROV_STEPPED, w, mu, v, rate, g)
        return updates.replace(parameter, MOVE, w, v)
    if options["momentum_form"] == "averaged":
        v = updates.renew(old, AVERAGED, old, mu, g)
    elif options["dampening"]:
        v = updates.renew(old, DAMPENED, old, mu, updates.option("dampening"), g, updates.count)
    else:
        v = updates.renew(old, ACCUMULATED, old, mu, g)
    if nesterov:
        form = NESTEROV_AVERAGED if options["momentum_form"] == "averaged" else NESTEROV
        return updates.replace(parameter, form, w, rate, g, mu, v)
    return updates.replace(parameter, FOLLOW, w, rate, v)
