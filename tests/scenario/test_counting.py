"""What counts in a loss: weights of classes and samples, ignored targets, masks, and what a mean divides by."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from retrograde.engine import Session, load_scenario
from retrograde.engine.equations.expression import Ref
from retrograde.engine.scenario.file import parse_scenario
from tests.executor.test_kernels import stated
from tests.oracles.jax_losses import CLASSES, MASK, cases, dense, sequence
from tests.scenario.test_messages import problems
from tests.support.networks import all_slots, bits, executed_by

WIDE = "[[0.4, -0.3], [0.2, 0.9], [-0.5, 0.1]]"
INDICES = "targets = [[0, 1, 2, 1, 0], [2, 2, 0, 1, 1], [0, 0, 1, 2, 2]]\nclasses = 3\n"
SOME = (
    "cross_entropy-2",
    "multiclass_hinge-samples-weights",
    "ignored-weights",
    "weighted-pooled",
    "binary-log_clip",
    "attention-2-true-mean",
    "nll-ignored-2",
    "classes-all-59",
)


@pytest.mark.parametrize("executor", ["generated", "kernels"])
@pytest.mark.parametrize("name", SOME)
def test_every_slot_is_what_its_equation_says_and_differences_agree(name: str, executor: str) -> None:
    with executed_by(executor):
        session = Session(parse_scenario(cases()[name]))
        session.run()
        session.seek("2:1:1")
    frame = session.frame
    for ref in all_slots(session.program):
        if session.program.maker(ref.array) is not None:
            assert bits(frame.value(ref)) == bits(stated(frame, ref)), ref
    for array in session.network.trainable:
        slopes = session.program.named[f"grad({array.name})"]
        found = session.check_gradient(Ref(slopes, (0,) * len(slopes.shape)))
        assert found is not None
        assert found.agrees, (array.name, found)


class TestWhatIsWrong:
    @pytest.mark.parametrize(
        ("loss", "said"),
        [
            ("class_weights = [1, 2]", "loss.class_weights: 2 weights where 3 are needed: one per class or output"),
            ('normalise = "weights"', "loss.normalise: a mean can divide by weights where there are some"),
            (
                'normalise = "weights"\nover_batch = "sum"\nclass_weights = [1, 2, 3]',
                'loss.normalise: a sum divides by nothing; say over_batch = "mean"',
            ),
            (
                "pos_weight = 2",
                "loss.pos_weight: pos_weight belongs to binary_cross_entropy or binary_cross_entropy_logits",
            ),
            ("log_clip = 0.5", "loss.log_clip: 0.5 is too large"),
            ("log_floor = 1", "loss.log_floor: 1 is too large"),
            ("margin = 2", "loss.margin: margin belongs to hinge or squared_hinge or multiclass_hinge"),
            ("ignore = 2", "loss.ignore: there is no such key; did you mean ignore_index?"),
            ("class_weight = [1, 1, 1]", "did you mean class_weights?"),
            ('over_time = "pooled"', "over_time belongs to a sequence"),
        ],
    )
    def test_of_a_loss(self, loss: str, said: str) -> None:
        assert said in str(problems(dense("softmax", CLASSES, f'kind = "cross_entropy"\n{loss}'))[0])

    @pytest.mark.parametrize(
        ("data", "said"),
        [
            ("sample_weights = [1, 2]\n", "data.sample_weights: 2 sample_weights for 4 rows of inputs"),
            ("mask = [[1, 1], [1, 0], [1, 1], [1, 1]]\n", "data.mask: mask belongs to sequences"),
            ("weight_column = 3\n", "data.weight_column: weight_column belongs to a file"),
            ("mask_key = 'm'\n", "data.mask_key: mask_key belongs to a file"),
        ],
    )
    def test_of_data(self, data: str, said: str) -> None:
        assert said in str(problems(dense("softmax", CLASSES + data, 'kind = "cross_entropy"'))[0])

    @pytest.mark.parametrize(
        ("old", "new", "said"),
        [
            ("[1, 0, 1, 1, 0]", "[1, 0, 2, 1, 0]", "data.mask[1][3]: 2 is neither 1, a step that counts, nor 0"),
            ("[1, 0, 1, 1, 0]", "[1, 0, 1, 1]", "data.mask[1]: row 1 has the width 4 where 5 is needed"),
            (MASK, MASK + "lengths = [5, 5, 5]\n", "data.mask: mask says what counts step by step; drop it or lengths"),
        ],
    )
    def test_of_a_mask(self, old: str, new: str, said: str) -> None:
        text = sequence(3, "softmax", WIDE, INDICES + MASK, 'kind = "cross_entropy"')
        assert said in str(problems(text.replace(old, new, 1))[0])

    def test_of_means(self) -> None:
        text = sequence(3, "softmax", WIDE, INDICES, 'kind = "cross_entropy"\nover_time = "pooled"\nover_batch = "sum"')
        assert "pooled is a mean over the samples too" in str(problems(text)[0])
        weights = 'kind = "cross_entropy"\nclass_weights = [1, 2, 3]\nnormalise = "weights"'
        assert 'say over_time = "pooled"' in str(problems(sequence(3, "softmax", WIDE, INDICES, weights))[0])

    def test_an_index_that_is_ignored_needs_classes(self) -> None:
        text = dense(
            "softmax", "targets = [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0, 0]]\n", 'kind = "nll"\nignore_index = 0'
        )
        assert "ignore_index belongs to targets that are class indices" in str(problems(text)[0])


class TestMasks:
    def test_lengths_are_a_mask_of_their_first_steps(self) -> None:
        loss = 'kind = "cross_entropy"\nover_time = "pooled"'
        by_lengths = sequence(3, "softmax", WIDE, INDICES + "lengths = [2, 5, 3]\n", loss)
        by_mask = INDICES + "mask = [[1, 1, 0, 0, 0], [1, 1, 1, 1, 1], [1, 1, 1, 0, 0]]\n"
        ends = [Session(parse_scenario(text)) for text in (by_lengths, sequence(3, "softmax", WIDE, by_mask, loss))]
        assert ends[0].run().loss == ends[1].run().loss

    def test_what_is_masked_changes_nothing(self) -> None:
        loss = 'kind = "cross_entropy"'
        text = sequence(3, "softmax", WIDE, INDICES + MASK, loss)
        other = text.replace("[[1, 2, -1, 0.5, 3]", "[[1, 77, -1, 0.5, -9]").replace(
            "[0, 1, 2, 1, 0]", "[0, 2, 2, 1, 1]"
        )
        assert other != text
        assert Session(parse_scenario(text)).run().loss == Session(parse_scenario(other)).run().loss


@pytest.mark.parametrize("kind", ["csv", "npz"])
def test_weights_and_masks_from_files(tmp_path: Path, kind: str) -> None:
    loss = 'kind = "cross_entropy"\nover_time = "pooled"\nnormalise = "weights"'
    inline = sequence(3, "softmax", WIDE, INDICES + MASK + "sample_weights = [1, 0.5, 2]\n", loss)
    x = [[1, 2, -1, 0.5, 3], [0.5, -1, 1.5, 0.5, -2], [2, 0, 1, -1, 1]]
    t = [[0, 1, 2, 1, 0], [2, 2, 0, 1, 1], [0, 0, 1, 2, 2]]
    m, w = [[1, 0, 1, 1, 0], [1, 1, 0, 0, 1], [0, 1, 0, 1, 0]], [1, 0.5, 2]
    if kind == "csv":
        rows = [",".join(map(str, (*a, *b, *c, d))) for a, b, c, d in zip(x, t, m, w, strict=True)]
        (tmp_path / "d.csv").write_text("\n".join(rows), encoding="utf-8")
        keys = 'input_columns = "1-5"\ntarget_columns = "6-10"\nmask_columns = "11-15"\nweight_column = 16'
    else:
        np.savez(tmp_path / "d.npz", inputs=x, targets=t, m=m, w=w)
        keys = 'mask_key = "m"\nweight_key = "w"'
    before, after = inline[: inline.index("[data]")], inline[inline.index("[loss]") :]
    (tmp_path / "s.toml").write_text(
        f'{before}[data]\nfile = "d.{kind}"\nclasses = 3\n{keys}\n{after}', encoding="utf-8"
    )
    assert Session(load_scenario(tmp_path / "s.toml")).run().loss == Session(parse_scenario(inline)).run().loss


@pytest.mark.parametrize(
    ("way", "printed"), [("mean", "0.01900500591"), ("all", "0.01688286104"), ("pooled", "0.02251")]
)
def test_three_conventions_of_the_mean_of_padded_sequences(way: str, printed: str) -> None:
    """Each sequence alike, Keras with a mask, PyTorch's pooled mean: the same two sequences, three losses."""
    text = (
        sequence(1, "identity", "[[1, 0]]", "", "").partition("[network]")[0]
        + f"""[network]
inputs = 4
[[network.layers]]
name = "h"
kind = "rnn"
units = 1
weights = [[0.6]]
recurrent_weights = [[0.5]]
biases = [0.1]
[data]
inputs = [[1, 2, 0, 0], [0.5, -1, 1.5, 0.5]]
targets = [[0.5, 1, 0, 0], [0.2, -0.3, 0.4, 0.6]]
lengths = [2, 4]
[loss]
kind = "mean_squared_error"
over_time = "{way}"
[training]
learning_rate = 0.1
[stop]
epochs = 1
"""
    )
    assert Session(parse_scenario(text)).run().loss == pytest.approx(
        float(printed), abs=10.0 ** -len(printed[2:]) / 1.9
    )
