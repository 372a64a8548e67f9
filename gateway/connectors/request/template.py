"""From a connector's directives and one call's variables to the request that goes out.

Everything that does not depend on the call is written once, when the connector is bound. It sends nothing.

Source: connectors.md §9–§11.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gateway.auth.principal import ANONYMOUS, Principal
from gateway.client.request import ClientRequest
from gateway.connectors.directives import Connect, Header, SchemaText, SourceDirective
from gateway.connectors.header_rule_settings import HeaderRule
from gateway.connectors.mapping.analyse import read_paths
from gateway.connectors.mapping.compile import CompiledMapping, compile_mapping
from gateway.connectors.mapping.members import NOTHING, Members
from gateway.connectors.mapping.nodes import KeyStep as MemberKey
from gateway.connectors.mapping.nodes import MappedField, Path, Variable
from gateway.connectors.mapping.parse import parse_mapping
from gateway.connectors.request.form import form_body
from gateway.connectors.request.header_rules import apply_rules, names_of_principal
from gateway.connectors.request.header_writer import HeaderWriter
from gateway.connectors.request.url import (
    CannotWriteError,
    Expression,
    Variables,
    compile_template,
    encode,
    join_url,
    parse_template,
    split_url,
    write_path_items,
    write_php_params,
    write_query_params,
)
from gateway.json_bytes import write_json
from gateway.settings.headers import UNSAFE_VALUE, folded
from gateway.upstream.transport import Header as HeaderPair
from gateway.upstream.transport import UpstreamRequest

FORM = "application/x-www-form-urlencoded"
READ_METHODS = frozenset({"GET", "HEAD"})


class RequestBuilder:
    """Writes the requests of one connector.

    Args:
        connect: The connector.
        source: Its source; None for an absolute URL of its own.
        base_url: Of the source, its expressions evaluated, or what the configuration has instead.
        spec: Version of the mapping language.
        rules: Of `[headers]`, for the source.
        dialect: "json" or "php": how parameters and forms are written.
        withheld: Headers of credentials, folded: no pattern of a rule copies them.

    Errors: MappingSyntaxError for a mapping that does not parse.
    """

    def __init__(
        self,
        connect: Connect,
        source: SourceDirective | None,
        base_url: str,
        spec: str,
        rules: Sequence[HeaderRule] = (),
        dialect: str = "json",
        withheld: frozenset[str] = frozenset(),
    ) -> None:
        self.connect = connect
        self._is_php = dialect == "php"
        self._write_query = write_php_params if self._is_php else write_query_params
        self.source_name = source.name if source else ""
        self._method = connect.method
        self.is_form = False
        name = connect.name
        self._base = split_url(base_url)
        self._template = compile_template(connect.url.value, spec, name, is_php=self._is_php)
        self._base_path = _optional(source.path if source else None, spec, name)
        self._base_query = _optional(source.query_params if source else None, spec, name)
        self._path = _optional(connect.path, spec, name)
        self._query = _optional(connect.query_params, spec, name)
        self._body = _optional(connect.body, spec, name)
        self._rules, self._withheld = rules, withheld
        self._reserved = names_of_principal(rules)
        self._headers = self._header_writers(source, spec)
        self._prefix = self._constant_prefix(spec)
        self.endpoint = f"{connect.method} {connect.url.value}"
        self._constant_headers: Sequence[HeaderPair] | None = None
        if not rules and all(writer.is_constant for writer in self._headers):
            self._constant_headers = self.headers({}, {})
        self.reads = _reads(connect, source, spec)
        self._batched: tuple[str, str] | None = None
        reads_calls = any(
            writer.from_ is None and not writer.is_constant for writer in self._headers
        )
        is_constant = connect.body is None and not reads_calls
        if self._prefix is not None and is_constant and not self._is_php:
            self._batched = _batched_parameter(connect.query_params, spec)

    def _constant_prefix(self, spec: str) -> str | None:
        """The URL without the connector's own parameters, where no call can change it."""
        dynamic = any(
            isinstance(part, Expression) for part in parse_template(self.connect.url.value, spec)
        )
        if dynamic or self._base_path or self._base_query or self._path:
            return None
        return join_url(self._base, "", "", split_url(self._template({})), "", "")

    def _header_writers(self, source: SourceDirective | None, spec: str) -> list[HeaderWriter]:
        merged: dict[str, Header] = {}
        for header in (*(source.headers if source else ()), *self.connect.headers):
            merged[header.name.lower()] = header
        writers = [
            HeaderWriter(header, spec, self.connect.name)
            for name, header in merged.items()
            if header.from_ is None or folded(name) not in self._reserved
        ]
        if self.connect.body is not None:
            kind = merged.get("content-type")
            if kind is None:
                writers.append(HeaderWriter.constant("content-type", "application/json"))
            elif kind.value is not None:
                self.is_form = kind.value.value.strip().lower() == FORM
        return writers

    def build(self, variables: Variables, client: ClientRequest, is_read: bool) -> UpstreamRequest:
        """One request. Errors: CannotWriteError."""
        return UpstreamRequest(
            method=self._method,
            url=self.url(variables),
            headers=self._constant_headers
            if self._constant_headers is not None
            else self.headers(variables, client.values, client.principal),
            body=None if self._body is None else self.body(variables),
            source=self.source_name,
            endpoint=self.endpoint,
            is_read=is_read,
        )

    def build_batch(
        self,
        member: str,
        keys: Sequence[int] | Sequence[str],
        client: ClientRequest,
        is_read: bool,
    ) -> UpstreamRequest | None:
        """The request for keys that are all it reads: `queryParams: "id: $batch.id"`; None for any other.

        Args:
            member: Of `$batch`, whose values the keys are.
            keys: At least one.
            client, is_read: As for `build`.

        Errors: CannotWriteError.
        """
        if self._batched is None or self._batched[0] != member:
            return None
        assert self._prefix is not None
        pair = self._batched[1]
        what = f"queryParams of {self.connect.name}"
        texts = map(str, keys) if type(keys[0]) is int else [encode(key, what) for key in keys]
        query = pair + f"&{pair}".join(texts)
        return UpstreamRequest(
            self._method,
            f"{self._prefix}{'&' if '?' in self._prefix else '?'}{query}",
            self._constant_headers
            if self._constant_headers is not None
            else self.headers({}, client.values, client.principal),
            None,
            self.source_name,
            self.endpoint,
            is_read,
        )

    def url(self, variables: Variables) -> str:
        """The absolute URL, encoded. Errors: CannotWriteError."""
        name = self.connect.name
        query = ""
        if self._query is not None:
            query = self._write_query(self._query({}, variables), name)
        if self._prefix is not None:
            if not query:
                return self._prefix
            return f"{self._prefix}{'&' if '?' in self._prefix else '?'}{query}"
        return join_url(
            self._base,
            write_path_items(self._base_path({}, variables), name) if self._base_path else "",
            self._write_query(self._base_query({}, variables), name) if self._base_query else "",
            split_url(self._template(variables)),
            write_path_items(self._path({}, variables), name) if self._path else "",
            query,
        )

    def headers(
        self,
        variables: Variables,
        client_headers: Mapping[str, Sequence[str]],
        principal: Principal = ANONYMOUS,
    ) -> list[HeaderPair]:
        """The headers of the directives, in order."""
        found: list[HeaderPair] = []
        for writer in self._headers:
            found += writer.write(variables, client_headers)
        if self._rules:
            own = {writer.name.lower() for writer in self._headers}
            given = apply_rules(
                self._rules, client_headers, principal, self._reserved, self._withheld
            )
            found += [header for header in given if header[0].lower() not in own]
        for name, value in found:
            if UNSAFE_VALUE.search(value):
                raise CannotWriteError(
                    f"the header {name} would hold control characters, or some beyond latin-1"
                )
        return found

    def body(self, variables: Variables) -> bytes | None:
        """The body, JSON or form. Errors: CannotWriteError."""
        if self._body is None:
            return None
        value = self._body({}, variables)
        if value is ...:
            return b""
        if self.is_form:
            return form_body(value, self.connect.name, is_php=self._is_php)
        try:
            return write_json(value)
        except TypeError as exc:  # a custom scalar's own object, or nesting that nobody reads
            raise CannotWriteError(f"the body of {self.connect.name}: {exc}") from exc

    @property
    def forwarded(self) -> frozenset[str]:
        """The client's headers that reach the backend."""
        return frozenset(writer.from_ for writer in self._headers if writer.from_ is not None)


