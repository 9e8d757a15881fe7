"""A training as a program of another library: it runs, and comes to the numbers of the engine."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from retrograde.engine import EngineError, Session, load_scenario
from retrograde.engine.scenario.catalogue import shipped
from retrograde.engine.scenario.file import parse_scenario
from retrograde.engine.writing.code import Code, code_of, line_of, names_of
from retrograde.engine.writing.dialects import DIALECTS, NUMPY
from retrograde.tui.cli.main import main
from tests.oracles.random_networks.texts import network
from tests.support.effort import examples
from tests.support.networks import Recipe, recipes
from tests.writing.texts import TEXTS

EPOCHS = 2
AGREE = 1e-9
"""How far a parameter may be off, of the largest of its array: sums run in another order there."""
REFUSED = {"group-norm-by-hand"}
"""Scenarios that ship and have no such program with NumPy."""
DRAWN = (6, 16, 69, 83, 87, 145, 175, 194, 195, 197, 242, 285, 363, 389, 409, 412, 452, 498)
"""Random networks with convolutions, poolings, gates, looked-up rows, heads, graphs of numbers before layers, masks."""
PARTLY = (603, 604, 628, 657, 659, 735, 1150, 1437, 1440)
"""Others: edges that are left out, layers side by side, an element of a layer read alone, running variances."""
LARGE = {"lenet-digits", "char-transformer", "tiny-transformer", "digits", "char-rnn", "gru"}
"""Scenarios whose training takes longer than the whole test."""


def ran(code: Code, folder: Path) -> dict[str, Any]:
    """The names of a program after it ran."""
    (folder / "program.py").write_text(code.text)
    if code.arrays:
        np.savez(folder / "numbers.npz", **code.arrays)
    with np.errstate(all="ignore"):
        return runpy.run_path(str(folder / "program.py"))


def agree(session: Session, found: dict[str, Any], epochs: int = EPOCHS) -> None:
    """Holds the parameters of a program that ran against those of the engine."""
    timeline, program = session.timeline, session.timeline.schedule.full
    iterations = epochs * timeline.schedule.per_epoch
    with np.errstate(all="ignore"):
        state, place = timeline.state(iterations), 0
    for array in program.state:
        wanted = state[place : place + array.size].reshape(array.shape)
        place += array.size
        got = found[names_of(program.arrays)[array]]
        got = np.asarray(got.detach() if hasattr(got, "detach") else got)
        largest = float(np.max(np.abs(wanted), initial=1e-3, where=np.isfinite(wanted)))
        near = np.abs(got - wanted) <= AGREE * largest
        assert np.all(near | (got == wanted) | ~np.isfinite(wanted)), array.name


@pytest.mark.parametrize("name", sorted(set(shipped()) - LARGE))
def test_a_scenario_that_ships_is_trained_by_numpy(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    session = Session(load_scenario(name))
    if name in REFUSED:
        with pytest.raises(EngineError, match=r"^[^\n]*has no short form[^\n]*$"):
            code_of(session.network, epochs=EPOCHS, data="numbers.npz")
        return
    code = code_of(session.network, epochs=EPOCHS, data="numbers.npz")
    found = ran(code, tmp_path)
    agree(session, found)
    assert f"E = {float(found['E'])!r}" in capsys.readouterr().out


@pytest.mark.parametrize("name", sorted(LARGE))
def test_a_large_scenario_has_a_program_in_every_library(name: str) -> None:
    made = Session(load_scenario(name)).network
    for dialect in DIALECTS.values():
        assert code_of(made, dialect, epochs=1, data="numbers.npz").lines


@pytest.mark.parametrize("number", (*DRAWN, *PARTLY))
def test_a_random_network_is_trained_by_its_program(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    session = Session(parse_scenario(network(number)))
    agree(session, ran(code_of(session.network, epochs=EPOCHS, data="numbers.npz"), tmp_path))


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_a_training_that_had_no_program_has_one(text: str, tmp_path: Path) -> None:
    session = Session(parse_scenario(text))
    agree(session, ran(code_of(session.network), tmp_path), session.scenario.stop.epochs)


def test_the_program_of_the_sources_shuffles_as_they_do() -> None:
    """The one layer that is to learn XOR: NumPy's old generator, seed 42, which drew the weights first."""
    text = code_of(Session(load_scenario("single-layer-xor")).network).text
    assert "np.random.seed(42)\nnp.random.random_sample(3)" in text and "np.random.shuffle" in text


def test_two_functions_of_one_name_are_two() -> None:
    """ELU with α 0.9 in one layer and 0.7 in the next."""
    text = code_of(Session(parse_scenario(network(87))).network, epochs=1).text
    assert "def elu(x)" in text and "def elu_2(x)" in text


@examples(60)
@given(recipe=recipes(epochs=EPOCHS, samples=3))
def test_any_dense_network_is_trained_by_its_program(recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> None:
    session = Session(parse_scenario(recipe.text))
    try:
        code = code_of(session.network, epochs=EPOCHS)
    except EngineError:
        assert recipe.shuffle == "numpy-legacy"
        return
    agree(session, ran(code, tmp_path_factory.mktemp("program")))


@pytest.mark.parametrize("library", DIALECTS)
def test_a_page_is_enough_for_a_small_network_and_the_way_back_is_the_librarys_own(library: str) -> None:
    code = code_of(Session(load_scenario("mazur")).network, DIALECTS[library])
    assert len(code.lines) < 60
    own = {"torch": "E.backward()", "tensorflow": "tf.GradientTape()", "jax": "jax.value_and_grad(loss)"}
    assert (own.get(library) or "grad_W_o = grad_net_o.T @ out_h") in code.text


def test_every_line_says_what_it_makes() -> None:
    session = Session(load_scenario("mazur"))
    made = {line.makes: line.text.strip() for line in code_of(session.network).lines if line.makes}
    for op in session.program.ops:
        assert made[op.target.name] == line_of(session.program, op, NUMPY)


def test_the_command_writes_the_program_and_the_numbers_that_are_too_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["code", "mazur", "--for", "torch", "--epochs", "3"]) == 0
    assert "E.backward()" in capsys.readouterr().out
    assert main(["code", "iris"]) == 2
    assert "-o FILE.py" in capsys.readouterr().err
    assert main(["code", "iris", "-o", "flowers.py", "--epochs", "1"]) == 0
    assert "flowers.npz" in capsys.readouterr().out
    assert runpy.run_path("flowers.py")["E"] > 0
    assert main(["code", "iris", "-o", "flowers.txt"]) == 2
    assert main(["code", "group-norm-by-hand"]) == 2
    assert "mean" in capsys.readouterr().err
