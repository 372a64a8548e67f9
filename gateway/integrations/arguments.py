"""The arguments of graphql-core's functions as servers give them: which a plan honors, and how."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from graphql.execution import MiddlewareManager

from gateway.integrations import known
from gateway.plan.kinds import Wraps
from gateway.runtime.request import InfoForm, Predicate
from gateway.runtime.state import Run

# Honoured: by the functions themselves, or without meaning for what is compiled.
HONOURED = frozenset({"hide_suggestions", "max_coercion_errors", "enable_early_execution"})


class ArgumentReading:
    """What of a call's arguments changes its run.

    Attributes:
        reason: Why no plan honors them; None where one does.
        max_coercion_errors: How many errors of variables are told.
        hide_suggestions: Leave names of the schema out of messages.
        wraps: Which fields a middleware wraps.
        wrap: The middleware.
        info_form: What `info` is, where it is not graphql-core's own.
        is_awaitable: What is awaited, where it is not what graphql-core awaits.
        is_async_iterable: The same of lists.
        is_at_once: Whether the caller cannot wait for anything.
    """

    __slots__ = (
        "hide_suggestions",
        "info_form",
        "is_async_iterable",
        "is_at_once",
        "is_awaitable",
        "max_coercion_errors",
        "reason",
        "wrap",
        "wraps",
    )

    def __init__(self, options: dict[str, Any]) -> None:
        self.reason: str | None = None
        self.hide_suggestions = bool(options.get("hide_suggestions"))
        self.max_coercion_errors: int = options.get("max_coercion_errors", 50)
        self.wraps: Wraps | None = None
        self.wrap: Callable[[Any], Any] | None = None
        self.info_form: InfoForm | None = None
        self.is_awaitable: Predicate | None = None
        self.is_async_iterable: Predicate | None = None
        self.is_at_once = (
            options.get("is_awaitable") is known.must_not_wait
            or options.get("is_async_iterable") is known.never_waits
        )
        rest = {
            name: value
            for name, value in options.items()
            if value is not None and name not in HONOURED
        }
        if rest:
            self._read(rest)

    def _read(self, rest: dict[str, Any]) -> None:
        executor = rest.pop("executor_class", None) or rest.pop("execution_context_class", None)
        if executor is not None:
            self._read_executor(executor, rest)
        middleware = rest.pop("middleware", None)
        if middleware is not None:
            self._read_middleware(middleware)
        predicate = rest.pop("is_awaitable", None)
        if predicate is not None:
            self.is_awaitable = known.predicate_of(predicate, known.predicates)
            if self.is_awaitable is None:
                self.reason = self.reason or "is_awaitable"
        predicate = rest.get("is_async_iterable")
        self.is_async_iterable = known.predicate_of(predicate, known.async_predicates)
        if self.is_async_iterable is not None:
            del rest["is_async_iterable"]
        for name in rest:
            self.reason = self.reason or name

    def _read_executor(self, executor: Any, rest: dict[str, Any]) -> None:
        found = known.executors.get(executor)
        if found is None:
            self.reason = "executor_class"
            return
        given = {name: rest.pop(name, None) for name in found.options}
        self.info_form = found.make_info(given) if found.make_info is not None else None

    def _read_middleware(self, middleware: Any) -> None:
        if isinstance(middleware, list | tuple):
            middleware = MiddlewareManager(*middleware)
        if not known.is_ordinary(middleware):
            self.reason = self.reason or "middleware"
            return
        self.wraps = known.wrapping(middleware)
        self.wrap = middleware.get_field_resolver if self.wraps is not None else None

    def tell(self, run: Run) -> None:
        """Let a run know."""
        if self.wrap is not None:
            run.wrap = self.wrap
        if self.info_form is not None:
            run.info_form = self.info_form
        if self.is_awaitable is not None:
            run.is_awaitable = self.is_awaitable
        if self.is_async_iterable is not None:
            run.is_async_iterable = self.is_async_iterable


NOTHING = ArgumentReading({})
"""Of a call without any such argument."""


def named(function: Callable[..., Any], positional: tuple[Any, ...], skip: int) -> dict[str, Any]:
    """Positional arguments of one of graphql-core's functions by name, after the first `skip`.

    Errors: TypeError, where there are more of them than the function takes.
    """
    names = _names(function)[skip:]
    if len(positional) > len(names):
        raise TypeError(f"{function.__name__}() takes {skip + len(names)} arguments by position")
    return dict(zip(names, positional, strict=False))


@lru_cache
def _names(function: Callable[..., Any]) -> tuple[str, ...]:
    parameters = inspect.signature(function).parameters.values()
    return tuple(
        parameter.name
        for parameter in parameters
        if parameter.kind is parameter.POSITIONAL_OR_KEYWORD
    )
