"""Settings behind the name of a scenario: read everywhere in one way, checked as the file is, and the same run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrograde.engine import ScenarioError, Session, load_scenario
from retrograde.engine.network.network import Network
from retrograde.engine.scenario.file import split_source
from retrograde.engine.scenario.settings import read_settings, seeded, value_of, value_text, written
from retrograde.engine.session.saving import open_session, save
from retrograde.engine.travel.timeline import Timeline
from retrograde.tui.cli.main import main
from tests.support.effort import examples

SCENARIOS = Path(__file__).parent.parent.parent / "scenarios"

_texts = st.text(st.characters(codec="ascii", categories=("L", "N", "P", "S", "Zs")), max_size=12)
_scalars = st.one_of(
    st.booleans(), st.integers(-(10**9), 10**9), st.floats(allow_nan=False, allow_infinity=False), _texts
)
_values = st.one_of(_scalars, st.lists(_scalars, max_size=3))
_keys = st.from_regex(r"[a-z_]{1,8}(\.[a-z_]{1,8})?", fullmatch=True)


@examples(60)
@given(st.dictionaries(_keys, _values, min_size=1, max_size=4))
def test_what_is_written_is_read_again(values: dict[str, Any]) -> None:
    assert read_settings(written(values), "x").values == values
    assert all(value_of(value_text(value)) == value for value in values.values())


@pytest.mark.parametrize(
    ("source", "name", "variant", "text"),
    [
        ("mazur:seed=17,learning_rate=0.3", "mazur", None, "seed=17,learning_rate=0.3"),
        ("optimiser-race:adam:learning_rate=0.3", "optimiser-race", "adam", "learning_rate=0.3"),
        ("optimiser-race:adam", "optimiser-race", "adam", None),
        ("a:b/own.toml:seed=1", "a:b/own.toml", None, "seed=1"),
        ("x=1.toml", "x=1.toml", None, None),
        ("no-such:seed=1", "no-such:seed=1", None, None),
        ('mazur:data.text="a:b=c"', "mazur", None, 'data.text="a:b=c"'),
    ],
)
def test_a_source_is_taken_apart(source: str, name: str, variant: str | None, text: str | None) -> None:
    found = split_source(source)
    assert (found.name, found.variant, found.settings) == (name, variant, text)
    assert found.whole == source


@pytest.mark.parametrize(
    ("setting", "line"),
    [
        ("learning_rate=0.25", "learning_rate = 0.25"),
        ("batch_size=2", "batch_size = 2"),
        ("optimizer=adam,betas=[0.5, 0.75]", 'optimizer = "adam"\nbetas = [0.5, 0.75]'),
        ("training.l2=0.125", "l2 = 0.125"),
    ],
)
def test_a_setting_is_what_the_file_could_say(setting: str, line: str, tmp_path: Path) -> None:
    text = (SCENARIOS / "xor-2-2-1.toml").read_text(encoding="utf-8")
    key = line.split(maxsplit=1)[0]
    text = (
        re.sub(rf"^{key} = .*$", line, text, flags=re.MULTILINE)
        if f"\n{key} =" in text
        else text.replace("[training]", f"[training]\n{line}")
    )
    (tmp_path / "own.toml").write_text(text, encoding="utf-8")
    mine, theirs = load_scenario(f"xor-2-2-1:{setting}"), load_scenario(tmp_path / "own.toml")
    assert mine.training == theirs.training
    assert mine.network == theirs.network


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("xor-2-2-1:lr=1", "xor-2-2-1:lr=1: lr: there is no such key; did you mean learning_rate?"),
        ("xor-2-2-1:learning_rate=x", 'xor-2-2-1:learning_rate=x: training.learning_rate: "x" is not a number'),
        ("xor-2-2-1:learning_rate=1,optimizer=adan", "xor-2-2-1:optimizer=adan: training.optimizer"),
        ("xor-2-2-1:network.layers.x.units=1", "there is no layer x; there are: h, o"),
        ("xor-2-2-1:network.layers[3].units=1", "the list has 2 entries"),
        ("xor-2-2-1:network.layers.h.unitz=1", "network.layers[1].unitz: there is no such key; did you mean units?"),
        ("xor-2-2-1:seed=-1", "xor-2-2-1:seed=-1: network.seed: -1 is too small"),
        ("xor-2-2-1:seed=1,seed=2", "seed is set twice"),
        ("xor-2-2-1:betas=[0.5,2]", "xor-2-2-1:betas=[0.5, 2]: training.betas"),
        ("xor-2-2-1:bogus.x=1", "keys of [training] go by their name"),
        ("xor-2-2-1:x=", "'x=' is no setting"),
        (
            "xor-2-2-1:network.layers.h.units=1",
            "(units × inputs of the layer), with xor-2-2-1:network.layers.h.units=1",
        ),
        ("optimiser-race:adam:learning_rate=x", "optimiser-race:adam:learning_rate=x: "),
        ("xor-2-2-1:learning_rate=1,training.learning_rate=2", "training.learning_rate is set twice"),
        ("xor-2-2-1:network.layers.h.units=3,network.layers[1].units=2", "network.layers[1].units is set twice"),
        ("xor-2-2-1:network.layers.h.units=3,network.layers={}", "network.layers is set twice"),
    ],
)
def test_a_mistake_names_the_setting(source: str, message: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        load_scenario(source)
    assert message in str(caught.value)


def test_a_setting_goes_before_a_variant_s_own_and_options_go_with_their_optimiser() -> None:
    assert load_scenario("optimiser-race:adam:learning_rate=0.125").training.learning_rate == 0.125
    changed = load_scenario("optimiser-race:momentum:optimizer=sgd,momentum=0.25").training
    assert (changed.optimizer, changed.momentum) == ("sgd", 0.25)
    assert load_scenario("optimiser-race:momentum:optimizer=adam").training.optimizer == "adam"


@pytest.mark.parametrize("name", ["xor-2-2-1", "elman", "lenet-digits", "tiny-transformer", "dropout"])
def test_a_seed_draws_what_the_file_gives_and_another_seed_is_another_run(name: str) -> None:
    first, other = load_scenario(f"{name}:seed=3"), load_scenario(f"{name}:seed=4")
    again = seeded(first, 4)
    assert again.name == other.name == f"{name}:seed=4"
    assert again.model_dump() == other.model_dump()
    networks = [Network(one) for one in (first, other)]
    shared = networks[0].reseeded(again)
    assert shared.initial_state.tobytes() == networks[1].initial_state.tobytes()
    drawn = [array for array in networks[0].trainable if array.role.name == "WEIGHT" and array.size > 1]
    values = [dict(network.parameters) for network in networks]
    by_name = [{array.name: one[array] for array in one} for one in values]
    moved = [array.name for array in drawn if not np.array_equal(by_name[0][array.name], by_name[1][array.name])]
    assert moved == [array.name for array in drawn if array.stem not in {"gamma", "alpha"}]


@pytest.mark.parametrize("name", ["xor-2-2-1", "dropout", "batch-norm", "optimiser-race:adam"])
def test_what_seeds_share_changes_no_bit(name: str) -> None:
    first = Session(load_scenario(f"{name}:seed=1"))
    first.timeline.advance(first.timeline.state(0), 0, 3, [])
    scenario = seeded(first.scenario, 9)
    network = first.network.reseeded(scenario)
    shared, alone = Timeline(network, like=first.timeline), Session(load_scenario(f"{name}:seed=9")).timeline
    losses: list[list[float]] = [[], []]
    ends = [one.advance(one.state(0), 0, 5, found) for one, found in zip((shared, alone), losses, strict=True)]
    assert losses[0] == losses[1]
    assert ends[0].tobytes() == ends[1].tobytes()


def test_it_is_saved_and_opened_again(tmp_path: Path) -> None:
    session = Session(load_scenario("xor-2-2-1:seed=5,learning_rate=2"))
    session.step("iteration")
    save(session, tmp_path / "x.session.json")
    opened = open_session(tmp_path / "x.session.json", load_scenario)
    assert opened.session.scenario.name == "xor-2-2-1:seed=5,learning_rate=2"
    assert opened.drift is None
    assert not opened.warnings


def test_every_command_reads_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["query", "xor-2-2-1:seed=5,learning_rate=2@2:1", "first E < 1", "--epochs", "3"]) == 0
    assert main(["check", "mazur:learning_rate=0.5"]) == 0
    assert main(["check", "mazur:learning_rate=0.4"]) == 1
    # What can no longer be asked is left out.
    assert main(["check", "mazur:stop.epochs=2"]) == 0
    assert main(["run", "mazur:seed=1,network.layers.h.units=3", "--epochs", "2"]) == 0
    assert main(["race", "optimiser-race:learning_rate=0.1"]) == 2
    assert "has no variants to race against" in capsys.readouterr().err


@pytest.mark.parametrize("order", ["seed=1,{}", "{},seed=1"])
def test_what_is_set_beside_a_seed_is_not_drawn(order: str) -> None:
    network = Network(load_scenario("xor-2-2-1:" + order.format("network.layers.h.weights=[[1, 2], [3, 4]]")))
    assert [network.initial_state[number] for number in range(4)] == [1, 2, 3, 4]
    assert load_scenario("xor-2-2-1:" + order.format("network.seed=7")).network.seed == 7


def test_another_seed_leaves_what_is_set_beside_it() -> None:
    text = "xor-2-2-1:seed={},network.seed=7,network.layers.h.weights=[[1, 2], [3, 4]]"
    other, alone = seeded(load_scenario(text.format(0)), 3), load_scenario(text.format(3))
    assert (other.network, other.training, other.name) == (alone.network, alone.training, alone.name)
    assert other.training.seed == 3
