"""Variables, coerced by functions that are made with the plan.

The functions know only the usual case and give `WRONG` for anything else: graphql-core's own coercion then decides,
and its errors are the client's. A value that is wrong must not cost much more than one that is right.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLError,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
    OperationDefinitionNode,
    Undefined,
    is_input_type,
    specified_scalar_types,
)
from graphql.utilities import type_from_ast

from gateway.graph.resolvers import fresh
from gateway.runtime import reference
from gateway.runtime.request import Source

WRONG = object()
Coerce = Callable[[Any], Any]


class VariableCoercers:
    """Coerces the variables of one operation.

    Attributes:
        names: The operation's variables.
    """

    def __init__(self, schema: GraphQLSchema, operation: OperationDefinitionNode) -> None:
        self.schema = schema
        self.operation = operation
        self.names: list[str] = []
        self._coercers: list[tuple[str, Coerce, bool]] = []
        for definition in operation.variable_definitions or ():
            name = definition.variable.name.value
            type_: Any = type_from_ast(schema, definition.type)
            coerce = compile_coercer(type_) if is_input_type(type_) else _refuse
            may_be_absent = (
                not isinstance(type_, GraphQLNonNull) and definition.default_value is None
            )
            self.names.append(name)
            self._coercers.append((name, coerce, may_be_absent))

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
        for name, coerce, may_be_absent in self._coercers:
            if name not in raw:
                if may_be_absent:
                    continue
                break
            value = coerce(raw[name])
            if value is WRONG:
                break
            coerced[name] = value
        else:
            return coerced
        operation = source.operation if source is not None else None
        found = reference.coerce_variables(
            self.schema, operation or self.operation, raw, max_errors, hide_suggestions
        )
        # A default of an input object's field is coerced once for all requests.
        return fresh(found) if isinstance(found, dict) else found


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


def compile_coercer(type_: Any) -> Coerce:
    """The coercion of one input type for values as JSON has them."""
    if isinstance(type_, GraphQLNonNull):
        inner = compile_coercer(type_.of_type)
        return lambda value: WRONG if value is None else inner(value)
    if isinstance(type_, GraphQLList):
        return _nullable(_list(compile_coercer(type_.of_type)))
    if isinstance(type_, GraphQLEnumType):
        own = reference.own_enum_coercion(type_)
        if own is not None:
            return _nullable(_leaf(own))
        values = {name: value.value for name, value in type_.values.items()}
        return _nullable(lambda value: values.get(value, WRONG) if type(value) is str else WRONG)
    name = getattr(type_, "name", "")
    if specified_scalar_types.get(name) is type_ and name in _SCALARS:
        return _nullable(_SCALARS[name])
    # Custom scalars run the user's code, and input objects have defaults, `@oneOf`, out names and
    # recursion: graphql-core's own functions do them.
    return _nullable(_refuse)


def _nullable(coerce: Coerce) -> Coerce:
    return lambda value: None if value is None else coerce(value)


def _leaf(coerce: Coerce) -> Coerce:
    def coerce_leaf(value: Any) -> Any:
        try:
            coerced = coerce(value)
        except Exception:
            return WRONG
        return WRONG if coerced is Undefined else coerced

    return coerce_leaf


def _list(item: Coerce) -> Coerce:
    def coerce(value: Any) -> Any:
        if type(value) is not list:
            return WRONG
        coerced = [item(element) for element in value]
        return WRONG if any(element is WRONG for element in coerced) else coerced

    return coerce


def _refuse(value: Any) -> Any:
    return None if value is None else WRONG


def _string(value: Any) -> Any:
    return value if type(value) is str else WRONG


def _int(value: Any) -> Any:
    return value if type(value) is int and -(2**31) <= value < 2**31 else WRONG


def _float(value: Any) -> Any:
    return value if type(value) is float and value - value == 0.0 else WRONG


def _boolean(value: Any) -> Any:
    return value if type(value) is bool else WRONG


_SCALARS: dict[str, Coerce] = {
    "String": _string,
    "ID": _string,
    "Int": _int,
    "Float": _float,
    "Boolean": _boolean,
}
