"""What is wrong with a configuration, in plain words: where it stands, what was expected, what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from gateway.errors import ConfigError
from gateway.settings.hints import field_hints, hint_at, is_open, item_of, plain, table_of
from gateway.settings.kinds import Within
from gateway.settings.suggestions import suggest_or_list
from gateway.settings.text import Key, line_of
from gateway.settings.urls import without_credentials

_UNKNOWN = ("unexpected_keyword_argument", "extra_forbidden")
_MISSING = ("missing", "missing_argument")
# pydantic's types of errors as sentences; what is not here is said as pydantic says it.
_SHOULD_BE = {
    "int": "a whole number",
    "float": "a number",
    "finite": "a number that is not infinite",
    "bool": "true or false",
    "string": "a text",
    "tuple": "a list",
    "dict": "a table",
    "dataclass": "a table",
    "mapping": "a table",
}


@dataclass(frozen=True, slots=True)
class ConfigOrigin:
    """Where a configuration's values come from, so that an error can name the place.

    Attributes:
        file: The file's name.
        lines: The lines of its keys.
        written: Its tables as they stand in it, `${NAME}` included: what an error may show.
        variables: The environment variable that set a key.
        secrets: What `${NAME}` stands for: never shown.
    """

    file: str | None = None
    lines: Mapping[Key, int] = field(default_factory=dict)
    written: Mapping[str, Any] = field(default_factory=dict)
    variables: Mapping[Key, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)

    def place(self, key: Key) -> tuple[str | None, int | None]:
        """The file and line of a key, or the environment variable that set it."""
        variable = self.variable(key)
        if variable is not None:
            return f"environment variable {variable}", None
        return self.file, line_of(key, self.lines)

    def variable(self, key: Key) -> str | None:
        """The environment variable that set a key, the table around it, or all that it has."""
        inside = [name for other, name in self.variables.items() if other[: len(key)] == key]
        if inside and not any(other[: len(key)] == key for other in self.lines):
            return inside[0]
        while key:
            if key in self.variables:
                return self.variables[key]
            key = key[:-1]
        return None

    def shown(self, key: Key) -> str | None:
        """A key's value as it is written; None for what stands in no file, and for tables."""
        value: Any = self.written
        for part in key:
            if isinstance(value, Mapping) and part in value:
                value = value[part]
            elif isinstance(value, list) and part.isdigit() and int(part) < len(value):
                value = value[int(part)]
            elif part != "0":  # one item in the place of its list
                return None
        if self.variable(key) is not None or isinstance(value, Mapping):
            return None
        text = repr(value).replace("True", "true").replace("False", "false")
        text = without_credentials(text)
        return text if len(text) < 60 else text[:57] + "…"

    def without_secrets(self, text: str) -> str:
        """A message in which no variable's value stands: `${NAME}` does."""
        for name, value in sorted(self.secrets.items(), key=lambda item: -len(item[1])):
            if len(value) > 3:
                text = text.replace(value, f"${{{name}}}")
        return text


def explain(settings: type, errors: Sequence[Any], origin: ConfigOrigin) -> list[ConfigError]:
    """pydantic's errors as ours, in the order of the file."""
    found = [_explain(settings, error, origin) for error in errors]
    return sorted(found, key=lambda error: (error.file or "", error.line or 0))


def _explain(settings: type, error: Mapping[str, Any], origin: ConfigOrigin) -> ConfigError:
    key = tuple(str(part) for part in error["loc"] if part != "[key]")
    file, line = origin.place(key)
    kind = error["type"]
    hint = None
    if kind in _UNKNOWN:
        problem = "unknown key"
        # Keys are in lower case.
        hint = suggest_or_list(key[-1].lower(), sorted(names_beside(settings, key)))
    elif kind in _MISSING:
        problem = "is required"
    else:
        problem = origin.without_secrets(_words(error))
        shown = origin.shown(key) if _may_be_shown(settings, key) else None
        if shown is not None:
            problem += f", got {shown}"
        hint = _bounds(settings, key) if kind not in ("value_error", "literal_error") else None
    return ConfigError(problem, key=".".join(key), file=file, line=line, hint=hint)


def _may_be_shown(settings: type, key: Key) -> bool:
    """Whether a value may be told: not one that no `repr` shows, nor what stands where a table of such may."""
    hint: Any = settings
    for part in key:
        table = table_of(hint)
        if table is None:
            hint = item_of(hint)
        elif part in (known := {item.name: item for item in fields(table)}) and known[part].repr:
            hint = field_hints(table)[part]
        else:
            return False
    return table_of(hint) is None and not is_open(hint) and table_of(item_of(hint)) is None


def _words(error: Mapping[str, Any]) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind == "value_error":
        return str(context["error"])
    if kind == "literal_error":
        return f"should be {context['expected']}"
    for name, most in (
        ("ge", "at least"),
        ("le", "at most"),
        ("gt", "more than"),
        ("lt", "less than"),
    ):
        if name in context:
            return f"should be {most} {context[name]:g}"
    expected = _SHOULD_BE.get(kind.partition("_")[0])
    message = str(error["msg"])
    return f"should be {expected}" if expected else message[:1].lower() + message[1:]


def _bounds(settings: type, key: Key) -> str | None:
    """What a number may be, and what it is by default."""
    hint = hint_at(settings, key)
    if hint is None:
        return None
    words = [mark.words() for mark in plain(hint)[1] if isinstance(mark, Within)]
    beside = hint_at(settings, key[:-1])
    table = table_of(beside) if beside is not None else None
    default = getattr(table, "__dataclass_fields__", {}).get(key[-1]) if table else None
    if default is not None and isinstance(default.default, int | float):
        words.append(f"{_toml(default.default)} by default")
    return "; ".join(words) or None


def _toml(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value}"


def names_beside(settings: type, key: Key) -> set[str]:
    """The names that the settings know where `key` stands."""
    hint = hint_at(settings, key[:-1])
    table = table_of(hint) if hint is not None else None
    return set(field_hints(table)) if table else set()


def together(errors: Sequence[ConfigError]) -> ConfigError:
    """Several errors as the first, which knows the others."""
    first, *others = errors
    first.others = tuple(others)
    for other in others:
        first.add_note(other.render())
    return first
