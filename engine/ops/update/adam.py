"""Adam and what came of it: AMSGrad, AdamW, Adamax, NAdam and RAdam."""

from __future__ import annotations

import math
from collections.abc import Callable

from retrograde.engine.equations.array import Array
from retrograde.engine.equations.evaluation import PYTHON, evaluate
from retrograde.engine.equations.expression import (
    HALF,
    ONE,
    TWO,
    Call,
    Compare,
    Comparison,
    Const,
    Div,
    Expr,
    Max,
    Product,
    Ref,
    Select,
    Sub,
    Sum,
)
from retrograde.engine.equations.functions import ABS, EXP, SQRT
from retrograde.engine.ops.pointwise import Rule
from retrograde.engine.ops.update.adaptive import AVERAGE, AVERAGE_OF_SQUARES, root, root_inside
from retrograde.engine.ops.update.appending import Updates, steps_of
from retrograde.engine.text import N_

_FOUR, _FIVE = Const(4.0), Const(5.0)
_LOG_OF_096 = Const(math.log(0.96), "ln 0.96")

POWER = Rule(
    name="power",
    title=N_("power"),
    why=N_("β to the number of updates: the share of the zeros that the average began with."),
    value=lambda power, beta: Product((power, beta)),
    source="Kingma, Ba 2015, section 3",
)
CORRECTED = Rule(
    name="correction",
    title=N_("correction"),
    why=N_("The average began with zeros; without their share it is the average of the gradients alone."),
    value=lambda average, power: Div(average, Sub(ONE, power)),
    source="Kingma, Ba 2015, section 3",
)
ADAM = Rule(
    name="Adam",
    title=N_("update"),
    why=N_("A step against the average gradient, measured by its usual size; ε keeps it finite."),
    value=lambda w, rate, m, v, eps: Sub(w, Div(Product((rate, m)), root(v, eps))),
    source="Kingma, Ba 2015, algorithm 1",
)
ADAM_INSIDE = Rule(
    name="Adam",
    title=N_("update"),
    why=N_("A step against the average gradient, measured by its usual size; ε inside of the root keeps it finite."),
    value=lambda w, rate, m, v, eps: Sub(w, Div(Product((rate, m)), root_inside(v, eps))),
)
LARGEST = Rule(
    name="maximum",
    title=N_("maximum"),
    why=N_("The largest average of g² so far: the steps never grow again."),
    value=lambda largest, v: Max((largest, v)),
    source="Reddi, Kale, Kumar 2018, algorithm 2",
)
LARGEST_GRADIENT = Rule(
    name="fading maximum",
    title=N_("maximum"),
    why=N_("The largest gradient so far, where older ones count less."),
    value=lambda u, beta, g, eps: Max((Product((beta, u)), Sum((Call(ABS, g), eps)))),
    source="Kingma, Ba 2015, eq. 12",
)
ADAMAX = Rule(
    name="Adamax",
    title=N_("update"),
    why=N_("A step against the average gradient, measured by the largest one."),
    value=lambda w, rate, m, u: Sub(w, Div(Product((rate, m)), u)),
    source="Kingma, Ba 2015, algorithm 2",
)


def _momentum(beta: Expr, t: Expr, decay: Expr) -> Expr:
    """β1·(1 − ½·0.96^(t·ψ))."""
    return Product((beta, Sub(ONE, Product((HALF, Call(EXP, Product((t, decay, _LOG_OF_096))))))))


