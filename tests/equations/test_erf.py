"""The error function over arrays is that of the standard library, but for rounding, and has one set of bits."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from retrograde.engine.equations.arithmetic import same_bits
from retrograde.engine.equations.erf import erf
from tests.support.effort import examples

ENDS = (0.0, -0.0, 1.0, -1.0, 6.0, -6.0, math.nextafter(6.0, 0.0), math.inf, -math.inf, 5e-324, 1e308, 1e-160)


def test_it_is_within_two_units_in_the_last_place_of_the_standard_library() -> None:
    random = np.random.default_rng(1)
    x = np.concatenate(
        (random.normal(size=20_000), random.uniform(-7, 7, 20_000), 10.0 ** random.uniform(-320, 1, 3_000), ENDS)
    )
    wanted = np.array([math.erf(value) for value in x])
    assert np.all(np.abs(erf(x) - wanted) <= 2 * np.spacing(np.abs(wanted)))
    assert np.array_equal(np.signbit(erf(x)), np.signbit(x))


@examples(200)
@given(x=st.lists(st.floats() | st.sampled_from(ENDS), min_size=1, max_size=12))
def test_a_number_has_the_same_bits_alone_and_among_others(x: list[float]) -> None:
    values = np.array(x)
    alone = np.array([erf(np.float64(value)) for value in x])
    with np.errstate(invalid="ignore"):
        assert same_bits(erf(values), alone)
        assert same_bits(erf(values[:, None])[:, 0], alone)
        assert same_bits(erf(values[::-1])[::-1], alone)
        out = np.empty((1, len(x)))
        assert erf(values[None], out=out) is out
        assert same_bits(out[0], alone)
    assert all(math.isnan(found) for value, found in zip(x, alone, strict=True) if math.isnan(value))
