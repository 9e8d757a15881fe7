"""The command line: exit codes, one clear message for whatever goes wrong, and never a traceback."""

from __future__ import annotations

import errno
import json
import os
import pty
import re
import signal
import subprocess
import sys
import threading
import time
import tomllib
from collections.abc import Sequence
from pathlib import Path

import pytest

from retrograde.engine.executor.native import switch
from retrograde.tui.cli.main import main

BASE = [sys.executable, "-m", "retrograde.tui"]


def retrograde(
    *arguments: str, environment: dict[str, str] | None = None, **options: object
) -> subprocess.CompletedProcess[str]:
    """Run the command as a person would, without a terminal."""
    return subprocess.run(
        [*BASE, *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "LANGUAGE": "en", **(environment or {})},
        timeout=60,
        **options,
    )


def in_terminal(
    *arguments: str,
    term: str = "xterm-256color",
    size: tuple[int, int] = (24, 80),
    keys: Sequence[tuple[str, bytes]] = (),
) -> tuple[int, str]:
    """Run the command in a terminal of its own, of a size (lines, columns); its exit code and output.

    Each of the keys is typed once its text was written, after the text of the one before it.
    """
    import fcntl
    import struct
    import termios

    main_end, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
    process = subprocess.Popen(
        [*BASE, *arguments],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        env={**os.environ, "TERM": term, "LANGUAGE": "en"},
        close_fds=True,
    )
    os.close(terminal)
    written, seen, waiting = b"", 0, list(keys)
    alarm = threading.Timer(30, process.kill)
    alarm.start()
    while True:
        if waiting and (found := written.find(waiting[0][0].encode(), seen)) >= 0:
            seen = found
            os.write(main_end, waiting.pop(0)[1])
        try:
            part = os.read(main_end, 65536)
        except OSError as error:
            assert error.errno == errno.EIO
            break
        if not part:
            break
        written += part
    alarm.cancel()
    os.close(main_end)
    return process.wait(timeout=30), written.decode()


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["run"], "required"),
        (["run", "mazur", "--epochs", "0"], "whole number from 1"),
        (["run", "mazur", "--epochs", "many"], "whole number from 1"),
        (["trace", "mazur", "--format", "xml"], "invalid choice"),
        (["trace", "mazur", "--granularity", "inch"], "invalid choice"),
        (["list", "more"], "unrecognized"),
        (["--theme", "pink"], "invalid choice"),
        (["--language", "tlh", "list"], "invalid choice"),
        (["new"], "required"),
        (["mazur", "--frobnicate"], "unrecognized"),
    ],
)
def test_wrong_arguments_are_one_line_and_exit_2(
    arguments: list[str], part: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert part in err
    assert "--help" in err


@pytest.mark.parametrize(
    "arguments",
    [
        ["nosuch"],
        ["run", "nosuch"],
        ["trace", "nosuch"],
        ["check", "nosuch"],
        ["run", "nosuch.toml"],
        ["/"],
        [""],
    ],
)
def test_what_does_not_exist_is_one_line_and_exit_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("retrograde.tui.cli.open._require_terminal", lambda: None)
    assert main(arguments) == 2
    err = capsys.readouterr().err
    assert "Traceback" not in err
    assert err.count("\n") == 1


def test_all_problems_of_a_scenario_are_said_one_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text("format = 1\n[network]\ninputs = -3\n[stop]\nepochs = 0\n", encoding="utf-8")
    assert main(["run", str(file)]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) > 2
    assert any("wrong.toml:3:" in line and "network.inputs" in line for line in lines)
    assert any("wrong.toml:5:" in line and "stop.epochs" in line for line in lines)


def test_the_version_is_the_package_s() -> None:
    done = retrograde("--version")
    assert done.returncode == 0
    assert done.stdout.startswith("retrograde ")


def test_help_names_every_command() -> None:
    from retrograde.tui.cli.main import SUBCOMMANDS

    done = retrograde("--help")
    assert done.returncode == 0
    assert [command for command in SUBCOMMANDS if f"    {command} " not in done.stdout] == []
    for command in SUBCOMMANDS:
        done = retrograde(command, "--help")
        assert done.returncode == 0
        assert done.stdout.startswith(f"usage: retrograde {command}")


@pytest.mark.parametrize(
    ("arguments", "scenario", "options"),
    [
        ([], None, {}),
        (["mazur"], "mazur", {}),
        (["--ascii"], None, {"ascii_only": True}),
        (["--theme", "light", "mazur"], "mazur", {"theme": "light"}),
        (["mazur", "--theme=dark", "--ascii"], "mazur", {"theme": "dark", "ascii_only": True}),
        (["--data", "run", "mazur"], "mazur", {"data": "run"}),
        (["--language", "en", "open", "run"], "run", {}),
        (["--ascii", "open", "mazur"], "mazur", {"ascii_only": True}),
        (["mazur", "--history", "16"], "mazur", {"history": 16}),
        (["open", "--", "--odd--name.toml"], "--odd--name.toml", {}),
        (["--", "run"], "run", {}),
    ],
)
def test_what_is_no_command_is_opened(
    arguments: list[str], scenario: str | None, options: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str | None, dict[str, object]]] = []

    def open_app(scenario: str | None, **options: object) -> int:
        seen.append((scenario, options))
        return 0

    monkeypatch.setattr("retrograde.tui.cli.open.open_app", open_app)
    assert main(arguments) == 0
    usual = {"theme": None, "ascii_only": False, "data": None, "history": None, "reduced_motion": False}
    assert seen == [(scenario, usual | options)]


