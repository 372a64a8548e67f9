"""Whether what a mapping gives is a list, an object or a value, as far as its text and the schema tell.

Source: connectors.md §18.1 a, b; what each method gives is §8.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from graphql import (
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLObjectType,
    get_nullable_type,
    is_enum_type,
    is_list_type,
    is_specified_scalar_type,
)

from gateway.connectors.check.constants import Constants
from gateway.connectors.directives import UNTYPED, Connect
from gateway.connectors.mapping.methods.table import AS, MATCH
from gateway.connectors.mapping.nodes import (
    Chain,
    Constant,
    Expression,
    KeyStep,
    ListLiteral,
    MappingSelection,
    MethodCall,
    ObjectLiteral,
    Path,
    Step,
    Variable,
    Wrapped,
)

LIST, OBJECT, VALUE = "a list", "an object", "a value"
GIVES_LIST: Final = frozenset({"map", "filter", "entries"})
GIVES_VALUE: Final = frozenset(
    [
        "size",
        "toString",
        "joinNotNull",
        "jsonStringify",
        "eq",
        "ne",
        "gt",
        "gte",
        "lt",
        "lte",
        "in",
        "contains",
        "not",
        "and",
        "or",
        "add",
        "sub",
        "mul",
        "div",
        "mod",
        "parseInt",
    ]
)


@dataclass(frozen=True, slots=True)
class ConnectorScope:
    """The connector that a mapping belongs to, and what `$this` and `$args` are there.

    Attributes:
        target: The field that it stands on; None on a type.
    """

    connect: Connect
    owner: GraphQLObjectType
    target: GraphQLField | None


@dataclass(frozen=True, slots=True)
class Shapes:
    """Tells shapes of one schema version's mappings.

    Attributes:
        spec: Before v0.3 a method makes the type unknown.
        constants: What `$config` and `$env` hold.
    """

    spec: str
    constants: Constants | None

    def of(self, selection: MappingSelection, scope: ConnectorScope | None) -> str | None:
        """`LIST`, `OBJECT` or `VALUE`; None where it cannot be told."""
        path = selection.value_path
        if path is None:
            return OBJECT if selection.items else None
        return self._path(path, scope)

    def _path(self, path: Path, scope: ConnectorScope | None) -> str | None:
        at = next(
            (i for i, step in enumerate(path.steps) if isinstance(step, MethodCall)),
            len(path.steps),
        )
        keys = [step.name for step in path.steps[:at] if isinstance(step, KeyStep)]
        shape = self._origin(path, keys, scope)
        shape = self._after(shape, path.steps[at:], scope)
        if path.braces is not None and shape != LIST:
            return OBJECT if shape or isinstance(path.origin, Variable) else None
        return shape

    def _origin(self, path: Path, keys: list[str], scope: ConnectorScope | None) -> str | None:
        """Of the path up to its first method."""
        origin = path.origin
        if isinstance(origin, Variable):
            return self._variable(origin.name, keys, scope)
        shape: str | None = None
        if isinstance(origin, ListLiteral):
            shape = LIST
        elif isinstance(origin, ObjectLiteral):
            shape = OBJECT
        elif isinstance(origin, Constant):
            shape = VALUE
        elif isinstance(origin, Wrapped):
            shape = self._expression(origin.expression, scope)
        return shape if not keys or shape == LIST else None

    def _after(
        self, shape: str | None, steps: Sequence[Step], scope: ConnectorScope | None
    ) -> str | None:
        for step in steps:
            if isinstance(step, KeyStep):
                shape = LIST if shape == LIST else None
            elif isinstance(step, MethodCall):
                shape = self._call(shape, step, scope) if self.spec not in UNTYPED else None
        return shape

    def _call(
        self, shape: str | None, call: MethodCall, scope: ConnectorScope | None
    ) -> str | None:
        if call.name in GIVES_LIST:
            return LIST
        if call.name in GIVES_VALUE:
            return VALUE
        if call.name == AS or (call.name == "slice" and shape == LIST):
            return shape
        if call.name == "echo" and call.arguments:
            return self._expression(call.arguments[0], scope)
        if call.name == MATCH:
            return self._same([value for _, value in call.pairs()], scope)
        return None

    def _expression(self, expression: Expression, scope: ConnectorScope | None) -> str | None:
        if isinstance(expression, Chain):
            return self._same(expression.operands, scope)
        return self._path(expression, scope)

    def _same(self, expressions: Sequence[Expression], scope: ConnectorScope | None) -> str | None:
        shapes = {self._expression(expression, scope) for expression in expressions}
        return shapes.pop() if len(shapes) == 1 else None

    def _variable(self, name: str, keys: list[str], scope: ConnectorScope | None) -> str | None:
        if name == "batch":
            return LIST
        if name == "principal" or (name == "request" and keys[:1] == ["claims"]):
            return None if keys and keys != ["claims"] else OBJECT
        if name == "flags":
            default = self.constants.flags.get(keys[0], ...) if self.constants and keys else ...
            return None if default is ... or len(keys) > 1 else _shape_of_json(default)
        if name in ("request", "response"):
            return LIST if len(keys) > 1 else OBJECT
        if not keys:
            return OBJECT if name in ("args", "this", "config", "env", "context") else None
        if name in ("config", "env"):
            value = self.constants.value(name, keys) if self.constants is not None else ...
            return None if value is ... else _shape_of_json(value)
        members = members_of(name, scope)[0] if scope is not None else None
        for key in keys:
            if not members or key not in members:
                return None
            kind = get_nullable_type(members[key])
            if is_list_type(kind):
                return LIST
            members = fields_of(kind)
        if members:
            return OBJECT
        return None if members is None else VALUE


def _shape_of_json(value: Any) -> str:
    if isinstance(value, dict):
        return OBJECT
    return LIST if isinstance(value, list) else VALUE


def members_of(name: str, scope: ConnectorScope) -> tuple[dict[str, Any] | None, str]:
    """The types of the members of a variable, and what they are called; None where not known."""
    if name == "args":
        arguments = scope.target.args if scope.target else {}
        what = f"argument of {scope.connect.coordinate}"
        return {key: argument.type for key, argument in arguments.items()}, what
    if name in ("this", "batch"):
        return fields_of(scope.owner), f"field of {scope.owner.name}"
    return None, ""


def fields_of(kind: Any) -> dict[str, Any] | None:
    """§18.1 a: a scalar or enum has none; what a scalar of the user's holds is not known."""
    if isinstance(kind, GraphQLInputObjectType | GraphQLObjectType):
        return {name: member.type for name, member in kind.fields.items()}
    return {} if is_enum_type(kind) or is_specified_scalar_type(kind) else None
