"""A training as a program of PyTorch, JAX or TensorFlow, where that is installed: it comes to the engine's numbers."""

from __future__ import annotations

import warnings
from importlib.util import find_spec
from pathlib import Path

import pytest

from retrograde.engine import EngineError, Session, load_scenario
from retrograde.engine.scenario.catalogue import shipped
from retrograde.engine.scenario.file import parse_scenario
from retrograde.engine.writing.code import code_of
from retrograde.engine.writing.dialects import DIALECTS
from tests.oracles.random_networks.texts import network
from tests.writing.test_code import EPOCHS, LARGE, agree, ran
from tests.writing.texts import TEXTS

LIBRARIES = sorted(set(DIALECTS) - {"numpy"})


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_library_is_there(library: str) -> None:
    if find_spec(library) is None:
        pytest.skip(f"{library} is not installed, so no program of it is run")


REFUSED = {"group-norm-by-hand": set(LIBRARIES), "mazur-in-place": set(LIBRARIES), "cs231n-max-pool": {"tensorflow"}}
"""Scenarios without a program, and in which libraries."""
DRAWN = (2, 6, 69, 87, 117, 152, 175, 194, 303, 338, 363, 409, 412, 498, 519, 604, 657, 659, 1437)
"""Random networks: besides kinds of layer, a way back that is cut, constants alone, nothing that is trained, edges."""


@pytest.mark.parametrize("number", DRAWN)
@pytest.mark.parametrize("library", [library for library in LIBRARIES if find_spec(library)])
def test_a_random_network_is_trained_by_a_library_or_refused(
    library: str, number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    session = Session(parse_scenario(network(number)))
    try:
        code = code_of(session.network, DIALECTS[library], epochs=EPOCHS, data="numbers.npz")
    except EngineError as error:
        assert "\n" not in str(error) and library != "torch"
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        agree(session, ran(code, tmp_path))


@pytest.mark.parametrize("name", sorted(set(shipped()) - LARGE))
@pytest.mark.parametrize("library", [library for library in LIBRARIES if find_spec(library)])
def test_a_scenario_that_ships_is_trained_by_a_library_that_differentiates(
    library: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    session = Session(load_scenario(name))
    if library in REFUSED.get(name, ()):
        with pytest.raises(EngineError, match=r"^[^\n]+$"):
            code_of(session.network, DIALECTS[library], epochs=EPOCHS, data="numbers.npz")
        return
    code = code_of(session.network, DIALECTS[library], epochs=EPOCHS, data="numbers.npz")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        agree(session, ran(code, tmp_path))


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
@pytest.mark.parametrize("library", [library for library in LIBRARIES if find_spec(library)])
def test_a_training_that_had_no_program_has_one_in_a_library(library: str, text: str, tmp_path: Path) -> None:
    session = Session(parse_scenario(text))
    agree(session, ran(code_of(session.network, DIALECTS[library]), tmp_path), session.scenario.stop.epochs)