MOMENTUM_NOW = Rule(
    name="momentum of the update",
    title=N_("momentum"),
    why=N_("The momentum of this update, which approaches β1: ½·0.96^(t·ψ) of it is missing."),
    value=_momentum,
    source="Dozat 2016, section 3; torch.optim.NAdam",
)
MOMENTUM_NEXT = Rule(
    name="momentum of the next update",
    title=N_("momentum"),
    why=N_("The momentum of the next update."),
    value=lambda beta, t, decay: _momentum(beta, Sum((t, ONE)), decay),
    source="Dozat 2016, section 3; torch.optim.NAdam",
)
MOMENTUM_PRODUCT = Rule(
    name="product",
    title=N_("product"),
    why=N_("The product of all momenta so far: the share of the zeros that the average began with."),
    value=lambda product, mu: Product((product, mu)),
    source="Dozat 2016, algorithm 2",
)
AHEAD = Rule(
    name="look ahead",
    title=N_("correction"),
    why=N_(
        "The average as it will be after the next update, as far as it is known, without the share of its first zeros."
    ),
    value=lambda m, g, mu, ahead, product: Sum(
        (
            Div(Product((ahead, m)), Sub(ONE, Product((product, ahead)))),
            Div(Product((Sub(ONE, mu), g)), Sub(ONE, product)),
        )
    ),
    source="Dozat 2016, algorithm 2",
)
LONGEST = Rule(
    name="longest average",
    title=N_("length"),
    why=N_("How many gradients the average of g² takes in at most."),
    value=lambda beta: Sub(Div(TWO, Sub(ONE, beta)), ONE),
    source="Liu et al. 2020, algorithm 2",
)
LENGTH = Rule(
    name="length of the average",
    title=N_("length"),
    why=N_("How many gradients the average of g² takes in so far."),
    value=lambda longest, t, power: Sub(longest, Div(Product((TWO, t, power)), Sub(ONE, power))),
    source="Liu et al. 2020, algorithm 2",
)
RECTIFIER = Rule(
    name="rectification",
    title=N_("rectification"),
    why=N_("How far the average of g² can be trusted; with 5 gradients or fewer it is not used."),
    value=lambda length, longest: Select(
        Compare(Comparison.GT, length, _FIVE),
        Call(
            SQRT,
            Div(
                Product((Sub(length, _FOUR), Sub(length, TWO), longest)),
                Product((Sub(longest, _FOUR), Sub(longest, TWO), length)),
            ),
        ),
        ONE,
    ),
    source="Liu et al. 2020, algorithm 2",
)
_Root = Callable[[Expr, Expr], Expr]


def _rectified(denominator: _Root) -> Callable[..., Expr]:
    """The update of RAdam, given √v and ε in one of two ways."""
    return lambda w, rate, m, v, eps, rectifier, length, power: Select(
        Compare(Comparison.GT, length, _FIVE),
        Sub(w, Div(Product((rate, rectifier, Call(SQRT, Sub(ONE, power)), m)), denominator(v, eps))),
        Sub(w, Product((rate, m))),
    )


RADAM = Rule(
    name="RAdam",
    title=N_("update"),
    why=N_("A step against the average gradient; measured by its usual size as soon as that can be trusted."),
    value=_rectified(root),
    source="Liu et al. 2020, algorithm 2; torch.optim.RAdam",
)
RADAM_INSIDE = Rule(name=RADAM.name, title=RADAM.title, why=RADAM.why, value=_rectified(root_inside))


def _averages(updates: Updates, parameter: Array, g: Array) -> tuple[Array, Array]:
    """m⁺ and v⁺."""
    beta1, beta2 = updates.betas()
    m, v = updates.memory("m", parameter), updates.memory("v", parameter)
    return updates.renew(m, AVERAGE, m, beta1, g), updates.renew(v, AVERAGE_OF_SQUARES, v, beta2, g)


def _powers(updates: Updates) -> tuple[Array, Array]:
    """β1ᵗ and β2ᵗ."""
    return _power(updates, 1), _power(updates, 2)


def _power(updates: Updates, number: int) -> Array:
    """β1ᵗ or β2ᵗ."""
    before = updates.builder.starts.power(updates.options["betas"][number - 1])
    old = updates.remembered(f"beta{number}_power", before, sign=f"β{number}ᵗ")
    return updates.renewed(old, POWER, old, updates.betas()[number - 1])


@steps_of("adam", "adamw")
def adam(updates: Updates, parameter: Array, slope: Array) -> Array:
    """m̂ = m⁺ / (1 − β1ᵗ), v̂ = v⁺ / (1 − β2ᵗ), w⁺ = w − η·m̂ / (√v̂ + ε); the largest v⁺ where the option says so."""
    return _adam(updates, parameter, slope, largest=bool(updates.options["amsgrad"]))


@steps_of("amsgrad")
def amsgrad(updates: Updates, parameter: Array, slope: Array) -> Array:
    """Adam with the largest v⁺ so far."""
    return _adam(updates, parameter, slope, largest=True)


