"""docs/training.md is true: its tables are those of the engine, its examples parse, its names mean something."""

from __future__ import annotations

import re

import pytest

from retrograde.engine import Session
from retrograde.engine.equations.optimisers import OPTIMISERS, OPTIONS
from retrograde.engine.equations.rate_schedules import SCHEDULES
from retrograde.engine.scenario.file import parse_scenario
from retrograde.engine.text import use
from retrograde.tui.cli.main import main
from retrograde.tui.cli.reference import training
from tests.docs.commands import DOCS
from tests.support.updates import network

TEXT = (DOCS / "training.md").read_text(encoding="utf-8")
CHINESE = (DOCS / "training.zh.md").read_text(encoding="utf-8")


def section(title: str, text: str = TEXT) -> str:
    return text.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def rows(title: str, head: str) -> dict[str, list[str]]:
    table = section(title).partition(head)[2].partition("\n\n")[0]
    found = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table.splitlines() if "`" in line]
    return {cells[0].strip("` |"): cells[1:] for cells in found if cells[0].startswith("`")}


def test_the_tables_are_those_of_the_engine() -> None:
    assert training(TEXT) == TEXT, "run: python -m retrograde.tui.cli.reference docs/training.md"
    assert training(CHINESE, "zh") == CHINESE, "run: python -m retrograde.tui.cli.reference docs/training.zh.md"
    assert list(rows("Optimisers", "| `optimizer` |")) == list(OPTIMISERS)
    assert list(rows("Optimisers", "| option |")) == list(OPTIONS)
    assert list(rows("Memory before the first update", "| remembered by |")) == list(OPTIMISERS)
    assert list(rows("Schedules", "| `kind` |")) == list(SCHEDULES)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_the_examples_parse(number: int) -> None:
    example = re.findall(r"^```toml\n(.*?)^```$", TEXT, flags=re.MULTILINE | re.DOTALL)[number]
    text = network({"optimizer": "sgd", "momentum": 0.5})
    if number == 1:
        text = text.replace("[stop]", f"{example}[stop]")
    elif number == 0:
        text = re.sub(r"\[training\]\n.*?(?=\[stop\])", example, text, flags=re.DOTALL)
    else:
        text += "\n" + example
    scenario = parse_scenario(text)
    assert scenario.training.optimizer == ("adam" if number == 0 else "sgd")
    assert Session(scenario).run(epochs=2).epoch == 2


def test_every_name_means_something() -> None:
    setting = {"optimizer": "adam", "l2": 0.1, "clip_norm": 1.0, "weight_decay": 0.1, "schedule": {"kind": "cosine"}}
    rates = ("[[network.layers]]\nunits", "[[network.layers]]\nrate_factor = 0.5\nunits")
    one = network({"schedule": {"kind": "cosine"}}).replace(*rates).replace("rate_factor", "learning_rate", 1)
    texts = [
        network(setting),
        network({"momentum": 0.9, "dampening": 0.1}),
        network({"momentum": 0.9, "nesterov": True, "look_ahead": True}),
        network({"optimizer": "rprop", "rprop_form": "irprop_plus"}),
        one,
    ]
    known = [(Session(parse_scenario(text))) for text in texts]
    for name in rows("Names", "| name |"):
        for each in name.replace("` `", " ").split():
            assert any(resolves(session, each) for session in known), each


def resolves(session: Session, name: str) -> bool:
    try:
        session.resolve(name)
    except Exception:  # noqa: BLE001 - the other network may have it
        return False
    return True


@pytest.mark.parametrize(
    ("language", "title", "text"), [("en", "Variants", TEXT), ("zh", "变体", CHINESE)], ids=["en", "zh"]
)
def test_the_race_is_what_the_command_prints(
    language: str, title: str, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        assert main(["--language", language, "race", "optimiser-race"]) == 0
    finally:
        use("en")
    printed = capsys.readouterr().out.splitlines()[:7]
    shown = section(title, text).partition("race optimiser-race\n")[2].splitlines()[:7]
    assert [line.strip() for line in shown] == [line.strip() for line in printed]
