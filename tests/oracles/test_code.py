"""A training as a program of PyTorch, JAX or TensorFlow, where that is installed: it comes to the engine's numbers."""

from __future__ import annotations

import warnings
from importlib.util import find_spec
from pathlib import Path

import pytest

from retrograde.engine import EngineError, Session, load_scenario
from retrograde.engine.scenario.catalogue import shipped
from retrograde.engine.writing.code import code_of
from retrograde.engine.writing.dialects import DIALECTS
from tests.writing.test_code import EPOCHS, LARGE, agree, ran

LIBRARIES = sorted(set(DIALECTS) - {"numpy"})


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_library_is_there(library: str) -> None:
    if find_spec(library) is None:
        pytest.skip(f"{library} is not installed, so no program of it is run")


@pytest.mark.parametrize("name", sorted(set(shipped()) - LARGE))
@pytest.mark.parametrize("library", [library for library in LIBRARIES if find_spec(library)])
def test_a_scenario_that_ships_is_trained_by_a_library_that_differentiates(
    library: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    session = Session(load_scenario(name))
    try:
        code = code_of(session.network, DIALECTS[library], epochs=EPOCHS, data="numbers.npz")
    except EngineError as error:
        assert "\n" not in str(error)
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        agree(session, ran(code, tmp_path))
