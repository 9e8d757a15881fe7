"""Optimisers as tables: what each is, which options it has with which defaults, and what an option may be.

These are facts alone, so that a scenario file is read and checked without the machinery that computes; the steps of an
update are in ``ops/update``, where a function says with ``steps_of`` whose they are. In the formulas g is the gradient
∂E/∂w (clipped, and with λ·w added where the weight decay is coupled), ⁺ is a value after the update, and η the learning
rate of the iteration.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from retrograde.engine.equations.options import Option, Value
from retrograde.engine.text import N_, _


def _etas(etas: tuple[float, float]) -> str | None:
    if 0 < etas[0] < 1 < etas[1]:
        return None
    return _("the first factor is between 0 and 1, the second above 1, such as [0.5, 1.2]")


def _step_sizes(sizes: tuple[float, float]) -> str | None:
    return None if sizes[0] <= sizes[1] else _("the smallest step size comes first, such as [1e-6, 50]")


OPTIONS: dict[str, Option] = {
    row.key: row
    for row in (
        Option(
            key="momentum",
            text="μ: the share of the velocity that is kept; 0 is no momentum",
            sign="μ",
            least=0,
            most=1,
        ),
        Option(
            key="momentum_form",
            kind="word",
            words=("accumulated", "averaged", "step"),
            text="accumulated: v⁺ = μ·v + (1 − τ)·g, w⁺ = w − η·v⁺ (PyTorch); averaged: v⁺ = μ·v + (1 − μ)·g,"
            " w⁺ = w − η·v⁺; step: v⁺ = μ·v − η·g, w⁺ = w + v⁺ (CS231n, Keras), where a change of η counts from the"
            " next gradient on",
        ),
        Option(
            key="dampening",
            text="τ: g enters the velocity as (1 − τ)·g, but in the first update in full, as in PyTorch",
            sign="τ",
            least=0,
            most=1,
        ),
        Option(
            key="nesterov",
            kind="flag",
            text="Nesterov's momentum: the gradient as if the velocity had been followed already",
        ),
        Option(
            key="look_ahead",
            kind="flag",
            text="Nesterov's momentum as textbooks write it: the network runs with ŵ, where the velocity alone would"
            " lead (w − η·μ·v; of the form step w + μ·v), and w⁺ = w − η·v⁺ (w + v⁺) with the gradient at ŵ; false: w"
            " stands for ŵ, and no other point is needed (PyTorch, Keras)",
        ),
        Option(
            key="betas",
            kind="pair",
            text="β1 and β2: the shares of the running averages that are kept",
            sign="β",
            least=0,
            below=1,
        ),
        Option(key="eps", text="ε: keeps the denominator away from 0", sign="ε", least=0),
        Option(
            key="eps_inside",
            kind="flag",
            text="true: ε inside of the root, √(s + ε), of Adam √(v̂ + ε); false: √s + ε, as in PyTorch",
        ),
        Option(key="alpha", text="α: the share of the running average of g² that is kept", sign="α", least=0, most=1),
        Option(key="rho", text="ρ: the share of the running averages that is kept", sign="ρ", least=0, most=1),
        Option(
            key="centered", kind="flag", text="the variance of g, s − a², in the denominator instead of the mean of g²"
        ),
        Option(key="amsgrad", kind="flag", text="the largest v so far in the denominator"),
        Option(key="lr_decay", text="κ: the learning rate of update t is η / (1 + (t − 1)·κ)", sign="κ", least=0),
        Option(key="initial_accumulator", text="the sum of g² before the first update", least=0),
        Option(key="momentum_decay", text="ψ: how fast the momentum approaches β1", sign="ψ", least=0),
        Option(
            key="etas",
            kind="pair",
            text="by what a step size is multiplied after a change of sign (0 to 1), and without (over 1)",
            wrong=_etas,
        ),
        Option(
            key="step_sizes", kind="pair", text="the smallest and the largest step size", above=0, wrong=_step_sizes
        ),
        Option(
            key="rprop_form",
            kind="word",
            words=("irprop_minus", "irprop_plus", "rprop_minus", "rprop_plus"),
            text="what follows a change of sign, after which the step size is smaller. irprop_minus: the parameter"
            " rests, and the gradient counts as 0 in the next update (PyTorch); rprop_minus: it moves on with the"
            " smaller step; rprop_plus: the last step is taken back, and the gradient counts as 0 in the next update;"
            " irprop_plus: as rprop_plus, but it is taken back only where E has grown, else the parameter rests",
        ),
        Option(key="weight_decay", text="λ: draws parameters to 0", sign="λ", least=0),
        Option(
            key="decoupled",
            kind="flag",
            text="weight decay as w·(1 − η·λ) before the update (AdamW); false: g + λ·w, so that the optimiser"
            " scales it with the gradient",
        ),
        Option(key="decay_biases", kind="flag", text="whether weight decay draws biases too, as in PyTorch"),
    )
}
"""The options by their key."""

DECAY: Mapping[str, Value] = {"weight_decay": 0.0, "decoupled": False, "decay_biases": True}
"""The options of weight decay, which every optimiser has that scales its step with the gradient."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """What an optimiser remembers from one update to the next.

    Attributes:
        text: what it is.
        needs: an option with the values under which it is remembered; without, it always is.
    """

    text: str
    needs: tuple[str, tuple[Value, ...]] | None = None

    def there(self, options: Mapping[str, Value]) -> bool:
        """Whether it is remembered with some options."""
        return (
            self.needs is None
            or options[self.needs[0]] in self.needs[1]
            or (self.needs[1] == () and bool(options[self.needs[0]]))
        )


COUNT = "t"
"""The key that says how many updates came before the first one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Optimiser:
    """An update rule.

    Attributes:
        name: the name in scenario files.
        title: the name for people.
        formula: the textbook formula, one assignment after the other.
        options: the keys of ``[training]`` that it has, with their defaults (those of PyTorch).
        state: how many arrays it keeps for each parameter, at most.
        made: how many arrays it computes for each parameter besides those and w⁺, at most.
        spare: options without which it keeps and computes none of these.
        remembers: what it remembers of each parameter, and ``t`` where it counts the updates; by name.
        follows_rate: whether it goes by the learning rate of each iteration, and not by the first one alone.
        source: where the definition comes from.
    """

    name: str
    title: str
    formula: str
    options: Mapping[str, Value] = field(default_factory=dict)
    state: int
    made: int
    spare: tuple[str, ...] = ()
    remembers: Mapping[str, Remembered] = field(default_factory=dict)
    follows_rate: bool = True
    source: str


