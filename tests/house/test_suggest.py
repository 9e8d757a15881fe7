"""What a wrong word was meant for: one way of asking, and the end of one sentence."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

import retrograde.engine
import retrograde.tui
from retrograde.engine.text import nearest, suggest

WORDS = st.lists(st.text("abcde", min_size=1, max_size=8), max_size=6, unique=True)


def test_the_nearest_come_first_and_no_more_than_are_asked_for() -> None:
    known = ["exact", "blas", "exactly", "extra"]
    assert nearest("exat", known, most=2) == ["exact", "exactly"]
    assert suggest("exat", known) == "; did you mean exact?"
    assert suggest("exat", known, most=2, between=" or ") == "; did you mean exact or exactly?"
    assert suggest("zzz", known) == ""
    assert suggest("fast", known, likeness=0.5) == "; did you mean blas?"


@given(word=st.text("abcde", min_size=1, max_size=8), known=WORDS, most=st.integers(1, 3))
def test_a_word_that_is_known_is_the_first(word: str, known: list[str], most: int) -> None:
    found = nearest(word, [*known, word] if word not in known else known, most=most)
    assert found[0] == word
    assert len(found) <= most
    assert set(found) <= {*known, word}


def test_a_long_word_takes_no_time() -> None:
    code = "from retrograde.engine.text import nearest; nearest('ab' * 10**6, [f'a{n}' * 20 for n in range(2000)])"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=20)


def test_nothing_else_compares_words() -> None:
    users = {
        path.name
        for package in (retrograde.engine, retrograde.tui)
        for path in Path(str(package.__file__)).parent.rglob("*.py")
        if "difflib" in path.read_text(encoding="utf-8")
    }
    assert users == {"text.py"}
