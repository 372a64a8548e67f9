"""Ends a move in the schema's text: the `@override` and its `@shadow` go, and with them the connectors that had the
field before.

It changes texts and reads no file. What stands around the directives stays as it was written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from graphql import DirectiveNode, DocumentNode, Location, Node, ObjectTypeExtensionNode

from gateway.connectors.directives import Connect, read_directives
from gateway.connectors.overrides import OverrideUse, read_overrides
from gateway.connectors.shadow.uses import read_shadows


@dataclass(frozen=True, slots=True)
class FinishedMove:
    """A schema in which a move is over.

    Attributes:
        use: The `@override` that was taken out.
        removed: The connectors that were taken out.
        texts: The files that are others now, by their paths.
        unused: Sources that no connector names any more.
    """

    use: OverrideUse
    removed: tuple[Connect, ...]
    texts: Mapping[str, str]
    unused: tuple[str, ...]


def finish_move(
    document: DocumentNode, texts: Mapping[str, str], coordinate: str
) -> FinishedMove | None:
    """The schema where a field or type is asked of its new source alone; None where no `@override` moves it.

    Args:
        document: As `texts` were parsed.
        texts: Of the schema's files, by their paths.
        coordinate: `Query.stats`, or `Video` for a type.
    """
    directives = read_directives(document)
    use = read_overrides(document, directives).get(coordinate)
    if use is None:
        return None
    removed = tuple(
        c for c in directives.connects if c.coordinate == coordinate and use.is_before(c)
    )
    gone = {id(connect) for connect in removed}
    left = {connect.source for connect in directives.connects if id(connect) not in gone}
    shadow = read_shadows(document).get(coordinate)
    shadows = () if shadow is None else (shadow.node,)
    nodes = (use.node, *shadows, *(connect.node for connect in removed))
    places = [node.loc for node in _whole(document, nodes) if node.loc is not None]
    changed = {}
    for name in dict.fromkeys(place.source.name for place in places):
        changed[name] = _without(texts[name], [p for p in places if p.source.name == name])
    unused = tuple(s.name for s in directives.sources if s.name not in left)
    return FinishedMove(use, removed, changed, unused)


def _whole(document: DocumentNode, nodes: Sequence[DirectiveNode]) -> Iterator[Node]:
    """What is taken out: an extension of a type that has nothing but these, whole."""
    gone = {id(node) for node in nodes}
    for definition in document.definitions:
        if isinstance(definition, ObjectTypeExtensionNode):
            own = [*(definition.directives or ())]
            is_bare = not definition.fields and not definition.interfaces
            if is_bare and own and all(id(node) in gone for node in own):
                gone -= {id(node) for node in own}
                yield definition
    yield from (node for node in nodes if id(node) in gone)


def _without(text: str, places: Sequence[Location]) -> str:
    """A text without what stands at some places: with its lines, where nothing else is on them."""
    for place in sorted(places, key=lambda one: one.start, reverse=True):
        start, end = place.start, place.end
        first = text.rfind("\n", 0, start) + 1
        last = text.find("\n", end)
        rest = text[end:] if last < 0 else text[end:last]
        if not text[first:start].strip() and not rest.strip():
            start, end = first, len(text) if last < 0 else last + 1
        else:
            start = len(text[:start].rstrip(" \t"))
        text = text[:start] + text[end:]
    return text