def _batched_parameter(text: SchemaText | None, spec: str) -> tuple[str, str] | None:
    """The member of `$batch` that is a connector's only parameter, and `name=` as it stands in the URL."""
    if text is None:
        return None
    match parse_mapping(text.value, spec).items:
        case (MappedField(name, Path(Variable("batch"), (MemberKey(member),), None)),):
            return member, write_query_params({name: [""]}, name)
    return None


def _optional(text: SchemaText | None, spec: str, name: str) -> CompiledMapping | None:
    return compile_mapping(parse_mapping(text.value, spec), name) if text is not None else None


def _reads(connect: Connect, source: SourceDirective | None, spec: str) -> dict[str, Members]:
    """What the request side reads of each variable. §15.3"""
    found: dict[str, Members] = {}
    mappings = [connect.body, connect.path, connect.query_params]
    templates = [connect.url, *(header.value for header in connect.headers)]
    if source is not None:
        mappings += [source.path, source.query_params]
        templates += [header.value for header in source.headers]
    selections = [parse_mapping(text.value, spec) for text in mappings if text is not None]
    for text in templates:
        for part in parse_template(text.value, spec) if text is not None else ():
            if isinstance(part, Expression):
                selections.append(part.selection)
    for selection in selections:
        for variable, wanted in read_paths(selection).items():
            found[variable] = found.get(variable, NOTHING).joined(wanted)
    return found
