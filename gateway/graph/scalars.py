"""The custom scalars that come with the gateway: DateTime, URL, JSON, BigInt, UUID, Upload.

A schema gets one by declaring `scalar DateTime`; a `@scalar` of the user with the same name wins. Each is
strict on input. On output each takes what Python code and JSON backends give.
"""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections.abc import Callable, Collection
from math import isfinite
from typing import Any, Literal
from urllib.parse import urlsplit

from graphql import GraphQLError

from gateway.graph.json_numbers import EXACT
from gateway.graph.uploads import Upload
from gateway.json_bytes import MAX_LENGTH

# RFC 3339 §5.6, with the time zone that it demands.
_DATE_TIME = re.compile(
    r"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])"
    r"[Tt](?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|60)(?:\.\d{1,9})?(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)",
    re.ASCII,
)
_INTEGER = re.compile(r"-?\d{1,4000}", re.ASCII)


class DateTime:
    """RFC 3339 with a time zone; a `datetime` in Python. A naive one is taken as UTC on output."""

    @staticmethod
    def serialize(value: Any) -> str:
        if isinstance(value, str):
            if _DATE_TIME.fullmatch(value):
                return value
        elif isinstance(value, dt.datetime):
            aware = value if value.tzinfo else value.replace(tzinfo=dt.UTC)
            return aware.isoformat().replace("+00:00", "Z")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            try:
                return DateTime.serialize(dt.datetime.fromtimestamp(value, dt.UTC))
            except (ValueError, OverflowError, OSError):
                pass
        raise GraphQLError(f"DateTime cannot represent value: {_show(value)}")

    @staticmethod
    def parse_value(value: Any) -> dt.datetime:
        if isinstance(value, str) and _DATE_TIME.fullmatch(value):
            try:
                return dt.datetime.fromisoformat(value.upper().replace("Z", "+00:00"))
            except ValueError:
                pass
        raise GraphQLError(
            f"DateTime cannot represent value: {_show(value)}; expected 2026-01-31T12:00:00Z."
        )


class URL:
    """An absolute URL, as a string."""

    @staticmethod
    def parse_value(value: Any) -> str:
        if isinstance(value, str):
            try:
                parts = urlsplit(value)
            except ValueError:
                parts = urlsplit("")
            if parts.scheme and parts.netloc and not re.search(r"[\s\x00-\x1f\x7f]", value):
                return value
        raise GraphQLError(f"URL cannot represent value: {_show(value)}; expected https://…")

    serialize = parse_value


class JSON:
    """Any JSON value, as it is."""


class BigInt:
    """An integer of any size; a JSON number within ±2^53, else a string of digits."""

    @staticmethod
    def parse_value(value: Any) -> int:
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        if isinstance(value, float) and value.is_integer() and abs(value) <= EXACT:
            return int(value)
        if isinstance(value, str) and _INTEGER.fullmatch(value):
            return int(value)
        raise GraphQLError(f"BigInt cannot represent value: {_show(value)}")

    @staticmethod
    def serialize(value: Any) -> int | str:
        number = BigInt.parse_value(value)
        return number if abs(number) <= EXACT else str(number)


class UUID:
    """A UUID in its hyphenated form; a `uuid.UUID` in Python."""

    @staticmethod
    def parse_value(value: Any) -> uuid.UUID:
        if isinstance(value, uuid.UUID):
            return value
        if isinstance(value, str) and len(value) == 36:
            try:
                return uuid.UUID(value)
            except ValueError:
                pass
        raise GraphQLError(f"UUID cannot represent value: {_show(value)}")

    @staticmethod
    def serialize(value: Any) -> str:
        return str(UUID.parse_value(value))


class UploadScalar:
    """A file that came with the request; JSON and documents have none."""

    @staticmethod
    def parse_value(value: Any) -> Upload:
        """Errors: GraphQLError for anything but a file."""
        if not isinstance(value, Upload):
            raise GraphQLError("Upload must be a file of a multipart request.")
        return value


BUILT_IN: dict[str, type] = {
    "DateTime": DateTime,
    "Upload": UploadScalar,
    "URL": URL,
    "JSON": JSON,
    "BigInt": BigInt,
    "UUID": UUID,
}


ScalarName = Literal["DateTime", "Upload", "URL", "JSON", "BigInt", "UUID"]
MEANINGS: dict[str, str] = {
    "DateTime": "RFC 3339 with a time zone, `2026-01-31T12:00:00Z`",
    "Upload": "a file of a multipart request",
    "URL": "an absolute URL",
    "JSON": "any JSON value, as it is",
    "BigInt": "an integer of any size; beyond 2^53 a string of digits",
    "UUID": "a UUID in its hyphenated form",
}
"""What each takes and gives, as `gateway check` tells it."""


MAX_INTEGER: int = 10**MAX_LENGTH
"""What has more digits, Python writes none of."""
MAX_DEPTH = 200
"""The encoder nests no deeper than 254 levels, the answer around a value included."""
_ALWAYS_JSON = frozenset({str, bool, type(None)})


def checked_output(name: str, serialize: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """`serialize` of a custom scalar, held to give JSON: else it is an error of the field, never of the answer.

    Errors: of the result: GraphQLError for NaN, infinities, integers of more than 4,300 digits, keys that are no
        strings, and objects that JSON does not have.
    """

    def serialize_checked(value: Any) -> Any:
        result = serialize(value)
        if type(result) is str or is_json(result):
            return result
        raise GraphQLError(f"{name} cannot represent value: {_show(value)}")

    checked: Any = serialize_checked
    checked.__wrapped__ = serialize  # who asks finds out whose semantics a scalar has
    return serialize_checked


def located_literal(parse: Callable[..., Any]) -> Callable[..., Any]:
    """`parse_literal` of a custom scalar, whose errors have the literal's place where they bring none of their own."""

    def parse_located(node: Any, *variables: Any, **options: Any) -> Any:
        try:
            return parse(node, *variables, **options)
        except GraphQLError as error:
            if error.nodes or error.locations:
                raise
            raise GraphQLError(
                error.message,
                node,
                original_error=error.original_error,
                extensions=error.extensions,
            ) from error

    return parse_located


def is_json(value: Any, depth: int = 0) -> bool:
    """Whether a value can be written as JSON as it is."""
    if value is None or isinstance(value, str | bool):
        return True
    if isinstance(value, int):
        return -MAX_INTEGER < value < MAX_INTEGER
    if isinstance(value, float):
        return isfinite(value)
    if depth >= MAX_DEPTH:
        return False
    if isinstance(value, dict):
        return all(isinstance(key, str) for key in value) and _are_json(value.values(), depth + 1)
    return isinstance(value, list | tuple) and _are_json(value, depth + 1)


def _are_json(values: Collection[Any], depth: int) -> bool:
    """Whether each of them `is_json`: values of one type are looked at together, in a quarter of the time."""
    types = set(map(type, values))
    if types <= _ALWAYS_JSON:
        return True
    if types == {int}:
        return bool(min(values) > -MAX_INTEGER and max(values) < MAX_INTEGER)
    if types == {float}:
        return all(map(isfinite, values))
    return all(is_json(value, depth) for value in values if type(value) not in _ALWAYS_JSON)


def _show(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:79] + "…"
