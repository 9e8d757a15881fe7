"""Settings behind the name of a scenario, `xor-2-2-1:seed=17,learning_rate=0.3`: the same scenario with other values.

A key of ``[training]`` goes by its name, every other one by its path, as `network.layers.h.units`. `seed` is all luck
at once: what is drawn before the first update, values that the file gives as well, what is drawn in each iteration, and
the order of the samples.
"""

from __future__ import annotations

import copy
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from retrograde.engine.errors import EngineError, KeyPath, Problem, ScenarioError
from retrograde.engine.scenario.models import Scenario, layer_names, retrained
from retrograde.engine.scenario.training import Training
from retrograde.engine.text import _, suggest

SEED = "seed"
"""The setting that is all luck."""

TABLES = ("network", "data", "held_out", "loss", "losses", "training", "stop", "doctor")
"""The tables whose keys may be set; the others only tell of the scenario."""

MOST = 4000
"""Characters of the settings behind a name."""

FROZEN: dict[str, tuple[str, ...]] = {
    "weights": ("W", "P", "reverse", "Wr"),
    "biases": ("b", "bias", "reverse", "br"),
    "recurrent_weights": ("U", "reverse", "Ur"),
    "recurrent_biases": ("bu", "reverse", "bur"),
    "peephole_weights": ("P", "reverse", "Pr"),
    "concatenated_weights": ("W", "U", "weights", "recurrent_weights", "reverse", "Wr", "Ur"),
    **{f"W{part}": ("weights",) for part in "qkvo"},
    **{f"b{part}": ("bias", "biases") for part in "qkvo"},
}
"""Further words in `frozen` for what they give."""

DRAWN = tuple(FROZEN)
"""The keys of a layer that give what would be drawn without them."""

_SEEDED = re.compile(rf"(?<=[:,]){SEED}=\d+")
_PART = re.compile(r"([^.\[\]]+)((?:\[\d{1,6}\])*)")
_PLAIN = re.compile(r"[A-Za-z0-9_.+\-/\\]+")
_OPEN, _CLOSE = "[{(", "]})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Values that are other than in the file.

    Attributes:
        values: by key, as it was written.
        given_to: the scenario as it was called without them.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    given_to: str = ""

    def __bool__(self) -> bool:
        return bool(self.values)

    def __str__(self) -> str:
        return written(self.values)

    def text_of(self, keys: Iterable[str]) -> str:
        """The scenario with some of the settings, as it would be called."""
        found = {key: value for key, value in self.values.items() if key in set(keys)}
        return f"{self.given_to}:{written(found)}" if found else self.given_to

    def problem(self, key: str, message: str) -> ScenarioError:
        """What is wrong with a setting."""
        return ScenarioError([Problem(path=self.text_of([key]), key=key, message=message)])


NONE = Settings()


def pieces(text: str) -> list[str]:
    """The parts of a text between its commas, of which those in brackets and quotes are none."""
    found, depth, quote, start = [], 0, "", 0
    for at, character in enumerate(text):
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        elif character in _OPEN:
            depth += 1
        elif character in _CLOSE:
            depth -= 1
        elif character == "," and depth <= 0:
            found.append(text[start:at])
            start = at + 1
    return [*found, text[start:]]


def read_settings(text: str, given_to: str) -> Settings:
    """Return the settings that a text states, as `seed=17,learning_rate=0.3`.

    Raises:
        ScenarioError: it states none, or a key twice.
    """
    values: dict[str, Any] = {}
    if len(text) > MOST:
        message = _("settings have at most {limit} characters").format(limit=MOST)
        raise ScenarioError([Problem(path=given_to, message=message)])
    for piece in pieces(text):
        key, given, value = (part.strip() for part in piece.partition("="))
        whole = f"{given_to}:{text}"
        if not given or not key or not value:
            message = _("{piece} is no setting such as learning_rate=0.3").format(piece=repr(piece.strip()))
            raise ScenarioError([Problem(path=whole, message=message)])
        if key in values:
            message = _("{key} is set twice").format(key=key)
            raise ScenarioError([Problem(path=whole, message=message)])
        values[key] = value_of(value)
    return Settings(values=values, given_to=given_to)


