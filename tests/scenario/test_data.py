"""Samples: what is read, what is refused and with which row, and what stays out of reach."""

from __future__ import annotations

import gzip
import io
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from retrograde.engine.errors import EngineError, Problem, ScenarioError
from retrograde.engine.scenario import limits
from retrograde.engine.scenario.data import load_data
from retrograde.engine.scenario.file import load_scenario, parse_scenario
from retrograde.engine.scenario.ranges import ranges

HEAD = """\
format = 1
title = { en = "t", zh = "题" }
[network]
inputs = 2
[[network.layers]]
units = UNITS
activation = "sigmoid"
[loss]
kind = "half_squared_error"
[training]
learning_rate = 0.5
[stop]
epochs = 10
[data]
"""
COLUMNS = 'input_columns = "1-2"\ntarget_columns = "3"\n'


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / "x.csv").write_text("0,1,2\n3,4,5\n\n6,7,8\n")
    return folder


def write(home: Path, lines: str, units: int = 1) -> Path:
    file = home / "s.toml"
    file.write_text(HEAD.replace("UNITS", str(units)) + lines, encoding="utf-8")
    return file


def refused(file: Path, data: Path | None = None) -> tuple[Problem, ...]:
    with pytest.raises(ScenarioError) as caught:
        load_scenario(file, data=data)
    return caught.value.problems


class TestInline:
    def test_arrays_are_read_only_and_shared(self) -> None:
        text = HEAD.replace("UNITS", "1") + "inputs = [[0, 1], [2, 3]]\ntargets = [[4], [5]]\n"
        scenario = parse_scenario(text)
        found = load_data(scenario)
        assert found.inputs.tolist() == [[0, 1], [2, 3]]
        assert found.targets.tolist() == [[4], [5]]
        assert found.inputs.dtype == np.float64
        assert found.inputs.flags.c_contiguous
        assert not found.inputs.flags.writeable
        assert not found.targets.flags.writeable
        assert load_data(scenario) is found
        assert len(found) == 2

    def test_a_copy_with_other_samples_has_its_own(self) -> None:
        text = HEAD.replace("UNITS", "1") + "inputs = [[0, 1], [2, 3]]\ntargets = [[4], [5]]\n"
        scenario = parse_scenario(text)
        other = scenario.model_copy(update={"data": scenario.data.model_copy(update={"divide_inputs_by": 2.0})})
        assert load_data(other).inputs.tolist() == [[0, 0.5], [1, 1.5]]
        assert load_data(scenario).inputs.tolist() == [[0, 1], [2, 3]]
        wrong = scenario.model_copy(update={"data": scenario.data.model_copy(update={"inputs": ((1.0,), (2.0,))})})
        with pytest.raises(EngineError, match="1 input columns for 2 inputs"):
            load_data(wrong)

    def test_class_indices_become_one_hot(self) -> None:
        text = HEAD.replace("UNITS", "3") + "inputs = [[0, 1], [2, 3]]\ntargets = [2, 0]\nclasses = 3\n"
        text += 'class_names = ["a", "b", "c"]\n'
        found = load_data(parse_scenario(text))
        assert found.targets.tolist() == [[0, 0, 1], [1, 0, 0]]
        assert found.class_names == ("a", "b", "c")

    def test_scaling(self) -> None:
        text = HEAD.replace("UNITS", "1") + "inputs = [[0, 7], [4, 7]]\ntargets = [[4], [5]]\n"
        assert load_data(parse_scenario(text + "divide_inputs_by = 4\n")).inputs.tolist() == [[0, 1.75], [1, 1.75]]
        assert load_data(parse_scenario(text + "standardise = true\n")).inputs.tolist() == [[-1, 0], [1, 0]]

    def test_scaling_that_overflows_is_refused(self) -> None:
        text = HEAD.replace("UNITS", "1") + "inputs = [[0, 7]]\ntargets = [[4]]\ndivide_inputs_by = 1e-320\n"
        with pytest.raises(ScenarioError, match=r"divide_inputs_by: input 2 of sample 1 is not finite after scaling"):
            parse_scenario(text)

    def test_keys_of_a_file_are_out_of_place(self) -> None:
        text = HEAD.replace("UNITS", "1") + "inputs = [[0, 7]]\ntargets = [[4]]\nskip_rows = 1\n"
        with pytest.raises(ScenarioError, match=r"17:1: data.skip_rows: skip_rows belongs to a file"):
            parse_scenario(text)


