"""Settings from the environment: `GATEWAY_SERVER__PORT=9000` is `port = 9000` under `[server]`.

A name's case does not matter where the settings know it. Names that are free, of sources, are taken from the file
where it has them in any case, as written where they have a lower-case letter, and in lower case else.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.errors import ConfigError
from gateway.settings.hints import field_hints, hint_at, is_list, is_open, item_of, plain, table_of
from gateway.settings.suggestions import suggest_or_list
from gateway.settings.text import Key

PREFIX = "GATEWAY_"


@dataclass(slots=True)
class Overrides:
    """What the environment sets.

    Attributes:
        tables: As in the file.
        names: The variable that set each key.
        errors: Variables that cannot be read.
    """

    tables: dict[str, Any] = field(default_factory=dict)
    names: dict[Key, str] = field(default_factory=dict)
    errors: list[ConfigError] = field(default_factory=list)


def read_environment(
    settings: type, written: Mapping[str, Any], env: Mapping[str, str]
) -> Overrides:
    """What the environment says of the settings.

    Only names with two underscores are ours, and `GATEWAY_ERRORS='{"mask": true}'`, a whole table as JSON: Kubernetes
    sets `GATEWAY_PORT` and the like in every pod beside a Service called "gateway".

    Args:
        settings: The dataclass of the whole configuration.
        written: The file's tables, whose names are known.
        env: The environment.
    """
    found = Overrides()
    for name in sorted(env):
        if not name.upper().startswith(PREFIX):
            continue
        is_table = name[len(PREFIX) :].lower() in field_hints(settings) and env[name].lstrip()[:1] in ("{", "[")  # fmt: skip
        if "__" not in name and not is_table:
            continue
        parts = name[len(PREFIX) :].split("__")
        key = _key(settings, written, parts)
        if key[:1] != () and key[0] not in field_hints(settings):
            hint = suggest_or_list(key[0].lower(), sorted(field_hints(settings)))
            found.errors.append(
                ConfigError(
                    f"there is no table [{key[0]}]", key=name, file="environment", hint=hint
                )
            )
            continue
        try:
            _set(found.tables, key, _value(env[name], hint_at(settings, key)))
        except ValueError as exc:
            found.errors.append(
                ConfigError(str(exc), key=".".join(key), file=f"environment variable {name}")
            )
        found.names[key] = name
    return found


def _key(settings: type, written: Any, parts: list[str]) -> Key:
    """The key that a variable's name means."""
    key: Key = ()
    for part in parts:
        hint = hint_at(settings, key)
        table = table_of(hint) if hint is not None else None
        known: list[str] = list(field_hints(table)) if table else list(written or ())
        same = [name for name in known if name.lower() == part.lower()]
        if part in same:
            name = part
        elif same:
            name = same[0]
        else:
            name = part if part != part.upper() and not table else part.lower()
        key = (*key, name)
        written = written.get(name) if isinstance(written, Mapping) else None
        if not isinstance(written, Mapping):
            written = None
    return key


def _value(text: str, hint: Any) -> Any:
    """A variable's text as what stands at its key. Errors: ValueError."""
    is_any = plain(hint)[0] is Any
    starts = "[" if is_list(hint) else "{" if is_open(hint) or table_of(hint) else ""
    if not starts or is_any or not text.lstrip().startswith(starts):
        return text
    try:
        return json.loads(text)
    except ValueError:
        raise ValueError("is not JSON, though it begins like it") from None


def _set(tables: dict[str, Any], key: Key, value: Any) -> None:
    for part in key[:-1]:
        inner = tables.setdefault(part, {})
        if not isinstance(inner, dict):
            raise ValueError("another variable sets the table around it")  # noqa: TRY004
        tables = inner
    old = tables.get(key[-1])
    if isinstance(old, dict) and isinstance(value, dict):
        value = {**value, **old}
    tables[key[-1]] = value


def overlay(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Tables with others laid over them."""
    merged = dict(below)
    for name, value in above.items():
        old = merged.get(name)
        both = isinstance(old, dict) and isinstance(value, dict)
        merged[name] = overlay(old, value) if both else value  # type: ignore[arg-type]
    return merged


def as_lists(value: Any, hint: Any) -> Any:
    """Values with lists of one where one item is written in the place of its list."""
    if hint is None:
        return value
    if is_list(hint) and isinstance(value, str | int | float | dict) and value != "":
        value = [value]
    if isinstance(value, list):
        return [as_lists(item, item_of(hint)) for item in value]
    if isinstance(value, dict):
        table = table_of(hint)
        known = field_hints(table) if table else None
        return {
            name: as_lists(item, known.get(name) if known is not None else item_of(hint))
            for name, item in value.items()
        }
    return value
