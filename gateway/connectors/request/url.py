"""URL templates: `/posts/{$args.id}?q={$args.q}` to functions that write the bytes of a URL.

What an expression gives is always encoded, so that it stays inside its segment or parameter. It sends
nothing and knows no connector.

Source: connectors.md §9.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import msgspec

from gateway.connectors.mapping.compile import CompiledMapping, compile_mapping
from gateway.connectors.mapping.nodes import MappingSelection
from gateway.connectors.mapping.parse import parse_mapping
from gateway.connectors.mapping.scanner import MappingSyntaxError
from gateway.connectors.mapping.values import scalar_text
from gateway.connectors.php.query import php_query, php_text

Variables = Mapping[str, Any]
CREDENTIALS = "the URL holds a user name or a password, which would stand in logs"
INSTEAD = "send the header `authorization: Basic …`: `headers` of @source, or of the source's table in the configuration"
UNRESERVED = "-._~"
# §9.4: what can never stand in a URL; reserved characters and `%` are the author's business.
LITERAL_SAFE = "!#$%&'()*+,/:;=?@[]-._~"
_PLAIN = re.compile(r"[A-Za-z0-9._~-]*")
_DOT = re.compile("%2e", re.IGNORECASE)
_LAYOUT = re.compile(r"[\t\n\f\r]")


@dataclass(frozen=True, slots=True)
class Expression:
    """`{…}` of a template: its mapping, and where its text begins in the template."""

    selection: MappingSelection
    offset: int


Part = str | Expression


def parse_template(text: str, spec: str) -> list[Part]:
    """Split a template into literal text and expressions.

    Errors: MappingSyntaxError with an offset in `text`.
    """
    parts: list[Part] = []
    at = 0
    while (brace := text.find("{", at)) >= 0:
        if brace > at:
            parts.append(text[at:brace])
        end = _closing_brace(text, brace)
        try:
            parts.append(Expression(parse_mapping(text[brace + 1 : end], spec), brace + 1))
        except MappingSyntaxError as exc:
            raise MappingSyntaxError(exc.message, brace + 1 + exc.offset) from exc
        at = end + 1
    if at < len(text):
        parts.append(text[at:])
    return parts


def _closing_brace(text: str, start: int) -> int:
    depth, quoted, at = 0, "", start
    while at < len(text):
        character = text[at]
        if quoted:
            if character == "\\":
                at += 1
            elif character == quoted:
                quoted = ""
        elif character in "\"'":
            quoted = character
        elif character == "{":
            depth += 1
        elif character == "}":
            depth -= 1
            if depth == 0:
                return at
        at += 1
    raise MappingSyntaxError("the `{` has no `}`", start)


def encode(value: Any, what: str) -> str:
    """A value as it stands in a URL. Errors: CannotWriteError for a list or an object."""
    if value.__class__ is int:
        return str(value)
    text = "" if value is ... else scalar_text(value)
    if text is None:
        raise CannotWriteError(f"{what} gives a list, an object, or what JSON has no text for")
    # Most ids are letters and digits; the pattern costs a third of `quote`.
    if (text.isascii() and text.isalnum()) or _PLAIN.fullmatch(text):
        return text
    return quote(text, safe=UNRESERVED, errors="surrogatepass")


class CannotWriteError(Exception):
    """A mapping gave something that cannot stand where it has to be written: no request is made."""


class InvalidSegmentError(CannotWriteError):
    """A value that as a whole path segment is `.` or `..` and would climb."""


Writer = Callable[[Variables], str]


def compile_template(text: str, spec: str, name: str, *, is_php: bool = False) -> Writer:
    """A function from variables to the template's text, with expression values percent-encoded.

    Args:
        text, spec, name: Of the template, the mapping language's version, and its connector's.
        is_php: Whether values of the query are written as PHP has them.

    Errors: MappingSyntaxError here; CannotWriteError when called.
    """
    parts = parse_template(_LAYOUT.sub("", text), spec)
    is_query, encoders = False, []
    for part in parts:
        encoders.append(_encode_php if is_query and is_php else encode)
        is_query = is_query or (isinstance(part, str) and "?" in part)
    return _writer(
        parts,
        name,
        literal=lambda part: quote(part, safe=LITERAL_SAFE),
        values=encoders,
    )


def _encode_php(value: Any, what: str) -> str:
    """A value of a template's query as PHP has it: 1 and 0 for true and false. Errors: CannotWriteError."""
    is_text = value.__class__ is bool or value.__class__ is float
    return encode(php_text(value) if is_text else value, what)


