"""What the PHP dialect does with an answer, in order: shapes, the mapping, values.

docs/php.md shows each step. A value that is none of what is declared becomes an error in its place, one for
each kind of misfit in an answer, and never another value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from graphql import GraphQLOutputType, GraphQLSchema

from gateway.connectors.mapping.members import Members
from gateway.connectors.mapping.nodes import MappingSelection
from gateway.connectors.php.arrange import compile_rules, is_gapped
from gateway.connectors.php.coerce import AnswerCoercion, Coercions
from gateway.connectors.php.rules import find_rules
from gateway.connectors.walk import calls_of

REPEATING = frozenset({"as", "echo", "map", "match"})
"""Methods whose argument may name a value twice."""
Invalid = Callable[[str], Exception]
"""From what is wrong to the error that says so."""


class PhpAnswers:
    """Maps the answers of one connector.

    Args:
        selection: Its mapping.
        kind: The GraphQL type of what it makes.
        supplied: Which fields of its objects it gives.
        schema: Of the type.
        time_zone: Of dates that have none.
        is_batch: Whether the value is the rows of a batch, which are matched by key: an error among them
            would be nobody's.
    """

    def __init__(
        self,
        selection: MappingSelection,
        kind: GraphQLOutputType,
        supplied: Members,
        schema: GraphQLSchema,
        *,
        time_zone: str,
        is_batch: bool,
    ) -> None:
        self._arrange = compile_rules(find_rules(selection, kind, schema))
        # Else every object that braces make stands in one place.
        is_new = not any(call.name in REPEATING for call in calls_of(selection))
        self._coerce = Coercions(schema, time_zone, is_new=is_new).of(kind, supplied)
        self._is_batch = is_batch

    def map(
        self,
        mapping: Callable[[Any, Mapping[str, Any]], Any],
        data: Any,
        variables: Mapping[str, Any],
        invalid: Invalid,
    ) -> Any:
        """What an answer maps to; Ellipsis for no value.

        Args:
            mapping: The selection, compiled.
            data: The answer.
            variables: Of the call.
            invalid: Makes the error of what is not as declared.
        """
        made: dict[str, Exception] = {}

        def misfit(value: Any, declared: str) -> Exception:
            found = _describe(value)
            error = made.get(found + declared)
            if error is None:
                why = f"{found} where {declared} is declared"
                error = made[found + declared] = invalid(why)
            return error

        value = mapping(self._arrange(data, misfit), variables)
        if value is ...:
            return value
        if self._coerce is not None:
            value = self._coerce(value, AnswerCoercion(misfit))
        if isinstance(value, Exception):
            raise value
        if self._is_batch and value.__class__ is list:
            for row in value:
                if isinstance(row, Exception):
                    raise row
        return value


def _describe(value: Any) -> str:
    """What a value is, in PHP's words, without what it holds."""
    if value.__class__ is dict:
        return "an array by number" if value and is_gapped(value) else "an object"
    if value.__class__ is list:
        return "a list"
    return {str: "a text", bool: "a boolean"}.get(value.__class__, "a number")
