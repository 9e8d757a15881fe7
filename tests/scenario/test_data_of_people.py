"""Files of samples as programs and people write them: any dialect reads back, and nothing is lost or guessed."""

from __future__ import annotations

import csv
import io
import json
import random
import string
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrograde.engine.errors import ScenarioError
from retrograde.engine.scenario.data import load_data
from retrograde.engine.scenario.dataset import Dataset
from retrograde.engine.scenario.file import load_scenario, parse_scenario
from retrograde.engine.scenario.models import Scenario
from retrograde.engine.scenario.survey import survey
from retrograde.engine.scenario.tables.cells import number
from retrograde.engine.scenario.tables.delimited import Reading, _plain_numbers, read_delimited
from retrograde.engine.scenario.tables.table import Table
from retrograde.engine.session.published import check
from retrograde.engine.session.session import Session
from retrograde.engine.travel.epochs import rightly
from tests.support.effort import examples

FLOWERS = Path(__file__).parent / "flowers"


def read(path: Path, **reading: object) -> Table:
    table, _dialect, _encoding = read_delimited(path, path.name, lambda _names, width: range(width), Reading(**reading))  # type: ignore[arg-type]
    return table


CELL = st.text("0159.,-+eE _\u2212\u0661%'", max_size=9) | st.sampled_from(
    ("nan", "1e400", "true", "1e0000001", "5,25")
)


@examples(300)
@given(cells=st.lists(CELL, max_size=4), decimal=st.sampled_from((".", ",")))
def test_numbers_that_are_read_together_are_those_of_each_cell(cells: list[str], decimal: str) -> None:
    found = _plain_numbers(cells, decimal)
    if found is not None:
        assert list(map(repr, found.tolist())) == [repr(number(cell.strip(), decimal)) for cell in cells]


def put(home: Path, text: str, encoding: str = "utf-8", name: str = "x.csv") -> Path:
    path = home / name
    path.write_bytes(text.encode(encoding))
    return path


def scenario(
    home: Path, data: str, *, inputs: int = 2, units: int = 1, more: str = "", layers: str = "", shape: str = ""
) -> Scenario:
    path = home / "s.toml"
    layers = layers or f'[[network.layers]]\nunits = {units}\nactivation = "sigmoid"\n'
    text = f"""
format = 1
title = {{ en = "t" }}
{more}
[network]
inputs = {inputs}
{shape}
{layers}
[loss]
kind = "half_squared_error"
[training]
learning_rate = 0.5
[stop]
epochs = 3
[data]
{data}
"""
    path.write_text(text, encoding="utf-8")
    return load_scenario(path)


def dataset(home: Path, data: str, **settings: object) -> Dataset:
    return load_data(scenario(home, data, **settings))  # type: ignore[arg-type]


def refused(home: Path, data: str, **settings: object) -> str:
    with pytest.raises(ScenarioError) as caught:
        scenario(home, data, **settings)  # type: ignore[arg-type]
    return str(caught.value)


# A number is written so that its dialect shows: with an odd number of decimals somewhere, as nearly all tables are.
NUMBERS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-(10**6), 10**6).map(float),
    st.decimals(-(10**7), 10**7, places=2).map(float),
)