class TestCsv:
    def test_columns_rows_and_blank_lines(self, home: Path) -> None:
        found = load_data(load_scenario(write(home, 'file = "x.csv"\n' + COLUMNS + 'rows = "2-3"\n')))
        assert found.inputs.tolist() == [[3, 4], [6, 7]]
        assert found.targets.tolist() == [[5], [8]]

    def test_a_file_below_and_compressed(self, home: Path) -> None:
        (home / "d").mkdir()
        with gzip.open(home / "d" / "x.csv.gz", "wt") as stream:
            stream.write("a heading\n1, 2 ,0\r\n3,4,1\r\n")
        lines = 'file = "d/x.csv.gz"\nskip_rows = 1\nclasses = 2\n' + COLUMNS
        found = load_data(load_scenario(write(home, lines, units=2)))
        assert found.inputs.tolist() == [[1, 2], [3, 4]]
        assert found.targets.tolist() == [[1, 0], [0, 1]]

    def test_each_cell_that_is_no_number_is_named(self, home: Path) -> None:
        (home / "x.csv").write_text("1,2,3\n1,x,3\n1,2,\n1,nan,1_0\n1,inf,1\n")
        found = [str(problem) for problem in refused(write(home, 'file = "x.csv"\n' + COLUMNS))]
        place = str(home / "x.csv")
        rule = ', or a rule: missing = "drop"'
        assert found == [
            f"{place}:2:3: data.file: row 2, column 2: 'x' is not a number",
            f"{place}:3:5: data.file: row 3, column 3: the cell is empty; a value is needed{rule}",
            f"{place}:4:3: data.file: row 4, column 2: 'nan' is no value; one is needed{rule} or missing = \"mean\"",
            f"{place}:4:7: data.file: row 4, column 3: '1_0' is not a number; for labels give classes",
            f"{place}:5:3: data.file: row 5, column 2: 'inf' is not finite",
        ]

    def test_rows_of_other_widths_are_named(self, home: Path) -> None:
        (home / "x.csv").write_text("1,2,3\n1,2\n1,2,3,\n1,2,3\n1,2,3,4\n")
        found = [str(problem) for problem in refused(write(home, 'file = "x.csv"\n' + COLUMNS))]
        assert found == [
            f"{home / 'x.csv'}:2: data.file: row 2 has 2 columns, where others have 3",
            f"{home / 'x.csv'}:5: data.file: row 5 has 4 columns, where others have 3",
        ]

    def test_the_row_of_a_wrong_class_is_named(self, home: Path) -> None:
        lines = 'file = "x.csv"\nclasses = 6\n' + COLUMNS
        (problem,) = refused(write(home, lines, units=6))
        assert str(problem).startswith(f"{home / 'x.csv'}:4: data.targets: row 3: 8 is not a class index")

    @pytest.mark.parametrize(
        ("lines", "said"),
        [
            (
                'file = "x.csv"\ninput_columns = "1-3"\ntarget_columns = "3"',
                "data.input_columns: 3 input columns for 2",
            ),
            ('file = "x.csv"\ninput_columns = "1-2"\ntarget_columns = "2-3"', "2 target columns for 1 units"),
            (
                'file = "x.csv"\ninput_columns = "1,4"\ntarget_columns = "3"',
                "column 4 is asked for, but there are only 3",
            ),
            ('file = "x.csv"\ninput_columns = "0-1"\ntarget_columns = "3"', "0-1: counting starts at 1"),
            ('file = "x.csv"\ninput_columns = "2-1"\ntarget_columns = "3"', "2-1: the end comes before the start"),
            (
                'file = "x.csv"\ninput_columns = "a"\ntarget_columns = "3"',
                "there is no column 'a': the file has no heading",
            ),
            ('file = "x.csv"\ninput_columns = "1-999999999"\ntarget_columns = "3"', "column 999999999 is asked for"),
            ('file = "x.csv"\ninput_columns = "1-2"', "data.target_columns: missing: which columns of the file"),
            ('file = "x.csv"\nrows = "2-9"\n' + COLUMNS, "data.rows: row 9 is asked for, but there are only 3"),
            ('file = "x.csv"\nskip_rows = 9\n' + COLUMNS, "there are no samples in the file after 9 skipped lines"),
            ('file = "x.csv"\ninput_key = "a"\n' + COLUMNS, "input_key belongs to NPZ files; this is CSV"),
            ('file = "x.csv"\ninputs = [[1, 2]]\n' + COLUMNS, "samples are inline or in a file, not both"),
            ('file = "x.xls"\n' + COLUMNS, "x.xls is not a kind of file that is read: .csv, .tsv"),
            ('file = "y.csv"\n' + COLUMNS, "15:8: data.file: there is no file y.csv beside the scenario"),
        ],
    )
    def test_what_does_not_fit(self, home: Path, lines: str, said: str) -> None:
        assert any(said in str(problem) for problem in refused(write(home, lines)))

    def test_a_batch_larger_than_the_file(self, home: Path) -> None:
        file = write(home, 'file = "x.csv"\n' + COLUMNS)
        file.write_text(file.read_text(encoding="utf-8").replace("0.5", "0.5\nbatch_size = 4"), encoding="utf-8")
        assert "a batch of 4 from 3 samples" in str(refused(file)[0])

    @pytest.mark.parametrize("content", [b"", b"\n\n", b"\0" * 100, b"\xff\xfe1,2,3\n", b"1,2,3\n" * 3 + b"\x80,1,2\n"])
    def test_bytes_that_are_no_table(self, home: Path, content: bytes) -> None:
        (home / "x.csv").write_bytes(content)
        assert refused(write(home, 'file = "x.csv"\n' + COLUMNS))

    def test_damaged_compression(self, home: Path) -> None:
        whole = gzip.compress(b"1,2,3\n" * 1000)
        for content in (whole[:40], b"\x1f\x8b\x08\x00" + b"x" * 50, b"1,2,3\n", whole[:-8] + b"\0" * 8):
            (home / "x.csv.gz").write_bytes(content)
            assert "cannot be read" in str(refused(write(home, 'file = "x.csv.gz"\n' + COLUMNS))[0])


