"""Tables of TOML to settings: what stands in dataclasses, held against what was written.

Rooms know nothing of pydantic: how strict it is about their tables is said here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from pydantic import TypeAdapter, ValidationError

from gateway.errors import ConfigError
from gateway.settings.environment import as_lists
from gateway.settings.hints import tables_in
from gateway.settings.mistakes import ConfigOrigin, explain

T = TypeVar("T")
STRICT = {"extra": "forbid", "allow_inf_nan": False}


def validated(
    settings: type[T], tables: Mapping[str, Any], origin: ConfigOrigin
) -> tuple[T | None, list[ConfigError]]:
    """Settings of tables, or what is wrong with these."""
    try:
        found: T = adapter_of(settings).validate_python(as_lists(dict(tables), settings))
    except ValidationError as exc:
        return None, explain(settings, exc.errors(), origin)
    return found, []


def adapter_of(settings: type[T]) -> TypeAdapter[T]:
    """What reads settings of a kind."""
    found = _adapters.get(settings)
    if found is None:
        for table in tables_in(settings):
            table.__pydantic_config__ = STRICT  # type: ignore[attr-defined]
        found = _adapters[settings] = TypeAdapter(settings)
    return found


_adapters: WeakKeyDictionary[type, TypeAdapter[Any]] = WeakKeyDictionary()