def test_without_a_terminal_the_app_says_so_in_one_line() -> None:
    for arguments in ([], ["mazur"], ["--ascii", "mazur"], ["open", "mazur"]):
        done = retrograde(*arguments)
        assert done.returncode == 2
        assert done.stdout == ""
        assert done.stderr == (
            "retrograde: the app needs a terminal; use `retrograde run` or `retrograde trace` instead\n"
        )


@pytest.mark.parametrize(("term", "size", "part"), [("dumb", (24, 80), "TERM"), ("xterm", (0, 0), "0 columns")])
def test_a_terminal_that_can_not_show_the_app_is_one_line(term: str, size: tuple[int, int], part: str) -> None:
    code, written = in_terminal("mazur", term=term, size=size)
    assert code == 2
    assert part in written
    assert written.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "keys"),
    [
        (["mazur"], [("Matt", b"s"), ("net_h1", b"q")]),
        (["--ascii", "--theme", "light", "mazur"], [("Matt", b"s"), ("net_h1", b"q")]),
        ([], [("brownlee", b"\x11")]),
    ],
)
def test_the_app_opens_and_quits(arguments: list[str], keys: list[tuple[str, bytes]]) -> None:
    code, written = in_terminal(*arguments, size=(36, 120), keys=keys)
    assert code == 0
    assert "Traceback" not in written
    assert "\x1b[?1049l" in written, "the terminal is given back"


