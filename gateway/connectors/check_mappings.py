"""Holds each mapping and template of a connector against the grammar and what its variables may be.

It knows neither what a selection is to make nor which connector runs when.

Source: connectors.md §3, §9, §10, §18.1; the codes are the reference checker's.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLObjectType,
    Node,
    get_named_type,
    get_nullable_type,
    is_enum_type,
    is_list_type,
    is_specified_scalar_type,
)

from gateway.connectors.check_constants import Constants
from gateway.connectors.directives import NEWEST, Connect, Errors, Text
from gateway.connectors.mapping.analyse import read_input
from gateway.connectors.mapping.methods.table import AS, MATCH, METHODS
from gateway.connectors.mapping.nodes import (
    Call,
    Constant,
    Key,
    ListLiteral,
    ObjectLiteral,
    Path,
    Selection,
    Variable,
)
from gateway.connectors.mapping.parse import MappingSyntaxError, parse_mapping
from gateway.connectors.place import place_in
from gateway.connectors.url import Expression, parse_template
from gateway.connectors.walk import bound_names, calls_of, variable_paths
from gateway.errors import Diagnostic
from gateway.graph.sdl import place_of

OF_THE_REQUEST = frozenset({"InvalidUrl", "InvalidHeader", "InvalidBody", "InvalidUrlProperty"})
"""Under these a mapping is checked that makes a part of the request."""


@dataclass(frozen=True, slots=True)
class Scope:
    """The connector that a mapping belongs to, and what `$this` and `$args` are there.

    Attributes:
        target: The field that it stands on; None on a type.
    """

    connect: Connect
    owner: GraphQLObjectType
    target: GraphQLField | None


@dataclass(slots=True)
class Findings:
    """What was found so far, each with its place."""

    found: list[Diagnostic] = field(default_factory=list)

    def at(
        self,
        node: Node | None,
        code: str,
        message: str,
        hint: str | None = None,
        severity: str = "error",
    ) -> None:
        file, line, column = place_of(node)
        self.found.append(Diagnostic(message, code, file, line, column, hint, severity))

    def at_offset(
        self,
        text: Text,
        offset: int,
        code: str,
        message: str,
        hint: str | None = None,
        severity: str = "error",
    ) -> None:
        file, line, column = place_in(text.node, offset)
        self.found.append(Diagnostic(message, code, file, line, column, hint, severity))


class MappingCheck:
    """Checks mappings and templates; `allowed` are the variables that may be read there."""

    def __init__(self, findings: Findings, spec: str, constants: Constants | None) -> None:
        self.findings = findings
        self.spec = spec
        self.constants = constants

    def template(
        self, text: Text, allowed: frozenset[str], scope: Scope | None, code: str
    ) -> list[Any] | None:
        """A URL or a header; gives its parts, None where it does not parse."""
        try:
            parts = parse_template(text.value, self.spec)
        except MappingSyntaxError as exc:
            self.findings.at_offset(text, exc.offset, code, exc.message)
            return None
        for part in parts:
            if not isinstance(part, Expression):
                continue
            self.methods(text, part.offset, part.selection)
            self.variables(text, part.offset, part.selection, allowed, scope, code)
            self.no_input(text, part.offset, part.selection, code)
            shape = _shape_of(part.selection, scope)
            if shape in ("a list", "an object"):
                message = f"this gives {shape}, and only a string or a number can be written here"
                hint = "take one value of it, as by `->first` or `->joinNotNull(',')`"
                self.findings.at_offset(text, part.offset, code, message, hint)
        return parts

    def request(
        self, text: Text | None, allowed: frozenset[str], scope: Scope | None, code: str
    ) -> Selection | None:
        """`body`, `path` or `queryParams`."""
        selection = self.parsed(text, code) if text is not None else None
        if text is None or selection is None:
            return None
        self.variables(text, 0, selection, allowed, scope, code)
        self.no_input(text, 0, selection, code)
        return selection

    def url_property(
        self,
        text: Text | None,
        allowed: frozenset[str],
        scope: Scope | None,
        needed: str,
    ) -> None:
        """`path`, which needs "a list", or `queryParams`, which needs "an object" (§9.6, §9.7)."""
        selection = self.request(text, allowed, scope, "InvalidUrlProperty")
        shape = _shape_of(selection, scope) if selection is not None else None
        if text is not None and shape not in (None, needed):
            message = f"this must give {needed}, not {shape}"
            self.findings.at_offset(text, 0, "InvalidUrlProperty", message)

    def answer(self, errors: Errors, allowed: frozenset[str], scope: Scope | None) -> None:
        """`errors` and `isSuccess`."""
        for text, code in (
            (errors.message, "InvalidErrorsMessage"),
            (errors.extensions, "InvalidErrorsMessage"),
            (errors.is_success, "InvalidIsSuccess"),
        ):
            selection = self.parsed(text, code) if text is not None else None
            if text is None or selection is None:
                continue
            self.variables(text, 0, selection, allowed, scope, code)
            if text is not errors.extensions and selection.items and not selection.value_path:
                what = "a string" if text is errors.message else "true or false"
                word = text.value.strip()
                hint = f"write `$.{word}`" if re.fullmatch(r"\w+", word) else None
                message = f"this must give {what}, not an object"
                self.findings.at_offset(text, selection.start, code, message, hint)

    def parsed(self, text: Text, code: str) -> Selection | None:
        """The mapping; None, and a finding, where it does not parse."""
        try:
            selection = parse_mapping(text.value, self.spec)
        except MappingSyntaxError as exc:
            self.findings.at_offset(text, exc.offset, code, exc.message)
            return None
        self.methods(text, 0, selection)
        return selection

    def methods(self, text: Text, offset: int, selection: Selection) -> None:
        """§1.8: unknown methods, which the grammar lets through."""
        known = [*METHODS, AS, MATCH]
        for call in calls_of(selection):
            if call.name not in known:
                message = f"there is no method `->{call.name}`"
                hint = _meant(f"{call.name}", known, "->")
                self.findings.at_offset(text, offset + call.start, "UnknownMethod", message, hint)

    def no_input(self, text: Text, offset: int, selection: Selection, code: str) -> None:
        """§3.4: a mapping of the request has no input to read."""
        read = read_input(selection)
        if read is not None and (read.members or read.whole):
            name = next(iter(read.members), None)
            hint = f"did you mean `$args.{name}` or `$config.{name}`?" if name else None
            message = f"there is nothing to read `{name or '$'}` from before the answer is there"
            self.findings.at_offset(text, offset + selection.start, code, message, hint)

    def variables(
        self,
        text: Text,
        offset: int,
        selection: Selection,
        allowed: frozenset[str],
        scope: Scope | None,
        code: str,
    ) -> None:
        """§3.1: which variables may be read, and which arguments and fields there are."""
        bound = bound_names(selection)
        self._constants(text, offset, selection, code)
        for variable, keys in variable_paths(selection):
            if variable.name in bound:
                continue
            if variable.name not in allowed:
                hint = "allowed here: " + ", ".join(f"${name}" for name in sorted(allowed))
                message = f"${variable.name} cannot be used here"
                self.findings.at_offset(text, offset + variable.start, code, message, hint)
            elif scope is not None and keys:
                self._members(text, offset, variable.name, keys, scope)

    def _constants(self, text: Text, offset: int, selection: Selection, code: str) -> None:
        """What is read of `$env` and `$config` is set; a request that lacked it would go out wrong."""
        if self.constants is None:
            return
        for variable, name in self.constants.missing(selection):
            is_env = variable.name == "env"
            member = name.partition(".")[2]
            hint = f"export {member}" if is_env else f"set `{member}` in [connectors.config]"
            if self.spec == NEWEST:
                hint += f", or write `$({name} ?? …)` where it may be absent"
            is_certain = code in OF_THE_REQUEST and (is_env or self.constants.has_config)
            severity = "error" if is_certain else "warning"
            message, place = f"{name} is not set", offset + variable.start
            self.findings.at_offset(text, place, "UnsetVariable", message, hint, severity)

    def _members(self, text: Text, offset: int, name: str, keys: list[Key], scope: Scope) -> None:
        """`$args.x.y`, `$this.x.y` and `$batch.x` against the schema."""
        members, what = _members_of(name, scope)
        for number, key in enumerate(keys):
            if members is None:
                return
            if key.name not in members:
                code = "UndefinedArgument" if name == "args" and not number else "UndefinedField"
                message = f"`{key.name}` is no {what}"
                hint = _meant(key.name, list(members))
                self.findings.at_offset(text, offset + key.start, code, message, hint)
                return
            kind = get_named_type(members[key.name])
            what = f"field of {kind.name}"
            members = _fields_of(kind)


def _members_of(name: str, scope: Scope) -> tuple[dict[str, Any] | None, str]:
    """The types of the members of a variable, and what they are called; None where not known."""
    if name == "args":
        arguments = scope.target.args if scope.target else {}
        what = f"argument of {scope.connect.coordinate}"
        return {key: argument.type for key, argument in arguments.items()}, what
    if name in ("this", "batch"):
        return _fields_of(scope.owner), f"field of {scope.owner.name}"
    return None, ""


def _fields_of(kind: Any) -> dict[str, Any] | None:
    """§18.1 a: a scalar or enum has none; what a scalar of the user's holds is not known."""
    if isinstance(kind, GraphQLInputObjectType | GraphQLObjectType):
        return {name: member.type for name, member in kind.fields.items()}
    return {} if is_enum_type(kind) or is_specified_scalar_type(kind) else None


