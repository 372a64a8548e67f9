"""Whether `@cost` and `@listSize` say something that can be meant. It looks at a schema and changes nothing of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from graphql import (
    DirectiveNode,
    GraphQLInterfaceType,
    GraphQLSchema,
    IntValueNode,
    get_named_type,
    get_nullable_type,
    is_list_type,
)

from gateway.cost.formula import MOST
from gateway.cost.input_types import is_sized, named_input
from gateway.cost.weights import (
    COSTS,
    Names,
    Weights,
    list_levels,
    path_of,
    texts_of,
    weight_of,
)
from gateway.errors import Diagnostic
from gateway.graph.sdl import place_of


def add_weights(schema: GraphQLSchema, names: Mapping[str, str]) -> list[Diagnostic]:
    """Keep what a schema says about cost with it, where it says something; errors and warnings.

    Args:
        schema: Built.
        names: What the directives are called.
    """
    ours = {name: meant for name, meant in names.items() if _is_ours(schema, name, meant)}
    weights = Weights(schema, ours)
    found = [
        finding
        for coordinate, owner, element in weights.elements()
        for finding in _check(weights, coordinate, owner, element)
    ]
    schema.extensions[COSTS] = weights
    return found


def _is_ours(schema: GraphQLSchema, name: str, meant: str) -> bool:
    """Whether a directive that the schema itself defines under a name is the one that is meant, by its arguments."""
    own = schema.get_directive(name)
    return own is None or ("weight" if meant == "cost" else "slicingArguments") in own.args


def _check(weights: Weights, coordinate: str, owner: Any, element: Any) -> Iterator[Diagnostic]:
    for use in weights.uses(element, "cost"):
        if weight_of(use) is None:
            hint = 'write `@cost(weight: "2.5")` or `@cost(weight: 2)`'
            message = f"the weight of {coordinate} is no number of at most {MOST}"
            yield _finding(use, "InvalidCost", message, hint)
        elif isinstance(owner, GraphQLInterfaceType):  # §9.1.1
            message = f"@cost on {coordinate} has no effect: it is a field of an interface"
            hint = "put it on the fields of the types that implement it"
            yield _finding(use, "UnusedCost", message, hint, "warning")
    for use in weights.uses(element, "listSize"):
        yield from _check_size(use, coordinate, element)


def _check_size(use: DirectiveNode, coordinate: str, field: Any) -> Iterator[Diagnostic]:
    given = {argument.name.value: argument.value for argument in use.arguments or ()}
    assumed = given.get("assumedSize")
    if isinstance(assumed, IntValueNode) and int(assumed.value) < 0:  # §9.2.4
        yield _finding(use, "InvalidListSize", f"{coordinate}: assumedSize is below 0")
    for text in texts_of(given.get("slicingArguments")):  # §9.2.3
        if (problem := _slicing_problem(field, path_of(text))) is not None:
            yield _finding(use, "InvalidListSize", f'{coordinate}: "{text}" {problem}')
    sized = texts_of(given.get("sizedFields"))
    if not (assumed or sized or texts_of(given.get("slicingArguments"))):
        message = f"@listSize on {coordinate} has no effect: it says no size"
        hint = "give `assumedSize`, `slicingArguments` or `sizedFields`"
        yield _finding(use, "UnusedListSize", message, hint, "warning")
        return
    for text in sized:  # §9.2.2
        if (problem := _sized_problem(get_named_type(field.type), path_of(text))) is not None:
            yield _finding(use, "InvalidListSize", f'{coordinate}: "{text}" {problem}')
    if not sized and not list_levels(field.type):  # §9.2.1
        message = f"@listSize on {coordinate} has no effect: the field gives no list"
        hint = "name the lists below it in `sizedFields`"
        yield _finding(use, "UnusedListSize", message, hint, "warning")


def _slicing_problem(field: Any, path: Names) -> str | None:
    """What is wrong with a slicing argument."""
    element = field.args.get(path[0]) if path else None
    if element is None:
        return f"is no argument of the field; it has {', '.join(field.args) or 'none'}"
    for name in path[1:]:
        if is_list_type(get_nullable_type(element.type)):
            return f"leads through a list: {element.type}"
        type_ = named_input(element.type)
        element = type_.fields.get(name) if type_ is not None else None
        if element is None:
            return f"names no input field: there is no {name}"
    return None if is_sized(element.type) else f"is no size: its type is {element.type}"


def _sized_problem(type_: Any, path: Names) -> str | None:
    """What is wrong with a sized field."""
    if not path:
        return "names no field"
    field = None
    for name in path:
        field = getattr(type_, "fields", {}).get(name)
        if field is None:
            return f"is no field: {type_} has no {name}"
        type_ = get_named_type(field.type)
    assert field is not None
    nullable = getattr(field.type, "of_type", field.type)
    is_list = is_list_type(field.type) or is_list_type(nullable)
    return None if is_list else f"is no list: its type is {field.type}"


def _finding(
    use: DirectiveNode, code: str, message: str, hint: str | None = None, severity: str = "error"
) -> Diagnostic:
    file, line, column = place_of(use)
    return Diagnostic(message, code, file, line, column, hint, severity)