def value_of(text: str) -> Any:
    """The value that a text stands for, as TOML has it; what is no TOML is a word."""
    try:
        found = tomllib.loads(f"x = {text}")
    except (ValueError, RecursionError):
        return text
    return found["x"] if list(found) == ["x"] else text


def written(values: Mapping[str, Any]) -> str:
    """Settings as they are written behind a name; `read_settings` reads the same values."""
    return ",".join(f"{key}={value_text(value)}" for key, value in values.items())


def value_text(value: Any) -> str:
    """A value as it is written in a setting."""
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case str():
            plain = _PLAIN.fullmatch(value) and value_of(value) == value
            return value if plain else '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
        case list() | tuple():
            return "[" + ", ".join(map(value_text, value)) + "]"
        case dict():
            return "{" + ", ".join(f"{key} = {value_text(one)}" for key, one in value.items()) + "}"
    return str(value)


def applied(
    content: Mapping[str, Any], settings: Settings, variant: str | None
) -> tuple[dict[str, Any], list[tuple[KeyPath, str]]]:
    """Return the tables of a file with settings in them, and where each stands, with its key.

    Args:
        content: the tables.
        settings: the settings.
        variant: the variant that is meant, whose own training gives way, too.

    Raises:
        ScenarioError: there is no such key, or a place is set twice.
    """
    found: dict[str, Any] = copy.deepcopy(dict(content))
    places: list[tuple[KeyPath, str]] = []
    trained: dict[str, Any] = {}
    if SEED in settings.values:
        _forget_weights(found.get("network"), settings)
    # All luck at once comes first: what is set beside it is no luck.
    for key, value in sorted(settings.values.items(), key=lambda pair: pair[0] != SEED):
        for path, one in _meant(key, value, found, settings):
            _refuse_again(path, key, places, settings)
            if len(path) == 2 and path[0] == "training":
                trained[str(path[1])] = one
            else:
                _put(found, path, one, key, settings)
            places.append((path, key))
    if trained:
        if isinstance(found.get("training"), dict):
            found["training"] = retrained(found["training"], trained)
        for number, one in enumerate(found.get("variants", ())):
            # What the variant itself states would go before the settings.
            if isinstance(one, dict) and one.get("name") == variant and isinstance(one.get("training"), dict):
                one["training"] = retrained(one["training"], trained)
                places += [(("variants", number, "training", key), key) for key in trained]
    return found, places


def _refuse_again(path: KeyPath, key: str, places: Iterable[tuple[KeyPath, str]], settings: Settings) -> None:
    """Raises where another setting stands in the same place, by whatever name; `seed` gives way to its parts."""
    for other, before in places:
        shared = min(len(path), len(other))
        if SEED not in {key, before} and path[:shared] == other[:shared]:
            message = _("{key} is set twice").format(key=key)
            raise ScenarioError([Problem(path=settings.text_of([before, key]), message=message)])


def _meant(key: str, value: Any, content: Mapping[str, Any], settings: Settings) -> Iterator[tuple[KeyPath, Any]]:
    """Where a setting stands in the file, and as what."""
    if key == SEED:
        yield ("network", "seed"), value
        yield ("training", "seed"), value
        return
    yield path_of(key, content, settings), value


def _forget_weights(network: Any, settings: Settings) -> None:
    """Takes initial values that the file gives out of the tables of the layers; frozen ones are no luck."""
    if not isinstance(network, dict):
        return
    layers = network.get("layers")
    tables = [one for one in layers if isinstance(one, dict)] if isinstance(layers, list) else []
    if any(one.get("frozen") for one in tables) and "weights_file" in network:
        message = _("nothing is drawn: the weights come from {file}, and some are frozen")
        raise settings.problem(SEED, message.format(file=network["weights_file"]))
    network.pop("weights_file", None)
    for table in tables:
        table.pop("weights_from", None)
        frozen = table.get("frozen", ())
        for place in (table, table.get("reverse")):
            if not isinstance(place, dict):
                continue
            for key in DRAWN:
                if not (isinstance(frozen, list) and _is_frozen(key, frozen)):
                    place.pop(key, None)


