"""Variables, coerced by functions that know the usual case (`coercers`); graphql-core's own coercion decides the rest.

A value that is wrong must not cost much more than one that is right.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graphql import (
    GraphQLError,
    GraphQLNonNull,
    GraphQLSchema,
    OperationDefinitionNode,
    is_input_type,
)
from graphql.utilities import type_from_ast

from gateway.graph.resolvers import fresh
from gateway.runtime import reference
from gateway.runtime.coercers import Coerce, coercers_of
from gateway.runtime.literals import MISSING, WRONG, Fill, compile_literal
from gateway.runtime.request import Source
from gateway.runtime.spots import drop_frames


def _refuse(_value: Any, _depth: int) -> Any:
    return WRONG


def _leave_out(_coerced: dict[str, Any]) -> Any:
    return MISSING


class VariableCoercers:
    """Coerces the variables of one operation.

    Attributes:
        names: The operation's variables.
    """

    def __init__(self, schema: GraphQLSchema, operation: OperationDefinitionNode) -> None:
        self.schema = schema
        self.operation = operation
        self.names: list[str] = []
        self._coercers: list[tuple[str, Coerce, Fill | None]] = []
        coercers = coercers_of(schema)
        for definition in operation.variable_definitions or ():
            name = definition.variable.name.value
            type_: Any = type_from_ast(schema, definition.type)
            coerce = coercers.compile(type_) if is_input_type(type_) else _refuse
            absent: Fill | None = None if isinstance(type_, GraphQLNonNull) else _leave_out
            if definition.default_value is not None:
                absent = compile_literal(type_, definition.default_value)
            self.names.append(name)
            self._coercers.append((name, coerce, absent))

    def coerce(
        self,
        raw: Mapping[str, Any],
        max_errors: int = 50,
        hide_suggestions: bool = False,
        source: Source | None = None,
    ) -> dict[str, Any] | list[GraphQLError]:
        """The coerced variables, absent ones left out, or every error.

        Args:
            raw: As sent.
            max_errors: How many errors there may be before coercion ends.
            hide_suggestions: Leave suggestions out of the messages.
            source: The request's own document, where errors are located; the plan's by default.

        Source: GraphQL specification §6.1.2; messages are graphql-core's.
        """
        coerced: dict[str, Any] = {}
        for name, coerce, absent in self._coercers:
            if name in raw:
                value = coerce(raw[name], 0)
            else:
                value = WRONG if absent is None else absent(coerced)
            if value is WRONG:
                break
            if value is not MISSING:
                coerced[name] = value
        else:
            return coerced
        operation = source.operation if source is not None else None
        found = reference.coerce_variables(
            self.schema, operation or self.operation, raw, max_errors, hide_suggestions
        )
        if isinstance(found, dict):
            # A default of an input object's field is coerced once for all requests.
            return fresh(found)  # type: ignore[no-any-return]
        for error in found:
            _let_go(error)
        return found


def _let_go(error: Exception | None) -> None:
    """Take the frames, which hold the variables, from an error of graphql-core's; an exception of the user's, which
    is logged, keeps its own.
    """
    while isinstance(error, GraphQLError):
        inner = error.original_error
        if inner is None or isinstance(inner, GraphQLError):
            drop_frames(error)
        else:
            error.__traceback__ = None
        error = inner


class ViewCoercers(VariableCoercers):
    """Coerces by the whole schema, with the defaults of what a view hides, what the view's own coercers take.

    Args:
        seen: Of the view: what they refuse is refused in their words.
        whole: Of the whole schema.
    """

    def __init__(self, seen: VariableCoercers, whole: VariableCoercers) -> None:
        self.names = whole.names
        self._seen = seen
        self._whole = whole

    def coerce(
        self,
        raw: Mapping[str, Any],
        max_errors: int = 50,
        hide_suggestions: bool = False,
        source: Source | None = None,
    ) -> dict[str, Any] | list[GraphQLError]:
        """As of `VariableCoercers`."""
        found = self._seen.coerce(raw, max_errors, hide_suggestions, source)
        if isinstance(found, list):
            return found
        return self._whole.coerce(raw, max_errors, hide_suggestions, source)
