"""Random documents for a schema: most are valid, some have a name that is nearly one."""

from __future__ import annotations

from random import Random
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLSchema,
    get_named_type,
    get_nullable_type,
    is_abstract_type,
    is_composite_type,
    is_list_type,
)

INTROSPECTION = (
    "__schema { types { name kind possibleTypes { name } enumValues { name } inputFields { name defaultValue } } }",
    "__schema { directives { name args { name type { name } defaultValue } } }",
    '__type(name: "Node") { name possibleTypes { name } fields { name args { name defaultValue } } }',
)


class DocumentMaker:
    """Makes documents.

    Args:
        schema: What they ask.
        random: Decides.
        slips: Names that a name becomes where a slip is made.
    """

    def __init__(self, schema: GraphQLSchema, random: Random, slips: list[str]) -> None:
        self._schema = schema
        self._random = random
        self._slips = slips
        self._variables: dict[str, tuple[str, Any]] = {}
        self._share = 0.0

    def make(self) -> tuple[str, dict[str, Any]]:
        """A document and its variables."""
        random, schema = self._random, self._schema
        self._variables = {}
        self._share = random.choice((0.0, 0.0, 0.05))
        root: Any = random.choices((schema.query_type, schema.mutation_type), (9, 1))[0]
        keyword = "query" if root is schema.query_type else "mutation"
        selections = self._selections(root, 0)
        declared = ", ".join(f"${name}: {type_}" for name, (type_, _) in self._variables.items())
        text = f"{keyword} {f'({declared})' if declared else ''} {selections}"
        return text, {name: value for name, (_, value) in self._variables.items()}

    def _name(self, name: str) -> str:
        return self._random.choice(self._slips) if self._random.random() < self._share else name

    def _selections(self, type_: Any, depth: int) -> str:
        random = self._random
        found = ["__typename"] if random.random() < 0.4 else []
        if depth == 0 and type_ is self._schema.query_type and random.random() < 0.1:
            found.append(random.choice(INTROSPECTION))
        fields = list(getattr(type_, "fields", {}).items())
        for name, field in random.sample(fields, min(len(fields), random.randint(1, 3))):
            found.append(self._field(name, field, depth))
        if is_abstract_type(type_):
            for one in self._schema.get_possible_types(type_):
                if random.random() < 0.6:
                    below = self._selections(one, depth + 1)
                    found.append(f"... on {self._name(one.name)} {below}")
        return "{ " + " ".join(found or ["__typename"]) + " }"

    def _field(self, name: str, field: Any, depth: int) -> str:
        random = self._random
        alias = f"a{random.randrange(10**6)}: "
        given = [
            f"{self._name(argument)}: {self._argument(one.type)}"
            for argument, one in field.args.items()
            if random.random() < 0.6 or str(one.type).endswith("!")
        ]
        text = alias + self._name(name) + (f"({', '.join(given)})" if given else "")
        if random.random() < 0.05:
            text += " @loud(volume: 1)"
        named = get_named_type(field.type)
        if is_composite_type(named):
            text += " " + (self._selections(named, depth + 1) if depth < 4 else "{ __typename }")
        return text

    def _argument(self, type_: Any) -> str:
        if self._random.random() < 0.4:
            name = f"v{len(self._variables)}"
            self._variables[name] = (str(type_), self._value(type_, 0))
            return f"${name}"
        return literal(self._value(type_, 0))

    def _value(self, type_: Any, depth: int) -> Any:
        random = self._random
        type_ = get_nullable_type(type_)
        if is_list_type(type_):
            return [self._value(type_.of_type, depth + 1) for _ in range(random.randint(0, 2))]
        if isinstance(type_, GraphQLEnumType):
            return Name(self._name(random.choice(list(type_.values))))
        if isinstance(type_, GraphQLInputObjectType):
            if depth > 3:
                return {}
            return {
                self._name(name): self._value(field.type, depth + 1)
                for name, field in type_.fields.items()
                if random.random() < 0.5
            }
        if type_.name == "Int":
            return random.randrange(5)
        return random.choice(("v1", "p1", "s1", "RED", "text"))


class Name(str):
    """A value of an enum."""

    __slots__ = ()


def literal(value: Any) -> str:
    """A value as GraphQL writes it."""
    if isinstance(value, Name):
        return str(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {literal(one)}" for name, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(literal, value)) + "]"
    return f'"{value}"' if isinstance(value, str) else str(value)
