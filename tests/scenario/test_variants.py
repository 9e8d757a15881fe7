"""Variants: the same scenario with another training, opened by name, checked in the file, raced against each other."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from retrograde.engine.errors import ScenarioError
from retrograde.engine.scenario.catalogue import summary
from retrograde.engine.scenario.file import load_scenario, parse_scenario, split_source
from retrograde.engine.session.race import milestones
from retrograde.engine.session.saving import open_session, save
from retrograde.engine.session.session import Session
from retrograde.tui.cli.main import main
from tests.support.updates import network

VARIANTS = """
[[variants]]
name = "momentum"
training = { optimizer = "sgd", momentum = 0.9 }
[[variants]]
name = "slow"
title = { en = "Slower", zh = "更慢" }
training = { learning_rate = 0.001 }
[[variants.expect]]
value = "lr"
printed = "0.001"
"""
TEXT = network({"optimizer": "adam", "betas": [0.8, 0.99], "weight_decay": 0.1}) + VARIANTS


def test_a_variant_changes_what_it_names() -> None:
    plain, slow = parse_scenario(TEXT), parse_scenario(TEXT, variant="slow")
    assert (plain.training.learning_rate, slow.training.learning_rate) == (0.05, 0.001)
    assert slow.training.betas == plain.training.betas == (0.8, 0.99)
    assert slow.network == plain.network
    assert [len(found.expect) for found in (plain, slow)] == [0, 1]
    assert (plain.title.en, slow.title.en) == ("A network", "Slower")
    assert [one.name for one in plain.variants] == ["momentum", "slow"]
    assert slow.variants == ()


def test_another_optimiser_leaves_the_options_of_the_first_behind() -> None:
    training = parse_scenario(TEXT, variant="momentum").training
    assert (training.optimizer, training.momentum, training.learning_rate) == ("sgd", 0.9, 0.05)
    assert training.betas is None
    assert training.weight_decay == 0.0


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ('name = "a b"\ntraining = {}', "variants[1].name: "),
        ('name = "a"', "variants[1].training: missing"),
        ('name = "a"\ntraining = { momentm = 1.0 }', "variants[1].training.momentm: there is no such key"),
        ('name = "a"\ntraining = { momentum = 0.9 }', "variants[1].training.momentum: adam has no momentum; it has"),
        ('name = "a"\ntraining = { betas = [1, 2] }', "variants[1].training.betas: 1 is not in the range [0, 1)"),
        ('name = "a"\ntraining = { learning_rate = "x" }', 'variants[1].training.learning_rate: "x" is not a number'),
        ('name = "a"\ntraining = { batch_size = 99 }', "variants[1].training.batch_size: a batch of 99 from 5 samples"),
        ('name = "a"\ntraining = {}\ntitel = 1', "variants[1].titel: there is no such key; did you mean title?"),
        ('name = "a"\ntraining = {}\n[[variants]]\nname = "a"\ntraining = {}', "variants[2].name: two variants are"),
    ],
)
def test_a_mistake_in_a_variant_is_found_in_the_file(table: str, message: str) -> None:
    text = network({"optimizer": "adam"}) + f"\n[[variants]]\n{table}\n"
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(text)
    (problem,) = caught.value.problems
    assert message in str(problem)
    assert problem.line is not None
    assert problem.line > text[: text.index("[[variants]]")].count("\n")


def test_an_unknown_variant_is_named_with_those_that_exist() -> None:
    with pytest.raises(ScenarioError, match="there is no variant adan; there are: momentum, slow"):
        parse_scenario(TEXT, variant="adan")
    with pytest.raises(ScenarioError, match="there is no variant x; there are: none"):
        load_scenario("mazur:x")


def test_a_variant_is_a_part_of_the_name() -> None:
    for name in ("optimiser-race", "some/file.toml"):
        found = split_source(f"{name}:adam")
        assert (found.name, found.variant, found.settings) == (name, "adam", None)
    for source in ("mazur", "C:\\files\\own.toml", "no-such:adam", Path("x.toml:adam"), "run.session.json"):
        assert split_source(source).name == source
        assert split_source(source).variant is None


def test_a_file_s_variants_are_opened_saved_and_opened_again(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text(TEXT, encoding="utf-8")
    session = Session(load_scenario(f"{file}:slow"))
    assert session.scenario.name == "own:slow"
    session.step("iteration")
    save(session, tmp_path / "own.session.json")
    opened = open_session(tmp_path / "own.session.json", load_scenario)
    assert opened.session.scenario.name == "own:slow"
    assert opened.drift is None
    assert not opened.warnings


def test_lists_know_the_variants(capsys: pytest.CaptureFixture[str]) -> None:
    found = summary("optimiser-race").variants
    assert list(found) == ["momentum", "adagrad", "rmsprop", "adam", "rprop"]
    assert all(title["en"] and title["zh"] for title in found.values())
    assert main(["list", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["optimiser-race"]["variants"] == list(found)
    assert rows["mazur"]["variants"] == []


def test_a_race_puts_the_losses_side_by_side(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["race", "optimiser-race"]) == 0
    lines = capsys.readouterr().out.splitlines()
    head, rows = lines[0].split("  "), [line.split() for line in lines[1:7]]
    assert head[-1].strip() == "below 0.01 in epoch"
    assert [row[0] for row in rows] == ["optimiser-race", "momentum", "adagrad", "rmsprop", "adam", "rprop"]
    assert [row[1] for row in rows] == ["SGD", "SGD", "Adagrad", "RMSprop", "Adam", "Rprop"]
    assert [row[-1] for row in rows] == ["728", "50", "142", "97", "68", "19"]
    assert {row[3] for row in rows} == {"0.7732"}, "all start at the same place"


def test_a_race_of_some_in_full(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["race", "optimiser-race", "adam", "--epochs", "3", "--json"]) == 0
    plain, adam = json.loads(capsys.readouterr().out)
    assert (plain["name"], adam["name"], adam["scenario"]) == ("optimiser-race", "adam", "optimiser-race:adam")
    assert adam["training"]["betas"] == [0.9, 0.999]
    assert list(adam["losses"]) == ["1", "2", "3"]
    session = Session(load_scenario("optimiser-race:adam"))
    assert adam["losses"]["3"] == session.measure("E_epoch", 3)
    assert adam["epochs"] == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["race", "mazur"], "mazur has no variants to race against"),
        (["race", "optimiser-race", "adan"], "there is no variant adan; there are: momentum, adagrad"),
        (["race", "optimiser-race:adam"], "optimiser-race:adam has no variants to race against"),
        (["run", "optimiser-race:adan"], "optimiser-race.toml: there is no variant adan"),
    ],
)
def test_what_can_not_race(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert message in capsys.readouterr().err


def test_the_figures_of_variants_are_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "own.toml"
    file.write_text(TEXT, encoding="utf-8")
    assert main(["check", str(file)]) == 0
    assert "own.toml:slow" in capsys.readouterr().out
    file.write_text(TEXT.replace('printed = "0.001"', 'printed = "0.002"'), encoding="utf-8")
    assert main(["check", str(file)]) == 1


@pytest.mark.parametrize(
    ("last", "found"),
    [(1, [1]), (2, [1, 2]), (30, [1, 2, 5, 10, 20, 30]), (1000, [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000])],
)
def test_epochs_to_compare_at(last: int, found: list[int]) -> None:
    assert milestones(last) == found
