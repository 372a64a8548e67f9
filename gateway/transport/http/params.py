"""From what a client sent to `GraphQLParams`: JSON and query strings, checked for their types. Pure: no I/O."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from gateway.errors import ClientError
from gateway.json_bytes import NotJSONError, read_strictly
from gateway.pipeline.operation import GraphQLParams


class MalformedRequestError(ClientError):
    """JSON, but not the parameters of a GraphQL request."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code="BAD_REQUEST")


def params_of_json(
    body: bytes, document_id: str | None = None
) -> GraphQLParams | list[GraphQLParams]:
    """A JSON body's parameters; several when it is an array.

    Args:
        body: As sent.
        document_id: From the URL.

    Errors: ClientError(BAD_REQUEST), MalformedRequestError that names the member.
    """
    try:
        sent = read_strictly(body)
    except NotJSONError as exc:
        raise ClientError(f"The body is not JSON: {exc}", code="BAD_REQUEST") from None
    if document_id is None and isinstance(sent, dict):
        return checked_params(sent)
    return params_of(sent, document_id)


def params_of(sent: Any, document_id: str | None) -> GraphQLParams | list[GraphQLParams]:
    """The parameters in decoded JSON. Errors: MalformedRequestError."""
    if isinstance(sent, dict):
        return checked_params(named(sent, document_id))
    if isinstance(sent, list) and all(isinstance(item, dict) for item in sent):
        return [checked_params(item) for item in sent]
    raise MalformedRequestError("The body must be a JSON object.")


def params_of_query(query_string: bytes, document_id: str | None = None) -> GraphQLParams:
    """A query string's parameters. Errors: ClientError(BAD_REQUEST)."""
    try:
        sent: dict[str, Any] = dict(
            parse_qsl(query_string.decode("ascii"), errors="strict", max_num_fields=20)
        )
    except ValueError:
        raise ClientError("The query string cannot be parsed.", code="BAD_REQUEST") from None
    for name in ("variables", "extensions"):
        if name in sent:
            try:
                sent[name] = read_strictly(sent[name])
            except NotJSONError:
                raise ClientError(f"`{name}` is not JSON.", code="BAD_REQUEST") from None
    return checked_params(named(sent, document_id))


def named(sent: dict[str, Any], document_id: str | None) -> dict[str, Any]:
    """A request with the id that its URL has. Errors: MalformedRequestError when it has another itself."""
    if document_id is not None and sent.setdefault("documentId", document_id) != document_id:
        raise MalformedRequestError("`documentId` is not the one of the URL.")
    return sent


def checked_params(sent: dict[str, Any]) -> GraphQLParams:
    """The members of a request by their types. Errors: MalformedRequestError that names the member."""
    query, name = sent.get("query"), sent.get("operationName")
    variables, extensions = sent.get("variables"), sent.get("extensions")
    document_id = sent.get("documentId")
    if query is not None and not isinstance(query, str):
        raise MalformedRequestError("`query` must be a string.")
    if document_id is not None and (not isinstance(document_id, str) or not document_id):
        raise MalformedRequestError("`documentId` must be a string.")
    if name is not None and not isinstance(name, str):
        raise MalformedRequestError("`operationName` must be a string.")
    if variables is not None and not isinstance(variables, dict):
        raise MalformedRequestError("`variables` must be an object.")
    if extensions is not None and not isinstance(extensions, dict):
        raise MalformedRequestError("`extensions` must be an object.")
    if not query and document_id is None and not (extensions and "persistedQuery" in extensions):
        raise MalformedRequestError("`query` is missing.")
    return GraphQLParams(query, variables, name or None, extensions, document_id)
