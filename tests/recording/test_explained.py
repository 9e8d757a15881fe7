"""Why, of a recording: its gradients are sums of paths to the loss, which a module, a chain and a doctor tell of."""

from __future__ import annotations

import io
import math
from functools import cache
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrograde.engine import EngineError, Session
from retrograde.engine.equations.array import Role
from retrograde.engine.equations.expression import Ref
from retrograde.engine.explaining import gradient_graph
from retrograde.engine.explaining.autopsy import Finding
from retrograde.engine.explaining.gradient_graph import GradientGraph
from retrograde.engine.network.program import unravel
from retrograde.tui.cli.main import main
from tests.support.effort import examples
from tests.support.networks import randoms
from tests.support.recordings import Writing

STEPS = Path(__file__).parent / "steps"
NAMES = ("root", "adamw", "lenet", "policy")
some = st.sampled_from(NAMES)
finite = st.sampled_from(("adamw", "lenet", "policy"))


@cache
def of(name: str) -> Session:
    return Session.of_recording(STEPS / f"{name}.rgrec")


def a_gradient(session: Session, random: Random) -> Ref:
    """A gradient of a parameter, near enough to the loss that a test can lay all of it out."""
    named = session.program.named
    found = [named[f"grad({array.name})"] for array in session.network.listed if f"grad({array.name})" in named]
    array = random.choice(found if session.length < 5000 else found[-2:])
    return Ref(array, unravel(random.randrange(array.size), array.shape))


@examples(12)
@given(name=some, random=randoms())
def test_every_gradient_is_the_sum_of_its_terms_down_to_the_loss(name: str, random: Random) -> None:
    session = of(name)
    graph = GradientGraph(session.frame, a_gradient(session, random))
    with np.errstate(all="ignore"):
        apart = np.abs(graph.resummed - graph.value)
        assert np.all((apart <= 1e-5 * graph.total) | ~np.isfinite(graph.value))
    seeds = [block for block in graph if block.above is None]
    assert any(block.target.name == "loss.ones_like" for block in seeds), "it ends where the backward pass begins"
    assert all(block.target.name == "loss.ones_like" or not np.any(block.coefficients) for block in seeds)


@examples(15)
@given(name=finite, random=randoms())
def test_the_account_multiplies_up_to_the_gradient(name: str, random: Random) -> None:
    session = of(name)
    found = session.autopsy(a_gradient(session, random))
    if found.account is None:
        assert found.finding in {Finding.ZERO, Finding.RESIDUE}
        return
    assert found.account.product == pytest.approx(abs(found.value), rel=1e-4)
    known = {"", *session.notation.layer_names}
    assert {layer.layer for layer in found.account.layers} <= known
    assert session.explanations.verdict(found)


@pytest.mark.parametrize("name", NAMES)
def test_from_every_parameters_gradient_the_way_leads_to_the_batch(name: str) -> None:
    session = of(name)
    program = session.program
    for array in session.network.listed:
        ready, seen = [program.named[f"grad({array.name})"]], set()
        while ready:
            op = program.maker(ready.pop())
            for one in () if op is None else op.inputs:
                if one not in seen:
                    seen.add(one)
                    ready.append(one)
        assert any(one.role is Role.INPUT for one in seen), array.name


def test_what_is_not_finite_is_traced_to_where_it_began() -> None:
    session = of("root")
    found = session.autopsy("blocks.0.weight[2,3]")
    assert found.finding is Finding.NOT_FINITE
    assert found.origin is not None
    assert session.notation.symbol(found.origin.ref) == "SqrtBackward0.div[4]"
    assert "x / 0" in session.explanations.verdict(found)
    broken = session.doctor().headline
    assert broken is not None
    assert (broken.rule, broken.step) == ("nonfinite", 342)


def test_the_flow_goes_from_module_to_module() -> None:
    session = of("lenet")
    rows = {row.layer: row for row in session.flow()}
    assert list(rows) == ["0", "1", "2", "3", "4", "5", "7"]
    assert rows["1"].after == "2"
    assert rows["7"].after == ""
    assert rows["0"].gradient == pytest.approx(
        np.linalg.norm(session.frame.array(session.program.named["grad(0.weight)"]))
    )
    # Of a mean over 2×2 one quarter comes back to each: (1/4)² · 4 of the squares, over 4 times as many.
    assert rows["1"].factor == pytest.approx(0.25, rel=1e-6)


