"""What ran on graphql-core after all: counted by reason, and said once for each with what to do about it."""

from __future__ import annotations

import logging
from collections import Counter

fallbacks: Counter[str] = Counter()
"""How often an operation ran on graphql-core, by reason. First runs are none: see `operations.COMPILED_FROM`."""

_log = logging.getLogger("gateway.integrations")

REMEDIES = {
    "abort_signal": "cancel the task that awaits the result instead",
    "executor_class": "use graphql-core's or the framework's own class; `info` is made by `known.register_executor`",
    "execution_context_class": "use graphql-core's or the framework's own class",
    "hooks": "observe operations by the framework's extensions instead",
    "is_async_iterable": "leave it out",
    "is_awaitable": "leave it out, or give graphql-core's own",
    "middleware": "give graphql-core's MiddlewareManager, or a subclass that leaves `get_field_resolver` as it is",
    "introspection under middleware": "introspect by a schema without middleware, or from its SDL",
    "resolvers made anew": "make field_resolver and type_resolver once, not for each request",
    "@defer": "ask for fewer parts, or for none: see docs/incremental.md",
    "@stream": "leave @stream out: see docs/incremental.md",
}


def count(reason: str) -> None:
    """Count a fallback; the first of its reason is logged."""
    fallbacks[reason] += 1
    if fallbacks[reason] == 1:
        remedy = REMEDIES.get(reason, "see docs/execution.md, Fallback")
        _log.warning(
            "An operation ran on graphql-core, uncompiled: %s. Remedy: %s.", reason, remedy
        )
