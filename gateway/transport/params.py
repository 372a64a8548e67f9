"""From what a client sent to `GraphQLParams`: JSON and query strings, checked for their types. Pure: no I/O."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

import orjson

from gateway.errors import ClientError
from gateway.pipeline import GraphQLParams


class MalformedRequestError(ClientError):
    """JSON, but not the parameters of a GraphQL request."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code="BAD_REQUEST")


def params_of_json(body: bytes) -> GraphQLParams | list[GraphQLParams]:
    """A JSON body's parameters; several when it is an array.

    Errors: ClientError(BAD_REQUEST), MalformedRequestError that names the member.
    """
    try:
        sent = orjson.loads(body)
    except (orjson.JSONDecodeError, RecursionError) as exc:
        raise ClientError(f"The body is not JSON: {exc}", code="BAD_REQUEST") from None
    if isinstance(sent, dict):
        return checked_params(sent)
    if isinstance(sent, list) and all(isinstance(item, dict) for item in sent):
        return [checked_params(item) for item in sent]
    raise MalformedRequestError("The body must be a JSON object.")


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
    """The members of a request by their types. Errors: MalformedRequestError that names the member."""
    query, name = sent.get("query"), sent.get("operationName")
    variables, extensions = sent.get("variables"), sent.get("extensions")
    if query is not None and not isinstance(query, str):
        raise MalformedRequestError("`query` must be a string.")
    if not query:
        raise MalformedRequestError("`query` is missing.")
    if name is not None and not isinstance(name, str):
        raise MalformedRequestError("`operationName` must be a string.")
    if variables is not None and not isinstance(variables, dict):
        raise MalformedRequestError("`variables` must be an object.")
    if extensions is not None and not isinstance(extensions, dict):
        raise MalformedRequestError("`extensions` must be an object.")
    return GraphQLParams(query, variables, name or None, extensions)