def test_the_doctor_of_a_step_names_what_one_step_shows(tmp_path: Path) -> None:
    writing = Writing()
    w = writing.value("fc.weight", [[1.0, -1.0]], kind="parameter", dtype="float32")
    x = writing.value("x", [[1.0, 2.0]], dtype="float32")
    low = writing.value("fc.relu", [[0.0, 0.0]], kind="made", dtype="float32")
    one = writing.value("loss.ones_like", 1.0, kind="made", dtype="float32")
    loss = writing.value("loss.sum", 0.0, kind="made", dtype="float32")
    slope = writing.value("grad(fc.weight)", [[0.0, 0.0]], kind="made", dtype="float32", of="fc.weight")
    new = writing.value("new(fc.weight)", [[50.0, 1.0]], kind="made", dtype="float32", of="fc.weight")
    writing.call("aten.relu.default", {"self": x}, [low], module="fc")
    writing.call("aten.sum.default", {"self": low, "dtype": None}, [loss], phase="loss")
    writing.call("aten.ones_like.default", {"self": loss}, [one], phase="loss")
    writing.call("aten.mul.Tensor", {"self": low, "other": one}, [slope], phase="backward", node="MulBackward0")
    writing.call("aten.add.Tensor", {"self": w, "other": x}, [new], phase="update")
    found = Session.of_recording(writing.write(tmp_path / "dead.rgrec")).doctor()
    assert [alert.rule for alert in found.alerts] == ["lr_large", "dead_relu", "no_gradient"]
    assert "all 2 values of fc.relu are 0" in found.alerts[1].cause
    assert "one step does not tell" in found.not_judged["overfitting"]
    with pytest.raises(EngineError, match="no rule"):
        Session.of_recording(tmp_path / "dead.rgrec").doctor(limits={"nothing.once": 1.0})


def test_a_gradient_that_is_a_view_has_the_shape_of_its_parameter(tmp_path: Path) -> None:
    """As in x @ w with w (2, 3), whose gradient PyTorch keeps as the transposed (3, 2)."""
    writing = Writing()
    w = writing.value("w", np.arange(6.0).reshape(2, 3), kind="parameter")
    kept = writing.value("grad(w)", np.arange(6.0).reshape(3, 2) + 10, kind="made", of="w")
    new = writing.value(
        "new(w)", np.arange(6.0).reshape(2, 3) + (np.arange(6.0).reshape(3, 2) + 10).T, kind="made", of="w"
    )
    one = writing.value("one", np.arange(6.0).reshape(3, 2) + 10)
    writing.call("aten.clone.default", {"self": one}, [kept], phase="backward")
    turned = kept.model_copy(update={"shape": (2, 3), "strides": (1, 2)})
    writing.call("aten.add.Tensor", {"self": w, "other": turned}, [new], phase="update")
    session = Session.of_recording(writing.write(tmp_path / "turned.rgrec"))
    session.seek("end")
    assert session.value("grad(w)").shape == (2, 3)
    for row in range(2):
        for column in range(3):
            place = f"[{row + 1},{column + 1}]"
            assert session.value(f"grad(w){place}") == 10 + 2 * column + row
            assert session.value(f"new(w){place}") == 3 * row + column + 10 + 2 * column + row
    step = session.explain(session.resolve("new(w)[2,3]"))
    assert step is not None
    assert [operand.name for operand in step.operands] == ["w[2,3]", "grad(w)[2,3]"]
    made = session.explain(session.resolve("grad(w)[2,3]"))
    assert made is not None
    assert [(operand.name, operand.value) for operand in made.operands] == [("one[3,2]", 15.0)]
    assert all(check.disagreeing == 0 for check in session.recording.check() if session.recording)  # type: ignore[union-attr]


def test_what_is_too_large_to_lay_out_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    session = of("lenet")
    monkeypatch.setattr(gradient_graph, "MOST_TERMS", 1000)
    with pytest.raises(EngineError, match="more terms than can be laid out"):
        session.chain("0.weight[1,1,1,1]")
    assert session.chain("7.bias[1]").graph.size > 1


def test_the_command_line_answers(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    lenet, root = str(STEPS / "lenet.rgrec"), str(STEPS / "root.rgrec")
    assert main(["why", lenet, "grad(7.weight)[2,3]"]) == 0
    assert "grad(7.weight)[2,3] = " in capsys.readouterr().out
    assert main(["flow", lenet]) == 0
    assert "0.25 ◀" in capsys.readouterr().out
    assert main(["doctor", lenet]) == 0
    assert "nothing is wrong" in capsys.readouterr().out
    assert main(["doctor", root]) == 1
    assert "SqrtBackward0.div[4] is inf: x / 0" in capsys.readouterr().out
    assert main(["query", root, "first isinf(SqrtBackward0.div[4])"]) == 0
    assert capsys.readouterr().out == "@342  SqrtBackward0.div[4] = inf\n"
    assert main(["query", root, "first E < 0"]) == 1
    assert capsys.readouterr().out == "nothing found in the step\n"
    assert main(["query", root, "count E < 0"]) == 1
    assert math.isfinite(float(capsys.readouterr().out))
    monkeypatch.setattr("sys.stdin", io.StringIO("342\nsample\n"))
    assert main(["step", root]) == 2
    said = capsys.readouterr()
    assert "Step 342, backward. SqrtBackward0.div[4] = MeanBackward0.div[4] / SqrtBackward0.mul[4]" in said.out
    assert "which axis of its arrays is the batch" in said.err
