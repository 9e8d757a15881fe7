"""The tools of agents: they say what the session says, refuse in one line, and read files of their folder only."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrograde.engine import Session, load_scenario
from retrograde.engine.session.saving import save
from retrograde.tui.agents.calling import Said, call, offered
from retrograde.tui.agents.desk import MOST_SESSIONS, Desk
from retrograde.tui.agents.job import Job
from retrograde.tui.agents.tools import TOOLS
from retrograde.tui.cli.main import main
from retrograde.tui.plain.bounded import MOST, written
from retrograde.tui.plain.steps import step_record
from tests.support.effort import examples

ROOT = Path(__file__).parent.parent.parent
STEPS = ROOT / "tests" / "recording" / "steps"
SIZES = ("term", "step", "layer", "phase", "sample", "iteration", "epoch")


class Agent:
    """Calls tools of a desk."""

    def __init__(self, folder: Path, *, edits: bool = False, seconds: float = 60.0) -> None:
        self.desk = Desk(folder, edits=edits, seconds=seconds)

    def say(self, name: str, /, **given: Any) -> Said:
        said = call(self.desk, name, given, Job(self.desk.seconds))
        assert len(said.text) <= MOST
        if said.record is None:
            assert said.text and "\n" not in said.text and "Traceback" not in said.text
        else:
            assert json.loads(said.text) == said.record
        return said

    def __call__(self, name: str, /, **given: Any) -> dict[str, Any]:
        said = self.say(name, **given)
        assert said.record is not None, said.text
        return said.record

    def refusal(self, name: str, /, **given: Any) -> str:
        said = self.say(name, **given)
        assert said.record is None, said.text
        return said.text


@pytest.fixture
def agent(tmp_path: Path) -> Agent:
    return Agent(tmp_path, edits=True)


def test_every_tool_has_a_schema_a_description_and_an_example_that_works(agent: Agent) -> None:
    agent("open", source="mazur")
    agent("step")
    for tool in TOOLS:
        schema = tool.schema()
        assert schema["type"] == "object" and schema["examples"] == [dict(tool.example)]
        assert schema["additionalProperties"] is False
        for name, part in schema.get("properties", {}).items():
            assert part.get("description"), (tool.name, name)
        assert tool.description.endswith(".")
        if tool.name == "compare":
            agent("edit", values={"w5": 0.5})
        if tool.name != "open":
            agent(tool.name, **tool.example)
        if tool.name == "close":
            agent("open", source="mazur", at="1:1:3")
            agent.desk.sessions["s1"] = agent.desk.sessions.pop("s2")


@examples(12, least=3)
@given(st.lists(st.tuples(st.sampled_from(SIZES), st.integers(1, 3), st.booleans()), min_size=1, max_size=8))
def test_a_step_is_the_session_s(motions: list[tuple[str, int, bool]]) -> None:
    agent, session = Agent(ROOT / "tests"), Session(load_scenario("xor-2-2-1"))
    agent("open", source="xor-2-2-1")
    for size, count, back in motions:
        moved = 0
        while moved < count and (session.back(size) if back else session.step(size)):
            moved += 1
        found = agent("step", by=size, count=count, back=back)
        assert found["moved"] == moved
        step = session.current
        assert found["here"]["position"] == session.position
        if step is not None and not step.term:
            told = step_record(step)
            assert {key: told[key] for key in ("number", "equation", "numbers", "result", "operands")} == {
                key: found["here"]["step"][key] for key in ("number", "equation", "numbers", "result", "operands")
            }


def test_what_it_asks_is_what_the_session_says(agent: Agent) -> None:
    session = Session(load_scenario("mazur"))
    agent("open", source="mazur", at="2:1:17")
    session.seek("2:1:17")
    told = agent("value", expressions=["w5", "W_h", "grad(w5)", "epoch"])["values"]
    assert told["w5"] == session.value("w5") and told["epoch"] == 2.0
    assert told["W_h"]["row_by_row"] == session.value("W_h").ravel().tolist()
    assert "not computed yet" in told["grad(w5)"]["error"]
    assert agent("value", expressions=["E"], at="1:1")["values"]["E"] == 0.2983711087600027
    assert agent("why", name="w1")["value"] == session.autopsy("w1").value
    assert [row["delta"] for row in agent("flow")["layers"]] == [row.delta for row in session.flow()]
    reads = [moment.address for moment in session.uses(session.resolve("out_h1"))]
    assert [one["moment"] for one in agent("uses", name="out_h1")["read_at"]] == reads
    halt = agent("continue", to="w5 changes sign")
    session.add_breakpoint("w5 changes sign")
    session.proceed()
    assert halt["hit"] and halt["here"]["position"] == session.position
    assert agent("continue", to="at backward h", back=True)["here"]["step"]["name"] == "grad(out_h1)"
    assert agent.desk.session(None).breakpoints == {}
    assert agent("doctor", epochs=50)["iterations"] == 50


def test_a_question_about_what_has_not_run_runs_it_first(agent: Agent) -> None:
    agent("open", source="xor-2-2-1")
    found = agent("query", query="first E < 0.1")
    assert "below 0.001" in found["ran"] and found["hits"]
    session = Session(load_scenario("xor-2-2-1"))
    session.run()
    assert found["hits"][0]["step"] == session.first("E < 0.1")
    assert agent("list")["open"] == [{"session": "s1", "source": "xor-2-2-1", "moment": "start"}]


def test_an_edit_is_a_branch_and_has_to_be_allowed(agent: Agent, tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_bytes((ROOT / "scenarios" / "mazur.toml").read_bytes())
    before = file.read_bytes()
    agent("open", source="own.toml", at="3:1:5")
    found = agent("edit", values={"w5": 0.7, "w6": -1})
    session = Session(load_scenario("mazur"))
    session.seek("3:1:5")
    session.edit({"w5": 0.7, "w6": -1.0})
    assert found["branch"] == "edit1" and found["here"]["step"]["result"] == session.current.result  # type: ignore[union-attr]
    compared, own = agent("compare", branch="main"), session.compare("main")
    assert compared["differ"] == len(own.differences) and compared["first_difference"]["step"] == own.first
    assert agent("branch", name="main")["here"]["branch"] == "main"
    assert file.read_bytes() == before
    reader = Agent(tmp_path)
    reader("open", source="mazur")
    assert "--allow-edits" in reader.refusal("edit", values={"w5": 0.7})
    assert "edit" not in {tool.name for tool in offered(reader.desk)}


def test_a_recording_is_read(tmp_path: Path) -> None:
    agent = Agent(STEPS)
    told = agent("open", source="root.rgrec")
    assert told["kind"] == "recording" and told["steps_an_iteration"] == 945
    assert agent("why")["step"]["node"] == "SqrtBackward0"
    step = agent("seek", at="@342")["here"]["step"]
    assert step["result"] == "Infinity" and step["source"]["line"] == 17
    assert agent("query", query="head.bias[1]")["used_by"]
    assert agent("flow")["layers"] and agent("doctor")["headline"]
    assert "recording" in agent.refusal("run")
    assert agent.refusal("step", by="epoch")
    agent("open", source="mazur")
    assert agent.refusal("compare", session="s1", scenario="s2")


# -- files


def outside(tmp_path: Path) -> tuple[Agent, dict[str, Callable[[], str]]]:
    """An agent in a folder, and what lies outside of it: how it may be named from there."""
    folder, beyond = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    beyond.mkdir()
    scenario = (ROOT / "scenarios" / "mazur.toml").read_text(encoding="utf-8")
    (beyond / "own.toml").write_text(scenario, encoding="utf-8")
    (beyond / "samples.csv").write_text("a,b,c,d\n0.05,0.1,0.01,0.99\n", encoding="utf-8")
    (beyond / "step.rgrec").write_bytes((STEPS / "root.rgrec").read_bytes())
    session = Session(load_scenario(beyond / "own.toml"))
    save(session, beyond / "own.session.json")
    save(session, folder / "names.session.json")
    save(Session.of_recording(beyond / "step.rgrec"), folder / "recorded.session.json")
    (folder / "link.toml").symlink_to(beyond / "own.toml")
    (folder / "linked").symlink_to(beyond)
    rows = 'file = "{file}"\ninput_columns = ["a", "b"]\ntarget_columns = ["c", "d"]'
    for name, file in {"data": "../out/samples.csv", "data_linked": "linked/samples.csv"}.items():
        text = scenario.replace("inputs = [[0.05, 0.10]]\ntargets = [[0.01, 0.99]]", rows.format(file=file))
        (folder / f"{name}.toml").write_text(text, encoding="utf-8")
    weights = scenario.replace("[network]\n", '[network]\nweights_file = "../out/w.npz"\n')
    (folder / "weights.toml").write_text(weights, encoding="utf-8")
    names = [
        "../out/own.toml",
        str(beyond / "own.toml"),
        "link.toml",
        "linked/own.toml",
        "../out/own.session.json",
        "../out/step.rgrec",
        "../out/none.rgrec",
        "linked/step.rgrec",
        "names.session.json",
        "recorded.session.json",
        "data.toml",
        "data_linked.toml",
        "weights.toml",
        "/etc/passwd",
        "/dev/zero",
        "../out",
    ]
    agent = Agent(folder)
    return agent, {name: lambda name=name: agent.refusal("open", source=name) for name in names}  # type: ignore[misc]


def test_files_outside_of_the_folder_are_refused(tmp_path: Path) -> None:
    agent, tries = outside(tmp_path)
    for name, refusal in tries.items():
        assert "outside of" in refusal(), name
    assert agent.desk.sessions == {}
    listed = agent("list")["files"]
    assert "link.toml" not in listed and not any(name.startswith("linked") for name in listed)
    assert "names.session.json" in listed


def test_files_in_the_folder_are_read_wherever_links_in_it_lead(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "own.toml").write_bytes((ROOT / "scenarios" / "mazur.toml").read_bytes())
    (tmp_path / "link.toml").symlink_to(inner / "own.toml")
    agent = Agent(tmp_path)
    for name in ("inner/own.toml", "link.toml", str(inner / "own.toml"), "inner/../link.toml"):
        agent("close", session=agent("open", source=name)["session"])
    assert agent("list", search="own")["files"] == ["inner/own.toml"]


def test_a_setting_holds_for_a_file_of_the_folder_too(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_bytes((ROOT / "scenarios" / "mazur.toml").read_bytes())
    agent = Agent(tmp_path)
    found = [agent("open", source=f"{name}:learning_rate=0.25,l2=0.5")["session"] for name in ("mazur", "own.toml")]
    values = [agent("value", session=one, expressions=["w5"], at="2:1")["values"] for one in found]
    assert values[0] == values[1]
    assert agent.desk.session(found[1]).scenario.training.learning_rate == 0.25


def test_a_loop_of_links_and_a_pipe_are_refused(tmp_path: Path) -> None:
    agent = Agent(tmp_path)
    (tmp_path / "round.toml").symlink_to(tmp_path / "round.toml")
    os.mkfifo(tmp_path / "pipe.toml")
    for name in ("round.toml", "pipe.toml", "none.toml", "a\0b.toml", "x" * 1999, ".", ""):
        agent.refusal("open", source=name)


# -- nonsense

WORDS = st.sampled_from(
    ["w5", "E <", "", "at", "((", "first E < 1", "2:1:17", "@9999999", "-5x", "main", "s1", "s9", "é\n"]
)
VALUES = st.one_of(WORDS, st.integers(-2, 10**12), st.booleans(), st.none(), st.lists(WORDS, max_size=2), st.floats())
KEYS = (
    "session",
    "at",
    "by",
    "count",
    "to",
    "expressions",
    "name",
    "query",
    "values",
    "branch",
    "epochs",
    "source",
    "paths",
)


@examples(48)
@given(
    st.sampled_from([*(tool.name for tool in TOOLS), "nothing"]),
    st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=3),
)
def test_nonsense_is_refused_in_one_line(name: str, arguments: dict[str, Any]) -> None:
    agent = Agent(ROOT / "tests", edits=True, seconds=0.5)
    agent("open", source="mazur", at="1:1:3")
    agent.say(name, **arguments)


def test_a_call_ends_when_its_time_is_over(tmp_path: Path) -> None:
    agent = Agent(tmp_path)
    agent("open", source="two-moons")
    agent.desk.seconds = 0.05
    assert "not done after" in agent("run", epochs=10**6)["note"]
    assert "not done after" in agent.refusal("doctor", epochs=10**6)
    assert "not done after" in agent.refusal("seek", at="400:1") or agent("list")["open"][0]["moment"]
    dropped = Job(60)
    dropped.drop()
    assert call(agent.desk, "run", {}, dropped).record is None


def test_sessions_are_few(tmp_path: Path) -> None:
    agent = Agent(tmp_path)
    assert "call open first" in agent.refusal("step")
    for _number in range(MOST_SESSIONS):
        agent("open", source="and-gate")
    assert "close one first" in agent.refusal("open", source="and-gate")
    assert "which session" in agent.refusal("step")
    agent("close", session="s3")
    assert agent("open", source="and-gate")["session"] == f"s{MOST_SESSIONS + 1}"


TREES = st.recursive(
    st.text(max_size=400) | st.just("long " * 900) | st.integers() | st.none(),
    lambda inner: st.lists(inner, max_size=80) | st.dictionaries(st.text(max_size=5), inner, max_size=50),
    max_leaves=25,
)


@examples(24)
@given(st.dictionaries(st.sampled_from(["a", "b", "c"]), TREES, min_size=1))
def test_an_answer_has_a_bounded_size(record: dict[str, Any]) -> None:
    found, text = written(record, most=3000)
    assert json.loads(text) == found
    assert len(text) <= 3000


def test_without_the_sdk_one_line_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, "retrograde.tui.agents.server", raising=False)
    monkeypatch.setitem(sys.modules, "mcp.server", None)
    monkeypatch.setitem(sys.modules, "mcp", None)
    assert main(["mcp"]) == 2
    told = capsys.readouterr()
    assert told.out == "" and "pip install 'retrograde[mcp]'" in told.err and told.err.count("\n") == 1