def _is_frozen(key: str, frozen: Sequence[Any]) -> bool:
    """Whether a key of a layer gives what training leaves as it is, whatever that is called."""
    return key in frozen or any(word in FROZEN[key] for word in frozen)


def path_of(key: str, content: Mapping[str, Any], settings: Settings) -> KeyPath:
    """Where a key of a setting stands in the file.

    Args:
        key: a key of ``[training]``, or a path as `network.layers.h.units` or `network.layers[1].units`.
        content: the tables of the file, which name the layers.
        settings: what it belongs to, for the message.

    Raises:
        ScenarioError: there is no such key.
    """
    if key in Training.model_fields:
        return ("training", key)
    parts: list[str | int] = []
    for text in key.split("."):
        match = _PART.fullmatch(text)
        if match is None:
            raise settings.problem(key, _("this is no path of keys such as network.layers[1].units"))
        parts.append(match[1])
        parts += [int(number) - 1 for number in re.findall(r"\d+", match[2])]
    if parts[0] not in TABLES or len(parts) == 1:
        message = _("there is no such key") + suggest(key, [*Training.model_fields, SEED])
        note = _("keys of [training] go by their name, those of {tables} by their path, as network.seed")
        if message == _("there is no such key"):
            message += "; " + note.format(tables=", ".join(f"[{name}]" for name in TABLES))
        raise settings.problem(key, message)
    if parts[:2] == ["network", "layers"] and len(parts) > 2 and isinstance(parts[2], str):
        parts[2] = _layer(parts[2], key, content, settings)
    return tuple(parts)


def _layer(name: str, key: str, content: Mapping[str, Any], settings: Settings) -> int:
    """The number of a layer by its name."""
    network = content.get("network")
    layers = network.get("layers") if isinstance(network, dict) else None
    tables = [one for one in layers if isinstance(one, dict)] if isinstance(layers, list) else []
    names = layer_names([str(one.get("name", "")) for one in tables]) if tables else []
    if name not in names:
        message = _("there is no layer {name}; there are: {known}").format(name=name, known=", ".join(names))
        raise settings.problem(key, message)
    return names.index(name)


def _put(content: dict[str, Any], path: KeyPath, value: Any, key: str, settings: Settings) -> None:
    """Puts a value at a path, through tables that may be missing and lists that may not."""
    place: Any = content
    for part, behind in pairwise(path):
        if isinstance(part, int):
            if not (isinstance(place, list) and 0 <= part < len(place)):
                count = len(place) if isinstance(place, list) else 0
                raise settings.problem(key, _("the list has {count} entries").format(count=count))
            place = place[part]
        elif isinstance(place, dict):
            place = place.setdefault(part, {}) if isinstance(behind, str) else place.get(part)
        else:
            raise settings.problem(key, _("there is no such key"))
    last = path[-1]
    if isinstance(last, int):
        if not (isinstance(place, list) and 0 <= last < len(place)):
            count = len(place) if isinstance(place, list) else 0
            raise settings.problem(key, _("the list has {count} entries").format(count=count))
        place[last] = value
    elif isinstance(place, dict):
        place[last] = value
    else:
        raise settings.problem(key, _("there is no such key"))


def seeded(scenario: Scenario, seed: int) -> Scenario:
    """Return a scenario that was loaded with the setting `seed` with another one, as if it were loaded with that.

    Args:
        scenario: the scenario, complete.
        seed: the other seed, which is valid.

    Raises:
        EngineError: it was loaded without.
    """
    name, count = _SEEDED.subn(f"{SEED}={seed}", scenario.name, count=1)
    if not count:
        raise EngineError(_("{name} was loaded without the setting seed").format(name=scenario.name))
    beside = {piece.partition("=")[0].rsplit(":", 1)[-1].strip() for piece in pieces(name)}
    return scenario.seeded(seed, name, beside)
