"""Mathematics: every equation and every symbol as well-formed MathML and as LaTeX whose brackets close."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

import retrograde.scenarios
from retrograde.engine import Session, load_scenario
from retrograde.engine.equations.expression import SQUARE as SQUARED
from retrograde.engine.equations.expression import Call, Const, Div, Expr, Neg, Product, Ref, Sum
from retrograde.engine.equations.rendering import render
from retrograde.engine.explaining.step import shown
from retrograde.engine.writing.markup import LATEX, MATHML, latex_text
from retrograde.engine.writing.mathematics import expression, number, pieces, symbol
from tests.support.effort import examples
from tests.support.expressions import EXPRESSIONS, SLOTS

LARGE = (
    {"char-rnn", "char-transformer", "digits", "elman", "gru", "iris", "lenet-digits", "tiny-transformer", "two-moons"}
    | {"cs231n-conv", "cs231n-max-pool", "rumelhart-symmetry"}
    | {f"deep-relu-{kind}" for kind in ("glorot", "he", "zeros")}
)
"""Scenarios of more steps than anybody hands out."""
SMALL = sorted({path.stem for path in Path(retrograde.scenarios.__file__).parent.glob("*.toml")} - LARGE)


def well_formed(text: str) -> ET.Element:
    return ET.fromstring(MATHML.whole(text))


def balanced(text: str) -> bool:
    bare = re.sub(r"\\[\\{}]", "", text)
    depth = 0
    for letter in bare:
        depth += {"{": 1, "}": -1}.get(letter, 0)
        if depth < 0:
            return False
    return depth == 0 and text.count(r"\left") == text.count(r"\right")


def spoken(text: str) -> str:
    """The characters of some MathML, one after the other."""
    return "".join(well_formed(text).itertext())


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        ("δ_o1", r"{\delta }_{\text{o1}}"),
        ("∂E/∂w8", r"\frac{ \partial E}{ \partial {w}_{8}}"),
        ("w5⁺", "{w}_{5}^{+}"),
        ("σ′(net_h1)", r"\sigma '({\mathrm{net}}_{\text{h1}})"),
        ("W_h[i1,1]", r"{W}_{\text{h}}\text{[i1,1]}"),
        ("net_h1@2", r"{\mathrm{net}}_{\text{h1}}^{\text{(2)}}"),
        ("γ_norm1.1", r"{\gamma }_{\text{norm1.1}}"),
        ("m̂(W_emb[1,1])", r"\hat{m}({W}_{\text{emb}}\text{[1,1]})"),
        ("σ²_n1", r"{\sigma }_{\text{n1}}^{2}"),
        ("∂E{4}/∂w1", r"\frac{ \partial {E}^{\text{\{4\}}}}{ \partial {w}_{1}}"),
        ("b_my_layer1", r"{b}_{\text{my\_layer1}}"),
        ("-1.5e-05", r"-1.5 \times {10}^{-5}"),
        ("−6.9e−06", r"-6.9 \times {10}^{-6}"),
        ("½", r"\frac{1}{2}"),
    ],
)
def test_a_symbol_is_read_for_its_parts(text: str, latex: str) -> None:
    assert symbol(text, LATEX) == latex
    well_formed(symbol(text, MATHML))


@pytest.mark.parametrize("name", SMALL)
def test_every_equation_of_a_small_scenario_is_set(name: str) -> None:
    session = Session(load_scenario(name))
    program, notation = session.program, session.notation
    seen = set()
    for op in program.ops:
        if type(op) in seen and op.target.size > 1:
            continue
        seen.add(type(op))
        shape = op.target.element_shape
        for index in {(0,) * len(shape), tuple(length - 1 for length in shape)}:
            at = (0, *index)
            target = Ref(op.target, at[len(at) - len(op.target.shape) :])
            for text in (symbol(notation.symbol(target), MATHML), expression(op.equation(at), notation.symbol, MATHML)):
                well_formed(text)
            assert balanced(expression(op.equation(at), notation.symbol, LATEX))


@examples(200)
@given(expr=EXPRESSIONS)
def test_both_spellings_say_every_expression_whole(expr: Expr) -> None:
    def leaf(ref: Ref) -> str:
        return f"{ref.array.name}{ref.index[0] + 1}"

    assert balanced(expression(expr, leaf, LATEX))
    letters = re.findall(r"[a-z]\d", render(expr, leaf))
    assert re.findall(r"[a-z]\d", spoken(expression(expr, leaf, MATHML))) == letters
    assert spoken("".join(pieces(expr, leaf, MATHML))) == spoken(expression(expr, leaf, MATHML))


@examples(200)
@given(value=st.floats())
def test_every_number_is_read_as_one(value: float) -> None:
    text = shown(value)
    found = number(text, LATEX)
    assert found is not None and "mathrm{e" not in found
    if value == value:
        bare = found.replace(r" \times {10}^{", "e").replace("}", "").replace(r"\infty", "inf").replace(" ", "")
        assert float(bare) == float(text)
    assert number(text.replace("-", "−"), LATEX) == found


def test_what_binds_less_is_bracketed() -> None:
    x, y = SLOTS[:2]
    square = Call(SQUARED, x)
    for text, wanted in (("w5⁺", "({w}_{5}^{+})"), ("-2", "(-2)"), ("x", "x"), ("1e-07", None)):
        found = expression(square, lambda _ref, text=text: text, LATEX)
        assert found.startswith("{(") if wanted is None else wanted in found
    total = Product((Sum((x, Neg(y))), Div(x, y), Const(2.0)))
    assert expression(total, lambda ref: "a" if ref is x else "b", LATEX) == r"(a - b) \cdot \frac{a}{b} \cdot 2"


def test_a_word_with_greek_letters_is_not_upright() -> None:
    """The running product of momenta: no font has it upright, and it was left out in print."""
    assert symbol("Πμ", LATEX) == r"\Pi \mu "
    assert symbol("net", LATEX) == r"\mathrm{net}"


def test_what_is_wider_than_a_line_may_be_broken() -> None:
    terms = [Product((Div(SLOTS[0], Const(3.0)), Const(float(k)))) for k in range(40)]
    wide = Sum(tuple(terms))
    for expr in (Product((wide, Const(2.0))), Div(wide, Const(2.0))):
        found = expression(expr, lambda _ref: "0.123456789", LATEX)
        assert r"\biggl(" in found and r"\left" not in found
        # A fraction of more than a line stands nowhere.
        assert r"\frac{\frac" not in found
    assert r"\frac{" in expression(Div(terms[0], Const(2.0)), lambda _ref: "0.5", LATEX)


def test_a_text_is_no_command_of_latex() -> None:
    assert latex_text("50% of #1_{a} & $x$ \\input~^") == (
        r"50\% of \#1\_\{a\} \& \$x\$ \textbackslash{}input\textasciitilde{}\textasciicircum{}"
    )
    assert latex_text("δ\x07") == r"\ensuremath{\delta}"
