"""What settings say of themselves: their docstrings by key, and a JSON Schema with descriptions and bounds."""

from __future__ import annotations

import inspect
import re
from typing import Any

from gateway.settings.hints import field_hints, is_list, tables_in


def summary(settings: type) -> str:
    """What a table is for: its docstring without the heading's name and the attributes."""
    text = inspect.cleandoc(settings.__doc__ or "").partition("Attributes:")[0].strip()
    text = re.sub(r"^`\[[\w.]+\]`: ", "", text)  # the heading says it
    return text[:1].upper() + text[1:]


def attribute_docs(settings: type) -> dict[str, str]:
    """The `Attributes:` sections of a class and those that it extends, by attribute, each on one line."""
    notes: dict[str, str] = {}
    for owner in reversed(settings.__mro__):
        notes.update(_own_docs(inspect.cleandoc(owner.__doc__ or "")))
    return notes


def _own_docs(doc: str) -> dict[str, str]:
    notes: dict[str, str] = {}
    names: list[str] = []
    # An entry begins 4 columns in; what is further in belongs to it, whatever it looks like.
    for line in doc.partition("Attributes:\n")[2].splitlines():
        if entry := re.match(r" {4}(\w[\w, ]*): (.*)", line):
            names = [name.strip() for name in entry.group(1).split(",")]
            notes.update(dict.fromkeys(names, entry.group(2).strip()))
        elif line.startswith(" " * 8) and line.strip():
            notes.update({name: f"{notes[name]} {line.strip()}" for name in names})
        elif line.strip():
            break
    return notes


def described(schema: dict[str, Any], settings: type) -> dict[str, Any]:
    """A JSON Schema that pydantic made of settings, with what the docstrings say.

    A list may be written as its one item, as `load_config` takes it.
    """
    tables = {table.__name__: table for table in tables_in(settings)}
    parts = schema.get("$defs", {}) | {settings.__name__: schema}
    for name, part in parts.items():
        table = tables.get(name)
        if table is None or "properties" not in part:
            continue
        part["description"] = summary(table).replace("\n", " ")
        notes = attribute_docs(table)
        for key, hint in field_hints(table).items():
            inner = part["properties"][key]
            if is_list(hint) and inner.get("type") == "array":
                default = {"default": inner.pop("default")} if "default" in inner else {}
                part["properties"][key] = inner = {"anyOf": [inner["items"], inner], **default}
            inner["description"] = notes[key]
    return schema | {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "gateway.toml",
    }
