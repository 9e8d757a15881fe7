"""What is odd and can be computed is a warning: the scenario is loaded, and every door says it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from retrograde.engine import Session, load_scenario
from retrograde.engine.errors import ScenarioError
from retrograde.engine.scenario.file import parse_scenario
from retrograde.tui.cli.main import main
from tests.scenario.test_messages import BASE, changed, problems

ODD = changed("learning_rate = 0.5", "learning_rate = -0.5")
VARIANTS = (
    BASE
    + """
[[variants]]
name = "up"
training = { learning_rate = -1.0 }

[[variants]]
name = "still"
training = { learning_rate = 0.0 }
"""
)


def odd(text: str, **options: str) -> list[str]:
    """The warnings of a scenario, by key and message."""
    return [f"{one.key}: {one.message}" for one in parse_scenario(text, **options).warnings]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "odd.toml"
    path.write_text(ODD, encoding="utf-8")
    return path


class TestScenario:
    def test_nothing_is_odd_in_the_base(self) -> None:
        assert parse_scenario(BASE).warnings == ()

    def test_a_warning_has_its_place_and_says_that_it_is_one(self, file: Path) -> None:
        (warning,) = load_scenario(file).warnings
        assert (warning.line, warning.column, warning.key) == (22, 17, "training.learning_rate")
        assert str(warning).startswith(f"{file}:22:17: warning: training.learning_rate: a learning rate below 0")

    def test_a_fault_is_reported_without_the_warnings(self) -> None:
        (only,) = problems(changed("epochs = 10", "epochs = 0", ODD))
        assert only.key == "stop.epochs"
        assert not only.warning

    @pytest.mark.parametrize(("variant", "said"), [(None, 0), ("up", 1), ("still", 1)])
    def test_a_variant_has_its_own(self, variant: str | None, said: int) -> None:
        assert len(parse_scenario(VARIANTS, variant=variant).warnings) == said

    def test_gradient_ascent_grows_the_loss(self) -> None:
        assert Session(parse_scenario(ODD)).run().loss > Session(parse_scenario(BASE)).run().loss

    def test_a_rate_that_is_no_number_is_refused(self) -> None:
        with pytest.raises(ScenarioError, match="learning_rate"):
            parse_scenario(changed("learning_rate = 0.5", "learning_rate = nan"))


class TestDoors:
    @pytest.mark.parametrize(
        "words",
        [
            ("run", "{file}"),
            ("trace", "{file}", "--to", "1:1:1"),
            ("check", "{file}"),
            ("gradcheck", "{file}"),
            ("query", "{file}", "max E"),
        ],
    )
    def test_each_says_it_once_on_stderr(
        self, file: Path, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
    ) -> None:
        main([word.format(file=file) for word in words])
        found = capsys.readouterr()
        assert found.err.count("warning: training.learning_rate") == 1
        assert "warning" not in found.out

    def test_a_race_says_what_each_variant_has(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        path = tmp_path / "v.toml"
        path.write_text(VARIANTS, encoding="utf-8")
        main(["race", str(path), "--epochs", "2"])
        assert capsys.readouterr().err.count("warning: ") == 2

    def test_json_lists_it(self, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
        main(["run", str(file), "--json"])
        (text,) = json.loads(capsys.readouterr().out)["warnings"]
        assert "odd.toml:22:17: warning: training.learning_rate: " in text