def _adam(updates: Updates, parameter: Array, slope: Array, *, largest: bool) -> Array:
    rate, (power1, power2) = updates.rate, _powers(updates)
    w, g = updates.decayed(parameter, slope)
    m, v = _averages(updates, parameter, g)
    if largest:
        most = updates.memory("vmax", parameter, sign="v_max")
        v = updates.renew(most, LARGEST, most, v)
    mean = updates.made("mhat", parameter, CORRECTED, m, power1, sign="m̂")
    square = updates.made("vhat", parameter, CORRECTED, v, power2, sign="v̂")
    rule = ADAM_INSIDE if updates.options["eps_inside"] else ADAM
    return updates.replace(parameter, rule, w, rate, mean, square, updates.option("eps"))


@steps_of("adamax")
def adamax(updates: Updates, parameter: Array, slope: Array) -> Array:
    """u⁺ = max(β2·u, |g| + ε); w⁺ = w − η·m̂ / u⁺."""
    rate, (beta1, beta2) = updates.rate, updates.betas()
    power = _power(updates, 1)
    w, g = updates.decayed(parameter, slope)
    m, u = updates.memory("m", parameter), updates.memory("u", parameter)
    mean = updates.renew(m, AVERAGE, m, beta1, g)
    largest = updates.renew(u, LARGEST_GRADIENT, u, beta2, g, updates.option("eps"))
    corrected = updates.made("mhat", parameter, CORRECTED, mean, power, sign="m̂")
    return updates.replace(parameter, ADAMAX, w, rate, corrected, largest)


def _momenta(updates: Updates) -> float:
    """The product of the momenta of the updates before the first one, multiplied as the updates do."""
    beta, decay = Const(updates.options["betas"][0]), Const(updates.options["momentum_decay"])
    product = 1.0
    for update in range(1, updates.builder.starts.count + 1):
        product *= evaluate(_momentum(beta, Const(float(update)), decay), _nothing, PYTHON)
    return product


def _nothing(ref: Ref) -> float:
    """Numbers alone read no slot."""
    raise LookupError(ref)


@steps_of("nadam")
def nadam(updates: Updates, parameter: Array, slope: Array) -> Array:
    """Adam with Nesterov's momentum: m̂ looks one update ahead."""
    rate, (beta1, _beta2) = updates.rate, updates.betas()
    t, decay = updates.count, updates.option("momentum_decay")
    mu = updates.shared("mu", MOMENTUM_NOW, beta1, t, decay, sign="μ")
    ahead = updates.shared("mu_next", MOMENTUM_NEXT, beta1, t, decay, sign="μ′")
    before = updates.remembered("mu_product", _momenta(updates), sign="Πμ")
    product = updates.renewed(before, MOMENTUM_PRODUCT, before, mu)
    power = _power(updates, 2)
    w, g = updates.decayed(parameter, slope)
    m, v = _averages(updates, parameter, g)
    mean = updates.made("mhat", parameter, AHEAD, m, g, mu, ahead, product, sign="m̂")
    square = updates.made("vhat", parameter, CORRECTED, v, power, sign="v̂")
    rule = ADAM_INSIDE if updates.options["eps_inside"] else ADAM
    return updates.replace(parameter, rule, w, rate, mean, square, updates.option("eps"))


@steps_of("radam")
def radam(updates: Updates, parameter: Array, slope: Array) -> Array:
    """Adam whose scale is rectified, and left out while it rests on too few gradients."""
    rate, (power1, power2) = updates.rate, _powers(updates)
    longest = updates.shared("rho_inf", LONGEST, updates.betas()[1], sign="ρ∞")
    length = updates.shared("rho", LENGTH, longest, updates.count, power2, sign="ρ")
    rectifier = updates.shared("rect", RECTIFIER, length, longest, sign="r")
    w, g = updates.decayed(parameter, slope)
    m, v = _averages(updates, parameter, g)
    mean = updates.made("mhat", parameter, CORRECTED, m, power1, sign="m̂")
    rule, eps = RADAM_INSIDE if updates.options["eps_inside"] else RADAM, updates.option("eps")
    return updates.replace(parameter, rule, w, rate, mean, v, eps, rectifier, length, power2)
