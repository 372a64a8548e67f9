"""Which error says what to the client, and which one is masked and logged: decided here and nowhere else.

It executes nothing and knows no protocol.
"""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Sequence
from typing import Any

from graphql import GraphQLError

from gateway.error_codes import CODES, fault_of
from gateway.errors import ClientError, MoreErrorsError, UpstreamError
from gateway.response.record import MAX_NOTED, OperationRecord
from gateway.runtime.bounds import UNLIMITED, ResultLimitError, ResultLimits
from gateway.runtime.spots import drop_frames
from gateway.telemetry.records import members

logger = logging.getLogger("gateway.errors")


NULL_ERROR = "Cannot return null for non-nullable field "


STREAM_ERROR = "initialCount must be a positive integer"


LIST_ERROR = "Expected Iterable, but did not find one for field "


_COERCION_ERROR = re.compile("(?:^|: )Expected value of type '[^']+', but encountered error '")


MAX_LOCATIONS = 20
"""One validation error can carry 10,000 nodes; what a person reads is the first few."""


class ErrorMask:
    """Turns errors into what the client may see, and logs what it may not.

    Args:
        enabled: False sends unexpected errors as they are; for development only.
        limits: How many errors an answer may have, and how large it may be.
    """

    def __init__(self, enabled: bool = True, limits: ResultLimits = UNLIMITED) -> None:
        self.enabled = enabled
        self.limits = limits

    def format_errors(
        self,
        errors: Sequence[Exception],
        record: OperationRecord,
        code: str | None = None,
        left: int | None = None,
    ) -> list[dict[str, Any]]:
        """Format errors for the answer: as many as it may have, then one that says how many more there are.

        What has to be logged of them is logged then, and they let go the frames that they came through: those hold
        what was sent, or answered, until a collection.

        Args:
            errors: Located errors of the execution, or request errors.
            record: Gets the codes and the ids.
            code: `extensions.code` of errors that bring none.
            left: How many the answer may still have, where it comes in several payloads.
        """
        most = self.limits.max_errors
        left = most if left is None else left
        shown = errors[:left]
        formatted = [self._format(error, record, code) for error in shown]
        if len(shown) < len(errors):
            more = MoreErrorsError(sum(map(_count, errors[left:])), most)
            formatted.append({"message": more.message, "extensions": more.extensions})
        for item in formatted:
            extensions = item.get("extensions", {})
            name = extensions.get("code", "GRAPHQL_EXECUTION_FAILED")
            record.blame(fault_of(name, extensions))
            if name not in record.error_codes and len(record.error_codes) < MAX_NOTED:
                record.error_codes.append(name)
        for error in errors:
            _let_go(error)
        return formatted

    def _format(
        self, error: Exception, record: OperationRecord, code: str | None
    ) -> dict[str, Any]:
        cause = original_error(error)
        bad_type = getattr(error, "bad_type", None) or getattr(cause, "bad_type", None)
        # In this order: an error made for clients, a failed backend, a value that does not fit its type, an error of
        # GraphQL itself, and any other exception, which is masked.
        if isinstance(cause, ClientError):
            message, extensions = cause.message, cause.extensions
            if isinstance(cause, ResultLimitError):
                logger.warning("%s", message, extra=members_of(error, record, cause.code))
        elif isinstance(cause, UpstreamError):
            message, extensions = cause.message, cause.extensions
            if not cause.is_logged:  # one failed call may null a field of a thousand objects
                cause.is_logged = True
                logger.warning(
                    "%s",
                    cause.detail or message,
                    extra=members_of(error, record, cause.code, source=cause.source),
                )
        elif bad_type is not None:
            message, extensions = self._bad_value(bad_type, cause, error, record)
        elif (
            isinstance(cause, GraphQLError)
            or _is_null_error(cause)
            or _is_stream_error(cause)
            or _is_coercion_error(error)
        ):
            # The outer error's words: those of a bad variable name it, the cause's do not.
            assert isinstance(error, GraphQLError)
            message, extensions = error.message, dict(error.extensions or {})
            if not isinstance(cause, GraphQLError | ValueError) and _is_coercion_error(error):
                # A fault of the scalar: what it says may be of its insides.
                extensions["errorId"] = self._log(cause, error, record, id(cause))
                if self.enabled:
                    message = message.replace(f", but encountered error '{cause}'", "")
            if code is None:
                code = _code_of_graphql(cause, error)
            if code is not None:
                extensions.setdefault("code", code)
            if code == "RESULT_COERCION_FAILED":
                self._log_null(error, record)
        else:
            message, extensions = self._masked(cause, error, record)
        result: dict[str, Any] = {"message": message}
        if isinstance(error, GraphQLError):
            if error.locations:
                places = error.locations[:MAX_LOCATIONS]
                result["locations"] = [{"line": p.line, "column": p.column} for p in places]
            if error.path is not None:
                result["path"] = error.path
        if extensions:
            result["extensions"] = extensions
        return result

    def _bad_value(
        self, type_name: str, cause: Exception, error: Exception, record: OperationRecord
    ) -> tuple[str, dict[str, Any]]:
        """What is said of a value that its type does not have: the reference's words hold the value."""
        assert isinstance(error, GraphQLError)
        name = error.nodes[0].name.value if error.nodes else "?"  # type: ignore[attr-defined]
        error_id = self._log(cause, error, record, (type_name, name))
        extensions = {"code": "RESULT_COERCION_FAILED", "errorId": error_id}
        masked = f"{type_name} cannot represent the value of field '{name}'."
        return (masked if self.enabled else error.message), extensions

    def _masked(
        self, cause: Exception, error: Exception, record: OperationRecord
    ) -> tuple[str, dict[str, Any]]:
        code = CODES["INTERNAL_SERVER_ERROR"]
        error_id = self._log(cause, error, record, id(cause))
        extensions = {"code": code.name, "errorId": error_id}
        return (code.message if self.enabled else str(cause) or type(cause).__name__), extensions

    def _log(self, cause: Exception, error: Exception, record: OperationRecord, key: Any) -> str:
        """Write an error to the log, once for all fields that it nulls, and give its id."""
        if record.masked is None:
            record.masked = {}
        if key in record.masked:
            return record.masked[key][1]
        error_id = secrets.token_hex(8)
        record.masked[key] = cause, error_id  # held, so that no other exception gets its `id`
        if len(record.error_ids) < MAX_NOTED:
            record.error_ids.append(error_id)
        code = "INTERNAL_SERVER_ERROR" if isinstance(key, int) else "RESULT_COERCION_FAILED"
        logger.error(
            "%s: %s",
            type(cause).__name__,
            cause,
            exc_info=cause,
            extra=members_of(error, record, code, error_id=error_id),
        )
        return error_id

    def _log_null(self, error: GraphQLError, record: OperationRecord) -> None:
        """Write that a resolver or backend gave no value where there has to be one, once for each field of a type."""
        if record.masked is None:
            record.masked = {}
        if error.message not in record.masked:
            record.masked[error.message] = error, ""
            logger.error(
                "%s", error.message, extra=members_of(error, record, "RESULT_COERCION_FAILED")
            )


