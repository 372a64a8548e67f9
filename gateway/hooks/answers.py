"""What hooks answer: a whole response in the place of an operation's, or something beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import orjson

from gateway.errors import BODILESS, check_status
from gateway.json_bytes import write_json
from gateway.response_headers import ResponseHeaders
from gateway.settings.headers import check_answer_name, check_value

_members_of = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class Response:
    """A whole response, which `@on_request` gives where nothing more is to be done.

    Args:
        status: Of HTTP.
        body: Bytes or text as they are; anything else as JSON. 204, 205 and 304 have none.
        headers: More of them. `content-type` is there by the kind of body.

    Errors: ValueError for a status or a header that no response can have, and for a body where the status has none.
    """

    __slots__ = ("body", "headers", "status")

    def __init__(
        self, status: int, body: Any = b"", headers: Mapping[str, str] | None = None
    ) -> None:
        if status in BODILESS and body is None:
            body = b""
        check_status(status, has_body=body not in (b"", ""))
        self.status = status
        kind = "application/json"
        if isinstance(body, bytes | str):
            kind = "text/plain; charset=utf-8"
            body = body if isinstance(body, bytes) else body.encode()
        else:
            body = write_json(body)
        self.body: bytes = body
        self.headers = {"content-type": kind, "cache-control": "no-store"}
        if status in BODILESS:
            del self.headers["content-type"]
        for name, value in (headers or {}).items():
            if name.lower() != "content-type":
                check_answer_name(name)
            check_value(value)
            self.headers[name.lower()] = value


@dataclass(frozen=True, slots=True)
class OperationResponse:
    """An operation's response, before it is sent. Hooks add to its headers and extensions; they replace none.

    Attributes:
        status: The HTTP status, under `application/graphql-response+json`.
        error_codes: `extensions.code` of each error, distinct.
        has_data: Whether something was executed.
        headers: More headers. A WebSocket or an event stream has none: there the log tells once what is dropped.
        extensions: Members that `extensions` gets.
    """

    status: int
    error_codes: Sequence[str]
    has_data: bool
    headers: ResponseHeaders = field(default_factory=ResponseHeaders)
    extensions: dict[str, Any] = field(default_factory=dict)


def with_members(
    body: bytes, extensions: Mapping[str, Any], errors: Sequence[Mapping[str, Any]] = ()
) -> bytes:
    """A response with more extensions and errors. What it has stays as it is written, each digit of it.

    Args:
        body: Of a response.
        extensions: Those of the same name take the place of its own.
        errors: Come after its own.
    """
    members = _members_of(body)
    found: dict[str, Any] = {}
    if errors or "errors" in members:
        own = bytes(members.pop("errors", msgspec.Raw(b"[]")))
        added = b",".join(orjson.dumps(error) for error in errors)
        comma = b"," if added and own.strip() != b"[]" else b""
        found["errors"] = msgspec.Raw(own.rstrip()[:-1] + comma + added + b"]")
    found.update(members)
    if extensions:
        inner: dict[str, Any] = dict(_members_of(found.get("extensions", b"{}")))
        inner.update({n: msgspec.Raw(write_json(value)) for n, value in extensions.items()})
        found["extensions"] = inner
    return msgspec.json.encode(found)
