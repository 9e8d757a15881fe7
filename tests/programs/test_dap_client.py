"""`retrograde dap` with a client library that is not ours, as a process. Needs the extra `editors`; skips without."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("dap", reason="the extra editors is not installed, so no client library drives the adapter")

from dap import Client
from dap.base import ErrorResponse
from dap.handler import Handler
from dap.types import DataBreakpoint, FunctionBreakpoint, Source, SourceBreakpoint

from retrograde.engine import Session, load_scenario

MAZUR = Path(__file__).parent.parent.parent / "scenarios" / "mazur.toml"
SECONDS = 30.0


def plain(model: Any) -> Any:
    """A record of the library as it goes over the wire, which the library leaves to its callers."""
    return model.model_dump(exclude_none=True)


class Corrected(Handler):
    """The library where it is stricter than the schema of the protocol, or wrong.

    It wants a whole message in an answer that says no more than that something was done, and texts for the numbers of
    breakpoints.
    """

    def handle_event(self, event: Any) -> Any:
        if "hitBreakpointIds" in event.body:
            event.body["hitBreakpointIds"] = [str(number) for number in event.body["hitBreakpointIds"]]
        return super().handle_event(event)

    def handle_response(self, response: Any) -> Any:
        if response.success and not response.body:
            self.client._pending_requests.pop(response.request_seq)
            return response
        return super().handle_response(response)


class Driven:
    """The client library, on a process."""

    def __init__(self, running: subprocess.Popen[bytes]) -> None:
        self.client = Client(adapter_id="retrograde")
        self.client.handler = Corrected(self.client)
        self._running = running
        self.found: list[Any] = []

    def until(self, kind: str) -> Any:
        """Sends what waits, and reads until an answer or an event of a kind comes."""
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            for number, one in enumerate(self.found):
                if kind in {type(one).__name__, getattr(one, "command", None)}:
                    del self.found[number]
                    return one
            assert self._running.stdin is not None and self._running.stdout is not None
            if waiting := self.client.send():
                self._running.stdin.write(waiting)
            came = os.read(self._running.stdout.fileno(), 1 << 16)
            assert came, "it has ended"
            self.found += self.client.receive(came)
        raise AssertionError(f"no {kind} in {self.found}")


@contextmanager
def driven() -> Iterator[Driven]:
    command = [sys.executable, "-m", "retrograde.tui", "dap"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as running:
        try:
            yield Driven(running)
        finally:
            running.kill()


def test_a_client_library_steps_stops_and_goes_back() -> None:
    session = Session(load_scenario("mazur"))
    with driven() as one:
        client = one.client
        can = one.until("Initialized")
        assert can.supportsStepBack and can.supportsDataBreakpoints and can.supportsSetVariable
        client.send_request("launch", {"program": "mazur", "stopOnEntry": True})
        one.until("launch")
        one.until("InitializedEvent")
        loss = MAZUR.read_text(encoding="utf-8").splitlines().index("[loss]") + 1
        client.set_breakpoints(plain(Source(path=str(MAZUR))), [plain(SourceBreakpoint(line=loss))])
        (point,) = one.until("SetBreakpointsResponse").breakpoints
        assert point.verified and point.line == loss
        client.set_function_breakpoints([plain(FunctionBreakpoint(name="at backward h"))])
        one.until("SetFunctionBreakpointsResponse")
        client.set_data_breakpoints([plain(DataBreakpoint(dataId="w5", condition="changes sign"))])
        one.until("SetDataBreakpointsResponse")
        client.configuration_done()
        assert one.until("StoppedEvent").reason == "entry"
        for text in ("at E_o1", "at backward h"):
            session.add_breakpoint(text)
        for command, reason in (
            ("continue", "breakpoint"),
            ("continue", "function breakpoint"),
            ("reverseContinue", "breakpoint"),
        ):
            client.send_request(command, {"threadId": 1})
            assert one.until("StoppedEvent").reason == reason
            session.reverse() if command == "reverseContinue" else session.proceed()
            client.stack_trace(thread_id=1)
            frames = one.until("StackTraceResponse").stackFrames
            assert session.current is not None and frames[0].name.startswith(session.current.symbol)
        assert frames[0].line == loss and frames[0].source.path == str(MAZUR)
        client.step_back(thread_id=1)
        assert one.until("StoppedEvent").reason == "step"
        client.scopes(frame_id=1)
        scopes = {scope.name: scope.variablesReference for scope in one.until("ScopesResponse").scopes}
        client.variables(variables_reference=scopes["Parameters"])
        arrays = {found.name: found for found in one.until("VariablesResponse").variables}
        assert arrays["W_o"].indexedVariables == 4
        client.variables(variables_reference=arrays["W_o"].variablesReference, start=0, count=1)
        assert [found.value for found in one.until("VariablesResponse").variables] == ["0.4"]
        client.set_variable(arrays["W_o"].variablesReference, "w5", "0.7")
        assert one.until("SetVariableResponse").value == "0.7"
        client.evaluate("w5")
        assert one.until("EvaluateResponse").result.startswith("w5 = 0.7")
        client.evaluate("w5 <", context="watch")
        assert isinstance(one.until("ErrorResponse"), ErrorResponse)
        client.disconnect()
        one.until("disconnect")
