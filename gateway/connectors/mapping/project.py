"""A mapping cut down to the output that an operation wants, where that cannot change the rest (§14.5).

An item is left out only when it could not have been noticed: it gives a member on objects alone. One
that also gives a member on a scalar (`k: $args.x`, a group) decides whether braces on that scalar are
an object or the scalar itself (§6.7), so it stays; a group stays without what nobody wants in it.
"""

from __future__ import annotations

from dataclasses import replace

from gateway.connectors.mapping.members import NOTHING, Members
from gateway.connectors.mapping.nodes import (
    At,
    Braces,
    Group,
    Inline,
    Input,
    Item,
    KeyStep,
    MappedField,
    MappingSelection,
    Path,
)


def project_mapping(selection: MappingSelection, wanted: Members) -> MappingSelection:
    """Cut a mapping down to wanted members.

    Shape: the result gives the same wanted members as `selection` on any data, and perhaps others.
        Offsets still refer to the text of the whole.
    """
    path = selection.value_path
    if path is not None:
        only = selection.items[0]
        return replace(selection, items=(Inline(_path(path, wanted), only.start, only.end),))
    items = _items(selection.items, wanted)
    if len(items) == 1 and isinstance(items[0], Inline):  # alone it would be the value itself
        return selection
    return replace(selection, items=items)


def _items(items: tuple[Item, ...], wanted: Members) -> tuple[Item, ...]:
    if wanted.whole:
        return items
    kept: list[Item] = []
    for item in items:
        if isinstance(item, Inline):
            kept.append(replace(item, path=_path(item.path, wanted)))
        elif isinstance(item, Group):
            inner = _braces(item.braces, wanted.members.get(item.name, NOTHING))
            kept.append(replace(item, braces=inner))
        elif item.name in wanted.members:
            kept.append(replace(item, path=_path(item.path, wanted.members[item.name])))
        elif not _needs_object(item):
            kept.append(item)
    return tuple(kept)


def _needs_object(item: MappedField) -> bool:
    first = item.path.steps[:1]
    return (
        isinstance(item.path.origin, (Input, At)) and bool(first) and isinstance(first[0], KeyStep)
    )


def _path(node: Path, wanted: Members) -> Path:
    return node if node.braces is None else replace(node, braces=_braces(node.braces, wanted))


def _braces(node: Braces, wanted: Members) -> Braces:
    return replace(node, items=_items(node.items, wanted))
