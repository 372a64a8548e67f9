"""Refused documents as they are kept: an error of its own for each request, and no more of it than a client reads."""

from __future__ import annotations

from typing import Any

from graphql import GraphQLError

from gateway.errors import ClientError, RequestError

MAX_LOCATIONS = 20
MAX_KEPT_LENGTH = 16_000
"""Characters of all messages: they are not counted in bytes as plans are."""


def is_for_now(error: ClientError | RequestError) -> bool:
    """Whether a refusal says nothing of the document: the same one may be sent again."""
    return isinstance(error, ClientError) and "retry-after" in error.headers


def is_kept(error: ClientError | RequestError) -> bool:
    """Whether a refusal is kept for those who send the same document: it is of the document, and short."""
    if is_for_now(error):
        return False
    errors = error.errors if isinstance(error, RequestError) else ()
    return sum(len(item.message) for item in errors) <= MAX_KEPT_LENGTH


def copied(error: ClientError | RequestError) -> ClientError | RequestError:
    """An error of its own for each request, without traceback and without the syntax tree."""
    if isinstance(error, ClientError):
        return ClientError(
            error.message,
            code=error.code,
            extensions=error.extensions,
            http_status=error.http_status,
            headers=error.headers,
        )
    return RequestError([_light(item) for item in error.errors], error.code)


def _light(error: GraphQLError) -> GraphQLError:
    cause: Any = error.original_error
    while isinstance(cause, GraphQLError) and cause.original_error is not None:
        cause = cause.original_error
    light = GraphQLError(
        error.message,
        path=error.path,
        extensions=error.extensions,
        original_error=copied(cause) if isinstance(cause, ClientError) else None,
    )
    light.locations = error.locations[:MAX_LOCATIONS] if error.locations else None
    return light
