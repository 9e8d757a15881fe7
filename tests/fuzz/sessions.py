"""Saved sessions with bytes flipped, lines missing, or a value where it does not belong."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from retrograde.engine.errors import EngineError
from retrograde.engine.scenario.file import load_scenario
from retrograde.engine.session.saving import SUFFIX, open_session, save
from retrograde.engine.session.session import Session
from retrograde.tui.cli.support.streams import complain, settled_streams
from tests.fuzz.target import Beat
from tests.fuzz.trees import places

VALUES: tuple[Any, ...] = (
    *(None, True, -1, 0, 1, 7, 0.5, 1e308, float("nan"), float("inf"), 10**30, 2**31, "", "x", "E", "w5", "W_h"),
    *("\x1b[31mx", "\u202e", "a" * 5000, "1" * 4000, "/dev/zero", "../x", "mazur", "nosuch", "main", [], {}, [[]]),
    *([1, 2], {"a": 1}, ["E"], [10**30], "E < 0.1", "grad(out_o1)", "(" * 500, "9" * 500),
)


def _nearly(rng: random.Random, content: Any) -> Any:
    """With one value that could be right."""
    *way, last = rng.choice(places(content))
    inner = content
    for key in way:
        inner = inner[key]
    value = inner[last]
    if isinstance(value, bool):
        inner[last] = not value
    elif isinstance(value, int | float):
        inner[last] = value + rng.choice((-1, 1, 100))
    elif isinstance(value, list):
        inner[last] = value[1:] if rng.random() < 0.5 else value + value[:1]
    elif isinstance(value, str) and value:
        inner[last] = value[::-1] if rng.random() < 0.3 else value + value[-1]
    return content


def _texts(home: Path) -> list[str]:
    """Sessions with everything in them that can be saved."""
    texts = []
    for name in ("mazur", "elman"):
        session = Session(load_scenario(name))
        session.run(epochs=3)
        session.add_breakpoint("E < 0.1")
        session.add_breakpoint("at backward", log=("E",))
        session.watch("E * 2")
        session.mark("a")
        session.notes["main", 3] = "why?"
        session.seek(5)
        session.set_value("E" if name == "elman" else "w5", 0.25)
        session.step()
        session.drop_sample(1)
        path = home / f"{name}{SUFFIX}"
        save(session, path)
        texts.append(path.read_text(encoding="utf-8"))
    return texts


class Sessions:
    """Saved sessions with something wrong."""

    def __init__(self, home: Path) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self._file = home / f"mutated{SUFFIX}"
        self._again = home / f"again{SUFFIX}"
        self._saved = _texts(home)

    def made(self, seed: int) -> bytes:
        rng = random.Random(seed)
        text = rng.choice(self._saved)
        match rng.randrange(6):
            case 0:
                return text[: rng.randrange(len(text))].encode()
            case 1:
                data = bytearray(text.encode())
                for _ in range(rng.randint(1, 4)):
                    data[rng.randrange(len(data))] = rng.randrange(256)
                return bytes(data)
            case 2:
                lines = text.splitlines(keepends=True)
                at = rng.randrange(len(lines))
                del lines[at : at + rng.randint(1, 4)]
                return "".join(lines).encode()
            case 3:
                return json.dumps(_nearly(rng, json.loads(text))).encode()
            case _:
                return self._with_other_fields(rng, json.loads(text))

    @staticmethod
    def _with_other_fields(rng: random.Random, content: Any) -> bytes:
        for _ in range(rng.randint(1, 3)):
            *way, last = rng.choice(places(content))
            inner = content
            for key in way:
                inner = inner[key]
            dice = rng.random()
            if dice < 0.7:
                inner[last] = rng.choice(VALUES)
            elif dice < 0.85:
                del inner[last]
            elif isinstance(inner, list):
                inner.extend([inner[last]] * rng.choice((1, 3, 1000)))
            else:
                inner[rng.choice(("x", "\x1b[31m", "y" * 500))] = inner[last]
        return json.dumps(content, indent=1, ensure_ascii=rng.random() < 0.5).encode("utf-8", "replace")

    def run(self, content: bytes, beat: Beat) -> bool:
        del beat
        self._file.write_bytes(content)
        try:
            session = open_session(self._file, load_scenario).session
            session.step()
            session.back()
        except EngineError as error:
            with settled_streams():
                complain(str(error))
            assert str(error).strip(), "the error says nothing"
            return False
        save(session, self._again)
        open_session(self._again, load_scenario)
        return True

    @staticmethod
    def file(content: bytes) -> tuple[str, bytes]:
        return SUFFIX, content


TARGET = Sessions