def _shape_of(selection: Selection, scope: Scope | None) -> str | None:
    """§18.1 b: "a list", "an object" or "a value"; None where the text alone does not tell."""
    path = selection.value_path
    if path is None:
        return "an object" if selection.items else None
    if any(isinstance(step, Call) for step in path.steps):
        return None
    keys = [step.name for step in path.steps if isinstance(step, Key)]
    if isinstance(path.origin, Variable):
        return _variable_shape(path, path.origin.name, keys, scope)
    if keys:
        return None
    if isinstance(path.origin, ListLiteral):
        return "a list"
    if isinstance(path.origin, ObjectLiteral):
        return "an object"
    return "a value" if isinstance(path.origin, Constant) else None


def _variable_shape(path: Path, name: str, keys: list[str], scope: Scope | None) -> str | None:
    if name == "batch":
        return "a list"
    if name in ("request", "response"):
        return "a list" if len(keys) > 1 else "an object"
    if not keys:
        return "an object" if name in ("args", "this", "config", "env", "context") else None
    members, _ = _members_of(name, scope) if scope is not None else (None, "")
    kind: Any = None
    for key in keys:
        if not members or key not in members:
            return None
        kind = get_nullable_type(members[key])
        if is_list_type(kind):
            return "a list"
        members = _fields_of(kind)
    if path.braces is not None or members:
        return "an object"
    return None if members is None else "a value"


def _meant(name: str, known: list[str], sign: str = "") -> str | None:
    close = difflib.get_close_matches(name, known, n=1)
    return f"did you mean `{sign}{close[0]}`?" if close else None