class TestLimits:
    def test_a_file_that_grows_when_it_is_read(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(limits, "MAX_DATA_BYTES", 2**20)
        with gzip.open(home / "x.csv.gz", "wb", compresslevel=1) as stream:
            stream.write(b"1,2,3\n" * (2**20 // 3))
        # Where rows are picked, the file is read to the last of them.
        lines = 'file = "x.csv.gz"\n' + COLUMNS
        assert len(load_data(load_scenario(write(home, lines + 'rows = "1-2"\n')))) == 2
        assert "more than 1 MiB of samples" in str(refused(write(home, lines + 'rows = "1-60000"\n'))[0])
        # Else the file is not read to its end.
        assert "more than 43,690 rows" in str(refused(write(home, 'file = "x.csv.gz"\n' + COLUMNS))[0])

    def test_one_endless_line(self, home: Path) -> None:
        with gzip.open(home / "x.csv.gz", "wb", compresslevel=1) as stream:
            for _ in range(20):
                stream.write(b"1," * 2**19)
        assert "of samples" in str(refused(write(home, 'file = "x.csv.gz"\n' + COLUMNS))[0])

    def test_columns_that_are_taken_very_often(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(limits, "MAX_DATA_BYTES", 2**10)
        lines = f'file = "x.csv"\ninput_columns = "{",".join(["1-3"] * 90)}"\ntarget_columns = "3"\n'
        assert "of samples" in str(refused(write(home, lines))[0])


class TestPlaces:
    @pytest.mark.parametrize("name", ["../x.csv", "d/../../x.csv", "link.csv", "folder/x.csv", "HOME/x.csv"])
    def test_outside_the_folder(self, home: Path, name: str) -> None:
        (home / "d").mkdir()
        (home.parent / "x.csv").write_text("1,2,3\n")
        (home / "link.csv").symlink_to(home.parent / "x.csv")
        (home / "folder").symlink_to(home.parent)
        name = name.replace("HOME", str(home.parent))
        assert len(load_data(load_scenario(write(home, f'file = "{name}"\n' + COLUMNS)))) == 1

    @pytest.mark.parametrize("name", ["/dev/zero.csv", "C:\\x.csv", "\\\\server\\share\\x.csv", "..\\x.csv"])
    def test_outside_the_folder_where_nothing_is(self, home: Path, name: str) -> None:
        (problem,) = refused(write(home, f"file = '{name}'\n" + COLUMNS))
        assert (problem.line, problem.column) == (15, 8)

    def test_links_that_stay_inside(self, home: Path) -> None:
        (home / "a.csv").symlink_to(home / "x.csv")
        assert len(load_data(load_scenario(write(home, 'file = "a.csv"\n' + COLUMNS)))) == 3

    @pytest.mark.parametrize(
        "name", ["\\u0000.csv", "a\\u0000b.csv", "n" * 400 + ".csv", "loop.csv", "fifo.csv", "d.csv"]
    )
    def test_names_that_open_nothing(self, home: Path, name: str) -> None:
        (home / "loop.csv").symlink_to(home / "loop.csv")
        os.mkfifo(home / "fifo.csv")
        (home / "d.csv").mkdir()
        (problem,) = refused(write(home, f'file = "{name}"\n' + COLUMNS))
        assert problem.key == "data.file"

    def test_a_text_has_no_folder(self) -> None:
        with pytest.raises(ScenarioError, match="a scenario without a file has no data file"):
            parse_scenario(HEAD.replace("UNITS", "1") + 'file = "x.csv"\n' + COLUMNS)

    def test_a_file_of_the_command_line_may_be_anywhere(self, home: Path) -> None:
        other = home.parent / "other.csv"
        other.write_text("9,8,7\n")
        file = write(home, 'file = "x.csv"\n' + COLUMNS)
        scenario = load_scenario(file, data=other)
        assert load_data(scenario).inputs.tolist() == [[9, 8]]
        assert scenario.data_path == other
        other.write_text("9,8,z\n")
        assert str(refused(file, other)[0]).startswith(f"{other}:1:5: ")
        assert "cannot be read" in str(refused(file, home / "none.csv")[0])

    def test_inline_samples_are_not_replaced(self, home: Path) -> None:
        file = write(home, "inputs = [[1, 2]]\ntargets = [[3]]\n")
        assert "the samples are inline" in str(refused(file, home / "x.csv")[0])


class Evil:
    def __reduce__(self) -> tuple[object, ...]:
        return (os._exit, (66,))


class TestNpz:
    LINES = 'file = "x.npz"\n'

    def save(self, home: Path, **arrays: object) -> None:
        with (home / "x.npz").open("wb") as stream:
            np.savez(stream, **arrays)  # type: ignore[arg-type]

    def test_images_are_flattened(self, home: Path) -> None:
        self.save(home, inputs=np.arange(4.0).reshape(2, 1, 2), targets=np.array([[1], [0]], dtype=np.int8))
        found = load_data(load_scenario(write(home, self.LINES)))
        assert found.inputs.tolist() == [[0, 1], [2, 3]]
        assert found.targets.tolist() == [[1], [0]]

    def test_names_of_arrays(self, home: Path) -> None:
        self.save(home, x=np.ones((3, 2), order="F"), y=np.array([0, 1, 1]))
        lines = self.LINES + 'input_key = "x"\ntarget_key = "y"\nclasses = 2\nrows = "2-3"\n'
        assert load_data(load_scenario(write(home, lines, units=2))).targets.tolist() == [[0, 1], [0, 1]]

    @pytest.mark.parametrize(
        ("inputs", "said"),
        [
            (np.array([["a", "b"]]), "array inputs holds <U1; numbers are needed"),
            (np.array([[1, 2j]]), "array inputs holds complex128"),
            (np.array([[1, np.nan]]), "row 1 of array inputs has a value that is not finite"),
            (np.array(3.0), "array inputs has the shape ()"),
            (np.zeros((0, 2)), "array inputs has the shape (0, 2)"),
            (np.zeros((3, 2)), "3 rows of inputs, but 1 rows of targets"),
            (np.zeros((1, 5)), "5 input columns for 2 inputs"),
            (np.array([Evil()]), "array inputs holds object; numbers are needed"),
        ],
    )
    def test_what_does_not_fit(self, home: Path, inputs: object, said: str) -> None:
        self.save(home, inputs=inputs, targets=np.ones((1, 1)))
        assert said in str(refused(write(home, self.LINES))[0])

    def test_missing_arrays_name_those_that_are_there(self, home: Path) -> None:
        self.save(home, x=np.ones((3, 2)), targets=np.ones((3, 1)))
        assert "no array inputs in the file; it has: x, targets" in str(refused(write(home, self.LINES))[0])

    def test_a_header_that_promises_too_much(self, home: Path) -> None:
        def with_shape(shape: tuple[int, ...]) -> None:
            header = io.BytesIO()
            np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": shape})
            with zipfile.ZipFile(home / "x.npz", "w") as archive:
                archive.writestr("inputs.npy", header.getvalue() + b"\0" * 16)
                archive.writestr("targets.npy", header.getvalue() + b"\0" * 16)

        for shape, said in (((10**6, 1000), "MiB of samples"), ((1000, 2), "array inputs is cut off")):
            with_shape(shape)
            assert said in str(refused(write(home, self.LINES))[0])

    @pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x93NUMPY\x01\x00", b"x" * 1000])
    def test_damaged_files(self, home: Path, content: bytes) -> None:
        (home / "x.npz").write_bytes(content)
        assert "cannot be read" in str(refused(write(home, self.LINES))[0])
        with zipfile.ZipFile(home / "x.npz", "w") as archive:
            archive.writestr("inputs.npy", content)
            archive.writestr("targets.npy", content)
        assert refused(write(home, self.LINES))


def test_ranges() -> None:
    assert ranges("1-4, 7") == [(1, 4), (7, 7)]
    with pytest.raises(EngineError):
        ranges("4-1")


def test_a_loss_that_is_an_output_itself_takes_no_columns_from_a_sequence_of_distributions() -> None:
    text = """
        format = 1
        title = { en = "Two losses of a sequence" }
        [network]
        inputs = 3
        [[network.layers]]
        name = "a"
        kind = "rnn"
        units = 2
        [[network.layers]]
        name = "k"
        units = 2
        activation = "softmax"
        [data]
        inputs = [[1.0, 2.0, 3.0]]
        targets = [[1.0, 0.0, 0.5, 0.5, 0.0, 1.0]]
        [loss]
        kind = "cross_entropy"
        [[losses]]
        kind = "value"
        layer = "a"
        [training]
        learning_rate = 0.1
        [stop]
        epochs = 1
    """
    scenario = parse_scenario(text)
    assert [goal.positions for goal in scenario.goals] == [3]


class TestDamage:
    """What NumPy's parser of headers and the decompressors raise is one clear error."""

    HEADERS = (
        "{'descr': '<f8', 'fortran_order': False, 'shape': (True, 2), }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (-1, 2), }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (1e3, 2), }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': " + "(" * 4000 + "}",
        "[" * 9000,
        "{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (1, 2), }",
        "{'descr': 5, 'fortran_order': False, 'shape': (1, 2), }",
        "{1L: 2}",
        "",
    )

    @pytest.mark.parametrize("header", HEADERS)
    def test_headers(self, home: Path, header: str) -> None:
        content = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + b"\0" * 64
        with zipfile.ZipFile(home / "x.npz", "w") as archive:
            archive.writestr("inputs.npy", content)
            archive.writestr("targets.npy", content)
        assert len(refused(write(home, 'file = "x.npz"\n'))) == 1
        (home / "x.npy").write_bytes(content)
        assert len(refused(write(home, 'file = "x.npy"\n' + COLUMNS))) == 1

    @pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
    def test_flipped_bytes_of_every_compression(self, home: Path, method: int) -> None:
        stream = io.BytesIO()
        np.save(stream, np.arange(60.0).reshape(30, 2))
        with zipfile.ZipFile(home / "x.npz", "w", method) as archive:
            archive.writestr("inputs.npy", stream.getvalue())
            archive.writestr("targets.npy", stream.getvalue())
        whole = (home / "x.npz").read_bytes()
        file = write(home, 'file = "x.npz"\ntarget_key = "inputs"\n', units=2)
        assert len(load_data(load_scenario(file))) == 30
        for at in range(0, len(whole), 29):
            (home / "x.npz").write_bytes(whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :])
            try:
                load_scenario(file)
            except ScenarioError as error:
                assert len(error.problems) <= 20

    def test_a_number_of_a_wider_kind_is_no_warning(self, home: Path) -> None:
        wide = np.array([[np.longdouble("1e4000"), 1]])
        with (home / "x.npz").open("wb") as stream:
            np.savez(stream, inputs=wide, targets=np.ones((1, 1)))
        assert "row 1 of array inputs has a value that is not finite" in str(refused(write(home, 'file = "x.npz"\n')))

    def test_nothing_but_line_ends_is_refused_at_once(self, home: Path) -> None:
        with gzip.open(home / "x.csv.gz", "wb", compresslevel=1) as stream:
            for _ in range(4):
                stream.write(b"\n" * 2**20)
        lines = 'file = "x.csv.gz"\n' + COLUMNS
        assert "nothing but blanks and line ends" in str(refused(write(home, lines)))
        with gzip.open(home / "x.csv.gz", "wb", compresslevel=1) as stream:
            for _ in range(10):
                stream.write(b"1,2,3\n" + b"\n" * 2**19)
        assert "more than 1,000,000 lines are blank" in str(refused(write(home, lines)))
        with gzip.open(home / "x.csv.gz", "wb", compresslevel=1) as stream:
            stream.write(b"1,2,3\n")
            for _ in range(4):
                stream.write(b" \n" * 2**19)
        assert "nothing but blanks and line ends" in str(refused(write(home, lines)))

    def test_words_in_an_array_are_classes(self, home: Path) -> None:
        with (home / "x.npz").open("wb") as stream:
            np.savez(stream, inputs=np.ones((2, 2)), targets=np.array(["b", "a"]))
        found = load_data(load_scenario(write(home, 'file = "x.npz"\n', units=2)))
        assert (found.targets.tolist(), found.class_names) == ([[0, 1], [1, 0]], ("a", "b"))
