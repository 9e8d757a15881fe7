"""Initial parameters: given, drawn, and drawn as published programs draw them."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from retrograde.engine import Session
from retrograde.engine.network.initial import initial_parameters as named_parameters
from retrograde.engine.scenario.file import load_scenario, parse_scenario
from retrograde.engine.scenario.models import Scenario

CASES = Path(__file__).parent.parent / "cases" / "data"

TEXT = """\
format = 1
title = {{ en = "t", zh = "题" }}
[network]
inputs = {inputs}
{network}
[[network.layers]]
units = {units}
{first}
[[network.layers]]
units = 2
{second}
[data]
inputs = [{row}]
targets = [[0, 1]]
[loss]
kind = "half_squared_error"
[training]
learning_rate = 0.5
[stop]
epochs = 10
"""


def initial_parameters(scenario: Scenario) -> dict[str, tuple[NDArray[np.float64], NDArray[np.float64] | None]]:
    """The weights and biases of each layer."""
    return {name: (found["W"], found.get("b")) for name, found in named_parameters(scenario).items()}


def scenario(*, inputs: int = 3, units: int = 4, network: str = "", first: str = "", second: str = "") -> Scenario:
    row = [0.5] * inputs
    return parse_scenario(TEXT.format(inputs=inputs, units=units, network=network, first=first, second=second, row=row))


class TestGiven:
    def test_weights_and_biases(self) -> None:
        found = initial_parameters(load_scenario("mazur"))
        weights, biases = found["h"]
        assert weights.tolist() == [[0.15, 0.2], [0.25, 0.3]]
        assert biases is not None
        assert biases.tolist() == [0.35]

    def test_shared_none_and_one_number_for_all(self) -> None:
        found = initial_parameters(scenario(first='bias = "shared"\nbiases = 0.3', second='bias = "none"'))
        assert found["h"][1] is not None
        assert found["h"][1].tolist() == [0.3]
        assert found["o"][1] is None
        found = initial_parameters(scenario(first="biases = 0.3", second="biases = [1, 2]"))
        assert found["h"][1] is not None and found["h"][1].tolist() == [0.3] * 4
        assert found["o"][1] is not None and found["o"][1].tolist() == [1.0, 2.0]

    def test_biases_that_nothing_gives_are_zero(self) -> None:
        bias = initial_parameters(scenario())["h"][1]
        assert bias is not None
        assert bias.tolist() == [0.0] * 4

    def test_arrays_are_fresh(self) -> None:
        one = scenario()
        assert initial_parameters(one)["h"][0] is not initial_parameters(one)["h"][0]


class TestPhilox:
    def test_it_depends_on_the_seed_alone(self) -> None:
        a, b, c = (initial_parameters(scenario(network=f"seed = {seed}"))["h"][0] for seed in (1, 1, 2))
        assert np.array_equal(a, b)
        assert not np.intersect1d(a, c).size

    def test_the_largest_seed(self) -> None:
        assert np.isfinite(initial_parameters(scenario(network=f"seed = {2**63 - 1}"))["h"][0]).all()

    def test_a_layer_does_not_depend_on_another(self) -> None:
        drawn = initial_parameters(scenario())["o"][0]
        assert np.array_equal(drawn, initial_parameters(scenario(first="init = { kind = 'he_normal' }"))["o"][0])

    def test_layers_and_biases_share_no_draws(self) -> None:
        network = "init = { kind = 'uniform', low = 0, high = 1, draw_bias = true }"
        found = initial_parameters(scenario(inputs=4, units=4, network=network))
        values = [
            value
            for weights, biases in found.values()
            for value in (*weights.flat, *(biases if biases is not None else ()))
        ]
        assert len(set(values)) == len(values)

    @pytest.mark.parametrize(
        ("init", "low", "high", "std"),
        [
            ("kind = 'uniform', low = -2, high = 4", -2.0, 4.0, 6 / math.sqrt(12)),
            ("kind = 'normal', mean = 1, std = 0.5", None, None, 0.5),
            ("kind = 'glorot_uniform'", -math.sqrt(6 / 300), math.sqrt(6 / 300), math.sqrt(2 / 300)),
            ("kind = 'glorot_normal'", None, None, math.sqrt(2 / 300)),
            ("kind = 'he_uniform'", -math.sqrt(6 / 200), math.sqrt(6 / 200), math.sqrt(2 / 200)),
            ("kind = 'he_normal'", None, None, math.sqrt(2 / 200)),
        ],
    )
    def test_bounds_and_spread(self, init: str, low: float | None, high: float | None, std: float) -> None:
        weights = initial_parameters(scenario(inputs=200, units=100, first=f"init = {{ {init} }}"))["h"][0]
        assert weights.shape == (100, 200)
        assert weights.std() == pytest.approx(std, rel=0.03)
        if low is not None and high is not None:
            assert low <= weights.min() < low + 0.01 * (high - low)
            assert high - 0.01 * (high - low) < weights.max() < high

    def test_constants_and_a_distribution_of_biases(self) -> None:
        init = "init = { kind = 'constant', value = 0.5, bias = { kind = 'constant', value = -1 } }"
        weights, biases = initial_parameters(scenario(first=init))["h"]
        assert set(weights.flat) == {0.5}
        assert biases is not None
        assert set(biases) == {-1.0}

    def test_layout_turns_the_draws(self) -> None:
        plain = initial_parameters(scenario(units=3))["h"][0]
        turned = initial_parameters(scenario(units=3, network="init = { layout = 'source_target' }"))["h"][0]
        assert np.array_equal(plain, turned.T)
        assert turned.flags.c_contiguous

    def test_a_layer_inherits_what_it_does_not_state(self) -> None:
        network = "init = { layout = 'source_target', draw_bias = true }"
        found = scenario(network=network, first="init = { kind = 'he_normal' }")
        init = found.network.layers[0].init
        assert init is not None
        assert (init.layout, init.draw_bias) == ("source_target", True)


class TestLegacy:
    def test_one_stream_in_the_order_of_layers(self) -> None:
        network = (
            "seed = 7\ninit = { kind = 'normal', mean = 0, std = 0.1, generator = 'numpy-legacy', draw_bias = true }"
        )
        found = initial_parameters(scenario(network=network))
        stream = np.random.RandomState(7)
        for name, shape in (("h", (4, 3)), ("o", (2, 4))):
            assert np.array_equal(found[name][0], 0.1 * stream.randn(*shape))
            biases = found[name][1]
            assert biases is not None
            assert np.array_equal(biases, 0.1 * stream.randn(shape[0]))

    def test_a_published_program_of_one_layer(self) -> None:
        oracle = json.loads((CASES / "single-layer-xor.json").read_text(encoding="utf-8"))
        weights, biases = initial_parameters(load_scenario("single-layer-xor"))["o"]
        text = json.dumps(oracle)
        assert biases is not None
        for value in (*weights.flat, *biases):
            assert repr(float(value)) in text

    def test_published_programs_of_two_layers(self) -> None:
        network = "seed = 1\ninit = { kind = 'uniform', low = -1, high = 1, generator = 'numpy-legacy'"
        network += ", layout = 'source_target' }"
        found = initial_parameters(scenario(network=network))
        # As its program writes it: np.random.seed(1); 2 * np.random.random((3, 4)) - 1
        assert found["h"][0][:, 0].tolist() == [
            -0.165955990594852,
            0.4406489868843162,
            -0.9997712503653102,
            -0.39533485473632046,
        ]
        assert found["o"][0][0, 0] == -0.5910955005369651

    def test_seeds_of_the_stream_have_32_bits(self) -> None:
        with pytest.raises(Exception, match="seeds of numpy-legacy go from 0 to 4294967295"):
            scenario(network=f"seed = {2**32}\ninit = {{ generator = 'numpy-legacy' }}")


@pytest.mark.parametrize("generator", ["philox", "numpy-legacy"])
@pytest.mark.parametrize("drawn", ["std = 1.7e308", "mean = -1.7e308\nstd = 1.7e308"])
@pytest.mark.filterwarnings("error")
def test_what_is_drawn_too_wide_is_infinite_without_a_word(generator: str, drawn: str) -> None:
    network = f'[network.init]\ngenerator = "{generator}"\ndraw_bias = true\nkind = "normal"\n{drawn}'
    text = TEXT.format(inputs=2, units=40, network=network, first="", second="", row="[1, 2]")
    found = named_parameters(parse_scenario(text))
    assert any(np.isinf(array).any() for layer in found.values() for array in layer.values())


@pytest.mark.parametrize("name", ["cs231n-circuit", "micrograd-neuron", "mazur", "lstm-two-steps", "attention-by-hand"])
def test_every_parameter_has_its_own_shape(name: str) -> None:
    network = Session(load_scenario(name)).network
    assert network.parameters
    assert all(values.shape == array.shape for array, values in network.parameters.items())
