"""Whether a schema keeps something of an operation from its client that another schema gave it.

The operation need not be valid by that schema: what is left of it counts.
"""

from __future__ import annotations

from gateway.concurrency.awaitable import value_of
from gateway.graph.needs import find_needs, joined_needs, needs_of
from gateway.graph.selected import selected_fields
from gateway.graph.views.view import SchemaView
from gateway.pipeline.operation import Operation
from gateway.pipeline.serving import Serving


async def is_taken_away(operation: Operation, serving: Serving) -> bool:
    """Whether a field of an operation is denied to its client, or is not in the client's view.

    Args:
        operation: Planned by another schema.
        serving: The schema.
    """
    pipeline, client = serving.pipeline, operation.client
    name = pipeline.view_of(client)
    if name is not None and _is_hidden(operation, serving.views.get(name), serving):
        return True
    needs, chosen = needs_of(serving.schema), operation.prepared.source.operation
    assert chosen is not None
    if needs is None:
        return False
    found = find_needs(needs, operation.prepared.source.document, chosen)
    rules = joined_needs(need for need, _ in found.values())
    if not rules:
        return False
    return await pipeline.authorization.denies(
        rules, client.principal, await value_of(serving.new_context(client))
    )


def _is_hidden(operation: Operation, view: SchemaView | None, serving: Serving) -> bool:
    if view is None:
        return True
    source = operation.prepared.source
    assert source.operation is not None
    for parent, node, _ in selected_fields(serving.schema, source.document, source.operation):
        seen = getattr(view.schema.type_map.get(parent.name), "fields", {})
        if node.name.value not in seen:
            return True
    return False