def _let_go(error: Exception) -> None:
    """Take the frames from an error and from all that it was made of."""
    while isinstance(error, GraphQLError) and error.original_error is not None:
        error.__traceback__ = None
        error = error.original_error
    drop_frames(error)


def _count(error: Exception) -> int:
    """How many errors one stands for."""
    cause = original_error(error)
    return cause.count if isinstance(cause, MoreErrorsError) else 1


def _code_of_graphql(cause: Exception, error: Exception) -> str | None:
    """The code of what GraphQL itself says of a value; None of what a resolver may have raised."""
    is_of_list = isinstance(cause, GraphQLError) and cause.message.startswith(LIST_ERROR)
    if is_of_list or _is_null_error(cause):
        return "RESULT_COERCION_FAILED"
    is_of_client = _is_stream_error(cause) or _is_coercion_error(error)
    return "BAD_USER_INPUT" if is_of_client else None


def _is_null_error(cause: Exception) -> bool:
    """Whether this is GraphQL's own error of a null in a non-null position, a TypeError in graphql-core."""
    return type(cause) is TypeError and str(cause).startswith(NULL_ERROR)


def _is_stream_error(cause: Exception) -> bool:
    """Whether this is GraphQL's own error of a bad `@stream`, a ValueError in graphql-core."""
    return type(cause) is ValueError and str(cause) == STREAM_ERROR


def _is_coercion_error(error: Exception | None) -> bool:
    """Whether a scalar or enum refused what the client sent, by whatever exception: it says so in words for clients."""
    while isinstance(error, GraphQLError):
        if error.original_error is not None and _COERCION_ERROR.search(error.message):
            return True
        error = error.original_error
    return False


def original_error(error: Exception) -> Exception:
    """The error that a located GraphQLError was made of; itself when there is none."""
    while isinstance(error, GraphQLError) and error.original_error is not None:
        error = error.original_error
    return error


def members_of(
    error: Exception,
    record: OperationRecord,
    code: str,
    *,
    error_id: str | None = None,
    source: str | None = None,
) -> dict[str, object]:
    """What the line of an error says beside its message."""
    path = error.path if isinstance(error, GraphQLError) else None
    text = ".".join(str(part) for part in path) if path else None
    name = record.operation_name
    return members(operation_name=name, error_id=error_id, code=code, source=source, path=text)
