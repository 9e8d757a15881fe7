"""`retrograde dap` as a process, on its own streams and at a port."""

from __future__ import annotations

import socket

from tests.support.editing import process


def test_as_a_process_and_at_a_port() -> None:
    with process() as (one, running):
        one.launch("mazur")
        one.ask("next", threadId=1)
        assert one.stopped()["reason"] == "step" and one.scope("Step")["moment"] == "1:1:1"
        one.ask("disconnect")
        assert running.wait(20) == 0 and running.stderr is not None and running.stderr.read() == b""
    with process("--port", "0") as (_one, running):
        assert running.stderr is not None
        host, _colon, port = running.stderr.readline().decode().strip().partition(":")
        assert host == "127.0.0.1"
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}")
            assert connection.recv(100) == b""
        assert running.wait(20) == 2 and b"not with 'POST" in running.stderr.read()
