"""The language of texts: chosen by name or by the environment, English for what is not known."""

from __future__ import annotations

import gettext
from collections.abc import Iterator
from pathlib import Path

import pytest

from retrograde.engine import text


@pytest.fixture(autouse=True)
def english_afterwards() -> Iterator[None]:
    yield
    text.use("en")


@pytest.mark.parametrize(
    ("asked", "used"),
    [("zh", "zh"), ("zh_CN.UTF-8", "zh"), ("zh-Hans", "zh"), ("en_GB", "en"), ("tlh", "en"), ("", "en"), ("C", "en")],
)
def test_a_locale_s_language_is_used(asked: str, used: str) -> None:
    assert text.use(asked) == text.language() == used


def test_the_environment_is_asked_in_gettext_s_order(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(variable, raising=False)
    assert text.use() == "en"
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    assert text.use() == "zh"
    monkeypatch.setenv("LC_ALL", "en_US.UTF-8")
    assert text.use() == "en"
    monkeypatch.setenv("LANGUAGE", "tlh:zh:en")
    assert text.use() == "zh"


def test_without_a_catalogue_texts_are_english(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(text, "CATALOGUES", tmp_path)
    text.use("zh")
    assert text._("step") == "step"
    assert [text.ngettext("{n} step", "{n} steps", n) for n in (0, 1, 2)] == ["{n} steps", "{n} step", "{n} steps"]


def test_a_catalogue_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    class Upper(gettext.NullTranslations):
        def gettext(self, message: str) -> str:
            return message.upper()

        def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
            return msgid2.upper()

    monkeypatch.setattr(gettext, "translation", lambda *_arguments, **_options: Upper())
    monkeypatch.setattr(text, "CATALOGUES", Path(__file__).parent)
    text.use("zh")
    assert text._("step") == "STEP"
    assert text.ngettext("one", "many", 1) == "MANY"
    text.use("en")
    assert text._("step") == "step"
