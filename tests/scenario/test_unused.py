"""A layer that leads to no loss is odd, and can be computed: a warning at its table."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from retrograde.engine import Session
from retrograde.engine.scenario.file import parse_scenario
from tests.support.effort import examples


@st.composite
def networks(draw: st.DrawFn) -> tuple[list[tuple[str, ...]], set[int]]:
    """What each layer reads, by name, and which layers have a loss."""
    taken: list[tuple[str, ...]] = []
    for number in range(draw(st.integers(1, 6))):
        above = ["i", *(f"n{letter}" for letter in "abcdef"[:number])]
        count = draw(st.integers(1, 2))
        taken.append(tuple(draw(st.sampled_from(above)) for _ in range(count)))
    return taken, draw(st.sets(st.integers(0, len(taken) - 1), min_size=1))


@examples(60)
@given(case=networks())
def test_what_leads_to_no_loss_is_said(case: tuple[list[tuple[str, ...]], set[int]]) -> None:
    taken, losses = case
    names = [f"n{letter}" for letter in "abcdef"[: len(taken)]]
    layers = "".join(
        f'[[network.layers]]\nname = "{name}"\ninputs = {list(inputs)}\n'
        + ("units = 1\n" if len(inputs) == 1 else 'kind = "add"\n')
        for name, inputs in zip(names, taken, strict=True)
    )
    first, *others = [f'kind = "half_squared_error"\nlayer = "{names[number]}"\n' for number in sorted(losses)]
    text = (
        f'format = 1\ntitle = {{ en = "Ways" }}\n[network]\ninputs = 1\n{layers}'
        f"[data]\ninputs = [[1.0]]\ntargets = [{[0.0] * len(losses)}]\n[loss]\n{first}"
        + "".join(f"[[losses]]\n{other}" for other in others)
        + "[training]\nlearning_rate = 0.1\n[stop]\nepochs = 1\n"
    )
    leading = {names[number] for number in losses}
    for _round in names:
        leading |= {one for name, inputs in zip(names, taken, strict=True) if name in leading for one in inputs}
    scenario = parse_scenario(text)
    found = {one.key for one in scenario.warnings if "to a loss" in one.message}
    assert found == {f"network.layers[{n + 1}]" for n, name in enumerate(names) if name not in leading}
    Session(scenario).run()
