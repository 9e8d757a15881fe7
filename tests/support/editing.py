"""A thin editor for tests: it speaks the Debug Adapter Protocol over two streams.

Every message is held to the official schema where that is installed: it comes with debugpy.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from io import RawIOBase
from pathlib import Path
from typing import Any, BinaryIO

from retrograde.tui.cli.dap import console, opened
from retrograde.tui.editors.serving import Conversing
from retrograde.tui.editors.wire import Wire

SECONDS = 20.0
_SCHEMA = "_vendored/pydevd/_pydevd_bundle/_debug_adapter/debugProtocol.json"


class RefusedError(Exception):
    """A request that was not carried out."""


@cache
def definitions() -> dict[str, Any] | None:
    """The official schema; None where it is not installed."""
    spec = find_spec("debugpy")
    if spec is None or spec.origin is None or find_spec("jsonschema") is None:
        return None
    found: dict[str, Any] = json.loads((Path(spec.origin).parent / _SCHEMA).read_text(encoding="utf-8"))
    return found


@cache
def _validator(name: str) -> Any:
    from jsonschema import Draft4Validator

    schema = definitions()
    assert schema is not None
    return Draft4Validator({**schema, "$ref": f"#/definitions/{name}"})


def hold_to_schema(message: Mapping[str, Any]) -> None:
    """Holds a message to the schema of its kind; does nothing where that is not installed."""
    schema = definitions()
    if schema is None:
        return
    match message:
        case {"type": "response", "success": False}:
            name = "ErrorResponse"
        case {"type": "response", "command": str(command)}:
            name = f"{command[0].upper()}{command[1:]}Response"
        case {"type": "event", "event": str(event)}:
            name = f"{event[0].upper()}{event[1:]}Event"
        case _:
            raise AssertionError(message)
    assert name in schema["definitions"], name
    _validator(name).validate(message)


class Editor:
    """An editor on two streams."""

    def __init__(self, source: RawIOBase, sink: BinaryIO) -> None:
        self._sink = sink
        self._sent = 0
        self._came: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self.events: list[dict[str, Any]] = []
        wire = Wire(source, sink)
        self.reader = threading.Thread(target=self._read, args=(wire,), daemon=True)
        self.reader.start()

    def _read(self, wire: Wire) -> None:
        try:
            while (message := wire.read()) is not None:
                self._came.put(message)
        except (OSError, ValueError):
            pass
        self._came.put(None)

    def send(self, command: str, /, **arguments: Any) -> int:
        """Sends a request, and returns its number."""
        self._sent += 1
        message = {"seq": self._sent, "type": "request", "command": command, "arguments": arguments}
        content = json.dumps(message).encode()
        self._sink.write(b"Content-Length: %d\r\n\r\n%b" % (len(content), content))
        self._sink.flush()
        return self._sent

    def _next(self) -> dict[str, Any]:
        message = self._came.get(timeout=SECONDS)
        assert message is not None, "the conversation is over"
        hold_to_schema(message)
        if message["type"] == "event":
            self.events.append(message)
        return message

    def answer(self, number: int) -> dict[str, Any]:
        """The body of the response to a request."""
        while True:
            message = self._next()
            if message["type"] == "response" and message["request_seq"] == number:
                if not message["success"]:
                    raise RefusedError(message["message"])
                body: dict[str, Any] = message["body"]
                return body

    def ask(self, command: str, /, **arguments: Any) -> dict[str, Any]:
        """Sends a request, and returns the body of the response."""
        return self.answer(self.send(command, **arguments))

    def event(self, name: str) -> dict[str, Any]:
        """The body of the next event of a kind that was not taken yet."""
        while True:
            for number, message in enumerate(self.events):
                if message["event"] == name:
                    del self.events[number]
                    body: dict[str, Any] = message["body"]
                    return body
            self._next()

    def stopped(self) -> dict[str, Any]:
        """The next stop."""
        return self.event("stopped")

    def launch(self, program: str, **more: Any) -> dict[str, Any]:
        """Launches, sets nothing, and returns the first stop."""
        self.begin(program, **more)
        self.ask("configurationDone")
        return self.stopped()

    def begin(self, program: str, **more: Any) -> None:
        """Launches up to where breakpoints are set."""
        self.ask("initialize", adapterID="retrograde", supportsInvalidatedEvent=True)
        self.ask("launch", program=program, **more)
        self.event("initialized")

    def frames(self) -> list[dict[str, Any]]:
        """The stack."""
        found: list[dict[str, Any]] = self.ask("stackTrace", threadId=1)["stackFrames"]
        return found

    def scope(self, name: str, frame: int = 1) -> dict[str, str]:
        """The values of a scope, by their names."""
        scopes = {one["name"]: one["variablesReference"] for one in self.ask("scopes", frameId=frame)["scopes"]}
        return {one["name"]: one["value"] for one in self.children(scopes[name])}

    def children(self, reference: int, **more: Any) -> list[dict[str, Any]]:
        """What a variable holds."""
        found: list[dict[str, Any]] = self.ask("variables", variablesReference=reference, **more)["variables"]
        return found

    def worth(self, expression: str) -> str:
        """What an expression is worth."""
        return str(self.ask("evaluate", expression=expression, context="watch")["result"])

    def console(self, line: str) -> str:
        """What a line of the console answers."""
        return str(self.ask("evaluate", expression=line, context="repl")["result"])


@contextmanager
def editor() -> Iterator[Editor]:
    """An editor, and what answers it in a thread."""
    ours, theirs = os.pipe(), os.pipe()
    with os.fdopen(ours[0], "rb", buffering=0) as source, os.fdopen(theirs[1], "wb") as sink:

        def serve() -> None:
            with os.fdopen(theirs[0], "rb", buffering=0) as asked, os.fdopen(ours[1], "wb") as said:
                Conversing(Wire(asked, said), opened, console).run()

        thread = threading.Thread(target=serve)
        thread.start()
        one = Editor(source, sink)
        try:
            yield one
        finally:
            one.send("disconnect")
            thread.join(SECONDS)
            assert not thread.is_alive()
            # A stream that is closed under a reader may be the next one's by the time it reads.
            one.reader.join(SECONDS)


@contextmanager
def process(*arguments: str, cwd: Path | None = None) -> Iterator[tuple[Editor, subprocess.Popen[bytes]]]:
    """An editor, and what answers it as a process."""
    command = [sys.executable, "-m", "retrograde.tui", "dap", *arguments]
    running = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=cwd, bufsize=0
    )
    assert running.stdin is not None and running.stdout is not None and running.stderr is not None
    try:
        yield Editor(running.stdout, running.stdin), running
    finally:
        running.kill()
        running.wait()
        for stream in (running.stdin, running.stdout, running.stderr):
            stream.close()
