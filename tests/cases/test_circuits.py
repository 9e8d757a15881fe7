"""Published graphs of scalars: values and gradients within 1e-9 of an independent oracle, figures to the last digit."""

from __future__ import annotations

import json
import math
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from retrograde.engine.scenario.file import parse_scenario
from retrograde.engine.session.published import compare
from retrograde.engine.session.session import Session
from tests.support.networks import executed_by

DATA = Path(__file__).parent / "data"
RUNS: dict[str, dict[str, Any]] = {
    f"{name}: {run}": content
    for name in ("cs231n-circuits", "micrograd")
    for run, content in json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))["runs"].items()
}
RELATIVE = 1e-9


def session_of(spec: dict[str, Any], *, gates: bool) -> Session:
    values = ", ".join(f"{name} = {value!r}" for name, value in spec["values"].items())
    lines = [
        "format = 1",
        '[title]\nen = "case"\nzh = "算例"',
        "[[network.layers]]",
        'name = "circuit"\nkind = "graph"',
    ]
    lines += [f"values = {{ {values} }}", f"assign = {json.dumps(spec['assign'])}", f"gates = {json.dumps(gates)}"]
    lines += ['[loss]\nkind = "value"', "[training]\nlearning_rate = 0.1", "[stop]\nepochs = 1"]
    return Session(parse_scenario("\n".join(lines)))


@pytest.mark.parametrize("executor", ["generated", "kernels"])
@pytest.mark.parametrize("gates", [True, False])
@pytest.mark.parametrize("run", RUNS)
def test_values_and_gradients_agree_with_the_oracle(run: str, gates: bool, executor: str) -> None:
    content = RUNS[run]
    with executed_by(executor):
        session = session_of(content["spec"], gates=gates)
        oracle = content["oracle"]
        figures = {**oracle["values"], **{f"grad({name})": value for name, value in oracle["grads"].items()}}
        for name, wanted in figures.items():
            # Where an assignment is one step, its gates have no values of their own.
            gate = "." in name and name.rpartition(".")[2].rstrip(")").isalpha()
            if gates or not gate:
                assert session.measure(name, 0) == pytest.approx(wanted, rel=RELATIVE, abs=0), name


@pytest.mark.parametrize("run", RUNS)
def test_every_published_figure_holds(run: str) -> None:
    content = RUNS[run]
    session = session_of(content["spec"], gates=True)
    for name, printed in content["published"].items():
        assert compare(printed, session.measure(name, 0)).matches, (name, printed)


@pytest.mark.skipif(
    find_spec("micrograd") is None, reason="micrograd is not installed: the committed values stand alone"
)
@pytest.mark.parametrize("seed", range(20))
def test_micrograd_itself_gives_the_same(seed: int) -> None:
    """Random sums, products, powers, quotients and ReLUs over re-used values."""
    from micrograd.engine import Value

    random = np.random.default_rng(seed)
    values = {name: round(float(random.normal()), 4) for name in "abc"}
    theirs = {name: Value(value) for name, value in values.items()}
    lines: list[str] = []
    for number in range(8):
        left, right = (str(name) for name in random.choice(list(theirs), size=2))
        name = f"v{'abcdefgh'[number]}"
        text, value = {
            0: (f"{left} + {right}", lambda x, y: x + y),
            1: (f"{left} * {right}", lambda x, y: x * y),
            2: (f"{left} - {right}*2", lambda x, y: x - y * 2),
            3: (f"relu({left}) + {right}", lambda x, y: x.relu() + y),
            4: (f"{left} / ({right}**2 + 1)", lambda x, y: x / (y**2 + 1)),
            5: (f"{left}**3 * 0.1 - {right}", lambda x, y: x**3 * 0.1 - y),
        }[int(random.integers(6))]
        lines.append(f"{name} = {text}")
        theirs[name] = value(theirs[left], theirs[right])
    last = lines[-1].split(" ")[0]
    theirs[last].backward()
    session = session_of({"values": values, "assign": lines}, gates=True)
    program = session.schedule.full
    for name, value in theirs.items():
        assert math.isclose(session.measure(name, 0), value.data, rel_tol=RELATIVE)
        if f"grad({name})" in program.named:
            assert math.isclose(session.measure(f"grad({name})", 0), value.grad, rel_tol=RELATIVE, abs_tol=1e-15), name
        else:
            assert value.grad == 0
