"""An operation without `@defer` and `@stream`: a server may always deliver at once what it was asked to deliver later.

Source: the specification of incremental delivery, on `@defer` and `@stream`.
"""

from __future__ import annotations

from typing import Any

from graphql import REMOVE, DirectiveNode, DocumentNode, Visitor, visit


class _Whole(Visitor):
    def enter_directive(self, node: DirectiveNode, *_: Any) -> Any:
        """Take out what is about delivery alone."""
        return REMOVE if node.name.value in ("defer", "stream") else None


def without_delivery(document: DocumentNode) -> DocumentNode:
    """The same document, its nodes where they stood."""
    changed: DocumentNode = visit(document, _Whole())
    return changed