_T = Remembered(text=N_("how many updates there were"))
_M = Remembered(text=N_("the first moment, the average of g"))
_V = Remembered(text=N_("the second moment, the average of g²"))
_VMAX = Remembered(text=N_("the largest second moment"), needs=("amsgrad", ()))
_MOMENTS: Mapping[str, Remembered] = {"m": _M, "v": _V, COUNT: _T}
_VELOCITY = Remembered(text=N_("the velocity"), needs=("momentum", ()))

_AVERAGES: Mapping[str, Value] = {"betas": (0.9, 0.999), "eps": 1e-8}
_ROOTED: Mapping[str, Value] = {**_AVERAGES, "eps_inside": False}
_ADAM = "m⁺ = β1·m + (1 − β1)·g; v⁺ = β2·v + (1 − β2)·g²; m̂ = m⁺ / (1 − β1ᵗ); v̂ = v⁺ / (1 − β2ᵗ)"

OPTIMISERS: dict[str, Optimiser] = {
    row.name: row
    for row in (
        Optimiser(
            name="sgd",
            title="SGD",
            formula="v⁺ = μ·v + (1 − τ)·g; w⁺ = w − η·v⁺, with Nesterov w − η·(g + μ·v⁺), or with `look_ahead`"
            " w − η·v⁺ and the gradient at w − η·μ·v; without momentum w − η·g",
            options={
                "momentum": 0.0,
                "dampening": 0.0,
                "nesterov": False,
                "look_ahead": False,
                "momentum_form": "accumulated",
                **DECAY,
            },
            state=1,
            made=2,
            spare=("momentum", "weight_decay"),
            remembers={"v": _VELOCITY, COUNT: Remembered(text=_T.text, needs=("dampening", ()))},
            source="Robbins, Monro 1951; Rumelhart, Hinton, Williams 1986, eq. 9; Sutskever et al. 2013, eq. 1 to 4",
        ),
        Optimiser(
            name="adagrad",
            title="Adagrad",
            formula="s⁺ = s + g²; w⁺ = w − η·g / (√s⁺ + ε)",
            options={"lr_decay": 0.0, "initial_accumulator": 0.0, "eps": 1e-10, "eps_inside": False, **DECAY},
            state=1,
            made=1,
            remembers={
                "s": Remembered(text=N_("the accumulator, the sum of g²")),
                COUNT: Remembered(text=_T.text, needs=("lr_decay", ())),
            },
            source="Duchi, Hazan, Singer 2011, section 1.1, diagonal",
        ),
        Optimiser(
            name="rmsprop",
            title="RMSprop",
            formula="s⁺ = α·s + (1 − α)·g²; w⁺ = w − η·g / (√s⁺ + ε), centred √(s⁺ − a⁺²); with momentum"
            " v⁺ = μ·v + g / (√s⁺ + ε), w⁺ = w − η·v⁺",
            options={"alpha": 0.99, "eps": 1e-8, "eps_inside": False, "centered": False, "momentum": 0.0, **DECAY},
            state=3,
            made=2,
            remembers={
                "s": Remembered(text=N_("the average of g²")),
                "a": Remembered(text=N_("the average of g"), needs=("centered", ())),
                "v": _VELOCITY,
            },
            source="Tieleman, Hinton 2012, lecture 6e; centred: Graves 2013, eq. 38 to 41",
        ),
        Optimiser(
            name="adadelta",
            title="Adadelta",
            formula="s⁺ = ρ·s + (1 − ρ)·g²; d = √(u + ε) / √(s⁺ + ε)·g; u⁺ = ρ·u + (1 − ρ)·d²; w⁺ = w − η·d",
            options={"rho": 0.9, "eps": 1e-6, **DECAY},
            state=2,
            made=2,
            remembers={"s": Remembered(text=N_("the average of g²")), "u": Remembered(text=N_("the average of d²"))},
            source="Zeiler 2012, algorithm 1",
        ),
        Optimiser(
            name="adam",
            title="Adam",
            formula=f"{_ADAM}; w⁺ = w − η·m̂ / (√v̂ + ε)",
            options={**_ROOTED, "amsgrad": False, **DECAY},
            state=3,
            made=3,
            remembers={**_MOMENTS, "vmax": _VMAX},
            source="Kingma, Ba 2015, algorithm 1",
        ),
        Optimiser(
            name="amsgrad",
            title="AMSGrad",
            formula=f"{_ADAM} of the largest v⁺ so far; w⁺ = w − η·m̂ / (√v̂ + ε)",
            options={**_ROOTED, **DECAY},
            state=3,
            made=3,
            remembers={**_MOMENTS, "vmax": Remembered(text=_VMAX.text)},
            source="Reddi, Kale, Kumar 2018, algorithm 2; with the corrections of Adam, as in PyTorch",
        ),
        Optimiser(
            name="adamw",
            title="AdamW",
            formula=f"{_ADAM}; w⁺ = w·(1 − η·λ) − η·m̂ / (√v̂ + ε)",
            options={**_ROOTED, "amsgrad": False, **DECAY, "weight_decay": 0.01, "decoupled": True},
            state=3,
            made=3,
            remembers={**_MOMENTS, "vmax": _VMAX},
            source="Loshchilov, Hutter 2019, algorithm 2",
        ),
        Optimiser(
            name="adamax",
            title="Adamax",
            formula="m⁺ = β1·m + (1 − β1)·g; u⁺ = max(β2·u, |g| + ε); w⁺ = w − η·m̂ / u⁺, m̂ = m⁺ / (1 − β1ᵗ)",
            options={**_AVERAGES, **DECAY},
            state=2,
            made=2,
            remembers={"m": _M, "u": Remembered(text=N_("the largest gradient, fading")), COUNT: _T},
            source="Kingma, Ba 2015, algorithm 2; ε as in PyTorch",
        ),
        Optimiser(
            name="nadam",
            title="NAdam",
            formula="μ = β1·(1 − ½·0.96^(t·ψ)); m⁺, v⁺, v̂ as in Adam;"
            " m̂ = μ′·m⁺ / (1 − Πμ·μ′) + (1 − μ)·g / (1 − Πμ), μ′ being the next μ; w⁺ = w − η·m̂ / (√v̂ + ε)",
            options={**_ROOTED, "momentum_decay": 4e-3, **DECAY},
            state=2,
            made=3,
            remembers=_MOMENTS,
            source="Dozat 2016, algorithm 2; the schedule of μ is that of PyTorch",
        ),
        Optimiser(
            name="radam",
            title="RAdam",
            formula="m⁺, v⁺, m̂ as in Adam; ρ = ρ∞ − 2·t·β2ᵗ / (1 − β2ᵗ); w⁺ = w − η·r·m̂·√(1 − β2ᵗ) / (√v⁺ + ε) for"
            " ρ > 5, else w − η·m̂; r² = (ρ − 4)·(ρ − 2)·ρ∞ / ((ρ∞ − 4)·(ρ∞ − 2)·ρ), ρ∞ = 2 / (1 − β2) − 1",
            options={**_ROOTED, **DECAY},
            state=2,
            made=2,
            remembers=_MOMENTS,
            source="Liu et al. 2020, algorithm 2; ε as in PyTorch",
        ),
        Optimiser(
            name="rprop",
            title="Rprop",
            formula="Δ⁺ = Δ·(1.2 where g keeps its sign, 0.5 where it changes) within bounds; after a change g counts"
            " as 0, or as `rprop_form` says; w⁺ = w − sign(g)·Δ⁺; Δ = η at first",
            options={"etas": (0.5, 1.2), "step_sizes": (1e-6, 50.0), "rprop_form": "irprop_minus"},
            state=3,
            made=2,
            remembers={
                "size": Remembered(text=N_("the step size Δ")),
                "last": Remembered(text=N_("the gradient before")),
                "step": Remembered(text=N_("the step before"), needs=("rprop_form", ("rprop_plus", "irprop_plus"))),
                "loss_before": Remembered(text=N_("E before"), needs=("rprop_form", ("irprop_plus",))),
            },
            follows_rate=False,
            source="Riedmiller, Braun 1993; the forms: Igel, Hüsken 2000, algorithms 1 to 4; iRprop− as in PyTorch",
        ),
        Optimiser(
            name="lion",
            title="Lion",
            formula="c = β1·m + (1 − β1)·g; w⁺ = w·(1 − η·λ) − η·sign(c); m⁺ = β2·m + (1 − β2)·g",
            options={"betas": (0.9, 0.99), **DECAY, "decoupled": True},
            state=1,
            made=2,
            remembers={"m": Remembered(text=N_("the average of g"))},
            source="Chen et al. 2023, algorithm 2",
        ),
    )
}
"""Update rules by name."""


def remembered_as(word: str) -> str | None:
    """The name of what an optimiser remembers that is called by another word: ``v`` of a velocity; None for none."""
    spoken = word.replace("_", " ").lower()
    for row in OPTIMISERS.values():
        for name, one in row.remembers.items():
            if name == word or (len(spoken) > 3 and spoken in one.text.replace(",", "")):
                return name
    return None
