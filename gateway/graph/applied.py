"""Lays schema directives on what carries them: fields, arguments, and fields of input objects.

A use that nothing would come of is an error: it may be meant as a guard. It calls no code of the user but for
making a directive's class.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLError,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    get_directive_values,
    get_named_type,
    value_from_ast_untyped,
)

from gateway.client.vary import VARY_NONE, Vary
from gateway.errors import ClientError, Diagnostic
from gateway.graph.directives import (
    ArgumentDirective,
    InputCheck,
    Range,
    change_result,
    check_arguments,
    check_source,
    may_be_number,
    wrap_resolver,
)
from gateway.graph.register import Mark
from gateway.graph.resolvers import EventSource
from gateway.graph.schema import find_directive
from gateway.graph.sdl import place_of
from gateway.graph.signature import unknown

Implementation = tuple[Any, Vary | None]
"""A directive's class, or an instance, and what it reads of the client."""
Carrier = GraphQLField | GraphQLArgument | GraphQLInputField
OF_FIELDS = ("resolve", "result")
OF_INPUTS = ("argument",)


def bind_directives(schema: GraphQLSchema, marks: Iterable[Mark]) -> list[Diagnostic]:
    """Lay `@range` and the user's directives around what carries them, last of all."""
    found: list[Diagnostic] = []
    classes: dict[str, Implementation] = {"range": (Range, VARY_NONE)}
    for mark in marks:
        if mark.kind != "schema_directive":
            continue
        if find_directive(schema, mark.name) is None:
            known = [directive.name for directive in schema.directives]
            found.append(unknown(mark, "directive", known))
        classes[mark.name] = (mark.target, mark.vary)
    binder = _DirectiveBinder(schema, classes, found)
    binder.bind_inputs()
    for owner in schema.type_map.values():
        if isinstance(owner, GraphQLObjectType):
            for name, field in owner.fields.items():
                binder.bind_field(field, f"{owner.name}.{name}")
    binder.refuse_rest()
    return found


