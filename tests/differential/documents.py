"""Random operations for a world's schema, with variables that fit, that do not, and that are not there."""

from __future__ import annotations

import json
from random import Random
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLSchema,
    GraphQLString,
    Undefined,
    get_named_type,
    is_abstract_type,
    is_input_object_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_scalar_type,
    specified_scalar_types,
)

MAX_FIELDS = 25

INTROSPECTION = (
    '__type(name: "T0") { name kind fields { name type { kind name ofType { name } } } }',
    "__schema { queryType { name } types { name } }",
    '__type(name: "Nowhere") { name }',
    "__schema { directives { name args { name defaultValue } } }",
)


class DocumentMaker:
    """Writes one document.

    Attributes:
        variables: Declared so far: name → (type, default's text).
        fragments: Text of each named fragment.
    """

    def __init__(self, schema: GraphQLSchema, rng: Random, prefix: str = "F") -> None:
        self.schema = schema
        self.rng = rng
        self.prefix = prefix
        self.variables: dict[str, tuple[Any, str | None]] = {}
        self.fragments: dict[str, tuple[Any, str]] = {}
        self.fields = 0
        self.line = rng.choice([" ", "\n  ", ",\n", " # note\n"])

    def make(self) -> tuple[str, str | None, DocumentMaker]:
        """A document, the operation's name to ask for, and whose variables that operation has."""
        rng = self.rng
        name = rng.choice(["", "", "Q"])
        others = [("Other", "G"), ("Q2", "H")][: rng.choice([0, 0, 1, 2])] if name else []
        makers = {name: self}
        parts = self._operation(name)
        for other, prefix in others:
            # Their variables have the same names, and mostly other types.
            makers[other] = DocumentMaker(self.schema, rng, prefix)
            parts += makers[other]._operation(other)
        rng.shuffle(parts)
        asked = rng.choice([name, *makers]) or None
        maker = makers[asked or ""]
        if asked and not others and rng.random() < 0.5:
            asked = None
        return "\n".join(parts), asked, maker

    def _operation(self, name: str) -> list[str]:
        """The text of an operation and of the fragments that it spreads."""
        rng = self.rng
        kind = "query"
        root = self.schema.query_type
        if self.schema.mutation_type is not None and rng.random() < 0.5:
            kind, root = "mutation", self.schema.mutation_type
        body = self._selections(root, 0)
        declared = ", ".join(
            f"${variable}: {type_}" + (f" = {default}" if default else "")
            for variable, (type_, default) in self.variables.items()
        )
        head = f"{kind} {name}" + (f"({declared})" if declared else "")
        if kind == "query" and not name and not declared and rng.random() < 0.5:
            head = ""
        fragments = [f"fragment {n} on {t} {text}" for n, (t, text) in self.fragments.items()]
        return [f"{head} {body}", *fragments]

    def _selections(self, type_: Any, depth: int) -> str:
        rng = self.rng
        parts = [
            self._selection(type_, depth) for _ in range(rng.randint(1, 4 if depth < 2 else 2))
        ]
        if rng.random() < 0.2:
            parts.append(rng.choice(parts))  # merged with itself
        if depth == 0 and type_ is self.schema.query_type and rng.random() < 0.1:
            parts.append(f"i{rng.randint(0, 2)}: {rng.choice(INTROSPECTION)}")
        return "{ " + self.line.join(parts) + " }"

    def _selection(self, type_: Any, depth: int) -> str:
        rng = self.rng
        draw = rng.random()
        if draw < 0.1:
            return rng.choice(["", "", "t: "]) + "__typename" + self._directives()
        if is_abstract_type(type_) and (draw < 0.7 or not hasattr(type_, "fields")):
            target = rng.choice([*self.schema.get_possible_types(type_), type_])
            return self._fragment(target, depth)
        if draw < 0.2:
            return self._fragment(type_, depth)
        name = rng.choice(list(type_.fields))
        return self._field(type_, name, depth)

    def _fragment(self, target: Any, depth: int) -> str:
        rng = self.rng
        directives = self._directives()
        if rng.random() < 0.5 or len(self.fragments) > 4:
            return f"... on {target}{directives} {self._selections(target, depth + 1)}"
        known = [n for n, (t, _) in self.fragments.items() if t is target]
        if known and rng.random() < 0.5:
            return f"...{rng.choice(known)}{directives}"
        name = f"{self.prefix}{len(self.fragments)}"
        # Kept free of itself: the text is made before the name can be drawn.
        text = self._selections(target, depth + 1)
        while name in self.fragments:
            name += "x"
        self.fragments[name] = (target, text)
        return f"...{name}{directives}"

    def _field(self, parent: Any, name: str, depth: int) -> str:
        rng = self.rng
        self.fields += 1
        field = parent.fields[name]
        arguments = self._arguments(field)
        alias = ""
        if arguments or rng.random() < 0.15:
            # Few aliases, so that some fields merge; most documents stay valid.
            alias = f"{name}{rng.randint(0, 50 if arguments else 1)}: "
            alias = rng.choice([alias] * 9 + ["__proto__: "])
        text = f"{alias}{name}{arguments}{self._directives()}"
        named = get_named_type(field.type)
        if is_leaf_type(named):
            return text
        if depth > 3 or self.fields > MAX_FIELDS:
            return f"{text} {{ __typename }}"
        return f"{text} {self._selections(named, depth + 1)}"

    def _directives(self) -> str:
        rng = self.rng
        if rng.random() > 0.12:
            return ""
        name = rng.choice(["skip", "include"])
        condition = rng.choice(["true", "false", ""]) or self._variable_of("Boolean!")
        return f" @{name}(if: {condition})"

    def _variable_of(self, text: str) -> str:
        name = f"v{self.rng.randint(0, 1)}"
        while self.variables.get(name, (text, None)) != (text, None):
            name += "b"
        self.variables[name] = (text, None)
        return f"${name}"

    def _arguments(self, field: Any) -> str:
        rng = self.rng
        parts = []
        for name, argument in field.args.items():
            required = is_non_null_type(argument.type) and argument.default_value is Undefined
            if required or rng.random() < 0.7:
                parts.append(f"{name}: {self._value(argument.type, 0)}")
        rng.shuffle(parts)
        return f"({', '.join(parts)})" if parts else ""

    def _value(self, type_: Any, depth: int) -> str:
        rng = self.rng
        if rng.random() < 0.2:
            return self._variable(type_)
        if is_non_null_type(type_):
            return self.literal(type_.of_type, depth)
        return "null" if rng.random() < 0.1 else self.literal(type_, depth)

    def _variable(self, type_: Any) -> str:
        name = f"v{len(self.variables)}"
        while name in self.variables:
            name += "x"
        default = None
        if not is_non_null_type(type_) and self.rng.random() < 0.3:
            default = self.literal(type_, 0, constant=True)
        self.variables[name] = (type_, default)
        return f"${name}"

    def literal(self, type_: Any, depth: int, *, constant: bool = False) -> str:
        """A literal of a nullable type."""
        rng = self.rng

        def inside(inner: Any) -> str:
            if not constant:
                return self._value(inner, depth + 1)
            if is_non_null_type(inner):
                inner = inner.of_type
            return self.literal(inner, depth + 1, constant=True)

        if is_non_null_type(type_):
            type_ = type_.of_type
        if is_list_type(type_):
            if rng.random() < 0.2:
                return inside(type_.of_type)
            return "[" + rng.choice([", ", " "]).join(
                inside(type_.of_type) for _ in range(rng.randint(0, 3))
            ) + "]"  # fmt: skip
        if is_input_object_type(type_):
            return self._object(type_, inside, depth)
        if type_ not in specified_scalar_types.values() and not constant and is_scalar_type(type_):
            variable = self._variable(GraphQLString) if rng.random() < 0.2 else None
            if variable is not None:
                return rng.choice(["[{}]", "{{k: {}}}"]).format(variable)
        return scalar_literal(type_, rng)

    def _object(self, type_: Any, inside: Any, depth: int) -> str:
        rng = self.rng
        if type_.is_one_of:
            name = rng.choice(list(type_.fields))
            type_of = type_.fields[name].type
            return f"{{{name}: {self.literal(type_of, depth + 1, constant=True)}}}"
        parts = []
        for name, field in type_.fields.items():
            required = is_non_null_type(field.type) and field.default_value is Undefined
            if required or (depth < 2 and rng.random() < 0.6):
                parts.append(f"{name}: {inside(field.type)}")
        return "{" + ", ".join(parts) + "}"


