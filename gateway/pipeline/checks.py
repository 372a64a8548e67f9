"""What a transport cannot carry, and the answer to an operation that is rejected outside of any field."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.error_codes import CODES
from gateway.errors import ClientError, RequestError
from gateway.execute.prepared import Prepared
from gateway.response.encoding import encode_request_error
from gateway.response.masking import ErrorMask
from gateway.response.record import Answer, OperationRecord


def check_whole(prepared: Prepared, *, has_streams: bool) -> None:
    """Errors: ClientError for what no answer in one piece can carry, with what to do instead.

    Args:
        prepared: The operation's plan.
        has_streams: Whether the server gives answers that go on: `subscription.enabled`.
    """
    if not (prepared.is_incremental or prepared.operation_type == "subscription"):
        return
    if not has_streams:
        raise ClientError(
            "The server answers in one piece only: subscription.enabled is false.",
            code="BAD_REQUEST",
        )
    if prepared.is_incremental:
        raise ClientError(
            "Accept multipart/mixed or text/event-stream for @defer and @stream.",
            code="NOT_ACCEPTABLE",
        )
    raise ClientError(
        "Accept text/event-stream or multipart/mixed;subscriptionSpec=1.0 for a subscription, "
        "or send it over a WebSocket (graphql-transport-ws).",
        code="BAD_REQUEST",
    )


def check_method(prepared: Prepared) -> None:
    """What GET does not carry. Errors: ClientError(METHOD_NOT_ALLOWED) for a mutation."""
    if prepared.operation_type == "mutation":
        raise ClientError(
            "Send mutations by POST.", code="METHOD_NOT_ALLOWED", headers={"allow": "POST"}
        )


def reject(mask: ErrorMask, error: Exception, record: OperationRecord) -> Answer:
    """The answer to a request that failed outside of any field."""
    headers: Sequence[tuple[str, str]] | None = None
    errors: Sequence[Exception] = [error]
    if isinstance(error, RequestError):
        code, status, errors = error.code, CODES[error.code].http_status or 400, error.errors
    elif isinstance(error, ClientError):
        code, status, headers = error.code, error.http_status, tuple(error.headers.items())
    else:
        code, status = "INTERNAL_SERVER_ERROR", 500
    formatted = mask.format_errors(errors, record, code)
    return Answer(encode_request_error(formatted), False, status, record, headers)