class _DirectiveBinder:
    """Binds the directives of one schema.

    Attributes:
        inputs: What checks the objects of each input type that has, or leads to, a field with a directive.
    """

    def __init__(
        self, schema: GraphQLSchema, classes: dict[str, Implementation], found: list[Diagnostic]
    ) -> None:
        self.schema = schema
        self.classes = classes
        self.found = found
        self.inputs: dict[str, InputCheck] = {}

    def bind_inputs(self) -> None:
        """Find what checks input objects: those with directives first, then those that lead to them."""
        types = [t for t in self.schema.type_map.values() if isinstance(t, GraphQLInputObjectType)]
        for kind in types:
            checks: list[ArgumentDirective] = []
            for name, field in kind.fields.items():
                coordinate = f"{kind.name}.{name}"
                for made, _ in self.made(field, coordinate, OF_INPUTS):
                    key = field.out_name or name
                    checks.append(ArgumentDirective(f"at {coordinate}", key, made.argument))
            if checks:
                self.inputs[kind.name] = InputCheck(checks)
        count = -1
        while count != len(self.inputs):
            count = len(self.inputs)
            for kind in types:
                if any(get_named_type(f.type).name in self.inputs for f in kind.fields.values()):
                    self.inputs.setdefault(kind.name, InputCheck([]))
        for kind in types:
            if (check := self.inputs.get(kind.name)) is not None:
                for name, field in kind.fields.items():
                    if (inner := self.inputs.get(get_named_type(field.type).name)) is not None:
                        check.inner[field.out_name or name] = inner

    def bind_field(self, field: GraphQLField, coordinate: str) -> None:
        """Lay what a field and its arguments carry around its resolver."""
        checks: list[ArgumentDirective] = []
        for name, argument in field.args.items():
            key, title = argument.out_name or name, f"{coordinate}({name}:)"
            of_input = self.inputs.get(get_named_type(argument.type).name)
            if of_input is not None:
                checks.append(ArgumentDirective(f"Argument {title}", key, of_input.check))
            for made, _ in self.made(argument, title, OF_INPUTS):
                checks.append(ArgumentDirective(f"Argument {title}", key, made.argument))
        for made, sees in self.made(field, coordinate, OF_FIELDS):
            if wrapper := getattr(made, "resolve", None):
                field.resolve = wrap_resolver(field.resolve, wrapper, coordinate, sees)
            if change := getattr(made, "result", None):
                field.resolve = change_result(field.resolve, change, coordinate, sees)
        if checks:
            field.resolve = check_arguments(field.resolve, checks, coordinate)
            if isinstance(field.subscribe, EventSource):
                field.subscribe = check_source(field.subscribe, checks)

    def made(
        self, carrier: Carrier, coordinate: str, methods: tuple[str, ...]
    ) -> Iterator[Implementation]:
        """One instance for each use of an implemented directive on what carries it."""
        for use in (carrier.ast_node.directives or ()) if carrier.ast_node else ():
            make, sees = self.classes.get(use.name.value, (None, None))
            definition = find_directive(self.schema, use.name.value)
            if make is None or definition is None or carrier.ast_node is None:
                continue
            try:
                made = make(**(get_directive_values(definition, carrier.ast_node) or {}))
            except Exception as exc:
                said = exc.message if isinstance(exc, GraphQLError) else exc
                self.refuse(use, f"@{definition.name} on {coordinate} cannot be made: {said}")
                continue
            if isinstance(made, Range) and not may_be_number(get_named_type(carrier.type)):
                what = f"{get_named_type(carrier.type)} is no number"
                self.refuse(use, f"@{definition.name} on {coordinate} cannot be made: {what}")
            elif isinstance(made, Range) and (why := _refused_default(made, carrier)):
                hint = "what leaves it out would be refused: choose another default"
                self.refuse(
                    use, f"@{definition.name} on {coordinate} refuses the default: {why}", hint
                )
            elif any(hasattr(made, name) for name in methods):
                yield made, sees
            else:
                self.refuse_useless(use, coordinate, " or ".join(f"`{name}`" for name in methods))

    def refuse_rest(self) -> None:
        """Refuse the uses of implemented directives where nothing is done with them."""
        self.refuse_on("the schema", self.schema)
        for name, kind in self.schema.type_map.items():
            self.refuse_on(name, kind)
            for value_name, value in getattr(kind, "values", {}).items():
                self.refuse_on(f"{name}.{value_name}", value)
            if isinstance(kind, GraphQLInterfaceType):
                self.refuse_interface(kind)

    def refuse_on(self, coordinate: str, element: Any) -> None:
        """Refuse what a type, an enum's value or the schema itself carries."""
        for node in (element.ast_node, *getattr(element, "extension_ast_nodes", ())):
            for use in getattr(node, "directives", None) or ():
                if use.name.value in self.classes:
                    self.refuse_useless(use, coordinate)

    def refuse_interface(self, kind: GraphQLInterfaceType) -> None:
        """An interface's field resolves nothing: each type that implements it has to carry the directive too."""
        types = self.schema.get_implementations(kind).objects
        for name, field in kind.fields.items():
            self.refuse_lacking(field, f"{kind.name}.{name}", [t.fields[name] for t in types])
            for argument_name, argument in field.args.items():
                others = [t.fields[name].args[argument_name] for t in types]
                self.refuse_lacking(argument, f"{kind.name}.{name}({argument_name}:)", others)

    def refuse_lacking(self, carrier: Carrier, coordinate: str, others: list[Any]) -> None:
        for use in (carrier.ast_node.directives or ()) if carrier.ast_node else ():
            name = use.name.value
            if name in self.classes and not all(name in _names_on(other) for other in others):
                where = "put it on the fields of the types that implement the interface"
                self.refuse(use, f"@{name} on {coordinate} does nothing", where)

    def refuse_useless(self, use: Any, coordinate: str, methods: str = "") -> None:
        """Say that nothing would come of a use."""
        hint = (
            "directives of Python code act on fields, on arguments and on fields of input objects"
        )
        if methods:
            hint = f"its class needs {methods} for that"
        self.refuse(use, f"@{use.name.value} on {coordinate} does nothing", hint)

    def refuse(self, use: Any, message: str, hint: str = "") -> None:
        """An error at a use."""
        file, line, column = place_of(use)
        self.found.append(
            Diagnostic(message, "Directive", file=file, line=line, column=column, hint=hint)
        )


def _refused_default(bounds: Range, carrier: Carrier) -> str:
    """What is wrong with the default of an argument or of an input field; "" where nothing is."""
    node = getattr(carrier.ast_node, "default_value", None)
    if node is None:
        return ""
    try:
        bounds.argument(value_from_ast_untyped(node))
    except ClientError as exc:
        return f"it {exc.message.rstrip('.')}"
    except TypeError:  # a scalar of the schema's own, which is no number
        pass
    return ""


def _names_on(carrier: Carrier) -> set[str]:
    node = carrier.ast_node
    return {use.name.value for use in node.directives or ()} if node is not None else set()
