"""graphql-core's own executor with bounds: what a result may be holds for the fallback too.

It counts what it completes, and marks the errors of values that their types do not have. When the bound is
passed every further value is an error, so that the rest unwinds at once; the result is thrown away then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from time import thread_time
from typing import Any

from graphql import GraphQLError, is_enum_type, is_leaf_type
from graphql.pyutils import is_awaitable

from gateway.errors import GatewayError
from gateway.graph.json_numbers import json_serialize
from gateway.graph.views.view import INTROSPECTION, SchemaView
from gateway.runtime import pauses, reference
from gateway.runtime.bounds import ResultLimits, nodes_error
from gateway.runtime.hidden import hidden_type

OBJECTS = 20
"""So many objects are completed before it is looked how long that took."""

NUMBERS = frozenset({int, float})


class BadResultError(GraphQLError):
    """A value that its type does not have, in graphql-core's words; `bad_type` names the type."""

    def __init__(self, error: Exception, bad_type: str) -> None:
        super().__init__(str(error.message if isinstance(error, GraphQLError) else error))
        self.bad_type = bad_type


class Budget:
    """What one result may still have.

    Attributes:
        nodes_left: Negative when it has too many.
    """

    def __init__(self, limits: ResultLimits) -> None:
        self.limits = limits
        self.nodes_left = limits.max_nodes

    def take(self) -> None:
        """Count one. Errors: ResultLimitError."""
        self.nodes_left -= 1
        if self.nodes_left < 0:
            raise nodes_error(self.limits)


class Turns:
    """Gives the event loop back: once the executor has kept it for a while, objects are completed in later turns.

    One of them each turn, the last to come first: so few wait at a time. Time is that of this thread: on a busy
    machine a batch of dataloaders would else be asked for in pieces.
    """

    def __init__(self, limits: ResultLimits) -> None:
        self._loop = asyncio._get_running_loop() if limits.is_paused else None
        self._objects = 0
        self._begun = thread_time()
        self._is_over = False
        self._waiting: list[asyncio.Future[None]] = []

    def is_over(self) -> bool:
        """Whether the next object has to wait."""
        self._objects += 1
        if not self._is_over and self._loop is not None and self._objects % OBJECTS == 0:
            self._is_over = thread_time() - self._begun >= pauses.KEPT_S
        return self._is_over

    async def later(self, complete: Callable[[], Any]) -> Any:
        """Complete an object when it is its turn."""
        assert self._loop is not None
        turn = self._loop.create_future()
        self._waiting.append(turn)
        if len(self._waiting) == 1:
            self._loop.call_soon(self._begin)
        await turn
        found = complete()
        return await found if is_awaitable(found) else found

    def _begin(self) -> None:
        self._is_over, self._begun = False, thread_time()
        turn = self._waiting.pop()
        if not turn.done():
            turn.set_result(None)
        if self._waiting:
            assert self._loop is not None
            self._loop.call_soon(self._begin)


def bounded_options(budget: Budget, view: SchemaView | None = None) -> dict[str, Any]:
    """What makes graphql-core's `execute` count. 3.2 is for the drop-in library, which has no bounds."""
    if not reference.IS_3_3:
        return {}
    base = reference.INCREMENTAL_EXECUTOR
    if view is not None:
        base = viewing(base, view)
    executor = bounded(base, budget, Turns(budget.limits))
    return {"executor_class": executor}


def viewing(base: type[Any], view: SchemaView) -> type[Any]:
    """An executor class for what the clients of a view ask: hidden types and values are errors without their names."""

    class Viewing(base):  # type: ignore[misc]
        @staticmethod
        def complete_leaf_value(return_type: Any, result: Any) -> Any:
            seen = view.enum(return_type) if is_enum_type(return_type) else return_type
            return base.complete_leaf_value(seen, result)

        def ensure_valid_runtime_type(
            self, name: Any, return_type: Any, details: Any, *given: Any
        ) -> Any:
            if isinstance(name, str) and not view.shows(name):
                raise hidden_type([one.node for one in details])
            return super().ensure_valid_runtime_type(name, return_type, details, *given)

        def build_resolve_info(self, field: Any, nodes: Any, parent: Any, path: Any) -> Any:
            info = super().build_resolve_info(field, nodes, parent, path)
            is_meta = parent.name.startswith("__") or info.field_name in INTROSPECTION
            return info._replace(schema=view.schema) if is_meta else info

    return Viewing


def bounded(base: type[Any], budget: Budget, turns: Turns) -> type[Any]:
    """An executor class for one execution."""

    class Bounded(base):  # type: ignore[misc]
        @staticmethod
        def complete_leaf_value(return_type: Any, result: Any) -> Any:
            return _marking(return_type, base.complete_leaf_value, return_type, result)

        def complete_value(
            self, return_type: Any, details: Any, info: Any, path: Any, result: Any, *given: Any
        ) -> Any:
            if type(result) in NUMBERS and is_leaf_type(return_type):
                field = info.parent_type.fields.get(info.field_name)
                serialize = field and json_serialize(
                    field, return_type.name, return_type.coerce_output_value
                )
                if serialize:
                    return _marking(return_type, serialize, result)
            return super().complete_value(return_type, details, info, path, result, *given)

        def ensure_valid_runtime_type(self, name: Any, return_type: Any, *given: Any) -> Any:
            check = super().ensure_valid_runtime_type
            return _marking(return_type, check, name, return_type, *given)

        def complete_object_value(
            self, return_type: Any, details: Any, info: Any, path: Any, *given: Any
        ) -> Any:
            if isinstance(path.key, str):
                budget.take()
            complete = partial(self.complete_now, return_type, details, info, path, *given)
            return turns.later(complete) if turns.is_over() else complete()

        def complete_now(
            self, return_type: Any, details: Any, info: Any, path: Any, *given: Any
        ) -> Any:
            complete = super().complete_object_value
            if not return_type.is_type_of:
                return complete(return_type, details, info, path, *given)
            found = _marking(return_type, complete, return_type, details, info, path, *given)
            return _awaited(return_type, found) if is_awaitable(found) else found

        def complete_list_item_value(self, *given: Any) -> Any:
            budget.take()
            return super().complete_list_item_value(*given)

        def complete_stream_item(self, *given: Any) -> Any:
            budget.take()
            return super().complete_stream_item(*given)

        def complete_awaitable_list_item_value(self, *given: Any) -> Any:
            budget.take()
            return super().complete_awaitable_list_item_value(*given)

    return Bounded


def _marking(type_: Any, function: Callable[..., Any], *given: Any) -> Any:
    try:
        return function(*given)
    except Exception as error:
        if not _is_of_value(error):
            raise
        raise BadResultError(error, type_.name) from error


async def _awaited(type_: Any, coming: Awaitable[Any]) -> Any:
    try:
        return await coming
    except Exception as error:
        if not _is_of_value(error):
            raise
        raise BadResultError(error, type_.name) from error


def _is_of_value(error: Exception) -> bool:
    """Whether it is this value's own: not one of a field below, and none that is made for clients."""
    is_of_another = isinstance(error, GraphQLError) and error.path is not None
    return not (is_of_another or isinstance(error, GatewayError | BadResultError))
