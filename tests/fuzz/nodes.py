"""The nodes of a GraphQL document, each before those below it."""

from __future__ import annotations

from collections.abc import Iterator

from graphql import Node


def nodes_in(node: Node) -> Iterator[Node]:
    """A node and all below it."""
    yield node
    for key in node.keys:
        below = getattr(node, key, None)
        for item in below if isinstance(below, tuple | list) else (below,):
            if isinstance(item, Node):
                yield from nodes_in(item)
