"""The encoders: from a result to the bytes of a response. It executes nothing and knows no protocol."""

from __future__ import annotations

from typing import Any

import orjson
from graphql import ExecutionResult

from gateway.json_bytes import write_json
from gateway.response.masking import ErrorMask
from gateway.response.record import OperationRecord
from gateway.runtime.bounds import bytes_error
from gateway.runtime.verbatim import encode_struct


def encode_result(
    result: ExecutionResult,
    mask: ErrorMask,
    record: OperationRecord,
    extensions: dict[str, Any] | None = None,
) -> bytes:
    """The response to an execution as JSON; where it is too large, the error that says so."""
    errors = mask.format_errors(result.errors, record) if result.errors else None
    record.is_null = result.data is None
    if result.extensions:
        extensions = {**(extensions or {}), **result.extensions}
    body = encode_response(result.data, errors, extensions)
    if len(body) > mask.limits.max_bytes and result.data is not None:
        return encode_result(bytes_error(mask.limits).result(), mask, record)
    return body


def encode_response(
    data: Any, errors: list[dict[str, Any]] | None, extensions: dict[str, Any] | None = None
) -> bytes:
    """The whole response as JSON. Rows that are sent as they came are encoded in `runtime.verbatim`.

    Shape: `data` is what execution gave, dicts and lists; it is not walked here.
    """
    response: dict[str, Any] = {}
    if errors:
        response["errors"] = errors
    response["data"] = data
    if extensions:
        response["extensions"] = extensions
    return write_json(response, encode_struct)


def encode_members(response: dict[str, Any]) -> bytes:
    """A response, or a payload of one, by its members."""
    return write_json(response, encode_struct)


def encode_request_error(errors: list[dict[str, Any]]) -> bytes:
    """A request error as JSON: there is no `data` member, since nothing was executed."""
    return orjson.dumps({"errors": errors})
