"""What `:help WORD` says: of a key, a command, a sign, a term, a kind of layer, a word of formulas, or a symbol."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from retrograde.engine.errors import EngineError
from retrograde.engine.glossary import KIND_MEANINGS, ROLE_MEANINGS, TERMS, WORD_MEANINGS
from retrograde.engine.text import _, joined, language, suggest
from retrograde.tui.canvas.glyphs import Glyphs
from retrograde.tui.canvas.signs import SIGNS
from retrograde.tui.commands.command import Command, key_name

if TYPE_CHECKING:
    from retrograde.engine.equations.expression import Ref
    from retrograde.engine.session.session import Session


class Topic(NamedTuple):
    """What is said of something.

    Attributes:
        title: what it is about.
        lines: a word for each line, and the line.
    """

    title: str
    lines: tuple[tuple[str, str], ...]


def topics_of(word: str, session: Session, table: Sequence[Command], glyphs: Glyphs) -> list[Topic]:
    """All that a word means here.

    Args:
        word: a symbol such as ``w1`` or ``delta(h1)``, a command, a key, a sign, a term, a kind of layer.
        session: the session on the screen.
        table: the commands.
        glyphs: the characters of the screen.

    Raises:
        EngineError: it means nothing here.
    """
    word = word.strip()
    found = [
        *_symbol(word, session),
        *_commands(word.removeprefix(":") or word, table),
        *_signs(word, glyphs),
        *_words(word),
    ]
    if not found:
        known = [one.word for one in table if one.word] + [term.english for term in TERMS]
        known += [*KIND_MEANINGS, *WORD_MEANINGS]
        message = _("nothing is known of {text}; :help lists keys, signs and terms, / searches them")
        raise EngineError(message.format(text=word) + suggest(word, known))
    return found


def _commands(word: str, table: Sequence[Command]) -> list[Topic]:
    by_id = {one.id: one for one in table}
    found = [one for one in table if word in {one.word, one.id} or word in {one.named(key) for key in one.keys}]
    found = found or [one for one in table if word in {key_name(key) for key in one.keys}]
    topics = []
    for one in found:
        keys = "  ".join(one.named(key) for key in one.keys)
        back = by_id.get(one.back)
        lines = [(_("keys"), keys), (_("written"), f":{one.line}" if one.line else ""), ("", _(one.help))]
        if back is not None:
            lines.append((_("back"), joined(("  ".join(map(key_name, back.keys)), _(back.title)))))
        topics.append(Topic(_(one.title), tuple(line for line in lines if line[1])))
    return topics


def _signs(word: str, glyphs: Glyphs) -> list[Topic]:
    found = [sign for sign in SIGNS if word and word in {sign.drawn(glyphs), *sign.drawn(glyphs).split()}]
    if not found and len(word) == 1 and not word.isalnum():
        found = [sign for sign in SIGNS if word in sign.drawn(glyphs)]
    return [Topic(sign.drawn(glyphs), (("", _(sign.meaning)),)) for sign in found]


def _words(word: str) -> list[Topic]:
    found: list[Topic] = []
    plain = word.casefold()
    for term in TERMS:
        if plain in {term.english, *term.chinese.split("、")}:
            name = term.english if language() == "en" else f"{term.chinese} · {term.english}"
            found.append(Topic(name, (("", _(term.meaning)),)))
    meanings: tuple[tuple[Mapping[str, str], str], ...] = (
        (KIND_MEANINGS, _("a kind of layer")),
        (WORD_MEANINGS, _("a word of formulas")),
    )
    return found + [Topic(f"{word} · {kind}", (("", _(table[word])),)) for table, kind in meanings if word in table]


def _symbol(word: str, session: Session) -> list[Topic]:
    try:
        ref = session.resolve(word)
    except EngineError:
        return []
    return [symbol_topic(ref, session)]


def symbol_topic(ref: Ref, session: Session) -> Topic:
    """What a symbol is: its definition, the formula that makes it and those that are made of it, and its source.

    Args:
        ref: the slot.
        session: the session on the screen.
    """
    from retrograde.engine.equations.expression import Ref as Slot
    from retrograde.tui.reading.reading import Reading

    reading, array = Reading.of(session), ref.array
    lines = [(_("definition"), _(ROLE_MEANINGS[array.role]))]
    if array.of is not None:
        lines.append(
            (_("of"), joined((session.symbol(Slot(array.of, ref.index)), _(ROLE_MEANINGS[array.of.role])), ": "))
        )
    if (layer := _layer(reading.scenario, array.layer)) is not None:
        lines.append((_("layer"), joined((array.layer, layer), ": ")))
    number = reading.made_by(ref) if reading.program.maker(ref.array) is not None else None
    if number is not None:
        step = session.step_at(number)
        lines += [(_("formula"), f"{step.symbol} = {step.text()[0]}"), ("", step.why)]
        lines.append(
            (_("computed in"), _("{what}, step {number}").format(what=step.op.title, number=f"{step.moment.step:,}"))
        )
    for op in reading.program.ops:
        if op.target.of is array and op.target.shape == array.shape:
            made = reading.made_by(Slot(op.target, ref.index))
            if made is not None:
                step = session.step_at(made)
                lines.append((_("made of it"), f"{step.symbol} = {step.text()[0]}"))
    if reading.recording is None and reading.scenario.source:
        lines.append((_("source"), reading.scenario.source))
    return Topic(session.symbol(ref), tuple(line for line in lines if line[1]))


def _layer(scenario: object, name: str) -> str | None:
    from retrograde.engine.layers.table import word_of
    from retrograde.engine.scenario.models import Scenario

    if not isinstance(scenario, Scenario):
        return None
    found = next((one for one in scenario.network.layers if one.name == name), None)
    meaning = None if found is None else KIND_MEANINGS.get(word_of(type(found)))
    return None if meaning is None or found is None else f"{word_of(type(found))}, {_(meaning)}"
