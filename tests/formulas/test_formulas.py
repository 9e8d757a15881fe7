"""Formulas mean what they say: read, decided and evaluated alike on frames and in both executors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrograde.engine import Session, load_scenario
from retrograde.engine.errors import FormulaError
from retrograde.engine.formulas import resolving, wide
from retrograde.engine.formulas.meaning import candidates
from retrograde.engine.formulas.probe import Probe, Record, context, decide
from retrograde.engine.formulas.tree import Kind
from tests.support.effort import examples
from tests.support.networks import Recipe, randoms
from tests.support.random_formulas import Author, Piece, Truth, decided, same, value_at
from tests.support.runs import checkpoints_every, executed_by, trainings


def written(random: Random, session: Session, count: int) -> list[Piece]:
    author = Author(random, session.notation, session.schedule.full)
    found = []
    for number in range(count):
        depth = random.randint(0, 4)
        found.append(author.condition(depth) if number % 2 else author.number(depth))
    return found


@contextmanager
def together(executor: str) -> Iterator[None]:
    """Lets arrays of any size be looked at together, where that is asked for: in these networks they are small."""
    apart = 1 if executor in {"stretches", "gathered"} else resolving.APART
    least = 1 if executor == "wide" else wide.LEAST
    with patch.object(wide, "LEAST", least), patch.object(resolving, "APART", apart):
        yield


@pytest.mark.parametrize("executor", ["generated", "kernels", "stretches"])
@examples(25)
@given(recipe=trainings(epochs=3), random=randoms())
def test_a_formula_is_decided_and_valued_as_it_reads(executor: str, recipe: Recipe, random: Random) -> None:
    with executed_by(executor), together(executor):
        session = Session(recipe.scenario)
        truth, schedule = Truth(session.timeline), session.schedule
        for piece in written(random, session, 12):
            formula = session.formula(piece.text)
            for iteration in range(3 * schedule.per_epoch):
                program = schedule.program(iteration)
                found = [tuple(candidate) for candidate in candidates(formula, program)]
                assert found == decided(piece, truth, iteration), piece.text
                before = session.branch.search.before(formula, iteration)
                for candidate in candidates(formula, program):
                    moment = context(program, candidate, iteration, schedule.per_epoch)
                    value = decide(formula, truth.frame(iteration), before, candidate, moment)
                    wanted = value_at(piece, truth, iteration, candidate.step, candidate.sample)
                    assert same(value, wanted), (piece.text, iteration, candidate)


@pytest.mark.parametrize("executor", ["generated", "kernels", "wide", "blas", "stretches", "gathered"])
@examples(25)
@given(recipe=trainings(epochs=4), random=randoms(), data=st.data())
def test_a_run_sees_what_its_frames_hold(executor: str, recipe: Recipe, random: Random, data: st.DataObject) -> None:
    """The printed form, compiled into the loop that trains, against frames one by one."""
    if executor == "blas":
        recipe = Recipe(**{**vars(recipe), "arithmetic": "blas"})
    with executed_by(executor), checkpoints_every(0.0), together(executor):
        session = Session(recipe.scenario)
        truth, schedule = Truth(session.timeline), session.schedule
        last = 4 * schedule.per_epoch
        start = data.draw(st.integers(0, last - 1))
        count = data.draw(st.integers(1, last - start))
        pieces = written(random, session, 8)
        formulas = [session.formula(piece.text) for piece in pieces]
        pairs = list(zip(pieces, formulas, strict=True))
        conditions = [pair for pair in pairs if pair[1].kind is Kind.TRUTH]
        values = [pair for pair in pairs if pair[1].kind is Kind.NUMBER]
        probe = Probe(
            conditions=tuple(formula for _piece, formula in conditions),
            values=tuple(formula for _piece, formula in values),
        )
        record = Record(start=start, columns=[[] for _ in values])
        session.timeline.watch(session.timeline.state(start), start, count, probe, record)

        seen = range(start, start + count)

        def taken(piece: Piece, iteration: int) -> list[object]:
            return [
                value_at(piece, truth, iteration, step, sample) for step, sample in decided(piece, truth, iteration)
            ]

        assert record.hits == [
            iteration - start
            for iteration in seen
            if any(value for piece, _formula in conditions for value in taken(piece, iteration))
        ]
        for (piece, _formula), column in zip(values, record.columns, strict=True):
            wanted = [value for iteration in seen for value in taken(piece, iteration)]
            assert len(column) == len(wanted)
            assert all(map(same, column, wanted)), piece.text
        plain: list[float] = []
        session.timeline.advance(session.timeline.state(start), start, count, plain)
        assert all(map(same, record.losses, plain))


def test_the_promised_words_are_read() -> None:
    """Every spelling that the command line's help shows, on the network that everybody starts with."""
    from retrograde.engine import load_scenario

    session = Session(load_scenario("mazur"))
    for text in (
        "E < 0.01",
        "E < 0.01 and epoch > 10",
        "abs(grad(w5)) < 1e-7",
        "sign(w5) != sign(prev(w5))",
        "any(W_h[2,:] > 0.3)",
        "W_h[2,1] > 0",
        "max(abs(grad(W_h))) > norm(delta(o))",
        "norm(grad(W_h)) < 1e-3",
        "mean(out_h) > 0.5",
        "isnan(E) or isinf(E)",
        "count(out_o > 0.5) == 2",
        "all(W_o == prev(W_o))",
        'phase == "backward" and sample == 1',
        "iteration == 1 and step < 5",
        "0 < E <= 0.5",
        "∂E/∂w5 > 0",
        "δ_o1 < 0",
        "w5⁺ > new(w6)",
        "out_h1{1} ≥ 0.5 and net_h1 ≠ 0",
        "not (lr == 0.5)",
        "slope(h1) < .25",
    ):
        assert session.condition(text).kind is Kind.TRUTH


class TestOneSampleOfAnArray:
    @pytest.mark.parametrize(
        ("name", "whole", "parts"),
        [
            ("xor-2-4-1", "out_h{2}", [f"out_h{unit}{{2}}" for unit in range(1, 5)]),
            ("xor-2-4-1", "delta(h{3})", [f"delta(h{unit}){{3}}" for unit in range(1, 5)]),
            ("xor-2-4-1", "grad(i){4}", ["grad(i1){4}", "grad(i2){4}"]),
            ("elman", "out_h@2{3}", ["out_h1@2{3}", "out_h2@2{3}"]),
        ],
    )
    def test_it_is_those_of_its_slots(self, name: str, whole: str, parts: list[str]) -> None:
        session = Session(load_scenario(name))
        assert session.measure(whole, 1).ravel().tolist() == [session.measure(part, 1) for part in parts]

    def test_of_a_parameter_there_is_none(self) -> None:
        with pytest.raises(FormulaError, match="W_h has no values of samples"):
            Session(load_scenario("xor-2-4-1")).formula("max(W_h{2})")
