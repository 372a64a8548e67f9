"""An operation that is executed for several requests is the one that was asked, with its own record and context."""

from __future__ import annotations

from typing import Any

from gateway.client.request import ClientRequest
from gateway.pipeline.operation import GraphQLParams, Operation
from gateway.response.record import OperationRecord


def test_all_but_record_and_context_is_shared() -> None:
    serving, context, record = object(), object(), OperationRecord()
    asked: Any = Operation(GraphQLParams("{ a }"), ClientRequest({}), serving)  # type: ignore[arg-type]
    members = [name for name in Operation.__slots__ if name != "__weakref__"]
    for name in members:
        if name not in ("params", "client", "serving"):
            setattr(asked, name, object())
    shared = asked.shared(record, context)
    assert (shared.record, shared.context) == (record, context)
    for name in members:
        if name not in ("record", "context"):
            assert getattr(shared, name) is getattr(asked, name), name