def compile_header_value(text: str, spec: str, name: str) -> Writer:
    """As `compile_template`, for a header: nothing is percent-encoded. §10.3"""

    def plain(value: Any, what: str) -> str:
        found = "" if value is ... else scalar_text(value)
        if found is None:
            raise CannotWriteError(f"{what} gives a list or an object")
        return found

    parts = parse_template(_LAYOUT.sub("", text), spec)
    return _writer(parts, name, literal=lambda part: part, values=[plain] * len(parts))


def _writer(
    parts: list[Part],
    name: str,
    literal: Callable[[str], str],
    values: Sequence[Callable[[Any, str], str]],
) -> Writer:
    compiled: list[str | CompiledMapping] = [
        literal(part) if isinstance(part, str) else compile_mapping(part.selection, name)
        for part in parts
    ]
    if all(isinstance(part, str) for part in compiled):
        constant = "".join(str(part) for part in compiled)
        return lambda _: constant

    pieces = list(zip(compiled, values, strict=True))

    def write(variables: Variables) -> str:
        return "".join(
            [
                part if isinstance(part, str) else value(part(None, variables), name)
                for part, value in pieces
            ]
        )

    return write


def write_path_items(value: Any, name: str) -> str:
    """The segments that a `path` mapping gives. §9.6"""
    if value is ...:
        return ""
    if not isinstance(value, list):
        raise CannotWriteError(f"path of {name} must give a list")
    path = ""
    for item in value:
        segment = encode(item, f"path of {name}")
        path += segment if path.endswith("/") else f"/{segment}"
    return path


def write_query_params(value: Any, name: str) -> str:
    """The parameters that a `queryParams` mapping gives, joined by `&`. §9.7"""
    if value is ... or value is None:
        return ""
    if not isinstance(value, dict):
        raise CannotWriteError(f"queryParams of {name} must give an object")
    what = f"queryParams of {name}"
    pairs: list[str] = []
    for key, item in value.items():
        if item is None:
            continue
        encoded = key if _PLAIN.fullmatch(key) else quote(key, safe=UNRESERVED)
        items = item if isinstance(item, list) else (item,)
        pairs += [f"{encoded}={encode(part, what)}" for part in items]
    return "&".join(pairs)


def write_php_params(value: Any, name: str) -> str:
    """The parameters that a `queryParams` mapping gives, as PHP's http_build_query() writes them."""
    if value is ... or value is None:
        return ""
    if not isinstance(value, dict):
        raise CannotWriteError(f"queryParams of {name} must give an object")
    try:
        return php_query(value)
    except ValueError as exc:
        raise CannotWriteError(f"queryParams of {name}: {exc}") from exc


class Split(msgspec.Struct, frozen=True):
    """A URL in three: scheme and authority, path, query."""

    origin: str
    path: str
    query: str


_ORIGIN = re.compile(r"https?://[^/]*", re.IGNORECASE)


def split_url(url: str) -> Split:
    """Split a URL or the part of one; the fragment is dropped."""
    path, _, query = url.partition("#")[0].partition("?")
    found = None if path.startswith("/") else _ORIGIN.match(path)
    if found is None:
        return Split("", path, query)
    return Split(found[0], path[found.end() :], query)


def join_url(
    base: Split, base_path: str, base_query: str, own: Split, own_path: str, own_query: str
) -> str:
    """Join a source's URL and a connector's, each with what its mappings add. §9.5

    Errors: InvalidSegmentError for a segment that is `.` or `..`.
    """
    path = base.path
    if base_path:
        path = path.rstrip("/") + base_path
    if own.path.strip("/"):
        path = path.rstrip("/") + "/" + own.path.lstrip("/")
    elif not base.path and not base_path and own.path == "/":
        path = "/"
    if own_path:
        path = path.rstrip("/") + own_path
    # Backends read `%2e` as a dot; only the author's own text can hold it, beside a value that is one.
    dotted = _DOT.sub(".", path) if "%2" in path else path
    if "/." in dotted and any(segment in (".", "..") for segment in dotted.split("/")):
        raise InvalidSegmentError("a path segment is `.` or `..`")
    query = "&".join(filter(None, (base.query, base_query, own.query, own_query)))
    origin = base.origin or own.origin
    return f"{origin}{path or '/'}?{query}" if query else f"{origin}{path or '/'}"
