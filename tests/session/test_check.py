"""Published figures: what agrees with them, and what does not."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrograde.engine import Session
from retrograde.engine.errors import EngineError, ScenarioError
from retrograde.engine.scenario.file import load_scenario, parse_scenario
from retrograde.engine.scenario.models import PRINTED, Scenario
from retrograde.engine.session.published import AFTER_UPDATES, Mode, check, compare


@pytest.mark.parametrize(
    ("printed", "value", "mode", "matches"),
    [
        ("0.75136507", 0.7513650695523157, "round", True),
        ("0.75136506", 0.7513650695523157, "round", False),
        ("0.75136506", 0.7513650695523157, "truncate", True),
        ("0.73492", 0.7349286127170142, "truncate", True),
        ("0.73493", 0.7349286127170142, "truncate", False),
        ("-0.01760", -0.017606525909155426, "truncate", True),
        ("-0.01761", -0.017606525909155426, "truncate", False),
        ("0.000035085", 3.5084786296312774e-05, "round", True),
        ("0.000035085", 3.510187782978859e-05, "round", False),
        ("1.77005547e-04", 0.00017700554663735337, "round", True),
        ("1.77005546e-04", 0.00017700554663735337, "round", False),
        ("3E2", 349.0, "round", True),
        ("3E2", 350.1, "round", False),
        ("2", 2.4999999999999996, "round", True),
        ("0.5", 0.5, "round", True),
        ("0.50", 0.5, "round", True),
        ("0", -0.0, "round", True),
        ("-0.00", -0.004, "round", True),
        (".5", 0.5, "round", True),
        ("+7.", 7.0, "round", True),
        ("0.26", 0.2557457808075, "round", True),
    ],
)
def test_a_figure_is_compared_on_its_printed_digits(printed: str, value: float, mode: Mode, matches: bool) -> None:
    assert compare(printed, value, mode=mode).matches is matches


@pytest.mark.parametrize("printed", ["0.2", "0.3"])
def test_a_value_exactly_between_two_figures_agrees_with_either_rounding(printed: str) -> None:
    assert compare(printed, 0.25).matches


def test_only_an_exact_tie_leaves_a_choice() -> None:
    # 0.35 is below 0.35 in float64, 0.45 above: neither is a tie
    assert compare("0.3", 0.35).matches
    assert not compare("0.4", 0.35).matches
    assert not compare("0.4", 0.45).matches
    # a tie is rounded up or to even, never to the odd figure below
    assert not compare("0.7", 0.75).matches


def test_a_factor_is_the_decimal_that_is_written() -> None:
    assert compare("-0.034", -0.68765, factor=0.05).matches
    assert compare("0.3", 3.0, factor=0.1).shown == "0.3"
    assert compare("0.30000000000000", 3.0, factor=0.1).matches
    assert compare("1.77005547e-04", -0.00035401109327470676, factor=-0.5).matches


@pytest.mark.parametrize(
    ("printed", "value", "shown"),
    [
        ("0.75136507", 0.7513650695523157, "0.75136507"),
        ("0.500", 0.25, "0.250"),
        ("-1", 12.7, "13"),
        ("1.77005547e-04", 0.000123456789, "1.23456789e-04"),
        ("1.5e-4", 0.0, "0.0e+0"),
        ("1.5E+04", 12345.0, "1.2E+04"),
        ("1.5", math.nan, "nan"),
        ("1.5", -math.inf, "-inf"),
    ],
)
def test_the_computed_value_is_shown_with_the_digits_of_the_figure(printed: str, value: float, shown: str) -> None:
    assert compare(printed, value).shown == shown


def test_nan_and_inf_match_nothing() -> None:
    for value in (math.nan, math.inf, -math.inf):
        assert not compare("0.5", value).matches
        assert not compare("0.028730669543515018", value).matches


def test_a_whole_float64_is_compared_to_fifteen_significant_digits() -> None:
    assert compare("0.37711098142462157", 0.37711098142462146).digits == 15
    assert compare("0.37711098142462157", 0.37711098142462146).matches
    assert compare("-0.0625909894552989", -0.06259098945529896).matches
    assert not compare("0.37711098142462157", 0.3771109814246236).matches
    assert not compare("-0.0625909894552989", -0.0625909894552991).matches
    # one digit fewer, and the rule of printed digits holds
    assert compare("0.37711098142462", 0.377110981424627).digits is None
    assert not compare("0.37711098142462", 0.377110981424627).matches


def test_after_updates_a_whole_float64_is_compared_to_twelve_significant_digits() -> None:
    assert not compare("-0.0625909894552989", -0.06259098945529955).matches
    assert compare("-0.0625909894552989", -0.06259098945529955, whole=AFTER_UPDATES).matches
    assert not compare("-0.0625909894552989", -0.0625909894555, whole=AFTER_UPDATES).matches
    # a shorter figure has no such allowance
    assert not compare("-0.06259098945528", -0.06259098945529955, whole=AFTER_UPDATES).matches


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(0, 12), st.booleans())
def test_what_python_prints_agrees(value: float, decimals: int, scientific: bool) -> None:
    printed = f"{value:.{decimals}{'e' if scientific else 'f'}}"
    assert compare(printed, value).matches


@given(
    st.floats(min_value=-1e6, max_value=1e6).filter(lambda value: abs(value) > 1e-3),
    st.integers(0, 8),
    st.integers(1, 9),
)
def test_another_last_digit_does_not_agree(value: float, decimals: int, shift: int) -> None:
    printed = Decimal(f"{value:.{decimals}f}")
    unit = Decimal(1).scaleb(-decimals)
    if abs(Decimal(value) - printed) == unit / 2:
        return
    assert not compare(str(printed + shift * unit), value).matches
    assert not compare(str(printed - shift * unit), value).matches


SMALL = """
format = 1
[title]
en = "small"
zh = "小"
[network]
inputs = 1
[[network.layers]]
units = 1
activation = "identity"
weights = [[0.5]]
biases = [0.25]
[data]
inputs = [[1], [2]]
targets = [[1], [2]]
[loss]
kind = "half_squared_error"
[training]
learning_rate = 0.5
batch_size = 1
[stop]
epochs = 3
"""


def small(*entries: str) -> Scenario:
    return parse_scenario(SMALL + "\n".join(f"[[expect]]\n{entry}" for entry in entries))


def test_every_figure_gets_a_finding_in_the_order_of_the_file() -> None:
    # w = 0.5, b = 0.25: E = (0.75 - 1)² / 2; then w = 0.625, b = 0.375 and E = (1.625 - 2)² / 2
    findings = check(
        small(
            'value = "E_epoch"\nupdates = 2\nprinted = "0.0507812"',
            'value = "E"\nprinted = "0.03125"',
            'value = "w1"\nupdates = 1\nprinted = "0.62"\nmode = "truncate"',
            'value = "w1"\nupdates = 1\nprinted = "0.61"',
            'value = "grad(w1)"\nprinted = "0.125"\nfactor = -0.5',
            'value = "E"\nprinted = "0.03"\nverdict = "source_wrong"\nreason = "none"',
            'value = "E"\nprinted = "0.04"\nverdict = "source_wrong"\nreason = "a slip"',
            'value = "net_o1"\nprinted = "0.750000000000001"',
        )
    )
    assert [finding.ok for finding in findings] == [True, True, True, False, True, False, True, True]
    assert [finding.verdict for finding in findings] == [
        "agrees",
        "agrees",
        "agrees",
        "differs",
        "agrees",
        "matches, but is said to be wrong",
        "source is wrong",
        "agrees to 15 significant digits",
    ]
    assert [finding.shown for finding in findings[:3]] == ["0.0507812", "0.03125", "0.62"]
    assert findings[4].computed == 0.125


def test_a_verdict_says_when_the_other_shortening_would_agree() -> None:
    rounded, cut = check(
        small(
            'value = "w1"\nupdates = 1\nprinted = "0.6"\nmode = "round"',
            'value = "out_o1"\nprinted = "0.7"\nmode = "round"',
        )
    )
    assert rounded.ok
    assert cut.verdict == "differs; it would agree if cut off"
    (other,) = check(small('value = "out_o1"\nprinted = "0.8"\nmode = "truncate"'))
    assert other.verdict == "differs; it would agree if rounded"


def test_stop_rules_do_not_hide_a_figure() -> None:
    scenario = parse_scenario(SMALL + 'loss_below = 100\n[[expect]]\nvalue = "w1"\nupdates = 5\nprinted = "0.789"')
    (finding,) = check(scenario)
    assert finding.ok, finding


@pytest.mark.parametrize(
    ("entry", "part"),
    [
        ('value = "w1"\nupdates = 7\nprinted = "1"', "at most 6"),
        ('value = "E_epoch"\nprinted = "1"', "no epoch ends there"),
        ('value = "E_epoch"\nupdates = 3\nprinted = "1"', "no epoch ends there"),
        ('value = "w2"\nprinted = "1"', "w2"),
    ],
)
def test_a_figure_that_can_not_be_reached_is_an_error_that_says_why(entry: str, part: str) -> None:
    with pytest.raises(EngineError, match=part):
        check(small(entry))


def test_every_figure_that_can_not_be_reached_has_its_place(tmp_path: Path) -> None:
    figures = '[[expect]]\nvalue = "w9"\nprinted = "1"\n[[expect]]\nvalue = "w1"\nprinted = "1"\n'
    figures += '[[expect]]\nvalue = "out_o7"\nprinted = "1"\n'
    lines = SMALL.count("\n")
    path = tmp_path / "figures.toml"
    path.write_text(SMALL + figures, encoding="utf-8")
    with pytest.raises(ScenarioError) as caught:
        check(load_scenario(path))
    places = [(one.path, one.line, one.column, one.key) for one in caught.value.problems]
    assert places == [(str(path), lines + 2, 9, "expect[1].value"), (str(path), lines + 8, 9, "expect[3].value")]
    with pytest.raises(ScenarioError, match=r"scenario.toml: expect\[1\].value: there is no value called w9"):
        check(parse_scenario(SMALL + figures))


def test_a_figure_of_a_variant_has_its_place(tmp_path: Path) -> None:
    path = tmp_path / "figures.toml"
    entry = '[[variants]]\nname = "b"\ntraining = { learning_rate = 0.5 }\n'
    entry += '[[variants.expect]]\nvalue = "w9"\nprinted = "1"\n'
    path.write_text(SMALL + entry, encoding="utf-8")
    with pytest.raises(ScenarioError, match=rf":{SMALL.count(chr(10)) + 5}:9: variants\[1\].expect\[1\].value: "):
        check(load_scenario(f"{path}:b"))


@pytest.mark.parametrize(
    ("printed", "value", "matches"),
    [
        ("nan", math.nan, True),
        ("NaN", math.nan, True),
        ("nan", 1.0, False),
        ("nan", math.inf, False),
        ("inf", math.inf, True),
        ("-inf", -math.inf, True),
        ("-Infinity", -math.inf, True),
        ("+inf", -math.inf, False),
        ("inf", 1.7e308, False),
        ("inf", math.nan, False),
        ("1.5", math.inf, False),
        ("1.5", math.nan, False),
    ],
)
def test_figures_that_are_not_finite_are_compared_as_they_are(printed: str, value: float, matches: bool) -> None:
    assert compare(printed, value).matches is matches
    assert compare(printed, value, factor=1e300).matches is matches
    assert compare(printed, value, mode="truncate").matches is matches
    assert re.fullmatch(PRINTED, printed)


def test_a_scenario_without_figures_has_no_findings() -> None:
    assert check(small()) == ()


def test_what_differs_is_shown_with_all_its_digits() -> None:
    text = """
        format = 1
        [title]
        en = "digits"
        [network]
        inputs = 1
        [[network.layers]]
        name = "o"
        units = 1
        activation = "identity"
        weights = [[-0.7]]
        biases = [0]
        [data]
        inputs = [[2]]
        targets = [[0.1]]
        [loss]
        kind = "half_squared_error"
        [training]
        learning_rate = 0.1
        [stop]
        epochs = 1
        [[expect]]
        value = "out_o1"
        printed = "-1"
        [[expect]]
        value = "out_o1"
        printed = "-2"
        [[expect]]
        value = "b_o1"
        printed = "-0"
        [[expect]]
        value = "b_o1"
        printed = "1"
        factor = -1
    """
    findings = check(parse_scenario(text))
    assert [(finding.ok, finding.shown) for finding in findings] == [
        (True, "-1"),
        (False, "-1.4"),
        (True, "0"),
        (False, "0.0"),
    ]


def test_a_rounded_zero_has_no_sign() -> None:
    assert compare("0.01", -0.004).shown == "0.00"
    assert compare("1e-3", -0.0).shown == "0e+0"


ONLINE = """
format = 1
[title]
en = "online"
[network]
inputs = 2
[[network.layers]]
name = "o"
units = 1
activation = "sigmoid"
weights = [[0.5, -1.0]]
biases = [0.25]
[data]
inputs = [[1, 0], [0, 1], [1, 1]]
targets = [[1], [0], [0]]
[loss]
kind = "half_squared_error"
[training]
learning_rate = 0.5
batch_size = 1
[stop]
epochs = 3
"""


def sigmoid(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-x))


def test_the_samples_of_the_data_are_known_at_one_moment_of_online_training() -> None:
    session = Session(parse_scenario(ONLINE))
    for updates in (0, 1, 3, 4):
        first, second, bias = (session.measure(name, updates) for name in ("w1", "w2", "b_o1"))
        rows = [sigmoid(first * x + second * y + bias) for x, y in ((1, 0), (0, 1), (1, 1))]
        assert session.measure("out_o1{*}", updates) == pytest.approx(rows, rel=1e-14)
        assert session.measure("out_o1{2}", updates) == session.measure("out_o1{*2}", updates)
        assert session.measure("out_o1{3}", updates) == pytest.approx(rows[2], rel=1e-14)
        right = [rows[0] >= 0.5, rows[1] < 0.5, rows[2] < 0.5]
        assert session.measure("accuracy", updates) == sum(right) / 3
        assert session.measure("count(abs(out_o1{*} - t_o1{*}) < 0.5)", updates) == sum(right)
        mean = sum(abs(row - t) for row, t in zip(rows, (1, 0, 0), strict=True)) / 3
        assert session.measure("mean(abs(out_o{*} - t_o{*}))", updates) == pytest.approx(mean, rel=1e-14)
    assert session.measure("out_o{*}", 0).shape == (3,)
    for wrong in ("out_o1{*4}", "out_o1{4}", "grad(out_o1{*})", "W_o{*}"):
        with pytest.raises(EngineError, match=r"not in 1 to|not computed|no values of samples"):
            session.measure(wrong, 0)


def test_a_query_asks_for_what_is_known_at_the_end_of_an_epoch() -> None:
    session = Session(parse_scenario(ONLINE))
    session.run(epochs=3)
    ends = [session.schedule.start(3 * epoch) for epoch in (1, 2, 3)]
    losses = [session.measure("E_epoch", 3 * epoch) for epoch in (1, 2, 3)]
    assert list(session.where("E_epoch > 0")) == ends
    assert session.first(f"E_epoch <= {losses[1]!r}") == ends[1]
    assert session.last(f"E_epoch >= {losses[1]!r}") == ends[1]
    found = session.extreme("2 * E_epoch - mean(out_o1{*})", largest=False)
    assert found is not None
    assert found.step in ends
    session.seek(found.step)
    assert session.value("2 * E_epoch - mean(out_o1{*})") == found.value
    with pytest.raises(EngineError, match="end of an epoch"):
        session.add_breakpoint("max(out_o1{*}) > 0.5")


@pytest.mark.parametrize("until", ["8 * E_epoch < {}", "epoch > 1 and 8 * E_epoch < {}", "not 8 * E_epoch >= {}"])
def test_a_condition_on_the_loss_of_an_epoch_ends_a_run_where_it_first_holds(until: str) -> None:
    session = Session(parse_scenario(ONLINE))
    second = session.measure("E_epoch", 6)
    outcome = session.run(epochs=3, until=until.format(repr(8 * session.measure("E_epoch", 3))))
    assert (outcome.epoch, outcome.loss) == (2, second)


def test_an_entry_is_a_formula_or_an_array() -> None:
    text = (
        ONLINE
        + """
        [[expect]]
        value = "norm(W_o) * 2"
        printed = "2.24"
        [[expect]]
        value = "W_o"
        printed = "[[0.5, -1.00]]"
        [[expect]]
        value = "out_o1{*}"
        printed = "[0.68, 0.32, 0.99]"
    """
    )
    found = [(finding.expect.value, finding.ok) for finding in check(parse_scenario(text))]
    assert found == [
        ("norm(W_o) * 2", True),
        ("W_o[1,1]", True),
        ("W_o[1,2]", True),
        ("out_o1{*}[1]", True),
        ("out_o1{*}[2]", True),
        ("out_o1{*}[3]", False),
    ]


@pytest.mark.parametrize(
    ("entry", "part"),
    [
        ('value = "W_o"\nprinted = "[[0.5], [1]]"', r"shape \[1, 2\], what is printed \[2, 1\]"),
        ('value = "W_o"\nprinted = "0.5"', r"shape \[1, 2\], what is printed \[\]"),
        ('value = "W_o"\nprinted = "[[0.5, 1-2]]"', "1-2 is no number"),
        ('value = "W_o"\nprinted = "[[0.5, 1]"', "no array"),
        ('value = "norm("\nprinted = "1"', "found the end"),
    ],
)
def test_an_entry_that_does_not_fit_is_refused_by_its_key(entry: str, part: str) -> None:
    with pytest.raises(EngineError, match=rf"expect\[1\].value: .*{part}"):
        check(parse_scenario(f"{ONLINE}[[expect]]\n{entry}\n"))


def test_an_error_of_an_entry_names_the_file_and_the_line(tmp_path: Path) -> None:
    file = tmp_path / "online.toml"
    file.write_text(ONLINE + '[[expect]]\nprinted = "1"\nvalue = "w9"\n', encoding="utf-8")
    with pytest.raises(EngineError, match=r"online.toml:\d+:9: expect\[1\].value: there is no value called w9"):
        check(load_scenario(str(file)))
