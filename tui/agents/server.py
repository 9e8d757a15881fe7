"""The tools over the Model Context Protocol, by its official SDK: standard input asks, standard output answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import anyio
from anyio import to_thread
from mcp.server import Server
from mcp.server.stdio import stdio_server
from mcp_types import (
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    ToolAnnotations,
)
from mcp_types import Tool as ToolOfProtocol

from retrograde.tui.agents.calling import call, offered
from retrograde.tui.agents.desk import Desk
from retrograde.tui.agents.job import Job
from retrograde.tui.agents.tools import Tool

_INSTRUCTIONS = (
    "A step debugger for backpropagation. `list` says what can be opened, `open` begins a session; then `step`, `seek`,"
    " `run` and `continue` move its cursor in either direction, and the other tools ask: `why` a gradient is as it is,"
    " `doctor` what is wrong with the training, `query` when something happened. Every number is exactly the number"
    " that was computed; NaN and the infinities are strings."
)


def serve(folder: Path, *, edits: bool, seconds: float, version: str) -> None:
    """Serves sessions until standard input ends.

    Args:
        folder: the folder whose files may be opened.
        edits: whether values may be changed, on branches.
        seconds: how long a call may take.
        version: the version of Retrograde.
    """
    anyio.run(_serve, Desk(folder, edits=edits, seconds=seconds), version)


def server_of(desk: Desk, version: str) -> Server[Any]:
    """A server of the tools of a desk."""

    async def listed(_context: Any, _given: PaginatedRequestParams | None) -> ListToolsResult:
        return ListToolsResult(tools=[_offer(tool) for tool in offered(desk)])

    async def called(_context: Any, given: CallToolRequestParams) -> CallToolResult:
        job = Job(desk.seconds)
        try:
            said = await to_thread.run_sync(call, desk, given.name, given.arguments or {}, job, abandon_on_cancel=True)
        finally:
            # Whoever no longer waits wants the work to end too; where it is done, this says nothing new.
            job.drop()
        return CallToolResult(
            content=[TextContent(type="text", text=said.text)],
            structured_content=said.record,
            is_error=said.record is None,
        )

    return Server(
        "retrograde",
        version=version,
        title="Retrograde",
        instructions=_INSTRUCTIONS,
        on_list_tools=listed,
        on_call_tool=called,
    )


async def _serve(desk: Desk, version: str) -> None:
    server = server_of(desk, version)
    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options())


def _offer(tool: Tool) -> ToolOfProtocol:
    schema = tool.schema()
    (example,) = schema["examples"]
    return ToolOfProtocol(
        name=tool.name,
        title=tool.title,
        description=f"{tool.description} Example: {json.dumps(example)}",
        input_schema=schema,
        annotations=ToolAnnotations(
            title=tool.title,
            read_only_hint=not tool.changes,
            destructive_hint=False,
            idempotent_hint=tool.looks,
            open_world_hint=False,
        ),
    )
