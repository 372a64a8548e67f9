"""From what a client sent to `GraphQLParams`: JSON and query strings, checked for their types. Pure: no I/O."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

import orjson

from gateway.errors import ClientError
from gateway.pipeline import GraphQLParams


def params_of_json(body: bytes) -> GraphQLParams:
    """A JSON body's parameters. Errors: ClientError(BAD_REQUEST) that names the member."""
    try:
        sent = orjson.loads(body)
    except (orjson.JSONDecodeError, RecursionError) as exc:
        raise ClientError(f"The body is not JSON: {exc}", code="BAD_REQUEST") from None
    if not isinstance(sent, dict):
        raise ClientError("The body must be a JSON object.", code="BAD_REQUEST")
    return checked_params(sent)


def params_of_query(query_string: bytes) -> GraphQLParams:
    """A query string's parameters. Errors: ClientError(BAD_REQUEST)."""
    try:
        sent: dict[str, Any] = dict(
            parse_qsl(query_string.decode("ascii"), errors="strict", max_num_fields=20)
        )
    except ValueError:
        raise ClientError("The query string is not readable.", code="BAD_REQUEST") from None
    for name in ("variables", "extensions"):
        if name in sent:
            try:
                sent[name] = orjson.loads(sent[name])
            except orjson.JSONDecodeError:
                raise ClientError(f"`{name}` is not JSON.", code="BAD_REQUEST") from None
    return checked_params(sent)


def checked_params(sent: dict[str, Any]) -> GraphQLParams:
    """The members of a request by their types. Errors: ClientError(BAD_REQUEST) that names the member."""
    query, name = sent.get("query"), sent.get("operationName")
    variables, extensions = sent.get("variables"), sent.get("extensions")
    if query is not None and not isinstance(query, str):
        raise ClientError("`query` must be a string.", code="BAD_REQUEST")
    if not query:
        raise ClientError("`query` is missing.", code="BAD_REQUEST")
    if name is not None and not isinstance(name, str):
        raise ClientError("`operationName` must be a string.", code="BAD_REQUEST")
    if variables is not None and not isinstance(variables, dict):
        raise ClientError("`variables` must be an object.", code="BAD_REQUEST")
    if extensions is not None and not isinstance(extensions, dict):
        raise ClientError("`extensions` must be an object.", code="BAD_REQUEST")
    return GraphQLParams(query, variables, name or None, extensions)
