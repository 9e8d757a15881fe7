"""The gradient graph: its terms add up to what was computed, and its accounts, paths and cuts to the gradient."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import islice
from random import Random

import numpy as np
import pytest

from retrograde.engine import Session
from retrograde.engine.equations.array import Array, Role
from retrograde.engine.equations.evaluation import PYTHON, evaluate
from retrograde.engine.equations.expression import Const, Div, Expr, Neg, Product, Ref, Sub, Sum
from retrograde.engine.equations.losses import equals
from retrograde.engine.errors import EngineError
from retrograde.engine.explaining.account import Account
from retrograde.engine.explaining.factors import FactorKind, term_forms
from retrograde.engine.explaining.gradient_graph import GradientGraph
from retrograde.engine.explaining.paths import Cuts, axes, largest_paths, path_view, paths_tell
from retrograde.engine.explaining.zeros import is_residue, zero_report
from retrograde.engine.scenario.file import parse_scenario
from tests.support.gradients import SCENARIOS, gradients, graph_of, session_of

MANY = 20_000
"""Paths up to which all of them are written out."""


def written_out(graph: GradientGraph, node: int = 0) -> list[float]:
    """The products of all paths of a node, by recursion over the terms."""
    found: list[float] = []
    for term in graph.terms(node):
        behind = [1.0] if term.above is None else written_out(graph, term.above)
        found += [term.coefficient * value for value in behind]
    return found


def few_paths() -> list[str]:
    return [name for name in SCENARIOS if session_of(name).program.size < 600]


@pytest.mark.parametrize("name", SCENARIOS)
def test_terms_add_up_to_the_frame(name: str) -> None:
    frame = session_of(name).frame
    for ref in gradients(frame, Random(name)):
        graph = GradientGraph(frame, ref)
        off = np.abs(graph.resummed - graph.value)
        assert np.all(off <= 1e-15 * np.maximum(graph.absolute, graph.total)), ref.array.name
        assert graph.value[0] == frame.value(ref)
        assert graph.paths[0] > 0 or graph.value[0] == 0


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_account_multiplies_up(name: str) -> None:
    frame = session_of(name).frame
    for ref in gradients(frame, Random(name)):
        graph = GradientGraph(frame, ref)
        value = abs(float(graph.value[0]))
        if value and not is_residue(graph):
            account = Account(graph)
            assert account.product == pytest.approx(value, rel=1e-12, abs=0.0)
            assert account.own.agreement <= 1e-15
            assert all(stage.ways >= -1e-12 for stage in account.stages)
            assert math.isclose(account.mass[0], 1.0)


@pytest.mark.parametrize("name", few_paths())
def test_the_largest_paths_are_those_of_all_written_out(name: str) -> None:
    frame = session_of(name).frame
    for ref in gradients(frame, Random(name)):
        graph = GradientGraph(frame, ref)
        if graph.paths[0] > MANY:
            continue
        every = sorted(written_out(graph), key=abs, reverse=True)
        assert len(every) == graph.paths[0]
        found = [path.value for path in islice(largest_paths(graph), 20)]
        np.testing.assert_allclose(np.abs(found), np.abs(every[:20]), rtol=1e-13, atol=0)
        assert math.isclose(math.fsum(map(abs, every)), graph.absolute[0], rel_tol=1e-12)
        assert math.isclose(math.fsum(every), graph.value[0], rel_tol=1e-12, abs_tol=1e-15 * graph.absolute[0])
        view = path_view(graph)
        shown = sum((Fraction(path.value) for path in view.paths), Fraction())
        assert abs(shown + Fraction(view.rest) - Fraction(view.value)) <= Fraction(math.ulp(view.rest)) / 2
        assert abs(view.rest) <= view.rest_at_most * (1 + 1e-9) + 1e-15 * view.absolute


@pytest.mark.parametrize("name", SCENARIOS)
def test_what_goes_through_a_whole_cut_is_the_gradient(name: str) -> None:
    frame = session_of(name).frame
    for ref in gradients(frame, Random(name), most=1):
        cuts = Cuts(graph=GradientGraph(frame, ref))
        size = cuts.graph.absolute[0]
        for array in cuts.arrays[:: max(1, len(cuts.arrays) // 3)]:
            for by in (None, *axes(array)):
                cut = cuts.at(array, by)
                off = abs(cut.through - cut.value)
                assert not cut.whole or off <= 1e-12 * size
                assert math.isclose(cut.rest(0), cut.through, rel_tol=1e-9, abs_tol=1e-15 * size)


def test_a_row_of_a_cut_is_cut_again() -> None:
    cuts = Cuts(graph=graph_of("digits", "W_h", (3, 20)))
    first = cuts.at(cuts.arrays[-1])
    row = first.rows[0]
    (inner,) = Cuts(graph=cuts.graph).below(row)
    assert inner.value == pytest.approx(row.value, rel=1e-15)


@pytest.mark.parametrize("name", ["elman", "gru", "char-rnn", "lstm-two-steps"])
def test_weights_through_time_are_cut_by_time_step(name: str) -> None:
    frame = session_of(name).frame
    parameter = next(array for array in frame.program.state if array.name.startswith(("W_h", "U_h")))
    ref = Ref(frame.program.named[f"grad({parameter.name})"], (0,) * len(parameter.shape))
    cuts = Cuts(graph=GradientGraph(frame, ref))
    cut = cuts.by_time
    assert cut is not None
    assert math.isclose(cut.through, cut.value, rel_tol=1e-12, abs_tol=1e-15 * cuts.graph.absolute[0])
    for row in cut.rows:
        assert math.isclose(cuts.through(row).value, row.value, rel_tol=1e-12)


def test_what_knows_no_time_is_not_cut_by_it() -> None:
    assert Cuts(graph=graph_of("mazur", "W_h", (0, 0))).by_time is None


@pytest.mark.parametrize(
    ("stem", "shape", "names"),
    [
        ("scores", (4, 2, 3, 3), ["head", "query", "key", "sample"]),
        ("a", (4, 3, 3), ["query", "key", "sample"]),
        ("S", (4, 2, 3), ["head", "query", "sample"]),
        ("net", (4, 2, 3, 3), ["channel", "position", "sample"]),
        ("net", (4, 7), ["neuron", "sample"]),
    ],
)
def test_slots_are_grouped_by_what_their_axes_are(stem: str, shape: tuple[int, ...], names: list[str]) -> None:
    of = Array(name=f"{stem}_x", shape=shape, role=Role.VALUE, batched=True, stem=stem)
    found = axes(Array(name=f"grad({of.name})", shape=shape, role=Role.GRADIENT, batched=True, of=of))
    assert [axis.name for axis in found] == names


def test_large_networks_are_cut_and_small_ones_have_paths() -> None:
    assert paths_tell(graph_of("mazur", "W_h", (0, 0)))
    assert not paths_tell(graph_of("lenet-digits", "W_c1", (3, 0, 2, 0)))


def test_the_account_of_vanishing_names_slopes() -> None:
    account = Account(graph_of("vanishing", "W_h1", (0, 0)))
    slopes = math.exp(sum(layer.slopes for layer in account.layers))
    assert f"{slopes:.3g}" == "1.08e-05"
    assert [f"{math.exp(layer.weights):.3g}" for layer in account.layers[:3]] == ["1.14", "1.64", "1.21"]
    assert f"{math.exp(account.own.kinds[FactorKind.INPUT]):.3g}" == "0.5"
    assert f"{account.product:.3g}" == "2.53e-06"


def test_a_saturated_output_is_slope_times_error() -> None:
    session = session_of("saturated")
    parameter = session.program.state[0]
    account = Account(graph_of("saturated", parameter.name, (0,) * len(parameter.shape)))
    (layer,) = account.layers
    assert f"{math.exp(layer.slopes):.3g}" == "0.0177"
    assert f"{math.exp(layer.kinds[FactorKind.ERROR]):.3g}" == "0.982"


def test_zeros_are_counted_in_series_and_the_nearest_named() -> None:
    report = zero_report(graph_of("deep-relu-zeros", "W_h1", (0, 0)))
    assert (report.series, report.blocked_samples, report.samples, dict(report.kinds)) == (
        20,
        20,
        20,
        {FactorKind.SLOPE: 20},
    )
    frame = Session(parse_scenario(ZEROS)).frame
    graph = GradientGraph(frame, Ref(frame.program.named["grad(W_h1)"], (0, 0)))
    assert zero_report(graph).series == 4


ZEROS = """format = 1
title = { en = "Zeros in series", zh = "连续的零" }
[network]
inputs = 2
[network.init]
kind = "constant"
value = 0.0
[[network.layers]]
name = "h1"
units = 8
activation = "relu"
[[network.layers]]
name = "h2"
units = 8
activation = "relu"
[[network.layers]]
name = "o"
units = 1
activation = "sigmoid"
[data]
inputs = [[1, 2]]
targets = [[1]]
[loss]
kind = "mean_squared_error"
[training]
learning_rate = 0.1
[stop]
epochs = 3
"""


def test_a_gradient_that_is_zero_since_nothing_is_wrong_has_a_zero_seed() -> None:
    frame = session_of("goodfellow-xor").frame
    graph = GradientGraph(frame, Ref(frame.program.named["grad(W_h)"], (0, 0)))
    report = zero_report(graph)
    assert (report.series, report.samples) == (1, 4)
    # Where the input is not 0 nothing is wrong already.
    assert report.kinds == {FactorKind.INPUT: 2, FactorKind.ERROR: 2}


def test_a_key_bias_of_attention_is_a_rounding_residue() -> None:
    assert is_residue(graph_of("char-transformer", "bk_att", (0,)))
    assert not is_residue(graph_of("char-transformer", "bq_att", (0,)))


def test_only_gradients_have_a_graph() -> None:
    frame = session_of("mazur").frame
    for name in ("W_h", "net_h", "slope(h)"):
        array = frame.program.named.get(name)
        if array is not None:
            with pytest.raises(EngineError, match="is not a gradient"):
                GradientGraph(frame, Ref(array, (0,) * len(array.shape)))


G, X = (Ref(Array(name=name, shape=(), role=role)) for name, role in (("g", Role.GRADIENT), ("x", Role.OUT)))
TWO = Const(2.0)


@pytest.mark.parametrize(
    ("expr", "forms"),
    [
        (G, [(G, [])]),
        (Neg(G), [(G, [-1.0])]),
        (Product((G, TWO)), [(G, [2.0])]),
        (Div(G, TWO), [(G, [0.5])]),
        (Sum((G, TWO)), [(G, []), (None, [2.0])]),
        (Sub(TWO, G), [(None, [2.0]), (G, [-1.0])]),
        (Product((TWO, Sum((G, Neg(G))))), [(G, [2.0]), (G, [2.0, -1.0])]),
        (equals(TWO, TWO, G, TWO), [(G, [1.0]), (None, [0.0, 2.0])]),
    ],
)
def test_an_equation_falls_into_terms(expr: Expr, forms: list[tuple[Ref | None, list[float]]]) -> None:
    found: list[tuple[Ref | None, list[float]]] = []
    for form in term_forms(expr, lambda array: array is G.array):
        numbers = [evaluate(factor.expr, lambda ref: 0.0, PYTHON) for factor in form.factors]
        numbers = [1.0 - n if factor.chosen is False else n for n, factor in zip(numbers, form.factors, strict=True)]
        found.append((form.above, numbers))
    assert found == forms


@pytest.mark.parametrize("expr", [Product((G, G)), Div(TWO, G), equals(X, TWO, Product((G, G)), G)])
def test_what_is_not_linear_is_refused(expr: Expr) -> None:
    with pytest.raises(NotImplementedError):
        term_forms(expr, lambda array: array is G.array)
