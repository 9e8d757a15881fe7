"""Published figures held against computed ones, digit by digit.

A figure is compared in decimal arithmetic, on the digits that were printed. The exact decimal value of the
computed float64, times the figure's factor, is shortened as its source shortened it: rounded (a value exactly
between two figures agrees with either rounding, half to even or half up) or cut off toward zero. No tolerance
is involved.

There is one exception. A figure of fifteen significant digits or more is another program's whole float64,
whose last bits depend on the order of that program's additions. It agrees if it differs by no more than one
unit of its fifteenth significant digit; after updates, each of which rounds again, of its twelfth. Its
finding says so.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Context, Decimal
from typing import TYPE_CHECKING, Literal

import numpy as np

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.errors import EngineError, Violation
from retrograde.engine.scenario.models import FIGURE
from retrograde.engine.scenario.refusing import refusal
from retrograde.engine.session.session import Session
from retrograde.engine.text import _, joined, language, ngettext

if TYPE_CHECKING:
    from retrograde.engine.network.network import Network
    from retrograde.engine.scenario.models import Expectation, Scenario

FULL_PRECISION = 15
"""Significant digits from which a figure counts as a whole float64, and to which it is then compared."""

AFTER_UPDATES = 12
"""Significant digits to which such a figure is compared where updates come before it."""

Mode = Literal["round", "truncate"]

# The exact decimal value of a float64 has up to 767 significant digits, and a factor a few more.
_EXACT = Context(prec=4000, Emin=-999_999, Emax=999_999)
_ROUNDINGS = {"round": (ROUND_HALF_EVEN, ROUND_HALF_UP), "truncate": (ROUND_DOWN,)}


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureComparison:
    """A computed value beside a printed figure.

    Attributes:
        computed: the value times the figure's factor.
        shown: the computed value with the digits of the printed figure.
        matches: whether the two are the same figure.
        digits: the significant digit of which one unit was allowed; None where every printed digit counted.
        above: by how many units of its last digit the printed figure is the larger one in size; 0 where the two match.
    """

    computed: float
    shown: str
    matches: bool
    digits: int | None
    above: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What became of one published figure.

    Attributes:
        expect: the entry of the scenario.
        computed: the value that was computed, times the entry's factor.
        shown: the same with the digits of the printed figure where the two match, else with all of its own.
        ok: whether it is as the entry says: an `agrees` figure matches, a `source_wrong` figure does not.
        verdict: the same for people.
        above: by how many units of its last digit the printed figure is too large in size.
    """

    expect: Expectation
    computed: float
    shown: str
    ok: bool
    verdict: str
    above: int = 0

    @property
    def wrong(self) -> bool:
        """Whether the source is wrong, as the entry says."""
        return self.ok and self.expect.verdict == "source_wrong"


def compare(
    printed: str, value: float, *, factor: float = 1.0, mode: Mode = "round", whole: int = FULL_PRECISION
) -> FigureComparison:
    """Hold a computed value against a printed figure.

    Args:
        printed: the figure as its source prints it: `0.75136507`, `1.77005547e-04`.
        value: the computed value.
        factor: the figure is `factor` times the value.
        mode: how the source shortened the figure.
        whole: the significant digits to which a whole float64 is compared.
    """
    figure = Decimal(printed)
    digits = whole if len(figure.as_tuple().digits) >= FULL_PRECISION else None
    if not (math.isfinite(value) and figure.is_finite()):
        product, wanted = value * factor, float(printed)
        # A finite value is no infinite one, whatever it is multiplied by.
        same = product == wanted or (math.isnan(product) and math.isnan(wanted))
        matches = same and not math.isfinite(value)
        return FigureComparison(computed=product, shown=str(product), matches=matches, digits=digits)
    # A factor such as 0.05 means the decimal that was written, not the float64 beside it.
    exact = _EXACT.multiply(Decimal(value), Decimal(repr(factor)))
    exponent = figure.as_tuple().exponent
    assert isinstance(exponent, int)
    unit = Decimal(1).scaleb(exponent, _EXACT)
    shortened = [exact.quantize(unit, rounding, _EXACT) for rounding in _ROUNDINGS[mode]]
    if digits is not None:
        tolerance = Decimal(1).scaleb(figure.adjusted() - digits + 1, _EXACT)
        matches = abs(_EXACT.subtract(exact, figure)) <= tolerance
    else:
        matches = figure in shortened
    return FigureComparison(
        computed=float(exact),
        shown=_like(printed, shortened[0]),
        matches=matches,
        digits=digits,
        above=0 if matches else int(_EXACT.divide(_EXACT.subtract(abs(figure), abs(shortened[0])), unit)),
    )


def slip(above: int) -> str:
    """In what a figure is wrong, where that is one unit of its last digit; else empty.

    Args:
        above: by how many units of its last digit it is too large in size.
    """
    return {1: _("its last digit is one too high"), -1: _("its last digit is one too low")}.get(above, "")


def summary(agree: int, wrong: int, fail: int) -> str:
    """How many figures agree, of how many the source is wrong, and how many fail."""
    return joined(
        (
            ngettext("{count} agrees", "{count} agree", agree).format(count=f"{agree:,}"),
            ngettext("{count} the source is wrong", "{count} the source is wrong", wrong).format(count=f"{wrong:,}"),
            ngettext("{count} fails", "{count} fail", fail).format(count=f"{fail:,}"),
        ),
        ", ",
    )


def reason_of(expect: Expectation) -> str:
    """Why a source is wrong, or how it comes to a figure, in the language in use; empty where nothing is said."""
    reason = expect.reason
    if reason is None or isinstance(reason, str):
        return reason or ""
    return reason.zh if language() == "zh" else reason.en


