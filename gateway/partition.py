"""Which clients may share an execution: those from whom everything that it reads is equal.

A Python function is given the whole context. What it reads of the client is only known where it says so
(`reads=`); connectors say it by their directives, `[headers]` by its rules. Where one of them does not, all
headers of the client count.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable

import orjson

from gateway.connectors.settings import HeaderSettings
from gateway.context import Context
from gateway.graph.register import Mark

# Of the connection and of the message, not of who sent it.
NOT_OF_THE_CLIENT = frozenset(
    [
        "accept",
        "accept-encoding",
        "cache-control",
        "connection",
        "content-length",
        "content-type",
        "host",
        "origin",
        "pragma",
        "sec-websocket-extensions",
        "sec-websocket-key",
        "sec-websocket-protocol",
        "sec-websocket-version",
        "traceparent",
        "tracestate",
        "upgrade",
        "x-graphql-event-stream-token",
        "x-request-id",
    ]
)
READERS = frozenset(
    {
        "resolver",
        "batch_resolver",
        "subscription",
        "type_resolver",
        "schema_directive",
        "context_factory",
    }
)

PartitionOf = Callable[[Context], Hashable]


def headers_read(
    marks: Iterable[Mark], forwarded: Iterable[frozenset[str]], settings: HeaderSettings
) -> frozenset[str] | None:
    """The request headers that an operation may depend on; None when that is not known.

    Args:
        marks: The user's Python.
        forwarded: Those that each connector's directives send on.
        settings: `[headers]`.
    """
    names: set[str] = set().union(*forwarded)
    for mark in marks:
        if mark.kind in READERS:
            if mark.reads is None:
                return None
            names |= mark.reads
    rules = [settings.all, *settings.sources.values()]
    for rule in (rule for part in rules for rule in part.request):
        if rule.propagate is not None:
            if rule.propagate.named is None:
                return None
            names.add(rule.propagate.named.lower())
    return frozenset(names)


def partition_by(names: frozenset[str] | None) -> PartitionOf:
    """The function that gives a client's partition.

    Args:
        names: The headers that count; None for all that are the client's.
    """

    def partition(context: Context) -> Hashable:
        values = context.header_values
        counted = values.keys() - NOT_OF_THE_CLIENT if names is None else names
        headers = tuple((name, tuple(values.get(name, ()))) for name in sorted(counted))
        params = context.connection_params
        return headers, orjson.dumps(params, option=orjson.OPT_SORT_KEYS) if params else b""

    return partition
