"""Holds a user's function against the field it resolves: parameters, arguments, defaults.

It reads signatures only; it never calls the function.
"""

from __future__ import annotations

import inspect
import keyword
from collections.abc import Sequence
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLSchema,
    get_nullable_type,
    is_list_type,
    is_required_argument,
)

from gateway.errors import Diagnostic
from gateway.graph.register import Mark
from gateway.language.defaults import has_default
from gateway.settings.suggestions import nearest_name, suggest


def parameters_of(function: Any) -> dict[str, inspect.Parameter]:
    return dict(inspect.signature(function).parameters)


def check_leading(mark: Mark, leading: tuple[str, str]) -> list[Diagnostic]:
    positional = [
        p
        for p in parameters_of(mark.target).values()
        if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD, p.VAR_POSITIONAL)
    ]
    variable = any(p.kind is p.VAR_POSITIONAL for p in positional)
    if len(positional) >= 2 or variable:
        return []
    return [finding(mark, f"{mark.name} must take ({', '.join(leading)}, …)")]


def check_signature(mark: Mark, field: GraphQLField, leading: tuple[str, str]) -> list[Diagnostic]:
    """Hold the function's parameters against the field's arguments, and name those in Python's way."""
    found = check_leading(mark, leading)
    parameters = list(parameters_of(mark.target).items())
    rest = dict(parameters[2:])
    expected, missing = _check_arguments(mark, field, rest)
    for name, parameter in parameters[:2]:
        if name == "info" and "info" not in field.args:
            hint = f"write ({', '.join(leading)}, info, …)"
            found.append(
                finding(mark, f"{mark.name} takes `info` where `{leading[1]}` comes", hint)
            )
        if name in expected and parameter.kind is parameter.POSITIONAL_OR_KEYWORD:
            message = (
                f"{mark.name} has an argument with the name of `{name}`, which is another thing"
            )
            hint = (
                f"call that parameter otherwise, or map the argument: names={{{name!r}: '{name}_'}}"
            )
            found.append(finding(mark, message, hint))
    return found + missing + _check_parameters(mark, field, rest, expected)


def check_generator(mark: Mark, field: GraphQLField) -> list[Diagnostic]:
    """A generator gives a list's items; no other field's value is one."""
    makes = inspect.isasyncgenfunction(mark.target) or inspect.isgeneratorfunction(mark.target)
    if not makes or is_list_type(get_nullable_type(field.type)):
        return []
    hint = "return the value instead of `yield`"
    return [finding(mark, f"{mark.name} is a generator, and the field is no list", hint)]


def _check_arguments(
    mark: Mark, field: GraphQLField, rest: dict[str, inspect.Parameter]
) -> tuple[set[str], list[Diagnostic]]:
    """The parameter names that the field's arguments ask for, and what is wrong with them."""
    found: list[Diagnostic] = []
    takes_any = any(p.kind is p.VAR_KEYWORD for p in rest.values())
    names = dict(mark.names or {})
    for name in names.keys() - field.args.keys():
        found.append(unknown(mark, f"argument of {mark.name} in names=", list(field.args), name))
    expected: set[str] = set()
    for name, argument in field.args.items():
        python_name = names.get(name, f"{name}_" if keyword.iskeyword(name) else name)
        argument.out_name = python_name
        expected.add(python_name)
        parameter = rest.get(python_name)
        if parameter is None and not takes_any:
            close = nearest_name(python_name, rest)
            hint = f"did you mean it by `{close}`?" if close else f"add `{python_name}`"
            found.append(finding(mark, f"{mark.name} has no parameter for `{name}`", hint))
        elif (
            parameter is not None
            and parameter.default is parameter.empty
            and not is_required_argument(argument)
            and not has_default(argument)
        ):
            message = f"the argument `{name}` of {mark.name} may be absent"
            found.append(finding(mark, message, f"give `{python_name}` a default"))
    return expected, found


def _check_parameters(
    mark: Mark, field: GraphQLField, rest: dict[str, inspect.Parameter], expected: set[str]
) -> list[Diagnostic]:
    found: list[Diagnostic] = []
    for name, parameter in rest.items():
        free = name in expected or (name == "info" and "info" not in field.args)
        required = parameter.default is parameter.empty
        if (
            not free
            and required
            and parameter.kind
            not in (
                parameter.VAR_KEYWORD,
                parameter.VAR_POSITIONAL,
            )
        ):
            message = f"{mark.name} has no argument `{name}`"
            found.append(finding(mark, message, suggest(name, expected)))
    return found


def unknown(mark: Mark, what: str, known: Sequence[str], name: str | None = None) -> Diagnostic:
    name = name or mark.name
    return finding(mark, f"@{mark.kind}: there is no {what} `{name}`", suggest(name, known))


def finding(mark: Mark, message: str, hint: str | None = None) -> Diagnostic:
    """What is wrong with a user's function. One of a plugin is told as that."""
    file, line = mark.place
    if mark.plugin and f"plugin {mark.plugin}" not in message:
        message = f"the plugin {mark.plugin}: {message}"
    return Diagnostic(message, code="Resolver", file=file, line=line, hint=hint)


def names_of_kinds(schema: GraphQLSchema, *kinds: type) -> list[str]:
    return [
        name
        for name, item in schema.type_map.items()
        if isinstance(item, kinds)
        and not name.startswith("__")
        and not isinstance(item, GraphQLEnumType)
    ]
