"""`retrograde dap`: what an editor sees is the session; it stops where the session stops, in both directions."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrograde.engine import Session, load_scenario
from retrograde.tui.editors.launching import _CAN
from retrograde.tui.editors.sources import Sources
from retrograde.tui.editors.table import REQUESTS
from tests.support.editing import Editor, RefusedError, editor
from tests.support.effort import examples

ROOT = Path(__file__).parent.parent.parent
MAZUR = str(ROOT / "scenarios" / "mazur.toml")
RECORDED = str(ROOT / "tests" / "recording" / "steps" / "root.rgrec")


def line_of(text: str, path: str = MAZUR) -> int:
    """The first line that holds a text."""
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


def here(one: Editor) -> str:
    """The moment at which an editor is stopped."""
    return one.scope("Step")["moment"] if len(one.frames()) > 1 else "start"


def go(one: Editor, command: str = "continue") -> dict[str, Any]:
    one.ask(command, threadId=1)
    return one.stopped()


# -- steps

MOTIONS = {
    "next": lambda session: session.step(),
    "stepIn": lambda session: session.step("term"),
    "stepOut": lambda session: session.step("step" if session.term else "layer"),
    "stepBack": lambda session: session.back(),
}


@examples(12, least=3)
@given(st.lists(st.sampled_from(sorted(MOTIONS)), min_size=1, max_size=12))
def test_a_motion_is_the_session_s(motions: list[str]) -> None:
    session = Session(load_scenario("xor-2-2-1"))
    with editor() as one:
        assert one.launch("xor-2-2-1")["reason"] == "entry"
        for motion in motions:
            moved = MOTIONS[motion](session)
            assert (go(one, motion)["reason"] == "step") == moved
            step = session.current
            if step is None:
                assert len(one.frames()) == 1
                continue
            scope = one.scope("Step")
            assert scope["moment"] == step.moment.address
            if not step.term:
                assert scope[step.symbol] == repr(step.result)
                assert one.scope("Operands") == {one.name: repr(one.value) for one in step.operands}


@pytest.mark.parametrize(("granularity", "size"), [("line", "layer"), ("instruction", "term"), ("statement", "phase")])
def test_how_far_a_step_goes(granularity: str, size: str) -> None:
    session = Session(load_scenario("mazur"))
    with editor() as one:
        one.launch("mazur", step="phase")
        for _time in range(3):
            one.ask("next", threadId=1, granularity=granularity)
            one.stopped()
            session.step(size)
        one.ask("stepBack", threadId=1, granularity=granularity)
        one.stopped()
        session.back(size)
        assert session.current is not None
        assert here(one) == session.current.moment.address


def test_a_stack_is_the_step_the_layer_the_pass_the_iteration_and_the_epoch() -> None:
    with editor() as one:
        one.launch("xor-2-2-1", at="2:1:17")
        names = [frame["name"] for frame in one.frames()]
        session = Session(load_scenario("xor-2-2-1"))
        session.seek("2:1:17")
        assert session.current is not None
        assert names[0] == f"{session.current.symbol} = {session.current.text()[0]}"
        assert names[1:] == [f"{session.current.moment.layer}, sample {session.sample + 1}", *names[2:]]
        assert names[3:] == ["iteration 1 of 1", "epoch 2"]
        equations = one.frames()[2]["source"]
        text = one.ask("source", source=equations, sourceReference=equations["sourceReference"])["content"]
        lines = text.splitlines()
        assert len(lines) == session.program.steps
        assert session.current.text()[0] in lines[one.frames()[2]["line"] - 1]
        one.ask("restartFrame", frameId=4)
        one.stopped()
        assert here(one) == f"1:1:{session.program.steps}"


# -- breakpoints


def test_a_line_of_a_scenario_is_where_its_steps_are() -> None:
    sources = Sources(Session(load_scenario("mazur")))
    wanted = {
        'name = "h"': 'name = "h"',
        "weights = [[0.40": "weights = [[0.40",
        "activation": "activation",
        "[loss]": "[loss]",
    }
    for text, found in wanted.items():
        resolved = sources.resolved(MAZUR, line_of(text))
        assert resolved is not None
        expected = line_of("[[network.layers]]") if found == 'name = "h"' else line_of(found)
        assert resolved[0].line == expected
    assert sources.resolved(MAZUR, line_of("[[expect]]")) is None
    assert sources.resolved("/elsewhere/mazur.toml", 1) is None
    program = Session(load_scenario("mazur")).program
    names = [program.ops[number].target.name for number in sources.resolved(MAZUR, line_of("weights = [[0.40"))[1]]  # type: ignore[index]
    assert names == ["grad(W_o)", "new(W_o)"]


def test_breakpoints_at_lines_are_hit_in_both_directions() -> None:
    with editor() as one:
        one.begin("mazur")
        weights, layer = line_of("weights = [[0.40"), line_of("[[network.layers]]")
        found = one.ask("setBreakpoints", source={"path": MAZUR}, breakpoints=[{"line": weights}, {"line": 1}])
        assert [(point["verified"], point["line"]) for point in found["breakpoints"]] == [
            (True, weights),
            (True, layer),
        ]
        one.ask("setBreakpoints", source={"path": MAZUR}, breakpoints=[{"line": weights}])
        one.ask("configurationDone")
        one.stopped()
        moments = []
        for _time in range(3):
            assert go(one)["reason"] == "breakpoint"
            moments.append(here(one))
            assert one.frames()[0]["line"] == weights
        assert moments == ["1:1:18", "1:1:36", "2:1:18"]
        assert [go(one, "reverseContinue")["reason"] for _time in range(3)] == ["breakpoint", "breakpoint", "entry"]


@pytest.mark.parametrize(
    "point",
    ["E < 0.29", "w5 changes sign", "at backward h", "w5", "E crosses 0.28", "h1"],
)
def test_a_breakpoint_by_name_is_the_session_s(point: str) -> None:
    session = Session(load_scenario("mazur"))
    try:
        session.add_breakpoint(f"at {point}")
    except Exception:  # noqa: BLE001 - no place
        session.add_breakpoint(point)
    with editor() as one:
        one.begin("mazur")
        (told,) = one.ask("setFunctionBreakpoints", breakpoints=[{"name": point}])["breakpoints"]
        one.ask("configurationDone")
        one.stopped()
        for command in ("continue", "continue", "reverseContinue"):
            halt = session.reverse() if command == "reverseContinue" else session.proceed()
            stop = go(one, command)
            assert stop.get("hitBreakpointIds", []) == [told["id"]] * (halt.breakpoint is not None)
            assert session.current is not None and here(one) == session.current.moment.address


def test_conditions_counts_and_messages() -> None:
    with editor() as one:
        one.begin("mazur")
        loss, layer = line_of("[loss]"), line_of("[[network.layers]]")
        points = [
            {"line": layer, "condition": 'epoch == 4 and phase == "backward"'},
            {"line": loss, "logMessage": "E is {E}"},
        ]
        assert all(
            point["verified"]
            for point in one.ask("setBreakpoints", source={"path": MAZUR}, breakpoints=points)["breakpoints"]
        )
        one.ask("configurationDone")
        one.stopped()
        go(one)
        assert here(one) == "4:1:22"
        said = [event["body"]["output"] for event in one.events if event["event"] == "output"]
        assert said == [f"{epoch}:1:9  E is ·\n" for epoch in range(1, 5)]
        one.ask("setBreakpoints", source={"path": MAZUR}, breakpoints=[])
        one.ask("setFunctionBreakpoints", breakpoints=[{"name": "w5", "hitCondition": "> 6"}])
        go(one)
        assert here(one) == "7:1:36"
        wrong = [
            {"line": layer, "condition": "E <"},
            {"line": layer, "hitCondition": "often"},
            {"line": layer, "condition": "E < 1", "hitCondition": "3"},
            {"line": layer, "logMessage": "{nothing}"},
            {"line": 10**6},
        ]
        refused = one.ask("setBreakpoints", source={"path": MAZUR}, breakpoints=wrong)["breakpoints"]
        assert [point["verified"] for point in refused] == [False] * 5 and all(point["message"] for point in refused)


def test_values_are_waited_for() -> None:
    with editor() as one:
        one.begin("mazur")
        info = one.ask("dataBreakpointInfo", name="w5")
        assert info["dataId"] == "w5" and info["accessTypes"] == ["write"]
        assert one.ask("dataBreakpointInfo", name="nonsense")["dataId"] is None
        one.ask("setDataBreakpoints", breakpoints=[{"dataId": "w5"}])
        one.ask("configurationDone")
        one.stopped()
        assert go(one)["reason"] == "data breakpoint" and here(one) == "1:1:36"
        one.ask("setDataBreakpoints", breakpoints=[{"dataId": "w5", "condition": "changes sign"}])
        go(one)
        assert here(one) == "10:1:36"
        one.ask("setDataBreakpoints", breakpoints=[{"dataId": "w6", "condition": "w6 < 0"}])
        go(one)
        assert float(one.worth("w6")) < 0


def test_what_is_not_finite_is_an_exception(tmp_path: Path) -> None:
    text = Path(MAZUR).read_text(encoding="utf-8").partition("[[chapter]]")[0]
    wild = tmp_path / "wild.toml"
    wild.write_text(text.replace('"sigmoid"', '"identity"').replace("= 0.5\n", "= 50.0\n"), encoding="utf-8")
    with editor() as one:
        one.begin(str(wild))
        one.ask("setExceptionBreakpoints", filters=["nan", "inf"])
        one.ask("configurationDone")
        one.stopped()
        assert go(one)["reason"] == "exception"
        assert one.ask("exceptionInfo", threadId=1)["description"].startswith("E_o1 = inf")
        session = Session(load_scenario(wild))
        assert (fault := session.run().fault) is not None and here(one) == fault.address
        assert go(one)["reason"] == "end" and go(one, "reverseContinue")["reason"] == "exception"
        one.ask("setExceptionBreakpoints", filters=[])
        assert go(one)["reason"] == "end"


def test_the_doctor_stops_it() -> None:
    with editor() as one:
        one.begin("deep-relu-zeros")
        options = [{"filterId": "alert"}, {"filterId": "alert", "condition": "nonsense"}]
        told = one.ask("setExceptionBreakpoints", filterOptions=options, filters=["often"])["breakpoints"]
        assert [point["verified"] for point in told] == [False, True, False]
        one.ask("configurationDone")
        one.stopped()
        stop = go(one)
        assert stop["reason"] == "exception" and ":" in stop["text"]
        assert one.ask("exceptionInfo", threadId=1)["details"]["message"] == stop["text"]


# -- values


def test_values_come_by_pages_and_exactly() -> None:
    session = Session(load_scenario("encoder-8-3-8"))
    session.seek("1:1")
    with editor() as one:
        one.launch("encoder-8-3-8", at="1:1")
        scopes = {scope["name"]: scope["variablesReference"] for scope in one.ask("scopes", frameId=3)["scopes"]}
        weights = next(child for child in one.children(scopes["Parameters"]) if child["name"] == "W_h")
        assert weights["indexedVariables"] == 8 * 3
        assert one.children(weights["variablesReference"], filter="named") == []
        page = one.children(weights["variablesReference"], filter="indexed", start=10, count=3)
        wanted = session.value("W_h").ravel()[10:13]
        assert [float(child["value"]) for child in page] == wanted.tolist()
        assert [one.worth(child["evaluateName"]) for child in page] == [child["value"] for child in page]
        exact = one.children(weights["variablesReference"], start=10, count=1, format={"hex": True})
        assert exact[0]["value"] == float(wanted[0]).hex()
        assert one.ask("evaluate", expression="W_h", context="watch")["indexedVariables"] == 8 * 3
        go(one, "next")
        with pytest.raises(RefusedError, match="any more"):
            one.children(weights["variablesReference"])


def test_another_value_is_a_branch() -> None:
    session = Session(load_scenario("mazur"))
    session.seek("3:1:5")
    session.edit({"w5": 0.75})
    with editor() as one:
        one.launch("mazur", at="3:1:5")
        scopes = {scope["name"]: scope["variablesReference"] for scope in one.ask("scopes", frameId=1)["scopes"]}
        weights = one.children(scopes["Parameters"])[1]
        told = one.ask("setVariable", variablesReference=weights["variablesReference"], name="w5", value="0.5 + 1/4")
        assert told["value"] == "0.75"
        assert one.event("invalidated")["areas"] == ["stacks", "variables"]
        assert one.ask("threads")["threads"][0]["name"] == "mazur (edit1)"
        assert session.current is not None and one.scope("Step")[session.current.symbol] == repr(session.current.result)
        assert one.ask("setExpression", expression="w6", value="0x1.8p-1")["value"] == "0.75"
        for wrong in ("", "many", "W_h"):
            with pytest.raises(RefusedError):
                one.ask("setExpression", expression="w6", value=wrong)
        with pytest.raises(RefusedError, match="nothing"):
            one.ask("setExpression", expression="nothing", value="1")


def test_the_console_has_the_words_of_the_command_line() -> None:
    with editor() as one:
        one.launch("mazur")
        assert "net_h1" in one.console("s") and one.stopped()["reason"] == "goto"
        assert one.worth("net_h1 > 0") == "true" and one.worth("max(abs(W_h))") == "0.3"
        assert one.console("w5").startswith("w5 = 0.4")
        assert "4 epochs" in one.console(":r 4") or one.stopped()
        assert "ordinary" in one.console("why w1")
        one.ask("setFunctionBreakpoints", breakpoints=[{"name": "w5"}])
        one.console("delete 1")
        assert one.console("break E < 0.28").startswith("breakpoint 1")
        one.ask("setFunctionBreakpoints", breakpoints=[])
        assert go(one)["description"] == "E < 0.28"
        for wrong in ("", "E <", "nonsense", "break ("):
            with pytest.raises(RefusedError):
                one.console(wrong)
        labels = [one["label"] for one in one.ask("completions", text="grad(w", column=7)["targets"]]
        assert labels[:2] == ["w1", "w2"]
        targets = one.ask("gotoTargets", source={"path": MAZUR}, line=line_of("[loss]"))["targets"]
        assert [target["label"].partition(":")[0] for target in targets] == ["next time", "last time"]
        one.ask("goto", threadId=1, targetId=targets[1]["id"])
        assert one.stopped()["reason"] == "goto" and one.frames()[0]["line"] == line_of("[loss]")
        one.console("quit")
        one.event("terminated")


# -- recordings


def test_the_source_of_a_recording_is_the_user_s_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("retrograde.tui.editors.sources.is_here", lambda _path: False)
    with editor() as one:
        one.begin(RECORDED)
        one.ask("setExceptionBreakpoints", filters=["nan", "inf"])
        (file,) = one.ask("loadedSources")["sources"]
        text = one.ask("source", source=file, sourceReference=file["sourceReference"])["content"]
        assert text.splitlines()[9] == "return self.head(self.blocks(x))"
        lines = one.ask("breakpointLocations", source=file, line=1, endLine=99)["breakpoints"]
        assert [found["line"] for found in lines] == [10, 16, 17, 18, 19]
        one.ask("setBreakpoints", source={"path": "/moved/root.py"}, breakpoints=[{"line": 10}])
        one.ask("configurationDone")
        one.stopped()
        assert go(one)["reason"] == "breakpoint" and one.frames()[0]["line"] == 10
        one.ask("setBreakpoints", source={"path": "/moved/root.py"}, breakpoints=[])
        assert go(one)["text"] == "SqrtBackward0.div[4] = inf" and one.scope("Step")["numbers"] == "0.125 / 0.0"
        assert one.frames()[0]["line"] == 17 and len(one.frames()) == 3
        for command, given in {
            "setExpression": {"expression": "head.bias[1]", "value": "1"},
            "evaluate": {"expression": "r"},
        }.items():
            with pytest.raises(RefusedError, match="recording"):
                one.ask(command, **given)
        one.ask("setDataBreakpoints", breakpoints=[{"dataId": "grad(head.bias)[1]"}])
        assert go(one)["reason"] == "data breakpoint"


# -- the conversation


def test_what_it_says_it_can_it_answers() -> None:
    assert {"stepBack", "reverseContinue", "setVariable", "setExpression", "goto", "gotoTargets"} <= set(REQUESTS)
    with editor() as one:
        can = one.ask("initialize", adapterID="x", linesStartAt1=False)
        assert all(can[name] for name in _CAN)
        one.ask("launch", scenario="mazur", stopOnEntry=False, until="E < 0.29")
        one.event("initialized")
        one.ask("configurationDone")
        assert one.stopped()["description"] == "E < 0.29"
        assert one.frames()[0]["line"] == line_of("[loss]") - 1
        one.ask("restart")
        assert one.stopped()["description"] == "E < 0.29"


NONSENSE = st.one_of(
    st.none(),
    st.integers(-3, 10**9),
    st.text(max_size=8),
    st.booleans(),
    st.lists(st.integers(), max_size=2),
    st.fixed_dictionaries({"path": st.sampled_from(["", "/x", MAZUR, "\0"])}),
)
KEYS = (
    "frameId",
    "variablesReference",
    "name",
    "value",
    "expression",
    "context",
    "source",
    "line",
    "breakpoints",
    "targetId",
    "filters",
    "text",
    "column",
    "granularity",
    "start",
    "count",
    "sourceReference",
    "dataId",
)


@examples(30, least=3)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(sorted({*REQUESTS, "nothing"} - {"launch", "attach", "disconnect", "terminate"})),
            st.dictionaries(st.sampled_from(KEYS), NONSENSE, max_size=3),
        ),
        max_size=6,
    )
)
def test_nonsense_is_refused_and_the_conversation_goes_on(requests: list[tuple[str, dict[str, Any]]]) -> None:
    with editor() as one:
        one.launch("and-gate", at="1:1:2")
        for command, arguments in requests:
            try:
                one.ask(command, **arguments)
            except RefusedError as error:
                assert "fault of Retrograde" not in str(error)
        assert one.ask("threads")["threads"]


def test_before_a_launch_and_of_nothing() -> None:
    with editor() as one:
        one.ask("initialize", adapterID="x")
        assert one.ask("threads")["threads"] == []
        for command in ("next", "continue", "stackTrace", "configurationDone"):
            with pytest.raises(RefusedError, match="nothing is launched"):
                one.ask(command)
        for given in (
            {},
            {"program": "nonsense"},
            {"program": "mazur", "at": "nowhere"},
            {"program": "mazur", "step": "far"},
            {"program": "mazur", "until": "nonsense <"},
        ):
            with pytest.raises(RefusedError):
                one.ask("launch", **given)


def test_a_long_run_is_asked_changed_and_paused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("retrograde.tui.editors.progress.AFTER", 0.0)
    monkeypatch.setattr("retrograde.tui.editors.progress.EVERY", 0.0)
    text = Path(MAZUR).read_text(encoding="utf-8").partition("[[chapter]]")[0]
    (tmp_path / "long.toml").write_text(text.replace("epochs = 10000", "epochs = 100_000_000"), encoding="utf-8")
    with editor() as one:
        one.ask("initialize", adapterID="x", supportsProgressReporting=True)
        one.ask("launch", program=str(tmp_path / "long.toml"))
        one.event("initialized")
        one.ask("configurationDone")
        one.stopped()
        one.ask("continue", threadId=1)
        assert one.ask("threads")["threads"]
        begun = one.event("progressStart")
        assert begun["title"] == "long" and "epoch" in begun["message"] and 0 <= begun["percentage"] <= 100
        with pytest.raises(RefusedError, match="pause it first"):
            one.ask("next", threadId=1)
        one.ask("setFunctionBreakpoints", breakpoints=[{"name": "epoch == 1000000"}])
        time.sleep(0.02)
        one.ask("pause", threadId=1)
        assert one.stopped()["reason"] == "pause"
        assert one.event("progressEnd")["progressId"] == begun["progressId"]
        assert here(one) != "start"
