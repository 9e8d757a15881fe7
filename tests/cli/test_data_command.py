"""`retrograde data`: what would be read, for people and as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from retrograde.tui.cli.main import main


def test_it_says_how_a_file_is_written_and_how_it_is_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.csv"
    path.write_text("Größe;Tag;Art\n1,5;2020-01-01;a\n2,5;2020-01-02;b\n;2020-01-03;a\n4,5;2020-01-04;b\n", "utf-8-sig")
    assert main(["data", str(path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {key: found[key] for key in ("encoding", "separator", "decimal", "heading", "rows")} == {
        "encoding": "utf-8-sig",
        "separator": "semicolon",
        "decimal": ",",
        "heading": True,
        "rows": 4,
    }
    number, date, label = found["columns"]
    assert (number["kind"], number["min"], number["max"], number["missing"]) == ("number", 1.5, 4.5, 1)
    assert (date["kind"], label["kind"], label["distinct"], label["examples"]) == ("date", "class", 2, ["a", "b"])
    assert main(["data", str(path)]) == 0
    out = capsys.readouterr().out
    assert found["section"] in out
    assert 'classes = ["a", "b"]' in out


def test_what_cannot_be_read_is_one_message(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.xls").write_bytes(b"x")
    (tmp_path / "\x1b[31m.csv").write_bytes(b"\x1b[2J,b\n1,2\n")
    for name in ("none.csv", "x.xls"):
        assert main(["data", str(tmp_path / name)]) == 2
        captured = capsys.readouterr()
        assert (captured.out, captured.err.count("\n")) == ("", 1)
    assert main(["data", str(tmp_path / "\x1b[31m.csv")]) == 0
    assert "\x1b" not in capsys.readouterr().out


def test_a_run_says_what_the_held_out_samples_lose(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.csv").write_text("".join(f"{n},{n % 2},{'ab'[n % 2]}\n" for n in range(20)))
    (tmp_path / "s.toml").write_text(
        'format = 1\ntitle = { en = "t" }\nheld_out = { share = 0.25, seed = 1 }\n[network]\ninputs = 2\n'
        '[[network.layers]]\nunits = 2\nactivation = "softmax"\n[loss]\nkind = "cross_entropy"\n'
        "[training]\nlearning_rate = 0.5\n[stop]\nepochs = 200\n"
        '[data]\nfile = "x.csv"\ninput_columns = "1-2"\ntarget_columns = "3"\nscale_inputs = "standardise"\n'
    )
    assert main(["run", str(tmp_path / "s.toml"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["accuracy_held_out"] == 1.0
    assert 0 < found["loss_held_out"] < 0.1
    assert main(["run", str(tmp_path / "s.toml"), "--until", "E_held_out < 0.1"]) == 0
    out = capsys.readouterr().out
    assert "loss of held-out data" in out
    assert "stopped: " in out
    assert main(["run", "mazur", "--until", "E_held_out < 0.1"]) == 2
    assert "no samples are held out" in capsys.readouterr().err
