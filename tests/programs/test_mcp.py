"""`retrograde mcp` with the SDK's own client, as a process. Needs the extra `mcp`; skips without."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mcp", reason="the extra mcp is not installed, so no agent is served")

from jsonschema import Draft202012Validator
from mcp import Client, StdioServerParameters, stdio_client

from retrograde.engine import Session, load_scenario
from retrograde.tui.agents.tools import TOOLS

STEPS = Path(__file__).parent.parent / "recording" / "steps"


@asynccontextmanager
async def served(folder: Path, *arguments: str, mode: str = "auto") -> AsyncIterator[Client]:
    """A client of a server in a folder, whose standard error is kept beside it."""
    command = ["-m", "retrograde.tui", "mcp", *arguments]
    parameters = StdioServerParameters(command=sys.executable, args=command, cwd=folder, env={"LANG": "C.UTF-8"})
    errors = folder / "stderr.txt"
    with errors.open("w", encoding="utf-8") as stream:
        async with Client(stdio_client(parameters, errlog=stream), mode=mode) as client:
            yield client
    assert errors.read_text(encoding="utf-8") == ""


async def said(client: Client, name: str, /, **given: Any) -> dict[str, Any]:
    found = await client.call_tool(name, given)
    assert not found.is_error, found.content
    assert json.loads(found.content[0].text) == found.structured_content
    record: dict[str, Any] = found.structured_content
    return record


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_an_agent_steps_a_training(tmp_path: Path, mode: str) -> None:
    session = Session(load_scenario("mazur"))
    async with served(tmp_path, mode=mode) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert set(tools) == {tool.name for tool in TOOLS if not tool.changes}
        for row in TOOLS:
            if not row.changes:
                offer = tools[row.name]
                Draft202012Validator.check_schema(offer.input_schema)
                Draft202012Validator(offer.input_schema).validate(dict(row.example))
                assert offer.annotations.read_only_hint and "Example: {" in offer.description
        assert (await said(client, "open", source="mazur"))["session"] == "s1"
        for size in ("step", "layer", "phase", "iteration", "step"):
            session.step(size)
            step = session.current
            assert step is not None
            told = (await said(client, "step", by=size))["here"]["step"]
            assert (told["number"], told["result"]) == (step.number, step.result)
        assert (await said(client, "step", back=True))["here"]["moment"] == "1:1:39"
        assert (await said(client, "query", query="first E < 0.29"))["hits"] == []
        assert "ordinary" in (await said(client, "why", name="w1"))["told"]
        refused = await client.call_tool("edit", {"values": {"w5": 1}})
        assert refused.is_error and "--allow-edits" in refused.content[0].text
        for name, given in {
            "step": {"by": "furlong"},
            "seek": {"at": "nowhere"},
            "open": {"source": "../secret.toml"},
            "opne": {},
        }.items():
            wrong = await client.call_tool(name, given)
            assert wrong.is_error and "\n" not in wrong.content[0].text


async def test_edits_and_recordings_over_the_wire(tmp_path: Path) -> None:
    (tmp_path / "root.rgrec").write_bytes((STEPS / "root.rgrec").read_bytes())
    async with served(tmp_path, "--allow-edits", "--seconds", "5") as client:
        await said(client, "open", source="mazur", at="2:1:17")
        assert (await said(client, "edit", values={"w5": 0.7}))["branch"] == "edit1"
        assert (await said(client, "compare", branch="main"))["differ"] > 0
        await said(client, "open", source="root.rgrec")
        assert (await said(client, "why", session="s2"))["step"]["node"] == "SqrtBackward0"
        assert (await said(client, "list"))["files"] == ["root.rgrec"]
