"""Holds a schema's connectors against the rules, before anything is bound: each finding with its place.

It sends nothing and changes nothing.

Source: connectors.md §18; the codes are the reference checker's.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLObjectType,
    GraphQLSchema,
    Node,
    get_named_type,
)

from gateway.connectors.check_calls import n_plus_one
from gateway.connectors.check_fields import Supply, unresolved_fields
from gateway.connectors.check_selection import SelectionCheck
from gateway.connectors.directives import (
    METHODS,
    Connect,
    Header,
    Source,
    Text,
    read_directives,
)
from gateway.connectors.mapping.analyse import read_input, supplied_fields
from gateway.connectors.mapping.methods.table import AS, MATCH
from gateway.connectors.mapping.methods.table import METHODS as MAPPING_METHODS
from gateway.connectors.mapping.nodes import Key, Selection
from gateway.connectors.mapping.parse import MappingSyntaxError, parse_mapping
from gateway.connectors.place import place_in
from gateway.connectors.settings import NOT_FROM_CLIENT, UNSETTABLE
from gateway.connectors.url import Expression, parse_template
from gateway.connectors.walk import (
    bound_names,
    calls_of,
    request_selections,
    variable_paths,
)
from gateway.errors import Diagnostic
from gateway.graph.sdl import place_of

EVERYWHERE = frozenset({"config", "env", "context", "request"})
IN_BASE_URL = frozenset({"config", "env"})
OF_THE_ANSWER = frozenset({"status", "response"})
HIDES_SUPPLY = frozenset({"UnknownConnectorsVersion", "MissingSchemaType", "InvalidSelection"})
"""Errors after which nobody knows what the selections supply."""
SOURCE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}", re.ASCII)
CONNECTOR_ID = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


def check_connectors(
    schema: GraphQLSchema, document: DocumentNode, *, resolved: Collection[str]
) -> list[Diagnostic]:
    """Everything that is wrong with the connectors of a schema.

    Args:
        schema: As built from `document`.
        document: The SDL.
        resolved: Coordinates with a Python resolver, which need no connector.
    """
    return _Check(schema, document, resolved).run()


class _Check:
    def __init__(
        self, schema: GraphQLSchema, document: DocumentNode, resolved: Collection[str]
    ) -> None:
        self.schema = schema
        self.directives = read_directives(document)
        self.resolved = resolved
        self.found: list[Diagnostic] = []
        self.selections = SelectionCheck(schema, self.at_offset)

    def run(self) -> list[Diagnostic]:
        if self.directives.unknown_version is not None:
            version, node = self.directives.unknown_version
            message = f"the connectors' version v{version} is not known"
            self.at(node, "UnknownConnectorsVersion", message, "known: v0.1, v0.2, v0.3")
        self.sources()
        ids: dict[str, Connect] = {}
        for connect in self.directives.connects:
            self.connect(connect, ids)
        supply = Supply(self.schema, self.directives, self.resolved)
        if not any(finding.code in HIDES_SUPPLY for finding in self.found):
            self.found += unresolved_fields(self.schema, supply)
        self.found += n_plus_one(self.schema, supply)
        return self.found

    def at(self, node: Node | None, code: str, message: str, hint: str | None = None) -> None:
        file, line, column = place_of(node)
        self.found.append(Diagnostic(message, code, file, line, column, hint))

    def at_offset(
        self, text: Text, offset: int, code: str, message: str, hint: str | None = None
    ) -> None:
        file, line, column = place_in(text.node, offset)
        self.found.append(Diagnostic(message, code, file, line, column, hint))

    # Sources

    def sources(self) -> None:
        seen: set[str] = set()
        for source in self.directives.sources:
            if not source.name:
                self.at(source.node, "EmptySourceName", "@source needs a name")
            elif not SOURCE_NAME.fullmatch(source.name):
                message = f"`{source.name}` cannot be a source's name"
                hint = "a letter, then letters, digits, _ and -; 64 characters at most"
                self.at(source.node, "InvalidSourceName", message, hint)
            elif source.name in seen:
                self.at(
                    source.node, "DuplicateSourceName", f"the source `{source.name}` stands twice"
                )
            seen.add(source.name)
            self.base_url(source)
            self.headers(source.headers, EVERYWHERE, None)
            for text in (source.path, source.query_params):
                self.request_mapping(text, EVERYWHERE, None)
            self.answer_mappings(source.errors, EVERYWHERE | OF_THE_ANSWER, None)

    def base_url(self, source: Source) -> None:
        text = source.base_url
        parts = self.template(text, IN_BASE_URL, None, "InvalidUrl")
        if (
            parts
            and isinstance(parts[0], str)
            and not re.match(r"https?:", parts[0], re.IGNORECASE)
        ):
            scheme = re.match(r"([a-z][a-z0-9+.-]*):", parts[0], re.IGNORECASE)
            if scheme:
                message = f"the scheme {scheme.group(1)} cannot be used"
                self.at_offset(text, 0, "InvalidUrlScheme", message, "use http or https")
            else:
                message = "baseURL must be absolute"
                self.at_offset(text, 0, "InvalidUrl", message, "begin it with https://")

    # Connectors

    def connect(self, connect: Connect, ids: dict[str, Connect]) -> None:
        owner, target = self.owner(connect)
        if owner is None:
            return
        allowed = self.allowed(connect, owner)
        self.source_of(connect)
        self.methods(connect)
        if connect.id is not None:
            if not CONNECTOR_ID.fullmatch(connect.id):
                self.at(connect.node, "InvalidConnectorIdName", f"`{connect.id}` is no identifier")
            elif connect.id in ids:
                self.at(connect.node, "DuplicateIdName", f"the id `{connect.id}` stands twice")
            ids[connect.id] = connect
        scope = (connect, owner, target)
        if connect.methods:
            self.url(connect, allowed, scope)
        self.headers(connect.headers, allowed, scope)
        for text in (connect.body, connect.path, connect.query_params):
            code = "InvalidBody" if text is connect.body else "InvalidUrlProperty"
            self.request_mapping(text, allowed, scope, code)
        answers = (allowed | OF_THE_ANSWER) - {"batch"}
        self.answer_mappings(connect.errors, answers, scope)
        selection = self.selection(connect, answers, scope)
        self.entity(connect, owner, target)
        if selection is not None and connect.methods:
            self.batch(connect, selection)

    def owner(self, connect: Connect) -> tuple[GraphQLObjectType | None, GraphQLField | None]:
        type_name, _, field_name = connect.coordinate.partition(".")
        owner = self.schema.type_map.get(type_name)
        if not isinstance(owner, GraphQLObjectType):
            self.at(connect.node, "MissingSchemaType", f"there is no object type `{type_name}`")
            return None, None
        return owner, owner.fields.get(field_name)

    def allowed(self, connect: Connect, owner: GraphQLObjectType) -> frozenset[str]:
        if connect.on_type:
            return EVERYWHERE | {"this", "batch"}
        root = owner in (self.schema.query_type, self.schema.mutation_type)
        extra = {"args"} if root else {"args", "this"}
        return EVERYWHERE | extra | ({"batch"} if connect.group_by else set())

    def source_of(self, connect: Connect) -> None:
        if connect.source is None:
            return
        names = [source.name for source in self.directives.sources]
        if connect.source not in names:
            close = difflib.get_close_matches(connect.source, names, n=1)
            hint = (
                f"did you mean `{close[0]}`?"
                if close
                else f"declared: {', '.join(names) or 'none'}"
            )
            node = next(
                (a.value for a in connect.node.arguments or () if a.name.value == "source"),
                connect.node,
            )
            self.at(node, "SourceNameMismatch", f"there is no @source `{connect.source}`", hint)

    def methods(self, connect: Connect) -> None:
        http = next(
            (a.value for a in connect.node.arguments or () if a.name.value == "http"), connect.node
        )
        if not connect.methods:
            message = f"@connect on {connect.coordinate} has no method"
            self.at(http, "MissingHttpMethod", message, f"give one of {', '.join(METHODS)}")
        elif len(connect.methods) > 1:
            second = list(connect.methods.values())[1]
            message = f"{' and '.join(connect.methods)}: a connector has one method"
            self.at(second.node, "MultipleHttpMethods", message)

    def url(self, connect: Connect, allowed: frozenset[str], scope: Any) -> None:
        text = connect.url
        parts = self.template(text, allowed, scope, "InvalidUrl")
        absolute = re.match(r"[a-z][a-z0-9+.-]*://", text.value, re.IGNORECASE) is not None
        if connect.source is not None and absolute:
            message = "the URL is absolute, but the connector has a source"
            self.at_offset(text, 0, "AbsoluteConnectUrlWithSource", message, "write its path only")
        elif connect.source is None and not absolute:
            message = "the URL is relative, but the connector has no source"
            self.at_offset(text, 0, "RelativeConnectUrlWithoutSource", message, "name a `source`")
        elif absolute and not re.match(r"https?://", text.value, re.IGNORECASE):
            self.at_offset(text, 0, "InvalidUrlScheme", "only http and https can be used")
        if absolute and parts:
            first = parts[0]
            if isinstance(first, str) and len(parts) > 1 and "/" not in first.partition("://")[2]:
                message = "no expression may stand in the host of a connector's own URL"
                self.at_offset(text, len(first), "InvalidUrl", message)

    def headers(self, headers: Iterable[Header], allowed: frozenset[str], scope: Any) -> None:
        seen: set[str] = set()
        for header in headers:
            name = header.name.lower()
            if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9a-z-]+", name):
                self.at(header.node, "InvalidHeader", f"`{header.name}` is no header name")
            elif name in UNSETTABLE or (name in NOT_FROM_CLIENT and header.from_ is not None):
                self.at(header.node, "InvalidHeader", f"the header {header.name} cannot be set")
            elif name in seen:
                message = f"the header {header.name} stands twice in one list"
                self.at(header.node, "HttpHeaderNameCollision", message)
            seen.add(name)
            if (header.from_ is None) == (header.value is None):
                message = f"the header {header.name} needs one of `from` and `value`"
                self.at(header.node, "InvalidHeader", message)
            if header.value is not None:
                self.template(header.value, allowed, scope, "InvalidHeader")

    def entity(
        self, connect: Connect, owner: GraphQLObjectType, target: GraphQLField | None
    ) -> None:
        roots = (self.schema.query_type, self.schema.mutation_type)
        if connect.on_type:
            if owner in roots:
                self.at(connect.node, "ConnectOnRoot", f"@connect cannot stand on {owner.name}")
            if connect.entity is False:
                self.at(
                    connect.node, "ConnectOnTypeMustBeEntity", "on a type, entity is always true"
                )
            return
        if not connect.entity or target is None:
            return
        kind: Any = target.type
        if owner is not self.schema.query_type:
            self.at(connect.node, "EntityNotOnRootQuery", "entity: true is for fields of Query")
        elif not isinstance(kind, GraphQLObjectType):
            message = f"entity: true needs a nullable object type, not {kind}"
            self.at(connect.node, "EntityTypeInvalid", message)
        else:
            for name, argument in target.args.items():
                if name not in kind.fields:
                    message = f"the argument `{name}` is no field of {kind.name}"
                    self.at(argument.ast_node, "EntityResolverArgumentMismatch", message)

    def batch(self, connect: Connect, selection: Selection) -> None:
        used: dict[str, tuple[Text, int]] = {}
        keys: dict[str, tuple[Text, int]] = {}
        for text, offset, part in request_selections(connect, self.directives.spec):
            for variable, path in variable_paths(part):
                used.setdefault(variable.name, (text, offset + variable.start))
                if variable.name == "batch" and path:
                    keys.setdefault(path[0].name, (text, offset + path[0].start))
        if "batch" not in used:
            if connect.max_size is not None or connect.group_by is not None:
                message = f"`batch` of {connect.coordinate} has no effect: nothing reads $batch"
                file, line, column = place_of(connect.node)
                self.found.append(
                    Diagnostic(message, "BatchWithoutKeys", file, line, column, None, "warning")
                )
            return
        if "this" in used:
            text, offset = used["this"]
            message = "a connector may not read both $this and $batch"
            self.at_offset(text, offset, "ConnectBatchAndThis", message)
        supplied = supplied_fields(selection).members
        if connect.group_by is not None:
            keys = {connect.group_by: next(iter(keys.values()), used["batch"])}
        for name in keys:
            if name not in supplied and connect.selection is not None:
                message = f"the selection must map the batch's key `{name}`"
                hint = f"add `{name}` to it, or `{name}: …`"
                self.at_offset(
                    connect.selection, 0, "ConnectorsBatchKeyNotInSelection", message, hint
                )

    # Mappings

    def template(
        self, text: Text, allowed: frozenset[str], scope: Any, code: str
    ) -> list[Any] | None:
        try:
            parts = parse_template(text.value, self.directives.spec)
        except MappingSyntaxError as exc:
            self.at_offset(text, exc.offset, code, exc.message)
            return None
        for part in parts:
            if isinstance(part, Expression):
                self.variables(text, part.offset, part.selection, allowed, scope)
                self.no_input(text, part.offset, part.selection)
        return parts

    def request_mapping(
        self,
        text: Text | None,
        allowed: frozenset[str],
        scope: Any,
        code: str = "InvalidUrlProperty",
    ) -> None:
        if text is None:
            return
        selection = self.parsed(text, code)
        if selection is not None:
            self.variables(text, 0, selection, allowed, scope)
            self.no_input(text, 0, selection)

    def answer_mappings(self, errors: Any, allowed: frozenset[str], scope: Any) -> None:
        for text, code in (
            (errors.message, "InvalidErrorsMessage"),
            (errors.extensions, "InvalidErrorsMessage"),
            (errors.is_success, "InvalidIsSuccess"),
        ):
            if text is None:
                continue
            selection = self.parsed(text, code)
            if selection is None:
                continue
            self.variables(text, 0, selection, allowed, scope)
            if code != "InvalidErrorsMessage" or text is errors.message:
                self.value_not_object(text, selection, code)

    def value_not_object(self, text: Text, selection: Selection, code: str) -> None:
        if selection.items and selection.value_path is None:
            what = "a string" if code == "InvalidErrorsMessage" else "true or false"
            hint = (
                f"`{text.value}` is an object; write `$.{text.value}`"
                if _is_word(text.value)
                else None
            )
            self.at_offset(text, 0, code, f"this must give {what}, not an object", hint)

    def selection(self, connect: Connect, allowed: frozenset[str], scope: Any) -> Selection | None:
        text = connect.selection
        if text is None:
            return None
        selection = self.parsed(text, "InvalidSelection")
        if selection is None:
            return None
        if not selection.items:
            self.at_offset(text, 0, "InvalidSelection", "the selection is empty")
            return None
        self.variables(text, 0, selection, allowed, scope)
        _, owner, target = scope
        kind = owner if connect.on_type else get_named_type(target.type) if target else None
        if kind is not None:
            self.selections.check(text, selection, kind)
        return selection

    def parsed(self, text: Text, code: str) -> Selection | None:
        try:
            selection = parse_mapping(text.value, self.directives.spec)
        except MappingSyntaxError as exc:
            self.at_offset(text, exc.offset, code, exc.message)
            return None
        known = [*MAPPING_METHODS, AS, MATCH]
        for call in calls_of(selection):
            if call.name not in known:
                close = difflib.get_close_matches(call.name, known, n=1)
                hint = f"did you mean `->{close[0]}`?" if close else None
                self.at_offset(
                    text, call.start, "UnknownMethod", f"there is no method `->{call.name}`", hint
                )
        return selection

    def no_input(self, text: Text, offset: int, selection: Selection) -> None:
        """§3.4: a mapping of the request has no input to read."""
        read = read_input(selection)
        if read is not None and (read.members or read.whole):
            name = next(iter(read.members), None)
            hint = f"did you mean `$args.{name}` or `$config.{name}`?" if name else None
            message = f"there is nothing to read `{name or '$'}` from before the answer is there"
            self.at_offset(text, offset, "InvalidUrlProperty", message, hint)

    def variables(
        self, text: Text, offset: int, selection: Selection, allowed: frozenset[str], scope: Any
    ) -> None:
        bound = bound_names(selection)
        for variable, keys in variable_paths(selection):
            if variable.name in bound:
                continue
            if variable.name not in allowed:
                hint = "allowed here: " + ", ".join(f"${name}" for name in sorted(allowed))
                message = f"${variable.name} cannot be used here"
                self.at_offset(text, offset + variable.start, "InvalidVariable", message, hint)
            elif scope is not None and keys:
                self.members(text, offset, variable.name, keys, scope)

    def members(self, text: Text, offset: int, name: str, keys: list[Key], scope: Any) -> None:
        """`$args.x.y`, `$this.x.y` and `$batch.x` against the schema."""
        _, owner, target = scope
        kind: Any = None
        for number, key in enumerate(keys):
            if name == "args" and number == 0:
                known = {n: a.type for n, a in target.args.items()} if target else {}
                code, what = "UndefinedArgument", f"argument of {scope[0].coordinate}"
            elif name in ("this", "batch") and number == 0:
                known = {n: f.type for n, f in owner.fields.items()}
                code, what = "UndefinedField", f"field of {owner.name}"
            elif isinstance(kind, GraphQLInputObjectType | GraphQLObjectType):
                known = {n: f.type for n, f in kind.fields.items()}
                code, what = "UndefinedField", f"field of {kind.name}"
            else:
                return
            if key.name not in known:
                close = difflib.get_close_matches(key.name, known, n=1)
                hint = f"did you mean `{close[0]}`?" if close else None
                message = f"`{key.name}` is no {what}"
                self.at_offset(text, offset + key.start, code, message, hint)
                return
            kind = get_named_type(known[key.name])


def _is_word(text: str) -> bool:
    return re.fullmatch(r"\w+", text.strip()) is not None
