"""A newcomer adds one thing in one place, and it works everywhere: made-up things, each in an interpreter of its own.

Of what a scenario names: an activation, a loss, an optimiser, a schedule, a kind of layer; see ``support/added``.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.added import KINDS, Added

ROOT = Path(__file__).parent.parent.parent


def the_file_is_read_and_completed(added: Added) -> None:
    from retrograde.engine.scenario.file import parse_scenario

    scenario = parse_scenario(added.text)
    dumped = json.dumps(scenario.model_dump(mode="json"))
    assert json.dumps(added.name) in dumped
    if added.option is not None:
        key, default = added.option
        assert f'"{key}": {json.dumps(default)}' in dumped


def a_slip_of_the_pen_is_told(added: Added) -> None:
    from retrograde.engine import ScenarioError
    from retrograde.engine.scenario.file import parse_scenario

    with pytest.raises(ScenarioError) as caught:
        parse_scenario(added.text.replace(added.name, added.near))
    told = {problem.key: problem.message for problem in caught.value.problems}
    assert f"did you mean {added.name}?" in told[added.key]


def its_key_is_refused_elsewhere(added: Added) -> None:
    from retrograde.engine import ScenarioError
    from retrograde.engine.scenario.file import parse_scenario

    if added.option is not None:
        with pytest.raises(ScenarioError) as caught:
            parse_scenario(added.elsewhere)
        (problem,) = caught.value.problems
        assert added.option[0] in problem.message


def it_is_in_the_schema_the_template_and_the_reference(added: Added) -> None:
    from retrograde.engine import schema
    from retrograde.tui.cli.new import template
    from retrograde.tui.cli.reference import reference, training

    assert json.dumps(added.name) in json.dumps(schema())
    assert (added.name in template("mine.toml").split()) is added.template
    written = reference()
    assert added.shown in written
    assert added.option is None or f"| `{added.option[0]}` |" in written
    page = training((ROOT / "docs" / "training.md").read_text(encoding="utf-8"))
    assert (f"| `{added.name}` |" in page) is added.key.startswith("training.")


def running_is_stepping_and_each_step_is_its_equation(added: Added) -> None:
    from retrograde.engine import Session, trace
    from retrograde.engine.scenario.file import parse_scenario
    from tests.executor.test_kernels import assert_frame_is_its_equations
    from tests.support.networks import bits, executed_by

    scenario = parse_scenario(added.text)
    for executor in ("generated", "kernels"):
        with executed_by(executor):
            walker, runner = Session(scenario), Session(scenario)
            traced = [(step.moment, step.symbol, bits(step.result)) for step in trace(scenario)]
            runner.run()
            for place in (len(traced), len(traced) // 2, 7):
                runner.seek(place)
                assert runner.current is not None
                assert (runner.current.moment, runner.current.symbol, bits(runner.current.result)) == traced[place - 1]
            for wanted in traced[:40]:
                assert walker.step()
                assert walker.current is not None
                assert (walker.current.moment, walker.current.symbol, bits(walker.current.result)) == wanted
            for iteration in range(4):
                assert_frame_is_its_equations(runner.timeline.frame(iteration))
    name, symbol = added.symbol
    assert runner.notation.symbol(runner.resolve(name)) == symbol


def its_gradients_agree_with_differences(added: Added, folder: Path) -> None:
    from retrograde.tui.cli.main import main

    file = folder / "made-up.toml"
    file.write_text(added.text, encoding="utf-8")
    assert main(["gradcheck", str(file)]) == 0
    assert main(["run", str(file), "--epochs", "2"]) == 0


def the_screen_draws_it(added: Added) -> None:
    from retrograde.engine import Session
    from retrograde.engine.scenario.file import parse_scenario
    from retrograde.tui.canvas.glyphs import ASCII, UNICODE
    from retrograde.tui.pictures.table import pictures_of
    from retrograde.tui.views.explain import loss_convention
    from retrograde.tui.views.parameters import Parameters
    from tests.tui.test_graphs import PANELS, drawn, moments, reading_at, views_of

    session = Session(parse_scenario(added.text))
    parameters = Parameters(reading_at(session, 0))
    for position in moments(session, 15):
        reading = reading_at(session, position)
        for panel, view in zip(PANELS, views_of(reading, parameters), strict=True):
            for glyphs in (UNICODE, ASCII):
                assert any(line.strip() for line in drawn(panel, view, (80, 20), glyphs))
        if reading.step is not None:
            pictures_of(reading, reading.step, 6)
    assert ("quartic error" in loss_convention(reading)) is (added.name == "quartic_error")


CHECKS: tuple[Callable[[Added], None], ...] = (
    the_file_is_read_and_completed,
    a_slip_of_the_pen_is_told,
    its_key_is_refused_elsewhere,
    it_is_in_the_schema_the_template_and_the_reference,
    running_is_stepping_and_each_step_is_its_equation,
    the_screen_draws_it,
)


def check(kind: str, folder: str) -> None:
    """Enters the made-up row of a table and looks at it everywhere; run in an interpreter of its own."""
    added = KINDS[kind]()
    for one in CHECKS:
        one(added)
    its_gradients_agree_with_differences(added, Path(folder))


def check_each(folder: str) -> int:
    """Looks at each kind in a copy of this process, which has nothing of Retrograde loaded, but what it stands on."""
    for heavy in ("hypothesis", "numpy", "pydantic", "rich.console", "textual.app", "textual.css.stylesheet"):
        importlib.import_module(heavy)
    failed = 0
    for kind in KINDS:
        copy = os.fork()
        if not copy:
            status = 1
            try:
                check(kind, folder)
                status = 0
            except BaseException:  # noqa: BLE001 - told below, by the process that waits for this one
                print(kind, traceback.format_exc(), file=sys.stderr, flush=True)
            os._exit(status)
        failed += bool(os.waitpid(copy, 0)[1])
    return failed


def test_a_kind_is_one_row(tmp_path: Path) -> None:
    code = f"import sys; from tests.house.test_adding import check_each; sys.exit(check_each({str(tmp_path)!r}))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
