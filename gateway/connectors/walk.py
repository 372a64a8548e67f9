"""Walks over mappings: which of them make a request, which paths stand in one, which variables it reads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from gateway.connectors.directives import Connect, SchemaText
from gateway.connectors.mapping.nodes import (
    KeyStep,
    MappedField,
    MappingSelection,
    MethodCall,
    Path,
    Variable,
)
from gateway.connectors.mapping.parse import parse_mapping
from gateway.connectors.mapping.scanner import MappingSyntaxError
from gateway.connectors.request.url import Expression, parse_template


def nodes_of(node: Any) -> Iterator[Any]:
    """A node and all below it."""
    if isinstance(node, tuple):
        for item in node:
            yield from nodes_of(item)
    elif is_dataclass(node):
        yield node
        for item in fields(node):
            yield from nodes_of(getattr(node, item.name))


def variable_paths(selection: MappingSelection) -> Iterator[tuple[Variable, list[KeyStep]]]:
    """Each use of a variable with the keys that directly follow it, one level of braces included."""
    for node in nodes_of(selection):
        if not isinstance(node, Path) or not isinstance(node.origin, Variable):
            continue
        keys: list[KeyStep] = []
        for step in node.steps:
            if not isinstance(step, KeyStep):
                break
            keys.append(step)
        inner = [
            item.path.steps[0]
            for item in (node.braces.items if node.braces else ())
            if isinstance(item, MappedField) and item.path.steps
        ]
        if inner and len(keys) == len(node.steps):
            for key in inner:
                if isinstance(key, KeyStep):
                    yield node.origin, [*keys, key]
        else:
            yield node.origin, keys


def bound_names(selection: MappingSelection) -> set[str]:
    """The names that `->as($name)` binds somewhere in a mapping."""
    names: set[str] = set()
    for node in nodes_of(selection):
        if isinstance(node, MethodCall) and node.name == "as" and node.arguments:
            first = node.arguments[0]
            if isinstance(first, Path) and isinstance(first.origin, Variable):
                names.add(first.origin.name)
    return names


def calls_of(selection: MappingSelection) -> Iterator[MethodCall]:
    """Each method call."""
    return (node for node in nodes_of(selection) if isinstance(node, MethodCall))


def request_selections(
    connect: Connect, spec: str
) -> list[tuple[SchemaText, int, MappingSelection]]:
    """Every mapping of a connector's request with its text and its offset there.

    Shape: those that do not parse are left out; `check` reports them.
    """
    found: list[tuple[SchemaText, int, MappingSelection]] = []
    for text in (connect.body, connect.path, connect.query_params):
        if text is not None:
            try:
                found.append((text, 0, parse_mapping(text.value, spec)))
            except MappingSyntaxError:
                continue
    templates = [header.value for header in connect.headers]
    if connect.methods:
        templates.append(connect.url)
    for text in templates:
        if text is None:
            continue
        try:
            parts = parse_template(text.value, spec)
        except MappingSyntaxError:
            continue
        found += [(text, p.offset, p.selection) for p in parts if isinstance(p, Expression)]
    return found