def test_a_reader_that_leaves_is_no_error() -> None:
    process = subprocess.Popen(
        [*BASE, "trace", "mazur"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL
    )
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(timeout=30) == 0
    process.stderr.close()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("arguments", [["list"], ["trace", "mazur", "--to", "1:1:5"], ["schema"]])
def test_a_full_disk_is_one_line(arguments: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*BASE, *arguments],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "No space left" in done.stderr


@pytest.mark.skipif(os.name == "nt", reason="a shell that can close a stream")
def test_closed_streams_are_no_error() -> None:
    for command, code in (("list >&-", 0), ("list <&- >&- 2>&-", 0), ("<&-", 2), ("run nosuch 2>&-", 2)):
        line = f"{sys.executable} -m retrograde.tui {command}"
        done = subprocess.run(["/bin/sh", "-c", line], capture_output=True, text=True, check=False)
        assert done.returncode == code, (command, done.stderr)
        assert "Traceback" not in done.stderr


def interruptible() -> None:
    """Lets a child be interrupted even where the tests run in the background, with that signal ignored."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_an_interrupt_is_one_line() -> None:
    process = subprocess.Popen(
        [*BASE, "trace", "mazur", "--format", "jsonl"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "LANGUAGE": "en"},
        preexec_fn=interruptible,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline()
    process.send_signal(signal.SIGINT)
    process.stdout.read()
    assert process.stderr.read() == b"retrograde: interrupted\n"
    assert process.wait(timeout=30) == 130
    process.stdout.close()
    process.stderr.close()


def test_a_terminal_that_knows_no_symbols_shows_replacements() -> None:
    done = retrograde("trace", "mazur", "--to", "1:1:20", environment={"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0
    assert done.stdout.isascii()
    done = retrograde("trace", "mazur", "--to", "1:1:20", "--ascii")
    assert done.returncode == 0
    assert done.stdout.isascii()
    assert "?" not in done.stdout


class TestList:
    def test_every_scenario_is_listed_aligned(self, capsys: pytest.CaptureFixture[str]) -> None:
        from retrograde.engine.scenario.catalogue import shipped
        from retrograde.engine.scenario.groups import GROUPS

        assert main(["list"]) == 0
        lines = [line for line in capsys.readouterr().out.splitlines() if line]
        headings = [line for line in lines if not line.startswith(" ")]
        assert headings == list(GROUPS.values())
        rows = [line for line in lines if line.startswith(" ")]
        assert sorted(line.split()[0] for line in rows) == shipped()
        assert len({re.match(r"  \S+ +", line).end() for line in rows}) == 1  # type: ignore[union-attr]
        assert "2-2-2" in next(line for line in lines if line.startswith("  mazur "))
        assert "2-16×10-1" in next(line for line in lines if line.startswith("  deep-relu-he "))

    def test_json_has_both_languages(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["list", "--json"]) == 0
        rows = json.loads(capsys.readouterr().out)
        mazur = next(row for row in rows if row["name"] == "mazur")
        assert set(mazur) == {"name", "topology", "title", "teaches", "source", "variants", "group", "figures"}
        assert mazur["topology"] == "2-2-2"
        assert set(mazur["title"]) == {"en", "zh"}

    def test_the_language_is_a_choice(self, capsys: pytest.CaptureFixture[str]) -> None:
        for arguments in (["list", "--language", "zh"], ["--language=zh", "list"]):
            assert main(arguments) == 0
            assert "经典的 2-2-2 网络" in capsys.readouterr().out
        assert main(["list", "--language", "en"]) == 0

    def test_it_is_quick(self) -> None:
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", "import json, tomllib, argparse"], check=True)
        bare = time.perf_counter() - start
        start = time.perf_counter()
        assert retrograde("list").returncode == 0
        assert time.perf_counter() - start < bare + 1.0


class TestNew:
    def test_the_template_is_a_scenario_that_runs(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        file = tmp_path / "mine.toml"
        assert main(["new", str(file)]) == 0
        assert "mine.toml" in capsys.readouterr().out
        assert list(tmp_path.iterdir()) == [file]
        assert tomllib.loads(file.read_text(encoding="utf-8"))["format"] == 1
        assert main(["run", str(file), "--epochs", "3"]) == 0
        assert main(["check", str(file)]) == 0

    def test_every_line_that_is_commented_out_is_valid_too(self, tmp_path: Path) -> None:
        from retrograde.tui.cli.new import TEMPLATE

        lines = []
        for line in TEMPLATE.splitlines():
            bare = line.removeprefix("# ")
            lines.append(bare if line.startswith("# ") and ("= " in bare[:24] or bare.startswith("[[")) else line)
        tables = tomllib.loads("\n".join(lines))
        assert tables["expect"][0]["printed"]
        assert tables["data"]["input_columns"] == "1-2"

    def test_a_file_is_never_overwritten(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        file = tmp_path / "mine.toml"
        file.write_text("precious", encoding="utf-8")
        assert main(["new", str(file)]) == 2
        assert "exists" in capsys.readouterr().err
        assert file.read_text(encoding="utf-8") == "precious"
        assert list(tmp_path.iterdir()) == [file]

    @pytest.mark.parametrize("name", ["missing/mine.toml", "mine.txt"])
    def test_what_can_not_be_written_is_said(
        self, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["new", str(tmp_path / name)]) == 2
        assert capsys.readouterr().err.count("\n") == 1
        assert list(tmp_path.iterdir()) == []


def test_schema_is_json_schema(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    schema = json.loads(capsys.readouterr().out)
    assert {"network", "data", "loss", "training", "stop"} <= set(schema["properties"])


@pytest.mark.parametrize("arguments", [("--no-native", "list"), ("list", "--no-native")])
def test_machine_code_is_switched_off_for_this_process_and_those_that_it_starts(
    arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(switch.VARIABLE, "1")
    assert main(arguments) == 0
    capsys.readouterr()
    assert not switch.used()