def scalar_literal(type_: Any, rng: Random) -> str:
    """A literal that the type accepts."""
    if isinstance(type_, GraphQLEnumType):
        return str(rng.choice(list(type_.values)))
    if type_ is GraphQLInt:
        return rng.choice(["0", "1", "-7", "2147483647"])
    if type_ is GraphQLFloat:
        return rng.choice(["1", "1.5", "-2e3", "0.0", "1E-2"])
    if type_ is GraphQLString:
        return string_literal(rng)
    if type_ is GraphQLID:
        return rng.choice(["5", '"id"', '""'])
    if type_.name == "Boolean":
        return rng.choice(["true", "false"])
    return rng.choice(
        ["1", "2.5", '"s"', "true", "RED", "[1, 2]", '{k: "v", n: [1]}', string_literal(rng)]
    )


def string_literal(rng: Random) -> str:
    return rng.choice(
        ['""', '"a"', '"b"', '"longer text"', '"\\u0061"', '"q\\"\\\\"', '"""block"""', '"""\n  two\n    lines\n"""', '"# no )"', '"é日"']
    )  # fmt: skip


def variable_values(maker: DocumentMaker) -> dict[str, Any] | None:
    """Values for the declared variables: most fit, some do not, some are absent."""
    rng = maker.rng
    values: dict[str, Any] = {}
    bad = rng.random() < 0.15
    for name, (type_, _) in maker.variables.items():
        required = is_non_null_type(type_) or str(type_).endswith("!")
        if rng.random() < (0.03 if required and not bad else 0.3):
            continue
        if rng.random() < (0.02 if required and not bad else 0.15):
            values[name] = None
        elif type_ == "Boolean!":
            values[name] = rng.choice([True, False])
        else:
            values[name] = json_value(type_, rng, bad)
    if rng.random() < 0.05:
        values["unknown"] = 1
    return values or (None if rng.random() < 0.5 else {})


def json_value(type_: Any, rng: Random, bad: bool, depth: int = 0) -> Any:
    """A value as JSON has it."""
    if bad and rng.random() < 0.2:
        return rng.choice([None, "x", 1.5, 2**40, True, {}, [], {"zz": 1}, "bad", float("nan"), 13])
    if is_non_null_type(type_):
        type_ = type_.of_type
    if is_list_type(type_):
        if rng.random() < 0.2:
            return json_value(type_.of_type, rng, bad, depth + 1)
        return [json_value(type_.of_type, rng, bad, depth + 1) for _ in range(rng.randint(0, 3))]
    if is_input_object_type(type_):
        fields = list(type_.fields.items())
        if type_.is_one_of:
            fields = [rng.choice(fields)]
        return {
            name: json_value(field.type, rng, bad, depth + 1)
            for name, field in fields
            if type_.is_one_of or is_non_null_type(field.type) or (depth < 3 and rng.random() < 0.6)
        }
    if isinstance(type_, GraphQLEnumType):
        return rng.choice(list(type_.values))
    if type_ is GraphQLString and rng.random() < 0.05:
        return "bad"
    text = scalar_literal(type_, rng)
    try:
        return json.loads(text)
    except ValueError:
        return "text"
