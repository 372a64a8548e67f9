"""What a document says, as a tuple that can be hashed and compared: equal for documents that ask for the same.

Positions in the source are left out. A text alone is no key: a document that a visitor has changed keeps the
source of the one that it was made from.
"""

from __future__ import annotations

from typing import Any

from graphql import DocumentNode, FieldNode, Node

Content = tuple[Any, ...]

_keys: dict[type[Node], tuple[str, ...]] = {}


def content_of(document: DocumentNode) -> Content:
    """The content of a document.

    Shape: each node is its class and its members, tuples their length and their items; a field, by far the most
        frequent, its name or its pair of alias and name, what else it has, and how many fields are below it.
    Errors: RecursionError.
    """
    found: list[Any] = []
    for definition in document.definitions:
        _write(definition, found)
    return tuple(found)


def _write(node: Any, found: list[Any]) -> None:
    node_class = node.__class__
    if node_class is FieldNode:
        _write_field(node, found)
        return
    found.append(node_class)
    for key in _keys.get(node_class) or _keys_of(node_class):
        value = getattr(node, key)
        if isinstance(value, Node):
            _write(value, found)
        elif type(value) is tuple or type(value) is list:
            found.append(len(value))
            for item in value:
                _write(item, found)
        else:
            found.append(value)


def _write_field(node: FieldNode, found: list[Any]) -> None:
    alias = node.alias
    found.append(node.name.value if alias is None else (alias.value, node.name.value))
    for argument in node.arguments or ():
        _write(argument, found)
    for directive in node.directives or ():
        _write(directive, found)
    below = node.selection_set
    if below is not None:
        found.append(len(below.selections))
        for selection in below.selections:
            _write(selection, found)


def _keys_of(node_class: type[Node]) -> tuple[str, ...]:
    known = _keys[node_class] = tuple(key for key in node_class.keys if key != "loc")
    return known