def check(
    scenario: Scenario, asked: Callable[[], bool] = lambda: False, network: Network | None = None
) -> tuple[Finding, ...]:
    """Verify every published figure of a scenario.

    The scenario is run once, as far as its figures go, whatever its stop rules say. A figure after the last update
    is what one more iteration would compute before its own update.

    Args:
        scenario: the scenario.
        asked: says whether to end before it is done.
        network: its network where it is a variant's; None to make it.

    Returns:
        A finding for each entry of `expect`, in their order; of an array one for each number in it.

    Raises:
        ScenarioError: figures name values that the network does not have, or ones from after the training.
        InterruptedError: it was asked to end.
    """
    if not scenario.expect:
        return ()
    session = Session(scenario, network=network)
    found: dict[int, tuple[Finding, ...]] = {}
    violations: list[Violation] = []
    # In order of updates the run is walked once, from its start to the last figure.
    for number, expect in sorted(enumerate(scenario.expect), key=lambda pair: pair[1].updates):
        try:
            _refuse_unreachable(expect, scenario.stop.epochs, session.schedule.per_epoch)
            if asked():
                raise InterruptedError
            session.branch.extend(expect.updates, lambda _done, _all: asked())
            value = session.measure(expect.value, expect.updates)
            found[number] = tuple(_finding(one, number) for one, number in _each(expect, value))
        except EngineError as error:
            violations.append(Violation(path=("expect", number, "value"), message=str(error).replace("\n", " ")))
    if violations:
        raise refusal(scenario, violations)
    return tuple(finding for number in range(len(scenario.expect)) for finding in found[number])


def _each(expect: Expectation, value: float | Floats) -> Iterator[tuple[Expectation, float]]:
    """The figures of an entry with their values: of an array one for each number in it.

    Raises:
        EngineError: the source prints other numbers than the value has.
    """
    array = expect.printed.startswith("[")
    try:
        figures = np.array(json.loads(re.sub(r"[^\[\],\s]+", r'"\g<0>"', expect.printed)) if array else expect.printed)
    except ValueError:
        raise EngineError(_("the figures of {name} are no array").format(name=expect.value)) from None
    values = np.asarray(value)
    if figures.shape != values.shape:
        message = _("{name}: the value has the shape {wanted}, what is printed {given}")
        shapes = {"wanted": list(values.shape), "given": list(figures.shape)}
        raise EngineError(message.format(name=expect.value, **shapes))
    if not array:
        yield expect, float(values)
        return
    for index in np.ndindex(values.shape):
        name = f"{expect.value}[{','.join(str(place + 1) for place in index)}]"
        printed = str(figures[index])
        if not re.fullmatch(FIGURE, printed):
            raise EngineError(_("{printed} is no number").format(printed=printed))
        yield expect.model_copy(update={"value": name, "printed": printed}), float(values[index])


def _refuse_unreachable(expect: Expectation, epochs: int, per_epoch: int) -> None:
    """Raise an EngineError where the training never has a figure's number of updates, or no epoch ends there."""
    if expect.updates > epochs * per_epoch:
        raise EngineError(
            _("{name} after {updates} updates: this training has at most {last}").format(
                name=expect.value, updates=expect.updates, last=epochs * per_epoch
            )
        )
    if re.search(r"\bE_epoch\b", expect.value) and (expect.updates == 0 or expect.updates % per_epoch):
        raise EngineError(
            _("E_epoch after {updates} updates: no epoch ends there; an epoch has {count}").format(
                updates=expect.updates, count=per_epoch
            )
        )


def _finding(expect: Expectation, value: float) -> Finding:
    whole = AFTER_UPDATES if expect.updates else FULL_PRECISION
    comparison = compare(expect.printed, value, factor=expect.factor, mode=expect.mode, whole=whole)
    wrong = expect.verdict == "source_wrong"
    return Finding(
        expect=expect,
        computed=comparison.computed,
        shown=comparison.shown if comparison.matches else _whole(comparison.computed),
        ok=comparison.matches != wrong,
        verdict=_verdict(expect, comparison),
        above=comparison.above,
    )


def _whole(value: float) -> str:
    """All digits of a computed value, from which the same float64 is read again; zero has no sign."""
    return repr(value or 0.0)


def _verdict(expect: Expectation, comparison: FigureComparison) -> str:
    if expect.verdict == "source_wrong":
        if comparison.matches:
            return _("matches, but is said to be wrong")
        return _("source is wrong")
    if comparison.matches:
        if comparison.digits is not None:
            return _("agrees to {digits} significant digits").format(digits=comparison.digits)
        return _("agrees")
    other: Mode = "round" if expect.mode == "truncate" else "truncate"
    if compare(expect.printed, comparison.computed, mode=other).matches:
        if other == "round":
            return _("differs; it would agree if rounded")
        return _("differs; it would agree if cut off")
    return _("differs")


def _like(printed: str, value: Decimal) -> str:
    """Write a value in the notation of a printed figure."""
    value = value or abs(value)
    mantissa, mark, exponent = printed.partition("e" if "e" in printed else "E")
    if not mark:
        return f"{value:f}"
    decimals = len(mantissa.partition(".")[2])
    scaled = f"{value:.{decimals}e}" if value else f"{Decimal(0):.{decimals}f}e+0"
    body, _mark, power = scaled.partition("e")
    number = int(power)
    width = len(exponent.lstrip("+-"))
    sign = "-" if number < 0 else "+" if exponent[:1] in {"+", "-"} else ""
    return f"{body}{mark}{sign}{abs(number):0{width}d}"
