"""Holds each mapping and template of a connector against the grammar and what its variables may be.

It knows neither what a selection is to make nor which connector runs when.

Source: connectors.md §3, §9, §10, §18.1; the codes are the reference checker's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from graphql import Node, get_named_type

from gateway.connectors.check.constants import Constants
from gateway.connectors.check.text_positions import place_in
from gateway.connectors.check.value_shapes import (
    LIST,
    OBJECT,
    ConnectorScope,
    Shapes,
    fields_of,
    members_of,
)
from gateway.connectors.directives import UNTYPED, Errors, SchemaText
from gateway.connectors.mapping.analyse import read_input
from gateway.connectors.mapping.methods.table import AS, MATCH, METHODS
from gateway.connectors.mapping.nodes import KeyStep, MappingSelection
from gateway.connectors.mapping.parse import parse_mapping
from gateway.connectors.mapping.scanner import MappingSyntaxError
from gateway.connectors.request.url import Expression, parse_template
from gateway.connectors.walk import bound_names, calls_of, variable_paths
from gateway.errors import Diagnostic
from gateway.graph.sdl import place_of
from gateway.settings.suggestions import suggest

OF_THE_REQUEST = frozenset({"InvalidUrl", "InvalidHeader", "InvalidBody", "InvalidUrlProperty"})
"""Under these a mapping is checked that makes a part of the request."""
_UNBRACED = re.compile(r"\$(?:args|this|batch|config|env|context|request)(?:\.\w+)+")
_OF_ROUTES = re.compile(r"(?<=/):([A-Za-z_]\w*)(?=[/?]|$)")
"""A parameter as routers of web frameworks write it."""
WHERE_TO = frozenset({"InvalidUrl", "InvalidHeader"})
"""What is left out of these makes another request of it: always an error."""


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
        text: SchemaText,
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
        self.shapes = Shapes(spec, constants)
        self.mild = "warning" if spec in UNTYPED else "error"

    def template(
        self, text: SchemaText, allowed: frozenset[str], scope: ConnectorScope | None, code: str
    ) -> list[Any] | None:
        """A URL or a header; gives its parts, None where it does not parse."""
        try:
            parts = parse_template(text.value, self.spec)
        except MappingSyntaxError as exc:
            self.findings.at_offset(text, exc.offset, code, exc.message)
            return None
        self._unbraced(text, parts)
        for part in parts:
            if not isinstance(part, Expression):
                continue
            self.methods(text, part.offset, part.selection, "error")
            self.variables(text, part.offset, part.selection, allowed, scope, code)
            self.no_input(text, part.offset, part.selection, code)
            shape = self.shapes.of(part.selection, scope)
            if shape in (LIST, OBJECT):
                message = f"this gives {shape}, and only a string or a number can be written here"
                hint = "reduce it to one value, for instance by `->first` or `->joinNotNull(',')`"
                self.findings.at_offset(text, part.offset, code, message, hint)
        return parts

    def _unbraced(self, text: SchemaText, parts: list[Any]) -> None:
        """A variable outside of braces is text: `/tasks/$args.id` asks for a task of that name."""
        at = 0
        for part in parts:
            if not isinstance(part, str):
                continue
            at = text.value.index(part, at)
            for name in _UNBRACED.finditer(part):
                message, hint = f"`{name[0]}` is sent as it stands", f"write `{{{name[0]}}}`"
                place, code = at + name.start(), "UnbracedVariable"
                self.findings.at_offset(text, place, code, message, hint, "warning")
            for name in _OF_ROUTES.finditer(part):
                message = f"`{name[0]}` is sent as it stands"
                hint = f"write `{{$args.{name[1]}}}` or `{{$this.{name[1]}}}`"
                place, code = at + name.start(), "UnbracedVariable"
                self.findings.at_offset(text, place, code, message, hint, "warning")
            at += len(part)

    def request(
        self,
        text: SchemaText | None,
        allowed: frozenset[str],
        scope: ConnectorScope | None,
        code: str,
    ) -> MappingSelection | None:
        """`body`, `path` or `queryParams`."""
        selection = self.parsed(text, code) if text is not None else None
        if text is None or selection is None:
            return None
        self.variables(text, 0, selection, allowed, scope, code)
        self.no_input(text, 0, selection, code)
        return selection

    def url_property(
        self,
        text: SchemaText | None,
        allowed: frozenset[str],
        scope: ConnectorScope | None,
        needed: str,
    ) -> None:
        """`path`, which needs "a list", or `queryParams`, which needs "an object" (§9.6, §9.7)."""
        selection = self.request(text, allowed, scope, "InvalidUrlProperty")
        shape = self.shapes.of(selection, scope) if selection is not None else None
        if text is not None and shape not in (None, needed):
            message = f"this must give {needed}, not {shape}"
            self.findings.at_offset(text, 0, "InvalidUrlProperty", message)

    def answer(self, errors: Errors, allowed: frozenset[str], scope: ConnectorScope | None) -> None:
        """`errors` and `isSuccess`."""
        for text, code in (
            (errors.message, "InvalidErrorsMessage"),
            (errors.extensions, "InvalidErrorsMessage"),
            (errors.is_success, "InvalidIsSuccess"),
        ):
            selection = self.parsed(text, code) if text is not None else None
            if text is None or selection is None:
                continue
            if not selection.items:
                self._empty(text, code)
                continue
            self.variables(text, 0, selection, allowed, scope, code)
            if text is not errors.extensions and not selection.value_path:
                what = "a string" if text is errors.message else "true or false"
                word = text.value.strip()
                hint = f"write `$.{word}`" if re.fullmatch(r"\w+", word) else None
                message = f"this must give {what}, not an object"
                self.findings.at_offset(text, selection.start, code, message, hint)

    def _empty(self, text: SchemaText, code: str) -> None:
        """A mapping of nothing gives an object without members: neither true, nor a message, nor an extension."""
        if code == "InvalidIsSuccess":
            message = "this is empty, and no answer would be a success"
            self.findings.at_offset(text, 0, code, message, "write what is true of a success")
        else:
            message = "this is empty, and has no effect"
            self.findings.at_offset(text, 0, code, message, "remove it", "warning")

    def parsed(self, text: SchemaText, code: str) -> MappingSelection | None:
        """The mapping; None, and a finding, where it does not parse."""
        try:
            selection = parse_mapping(text.value, self.spec)
        except MappingSyntaxError as exc:
            self.findings.at_offset(text, exc.offset, code, exc.message)
            return None
        self.methods(text, 0, selection, self.mild)
        return selection

    def methods(
        self, text: SchemaText, offset: int, selection: MappingSelection, severity: str
    ) -> None:
        """§1.8: unknown methods, which the grammar lets through."""
        known = [*METHODS, AS, MATCH]
        for call in calls_of(selection):
            if call.name not in known:
                message = f"there is no method `->{call.name}`"
                hint = suggest(call.name, known, sign="->")
                at = offset + call.start
                self.findings.at_offset(text, at, "UnknownMethod", message, hint, severity)

    def no_input(
        self, text: SchemaText, offset: int, selection: MappingSelection, code: str
    ) -> None:
        """§3.4: a mapping of the request has no input to read."""
        read = read_input(selection)
        if read is not None and (read.members or read.whole):
            name = next(iter(read.members), None)
            hint = f"did you mean `$args.{name}` or `$config.{name}`?" if name else None
            message = f"there is nothing to read `{name or '$'}` from before the answer is there"
            severity = "error" if code in WHERE_TO else self.mild
            at = offset + selection.start
            self.findings.at_offset(text, at, code, message, hint, severity)

    def variables(
        self,
        text: SchemaText,
        offset: int,
        selection: MappingSelection,
        allowed: frozenset[str],
        scope: ConnectorScope | None,
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
            elif variable.name == "flags":
                self._flag(text, offset + variable.start, keys)
            elif scope is not None and keys:
                may_lack = variable.name == "args" and code not in WHERE_TO
                severity = self.mild if may_lack else "error"
                self._members(text, offset, variable.name, keys, scope, severity)

    def _flag(self, text: SchemaText, at: int, keys: list[KeyStep]) -> None:
        """A flag is named as it stands, so that only what is used is decided; its default says its type."""
        if not keys:
            message = "`$flags` is read by a flag's name"
            self.findings.at_offset(text, at, "FlagUnnamed", message, "write `$flags.NAME`")
        elif self.constants is not None and keys[0].name not in self.constants.flags:
            name = keys[0].name
            message = f"`$flags.{name}` has no default, by which it has a type"
            hint = suggest(name, self.constants.flags) or f"set flags.defaults.{name}"
            self.findings.at_offset(text, at, "FlagTypeUnknown", message, hint)

    def _constants(
        self, text: SchemaText, offset: int, selection: MappingSelection, code: str
    ) -> None:
        """What is read of `$env` and `$config` is set; a request that lacked it would go out wrong."""
        if self.constants is None:
            return
        for variable, name in self.constants.missing(selection):
            is_env = variable.name == "env"
            member = name.partition(".")[2]
            hint = f"export {member}" if is_env else f"set `{member}` in [connectors.config]"
            if self.spec not in UNTYPED:
                hint += f", or write `$({name} ?? …)` where it may be absent"
            is_certain = code in OF_THE_REQUEST and (is_env or self.constants.is_served)
            severity = "error" if is_certain else "warning"
            message, place = f"{name} is not set", offset + variable.start
            self.findings.at_offset(text, place, "UnsetVariable", message, hint, severity)

    def _members(
        self,
        text: SchemaText,
        offset: int,
        name: str,
        keys: list[KeyStep],
        scope: ConnectorScope,
        severity: str,
    ) -> None:
        """`$args.x.y`, `$this.x.y` and `$batch.x` against the schema."""
        members, what = members_of(name, scope)
        for number, key in enumerate(keys):
            if members is None:
                return
            if key.name not in members:
                code = "UndefinedArgument" if name == "args" and not number else "UndefinedField"
                message = f"`{key.name}` is no {what}"
                hint = suggest(key.name, members)
                at = offset + key.start
                self.findings.at_offset(text, at, code, message, hint, severity)
                return
            kind = get_named_type(members[key.name])
            what = f"field of {kind.name}"
            members = fields_of(kind)