class TestAnyDialect:
    @examples(60)
    @given(st.data())
    def test_a_table_of_numbers_reads_back_the_same_bits(
        self, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
    ) -> None:
        width = data.draw(st.integers(2, 5), "width")
        rows = data.draw(st.lists(st.lists(NUMBERS, min_size=width, max_size=width), min_size=1, max_size=6), "rows")
        separator = data.draw(st.sampled_from([",", ";", "\t", "|", " "]), "separator")
        decimal = data.draw(st.sampled_from([".", ","]), "decimal")
        grouped = data.draw(st.booleans(), "grouped")
        quoted = data.draw(st.booleans(), "quoted") or (separator == "," and (decimal == "," or grouped))
        heading = data.draw(st.booleans(), "heading")
        trailing = data.draw(st.booleans(), "trailing") and separator != " "
        end = data.draw(st.sampled_from(["\n", "\r\n", "\r"]), "end")
        encoding = data.draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]), "encoding")
        cells = [[written(value, decimal, grouped) for value in row] for row in rows]
        if heading:
            cells.insert(0, [f"Größe {column}\nin cm" if quoted else f"h{column}_cm" for column in range(width)])
        lines = [separator.join(f'"{cell}"' if quoted else cell for cell in row) for row in cells]
        text = end.join(line + (separator if trailing else "") for line in lines)
        path = put(tmp_path_factory.mktemp("d"), text + data.draw(st.sampled_from(["", end, end * 3])), encoding)
        table = read(path, decimal=decimal if grouped or decimal == "," else None)
        found = np.stack([table.columns[column].numbers for column in range(width)], axis=1)
        assert table.count == len(rows)
        assert found.tobytes() == np.array(rows).tobytes()
        assert (table.names is not None) == heading

    @examples(60)
    @given(st.data())
    def test_the_decimal_comma_is_seen(self, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
        rows = data.draw(st.lists(st.lists(st.decimals(-999, 999, places=1), min_size=3, max_size=3), min_size=1))
        separator = data.draw(st.sampled_from([";", "\t", "|", " "]))
        text = "\n".join(separator.join(str(value).replace(".", ",") for value in row) for row in rows)
        table = read(put(tmp_path_factory.mktemp("d"), text))
        found = [[table.columns[column].numbers[row] for column in range(3)] for row in range(len(rows))]
        assert found == [[float(value) for value in row] for row in rows]

    @examples(60)
    @given(st.lists(NUMBERS, min_size=1, max_size=40), st.integers(0, 3))
    def test_both_readers_make_the_same_numbers(
        self, tmp_path_factory: pytest.TempPathFactory, values: list[float], whole: int
    ) -> None:
        cells = [str(int(value)) if whole and abs(value) < 2**70 else repr(value) for value in values]
        home = tmp_path_factory.mktemp("d")
        plain = read(put(home, "".join(f"{cell},{cell}\n" for cell in cells)))
        slow = read(put(home, "".join(f'"{cell}",{cell}\n' for cell in cells)))
        assert plain.columns[0].numbers.tobytes() == slow.columns[0].numbers.tobytes()
        assert plain.lines is not None and slow.lines is not None
        assert plain.lines.tolist() == slow.lines.tolist()


def written(value: float, decimal: str, grouped: bool) -> str:
    """A number as a program of a country writes it, with all digits."""
    text = repr(value)
    mantissa, mark, power = text.partition("e")
    whole, point, part = mantissa.partition(".")
    group = "." if decimal == "," else ","
    if grouped and not mark:
        whole = f"{int(whole):,}".replace(",", group) if whole != "-0" else whole
    return whole + (decimal if point else "") + part + mark + power


@pytest.mark.parametrize(
    ("text", "decimal", "value"),
    [
        *[
            ("1,234.5", ".", 1234.5),
            ("1.234,5", ",", 1234.5),
            ("1 234,5", ",", 1234.5),
            ("1'234'567.5", ".", 1234567.5),
        ],
        *[("12.5%", ".", 0.125), ("12,5 %", ",", 0.125), ("-3", ",", -3.0), ("−3.5", ".", -3.5), (".5", ".", 0.5)],
        *[("5.", ".", 5.0), ("1e3", ".", 1000.0), ("1,5e-3", ",", 0.0015), ("True", ".", 1.0), ("FALSE", ",", 0.0)],
        *[("1_0", ".", None), ("1,2", ".", None), ("1.2", ",", None), ("0,123", ".", None), ("12,34.5", ".", None)],
        *[
            ("", ".", None),
            (".", ".", None),
            ("%", ".", None),
            ("1.2.3", ".", None),
            ("٣", ".", None),
            ("0x10", ".", None),
        ],
    ],
)
def test_cells(text: str, decimal: str, value: float | None) -> None:
    assert number(text, decimal) == value


class TestDialects:
    @pytest.mark.parametrize(
        ("text", "names", "rows"),
        [
            ("5.1,3.5\n4.9,3\n", None, [[5.1, 3.5], [4.9, 3.0]]),
            ("﻿5.1,3.5\n4.9,3\n", None, [[5.1, 3.5], [4.9, 3.0]]),
            ("a b\n1  2\n 3 4 \n", ("a", "b"), [[1, 2], [3, 4]]),
            ('"a\nb",c\n1,2\n', ("a b", "c"), [[1, 2]]),
            ("a,b\n1,2,\n3,4,\n", ("a", "b", ""), [[1, 2], [3, 4]]),
            ('"a" "b"\n"1" 5 6\n"2" 7 8\n', ("", "a", "b"), [[1, 5, 6], [2, 7, 8]]),
            ("# made by a program\n# a b\n1 2\n", ("a", "b"), [[1, 2]]),
            ("sep=;\na;b\n1,5;2\n", ("a", "b"), [[1.5, 2]]),
            ("#,x\n1,2\n3,4\n", ("#", "x"), [[1, 2], [3, 4]]),
            ("1,2\n,\n\n3,4\n,,\n", None, [[1, 2], [3, 4]]),
            ("x\n1\n2\n", ("x",), [[1], [2]]),
            ("2020-01-01 12:00;1,5\n2020-01-02 13:00;2,5\n", None, [[np.nan, 1.5], [np.nan, 2.5]]),
        ],
    )
    def test_what_a_text_is(
        self, tmp_path: Path, text: str, names: tuple[str, ...] | None, rows: list[list[float]]
    ) -> None:
        table = read(put(tmp_path, text))
        assert table.names == names
        found = np.stack([table.columns[column].numbers for column in range(len(rows[0]))], axis=1)
        np.testing.assert_array_equal(found, rows)

    def test_what_may_be_either_is_asked_for(self, tmp_path: Path) -> None:
        path = put(tmp_path, "1,234\t5,678\n")
        with pytest.raises(ScenarioError, match=r'row 1: .1,234. may be .* say decimal = "," or decimal = "\."'):
            read(path)
        assert read(path, decimal=",").columns[0].numbers.tolist() == [1.234]
        assert read(path, decimal=".").columns[0].numbers.tolist() == [1234.0]

    def test_a_late_comma_decides_for_the_whole_file(self, tmp_path: Path) -> None:
        path = put(tmp_path, "1.234;1\n" * 5000 + "0,5;1\n")
        assert read(path).columns[0].numbers[[0, -1]].tolist() == [1234.0, 0.5]

    @pytest.mark.parametrize("first", ["5.1,setosa", "1,a", "5.1,3.5", "a,1"])
    def test_a_first_line_with_a_number_is_a_sample(self, tmp_path: Path, first: str) -> None:
        assert read(put(tmp_path, f"{first}\n1,2\n3,4\n")).count == 3

    def test_old_text_of_windows(self, tmp_path: Path) -> None:
        assert read(put(tmp_path, "Länge;Breite\n1,5;2\n", "cp1252")).names == ("Länge", "Breite")


@pytest.mark.parametrize(
    ("file", "columns"),
    [
        ("numeric.csv", 'input_columns = "1-4"\ntarget_columns = "species"'),
        ("r-style.csv", 'input_columns = "Sepal.Length-Petal.Width"\ntarget_columns = "Species"'),
        ("uci-style.csv", 'input_columns = "1-4"\ntarget_columns = "5"'),
        ("excel-de.csv", 'input_columns = ["Kelchlänge", "Kelchbreite", 3, 4]\ntarget_columns = "Art"'),
    ],
)
def test_four_files_of_the_same_flowers_give_the_same_figures(tmp_path: Path, file: str, columns: str) -> None:
    head, section, tail = (FLOWERS / "scenario.toml").read_text(encoding="utf-8").partition("[data]\n")
    rest = tail[tail.index("divide_inputs_by") :]
    path = tmp_path / "s.toml"
    where = f"file = {json.dumps(str(FLOWERS / file))}\n"
    path.write_text(head + section + where + columns + "\nclasses = 3\n" + rest, encoding="utf-8")
    found = load_scenario(path)
    samples, wanted = load_data(found), load_data(load_scenario(FLOWERS / "scenario.toml"))
    assert samples.inputs.tobytes() == wanted.inputs.tobytes()
    assert samples.targets.tobytes() == wanted.targets.tobytes()
    named = samples.class_names
    if file == "excel-de.csv":
        # One run stands for all: from the same bits come the same figures.
        assert all(finding.ok for finding in check(found))
    assert [name.removeprefix("Iris-") for name in named] == (
        [] if file == "numeric.csv" else ["setosa", "versicolor", "virginica"]
    )


class TestColumns:
    TABLE = "date,name,x-1,x2,y,\n2020-01-01,Ann,1,2,3,\n2020-01-02,Bob,4,5,6,\n"

    @pytest.mark.parametrize("asked", ['"3-4"', '"x-1,x2"', '["x-1", 4]', '"x-1-x2"', '"x-1, x2"'])
    def test_by_number_or_name_and_the_others_hold_anything(self, tmp_path: Path, asked: str) -> None:
        put(tmp_path, self.TABLE)
        found = dataset(tmp_path, f'file = "x.csv"\ninput_columns = {asked}\ntarget_columns = "y"')
        assert found.inputs.tolist() == [[1, 2], [4, 5]]
        assert found.targets.tolist() == [[3], [6]]

    def test_a_heading_among_the_skipped_lines_names_them(self, tmp_path: Path) -> None:
        put(tmp_path, "made by hand\nx1,x2,y\n1,2,3\n")
        for skip in (1, 2):
            data = f'file = "x.csv"\nskip_rows = {skip}\ninput_columns = "x1,x2"\ntarget_columns = "y"'
            assert dataset(tmp_path, data).inputs.tolist() == [[1, 2]]

    def test_a_name_that_is_not_there(self, tmp_path: Path) -> None:
        put(tmp_path, self.TABLE)
        said = refused(tmp_path, 'file = "x.csv"\ninput_columns = "x-1,x3"\ntarget_columns = "y"')
        assert "there is no column 'x3'; did you mean x2" in said
        put(tmp_path, "a,a\n1,2\n")
        assert "columns 1 and 2 are both called 'a'" in refused(
            tmp_path, 'file = "x.csv"\ninput_columns = "a"\ntarget_columns = "2"', inputs=1
        )


class TestLabels:
    DATA = 'file = "x.csv"\ninput_columns = "1-2"\ntarget_columns = "3"\n'

    def test_words_are_classes_in_their_order_or_in_a_stated_one(self, tmp_path: Path) -> None:
        put(tmp_path, "1,2,b\n3,4,a\n")
        for keys, names, rows in (
            ("", ("a", "b"), [[0, 1], [1, 0]]),
            ("classes = 2", ("a", "b"), [[0, 1], [1, 0]]),
            ('classes = ["b", "a"]', ("b", "a"), [[1, 0], [0, 1]]),
            ('class_names = ["b", "a"]', ("b", "a"), [[1, 0], [0, 1]]),
            ('class_names = ["eins", "zwei"]', ("eins", "zwei"), [[0, 1], [1, 0]]),
        ):
            found = dataset(tmp_path, self.DATA + keys, units=2)
            assert (found.class_names, found.targets.tolist()) == (names, rows), keys

    def test_labels_that_do_not_fit(self, tmp_path: Path) -> None:
        put(tmp_path, "1,2,b\n3,4,a\n5,6,c\n")
        for keys, units, said in (
            ("classes = 2", 2, "classes = 2, but there are 3 different labels: 'a', 'b', 'c'"),
            ('classes = ["a", "b"]', 2, "row 3, column 3: 'c' is none of the classes 'a', 'b'"),
            ('class_names = ["a", "b"]', 2, "the label 'c' is none of class_names"),
            ("", 2, "3 classes, but the last layer has 2 units"),
            ('classes = ["a", "a"]', 2, "two classes are called 'a'"),
        ):
            assert said in refused(tmp_path, self.DATA + keys, units=units)

    def test_one_word_among_numbers_is_a_slip(self, tmp_path: Path) -> None:
        put(tmp_path, "1,2,0\n3,4,a\n5,6,1\n")
        assert "row 2, column 3: 'a' is not a number" in refused(tmp_path, self.DATA + "classes = 2", units=2)
        put(tmp_path, "9,8,z\n")
        assert "x.csv:1:5: data.file: row 1, column 3: 'z' is not a number" in refused(tmp_path, self.DATA)

    def test_numbers_from_one(self, tmp_path: Path) -> None:
        put(tmp_path, "1,2,1\n3,4,2\n")
        assert "where they count from 1, say first_class = 1" in refused(tmp_path, self.DATA + "classes = 2", units=2)
        for keys in ("classes = 2\nfirst_class = 1", 'classes = ["1", "2"]'):
            assert dataset(tmp_path, self.DATA + keys, units=2).targets.tolist() == [[1, 0], [0, 1]]

    def test_an_index_for_one_unit(self, tmp_path: Path) -> None:
        put(tmp_path, "1,2,no\n3,4,yes\n")
        assert 'labels = "index"' in refused(tmp_path, self.DATA)
        found = dataset(tmp_path, self.DATA + 'labels = "index"')
        assert (found.targets.tolist(), found.class_names) == ([[0], [1]], ("no", "yes"))


class TestMissing:
    DATA = 'file = "x.csv"\ninput_columns = "1-2"\ntarget_columns = "3"\n'

    @pytest.mark.parametrize("cell", ["", "NA", "NaN", "?", "null", "-", "None", " "])
    def test_a_rule_or_an_error_with_its_place(self, tmp_path: Path, cell: str) -> None:
        put(tmp_path, f"a,b,y\n1,2,3\n4,{cell},6\n7,8,9\n")
        assert "x.csv:3:3: data.file: row 2, column 2 (b): " in refused(tmp_path, self.DATA)
        assert dataset(tmp_path, self.DATA + 'missing = "drop"').inputs.tolist() == [[1, 2], [7, 8]]
        assert dataset(tmp_path, self.DATA + 'missing = "mean"').inputs.tolist() == [[1, 2], [4, 5], [7, 8]]
        kept = dataset(tmp_path, self.DATA + 'missing = "keep"')
        np.testing.assert_array_equal(kept.inputs, [[1, 2], [4, np.nan], [7, 8]])

    def test_a_target_has_no_mean(self, tmp_path: Path) -> None:
        put(tmp_path, "1,2,3\n4,5,\n")
        assert "row 2, column 3" in refused(tmp_path, self.DATA + 'missing = "mean"')

    def test_nan_inline_is_watched_where_that_is_said(self, tmp_path: Path) -> None:
        data = "inputs = [[1, nan], [2, 3]]\ntargets = [[1], [0]]\n"
        assert "data.inputs[1][2]: nan is not finite" in refused(tmp_path, data)
        session = Session(scenario(tmp_path, data + 'missing = "keep"'))
        assert np.isnan(session.measure("E", 0))


class TestScaling:
    DATA = 'file = "x.csv"\ninput_columns = "1-2"\ntarget_columns = "3"\n'

    def test_each_column_and_the_targets_fitted_on_the_training_data(self, tmp_path: Path) -> None:
        put(tmp_path, "0,10,1\n2,30,3\n9,99,9\n")
        more = 'held_out = { rows = "3" }\n'
        scales = 'rows = "1-2"\nscale_inputs = ["standardise", "minmax"]\nscale_targets = "minmax"\n'
        found = dataset(tmp_path, self.DATA + scales, more=more)
        assert found.inputs.tolist() == [[-1, 0], [1, 1]]
        assert found.targets.tolist() == [[0], [1]]
        assert found.held_out is not None
        assert found.held_out.inputs.tolist() == [[8, 89 / 20]]
        assert found.held_out.targets.tolist() == [[4]]
        assert dataset(tmp_path, self.DATA + 'scale_inputs = [255, "none"]').inputs.tolist()[1] == [2 / 255, 30]

    @pytest.mark.parametrize(
        ("keys", "said"),
        [
            ('scale_inputs = ["minmax"]', "1 scales for 2 columns"),
            ("scale_inputs = 0", "columns cannot be divided by 0"),
            ('scale_inputs = "minmax"\nstandardise = true', "standardise and scale_inputs exclude each other"),
            ('scale_inputs = "minmaxx"', "did you mean"),
        ],
    )
    def test_what_does_not_fit(self, tmp_path: Path, keys: str, said: str) -> None:
        put(tmp_path, "0,10,1\n2,30,3\n")
        assert said in refused(tmp_path, self.DATA + keys)


class TestHeldOut:
    DATA = 'file = "x.csv"\ninput_columns = "1-2"\ntarget_columns = "3"\n'

    @examples(60)
    @given(st.integers(2, 60), st.floats(0.01, 0.99), st.integers(0, 2**63 - 1))
    def test_a_share_parts_the_samples(
        self, tmp_path_factory: pytest.TempPathFactory, count: int, share: float, seed: int
    ) -> None:
        home = tmp_path_factory.mktemp("d")
        put(home, "".join(f"{n},0,0\n" for n in range(count)))
        found = dataset(home, self.DATA, more=f"held_out = {{ share = {share!r}, seed = {seed} }}")
        assert found.held_out is not None
        train, held = found.inputs[:, 0].tolist(), found.held_out.inputs[:, 0].tolist()
        assert sorted(train + held) == list(range(count))
        assert train == sorted(train)
        assert held == sorted(held)
        assert len(held) == min(max(1, int(share * count + 0.5)), count - 1)

    def test_its_loss_is_that_of_the_same_samples_alone(self, tmp_path: Path) -> None:
        put(tmp_path, "0,1,1\n1,0,0\n")
        put(tmp_path, "1,1,1\n0,0,0\n0.5,1,1\n", name="h.csv")
        weights = '[[network.layers]]\nunits = 1\nactivation = "sigmoid"\nweights = [[0.3, -0.2]]\nbiases = 0.1\n'
        session = Session(scenario(tmp_path, self.DATA, more='held_out = { file = "h.csv" }', layers=weights))
        alone = Session(scenario(tmp_path, self.DATA.replace("x.csv", "h.csv"), layers=weights))
        assert session.value("E_held_out") == session.measure("E_held_out", 0) == alone.value("E_data")
        session.run()
        assert session.value("E_held_out") != alone.value("E_data")
        state = session.timeline.state(session.iteration)
        again = rightly(alone.timeline, state)
        assert again is not None and again.samples == 3
        assert rightly(session.timeline, state, held_out=True) == again, "of one output, too"
        session.condition("E_held_out < 1", by_epoch=True)

    def test_words_of_its_own_file_are_the_classes_of_the_training(self, tmp_path: Path) -> None:
        put(tmp_path, "0,1,b\n1,0,a\n")
        put(tmp_path, "1,1,b\n", name="h.csv")
        found = dataset(tmp_path, self.DATA, units=2, more='held_out = { file = "h.csv" }')
        assert found.held_out is not None
        assert found.held_out.targets.tolist() == [[0, 1]]

    @pytest.mark.parametrize(
        ("more", "said"),
        [
            ("held_out = {}", "missing: which samples are held out"),
            ('held_out = { share = 0.5, file = "x.csv" }', "drop file or share"),
            ("held_out = { share = 1.5 }", "is too large"),
            ("held_out = { inputs = [[1]], targets = [[1]] }", "row 1 has the width 1 where 2 is needed"),
            ('held_out = { file = "none.csv" }', "there is no file none.csv"),
            ('held_out = { rows = "9" }', "row 9 is asked for"),
        ],
    )
    def test_what_does_not_fit(self, tmp_path: Path, more: str, said: str) -> None:
        put(tmp_path, "0,10,1\n2,30,3\n")
        assert said in refused(tmp_path, self.DATA, more=more)

    def test_without_any_there_is_no_loss_of_it(self, tmp_path: Path) -> None:
        put(tmp_path, "0,10,1\n2,30,3\n")
        with pytest.raises(Exception, match="no samples are held out"):
            Session(scenario(tmp_path, self.DATA)).value("E_held_out")


class TestAxes:
    CONV = '[[network.layers]]\nkind = "conv"\nchannels = 1\nkernel = [1, 1]\n[[network.layers]]\nunits = 1\n'

    def test_nested_rows_are_the_rows(self, tmp_path: Path) -> None:
        nested = dataset(
            tmp_path,
            "inputs = [[[1, 2], [3, 4]], [[5, 6], [7, 8]]]\ntargets = [[1], [0]]",
            inputs=4,
            shape="input_shape = [2, 2]",
        )
        assert nested.inputs.tolist() == [[1, 2, 3, 4], [5, 6, 7, 8]]

    def test_channels_last(self, tmp_path: Path) -> None:
        settings = {"inputs": 8, "shape": "input_shape = [2, 2, 2]", "layers": self.CONV}
        image = "[[[1, 10], [2, 20]], [[3, 30], [4, 40]]]"
        for inputs in (image, "[1, 10, 2, 20, 3, 30, 4, 40]"):
            found = dataset(tmp_path, f'inputs = [{inputs}]\ntargets = [[1]]\nlayout = "NHWC"', **settings)
            assert found.inputs.tolist() == [[1, 2, 3, 4, 10, 20, 30, 40]]
        with (tmp_path / "x.npz").open("wb") as stream:
            np.savez(stream, inputs=np.arange(24).reshape(1, 4, 2, 3), targets=np.ones((1, 1)))
        settings = {"inputs": 24, "shape": "input_shape = [3, 4, 2]", "layers": self.CONV}
        assert 'say layout = "NHWC"' in refused(tmp_path, 'file = "x.npz"', **settings)
        found = dataset(tmp_path, 'file = "x.npz"\nlayout = "NHWC"', **settings)
        assert found.inputs[0].tolist() == np.arange(24).reshape(4, 2, 3).transpose(2, 0, 1).ravel().tolist()

    @pytest.mark.parametrize(
        ("inputs", "said"),
        [
            ("[[[1, 2], [3]]]", "row 1 has"),
            ("[[[1, 2], [3, 4]], [[1, 2, 3, 4]]]", "row 2 has 1×4 numbers, the first has 2×2"),
            ("[[[1], [2], [3], [4]]]", "samples of 4×1 where network.input_shape is 2×2"),
            ('[[[1, 2], [3, "x"]]]', "data.inputs[1][2][2]"),
        ],
    )
    def test_what_does_not_fit(self, tmp_path: Path, inputs: str, said: str) -> None:
        data = f"inputs = {inputs}\ntargets = [[1]]"
        assert said in refused(tmp_path, data, inputs=4, shape="input_shape = [2, 2]")


class TestOtherFiles:
    def test_npy(self, tmp_path: Path) -> None:
        np.save(tmp_path / "x.npy", np.arange(6.0).reshape(2, 3))
        np.save(tmp_path / "y.npy", np.array([1, 0]))
        found = dataset(tmp_path, 'file = "x.npy"\ntarget_file = "y.npy"', inputs=3)
        assert (found.inputs.tolist(), found.targets.tolist()) == ([[0, 1, 2], [3, 4, 5]], [[1], [0]])
        found = dataset(tmp_path, 'file = "x.npy"\ninput_columns = "1-2"\ntarget_columns = "3"')
        assert found.targets.tolist() == [[2], [5]]
        assert "missing: the file of the targets" in refused(tmp_path, 'file = "x.npy"', inputs=3)

    def test_parquet(self, tmp_path: Path) -> None:
        pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed: an extra")
        from pyarrow import parquet

        table = pyarrow.table(
            {"id": ["p", "q", "r", "s"], "x": [1, 2, 3, 4], "y": [0.5, None, 0.5, 0.5], "k": ["b", "a"] * 2}
        )
        parquet.write_table(table, tmp_path / "x.parquet")
        data = 'file = "x.parquet"\ninput_columns = "x,y"\ntarget_columns = "k"\n'
        found = dataset(tmp_path, data + 'missing = "mean"', units=2)
        assert (found.inputs.tolist(), found.class_names) == ([[x, 0.5] for x in (1, 2, 3, 4)], ("a", "b"))
        assert "row 2, column 3 (y)" in refused(tmp_path, data, units=2)
        assert [column.kind for column in survey(tmp_path / "x.parquet").columns] == [
            "text",
            "number",
            "number",
            "class",
        ]

    def test_images(self, tmp_path: Path) -> None:
        image = pytest.importorskip("PIL.Image", reason="pillow is not installed: an extra")
        for name, value in (("dog", 7), ("cat", 250)):
            (tmp_path / "pets" / name).mkdir(parents=True)
            image.fromarray(np.full((2, 3), value, dtype=np.uint8)).save(tmp_path / "pets" / name / "1.png")
        found = dataset(tmp_path, 'file = "pets"\ndivide_inputs_by = 255', inputs=6, units=2)
        assert found.class_names == ("cat", "dog")
        assert found.inputs.tolist() == [[250 / 255] * 6, [7 / 255] * 6]
        assert found.targets.tolist() == [[1, 0], [0, 1]]
        assert survey(tmp_path / "pets").facts["classes"] == "cat, dog"
        image.fromarray(np.zeros((2, 2), dtype=np.uint8)).save(tmp_path / "pets" / "dog" / "2.png")
        assert "2.png: data.file: this image has 1×2×2" in refused(tmp_path, 'file = "pets"', inputs=6, units=2)
        (tmp_path / "pets" / "dog" / "2.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"x" * 50)
        assert "2.png: data.file: the file cannot be read" in refused(tmp_path, 'file = "pets"', inputs=6, units=2)

    @pytest.mark.parametrize("name", ["pyarrow", "PIL"])
    def test_an_extra_that_is_absent_is_named(self, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        import sys

        monkeypatch.setitem(sys.modules, name, None)
        (tmp_path / "f").mkdir()
        (tmp_path / "f" / "1.png").write_bytes(b"")
        (tmp_path / "x.parquet").write_bytes(b"")
        data = 'file = "x.parquet"\ninput_columns = "1-2"\ntarget_columns = "3"' if name == "pyarrow" else 'file = "f"'
        assert "python -m pip install 'retrograde[" in refused(tmp_path, data)


def test_the_section_of_a_survey_reads_its_file(tmp_path: Path) -> None:
    for file in sorted(FLOWERS.glob("*.csv")):
        found = survey(file)
        put(tmp_path, file.read_text(encoding="utf-8"), name=file.name)
        section = found.section.removeprefix("[data]\n")
        assert dataset(tmp_path, section, inputs=4, units=3).inputs.shape == (30, 4), file
        assert found.facts["rows"] == 30


def test_a_survey_says_what_is_missing_and_what_is_wrong(tmp_path: Path) -> None:
    path = put(
        tmp_path,
        "id,day,x,note,y\n1,2020-01-01,1.5,,a\n2,2020-02-03,NA,,b\n3,2020-02-04,oops,,a\n4,2021-01-01,2.5,,b\n",
    )
    columns = survey(path).columns
    assert [column.kind for column in columns] == ["number", "date", "number", "empty", "class"]
    assert (columns[2].missing, columns[2].wrong, columns[2].mean) == (1, 1, 2.0)
    assert 'missing = "drop"' in survey(path).section
    assert 'input_columns = ["x"]' in survey(path).section


@examples(60)
@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    for name in ("x.csv", "x.tsv.gz", "x.npy", "x.npz"):
        path = tmp_path_factory.getbasetemp() / name
        path.write_bytes(content)
        try:
            survey(path)
        except ScenarioError as error:
            assert str(error).isprintable() or "\n" in str(error)


@examples(60)
@given(st.randoms(use_true_random=False))
def test_a_table_with_a_few_wrong_characters_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, random_numbers: random.Random
) -> None:
    tmp_path = tmp_path_factory.getbasetemp()
    stream = io.StringIO()
    csv.writer(stream, delimiter=random_numbers.choice(",;\t|")).writerows(
        [[random_numbers.choice(["1", "2.5", "a", "1,5", '"', ""]) for _ in range(4)] for _ in range(8)]
    )
    text = list(stream.getvalue())
    for _ in range(5):
        text[random_numbers.randrange(len(text))] = random_numbers.choice(string.printable + "﻿é\0")
    try:
        survey(put(tmp_path, "".join(text)))
    except ScenarioError as error:
        assert "\x1b" not in str(error)


def test_a_scenario_without_samples_needs_no_file() -> None:
    with pytest.raises(ScenarioError, match="a scenario without a file has no data file"):
        parse_scenario(
            'format = 1\ntitle = { en = "t" }\n[network]\ninputs = 1\n[[network.layers]]\nunits = 1\n'
            '[loss]\nkind = "half_squared_error"\n[training]\nlearning_rate = 1\n[stop]\nepochs = 1\n'
            '[data]\nfile = "x.csv"\ninput_columns = "1"\ntarget_columns = "2"\n'
        )


ROWS = "5.1,3.5,a\n4.9,3.0,b\n6.2,2.25,a\n"
NUMBERS_OF_ROWS = [[5.1, 3.5], [4.9, 3.0], [6.2, 2.25]]


class TestMoreOfWhatPeopleHave:
    @pytest.mark.parametrize(
        ("text", "encoding"),
        [
            ("# by x\nx,y,k\n" + ROWS.replace("6.2", "# in the middle\n6.2") + "# the end\n", "utf-8"),
            ("x,y,k\n" + ROWS.replace("6.2", "# two, of them\n#\n6.2"), "utf-8"),
            ("% by x\n" + ROWS, "utf-8"),
            ("Flowers\nx,y,k\n" + ROWS, "utf-8"),
            ("Flowers of 1936, measured\n\nx,y,k\n" + ROWS, "utf-8"),
            ("Flowers,,\nx,y,k\n" + ROWS, "utf-8"),
            ("x,y,k\n" + ROWS.replace("5.1", "$5.10").replace("4.9", "$ 4.9"), "utf-8"),
            ("x;y;k\n" + ROWS.replace(",", ";").replace(".", ",").replace("5,1;", "5,10 €;"), "cp1252"),
            ("x,y,k\n" + ROWS.replace("5.1", "5.1D0").replace("6.2", "0.62d+01"), "utf-8"),
            ("x,y,种类\n" + ROWS, "gb18030"),
            ("x,y,鸢尾花\n" + ROWS, "gb18030"),
            ("x,y,Größe\n" + ROWS, "cp1252"),
        ],
    )
    def test_it_is_read(self, tmp_path: Path, text: str, encoding: str) -> None:
        table = read(put(tmp_path, text, encoding))
        found = np.stack([table.columns[column].numbers for column in range(2)], axis=1)
        assert found.tolist() == NUMBERS_OF_ROWS
        assert list(table.columns[2].odd.values()) == ["a", "b", "a"]
        if not text.startswith("%"):
            heading = next(line for line in text.split("\n") if line.startswith(("x,", "x;")))
            assert table.names is not None
            assert table.names[2] == heading[4:]

    @pytest.mark.parametrize("first", ["#ff0000", "#1", "#5.1"])
    def test_a_row_that_begins_with_a_hash_is_not_lost(self, tmp_path: Path, first: str) -> None:
        assert read(put(tmp_path, f"c,x\n{first},1\n#000000,2\n")).count == 2

    @pytest.mark.parametrize("text", [",,a\n1,2,b\n", "a,,\nb,1,2\n", "NA,NA,a\n1,2,b\n"])
    def test_a_row_without_numbers_is_no_title(self, tmp_path: Path, text: str) -> None:
        assert read(put(tmp_path, text)).count == 2

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            (b"PK\x03\x04" + b"a" * 50, "a workbook or an archive; save the sheet as CSV"),
            (b"<!DOCTYPE html><html></html>", "a web page"),
            (b'[{"x": 5.1, "y": 3.5}]', "JSON"),
            (b'{"x": 5.1}\n{"x": 5.2}\n', "JSON"),
            (b"x,y,k\n", "there are no rows in the file"),
        ],
    )
    def test_what_is_no_table_says_what_it_is(self, tmp_path: Path, content: bytes, said: str) -> None:
        (tmp_path / "x.csv").write_bytes(content)
        assert said in refused(tmp_path, 'file = "x.csv"\ninput_columns = "1-2"\ntarget_columns = "3"')

    def test_a_hint_at_decimal_commas_would_help(self, tmp_path: Path) -> None:
        put(tmp_path, 'x,y,k\n"1,23,456",2,3\n1.5,2,3\n')
        assert "decimal = " not in refused(tmp_path, 'file = "x.csv"\ninput_columns = "1-2"\ntarget_columns = "3"')
