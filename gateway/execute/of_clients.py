"""What is made of one operation for some clients: without the fields that are denied to them, and by their labels."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Any, Generic, TypeVar

from graphql import DocumentNode, GraphQLSchema

from gateway.auth.decisions import Need
from gateway.execute.whole import without_delivery
from gateway.graph.needs import find_needs, needs_of
from gateway.plan.compile import DeniedNodes
from gateway.runtime.request import Source
from gateway.runtime.variants import Growing

# Of one operation, by what is denied of it, and by the labels that are on; the oldest goes first.
MAX_OF_CLIENTS = 16
T = TypeVar("T")
NodeNeeds = Mapping[int, tuple[Need, Need]]
"""What field nodes need, by `id`, and of that what their type needs."""


class OfClients(Generic[T]):
    """What was made, by what is decided of its clients.

    Args:
        prepare: Makes an operation again, of a document.
    """

    def __init__(self, prepare: Callable[..., T]) -> None:
        self._prepare = prepare
        self._made: dict[Hashable, T] = {}

    def get(self, key: Hashable) -> T | None:
        """What was made for such clients; None before that."""
        return self._made.get(key)

    def make(
        self,
        key: Hashable,
        growing: Growing,
        client_key: str | None,
        document: DocumentNode,
        given: Mapping[str, Any],
    ) -> T:
        """Make it for such clients, and keep it for the next of them.

        Args:
            key: What is decided of them.
            growing: Admits and charges the client for whom it is made.
            client_key: Who that is.
            document: Of the operation.
            given: What is theirs.

        Errors: ClientError(UNCACHED_DOCUMENTS_LIMIT).
        """
        with growing(client_key):
            made = self._prepare(
                document=document, growing=lambda _, own, **how: growing(own, **how), **given
            )
            if len(self._made) >= MAX_OF_CLIENTS:
                del self._made[next(iter(self._made))]
            self._made[key] = made  # before it is weighed
        return made

    def all(self) -> list[T]:
        """Everything that is kept."""
        return list(self._made.values())


def denied_nodes(found: NodeNeeds, failed: Need) -> DeniedNodes:
    """The nodes that are not answered, each for its "field" or its "type"."""
    return {
        node: "type" if of_type & failed else "field"
        for node, (need, of_type) in found.items()
        if need & failed
    }


def whole_needs(schema: GraphQLSchema, source: Source) -> tuple[DocumentNode, NodeNeeds]:
    """An operation in one piece, where no plan can deliver it in several, and what its nodes need."""
    document = without_delivery(source.document)
    operation = Source(lambda: document, source.operation_name).operation
    needs = needs_of(schema)
    assert needs is not None
    assert operation is not None
    return document, find_needs(needs, document, operation)


def needs_of_variables(
    schema: GraphQLSchema, source: Source, raw: Mapping[str, Any]
) -> dict[str, Need]:
    """What the values of an operation's variables need, by the variable."""
    needs, operation = needs_of(schema), source.operation
    assert needs is not None
    assert operation is not None
    return needs.of_variables(operation, raw)
