"""What is imported when it is first asked for: modules that are late, and the rows of tables."""

from __future__ import annotations

import ast
import gc
import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from retrograde.engine import late
from retrograde.engine.layers.table import KINDS, word_of

ROOT = Path(__file__).parent.parent.parent
FILES = sorted(path for room in ("engine", "tui") for path in (ROOT / room).rglob("*.py"))


def loaded_by(code: str) -> set[str]:
    """The modules of ours that a fresh interpreter has loaded after running the code."""
    ask = "\nimport sys; print('loaded:', *(name for name in sys.modules if name.startswith('retrograde.')))"
    done = subprocess.run(
        [sys.executable, "-c", code + ask], capture_output=True, text=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stderr
    return {name.removeprefix("retrograde.") for name in done.stdout.rpartition("loaded:")[2].split()}


def late_names(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """The names that a file binds to late modules, with the modules."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            called, arguments = node.value.func, node.value.args
            if isinstance(called, ast.Name) and called.id == "late" and len(arguments) == 1:
                assert isinstance(node.targets[0], ast.Name) and isinstance(arguments[0], ast.Constant)
                yield node.targets[0].id, str(arguments[0].value)


def typed_names(tree: ast.Module) -> set[tuple[str, str]]:
    """The names that a file imports for its types, with what they are."""
    found = set()
    for node in tree.body:
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            for line in node.body:
                if isinstance(line, ast.ImportFrom):
                    found |= {(one.asname or one.name, f"{line.module}.{one.name}") for one in line.names}
    return found


def test_what_is_late_is_there_and_has_the_types_of_the_import_beside_it() -> None:
    count = 0
    for text in filter(lambda text: " = late(" in text, (path.read_text(encoding="utf-8") for path in FILES)):
        tree = ast.parse(text)
        typed = typed_names(tree)
        for name, module in late_names(tree):
            assert (name, module) in typed
            assert importlib.util.find_spec(module) is not None
            count += 1
    assert count > 20


def test_a_module_is_imported_when_something_of_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(late, "_WAITING", [])
    monkeypatch.delitem(sys.modules, "retrograde.engine.synonyms", raising=False)
    found = late.late("retrograde.engine.synonyms")
    assert "retrograde.engine.synonyms" not in sys.modules
    assert found.canonical is sys.modules["retrograde.engine.synonyms"].canonical
    with pytest.raises(AttributeError, match="nothing"):
        _ = found.nothing
    assert list(late.load()) == ["retrograde.engine.synonyms"]
    assert not list(late.load())


def test_the_names_of_a_table_need_none_of_its_rows() -> None:
    table: late.LateTable[object] = late.LateTable("retrograde.nowhere", {"a": "b:C", "d": "e:F"})
    assert list(table) == ["a", "d"]
    assert "a" in table
    assert "b" not in table
    with pytest.raises(ModuleNotFoundError):
        _ = table["a"]
    table["a"] = 5
    del table["d"]
    assert dict(table) == {"a": 5}
    assert table.get("d") is None


def test_a_kind_of_layer_is_called_as_its_row() -> None:
    assert {word: word_of(model) for word, model in KINDS.items()} == {word: word for word in KINDS}


def test_a_scenario_loads_the_kinds_that_it_names() -> None:
    loaded = loaded_by(
        "from retrograde.engine import Session, load_scenario\nsession = Session(load_scenario('mazur'))\nsession.run()"
    )
    kinds = {name for name in loaded if name.removeprefix("engine.layers.") in {"conv", "dense", "lstm", "pool"}}
    assert kinds == {"engine.layers.dense"}
    assert "engine.scenario.doctor_table" not in loaded
    assert not {name for name in loaded if name.startswith(("engine.explaining.", "engine.recording."))} - {
        "engine.explaining.statement",
        "engine.explaining.step",
        "engine.explaining.uses",
    }


def test_the_collector_of_garbage_is_awake_when_the_app_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    from retrograde.tui.app import RetrogradeApp, run_app
    from retrograde.tui.work.garbage import rest

    def run(app: RetrogradeApp) -> int:
        assert not gc.isenabled()
        return 3

    monkeypatch.setattr(RetrogradeApp, "run", run)
    rest()
    try:
        assert run_app("mazur") == 3
        assert gc.isenabled()
    finally:
        gc.enable()
