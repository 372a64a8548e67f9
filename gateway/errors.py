"""The error tree: what may reach a client, and as what. `error_codes` has the table of codes.

    GatewayError
    ├── ClientError     safe to send: made from the client's own data, or by a resolver's author on purpose
    ├── UpstreamError   a backend failed: sent as a fixed message and code, the cause goes to the log
    ├── RequestError    a document or variables that cannot be executed: GraphQL's own errors
    ├── InternalError   a fault of ours: never sent; logged with the plan's source
    └── ConfigError     at start only: key, value, file and line, and what was expected

Foreign exceptions become these where they were raised. `response.masking` formats and logs them: nothing here does.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from graphql import GraphQLError
from gateway.error_codes import CODES

BODILESS: Final = frozenset((204, 205, 304))
"""Responses that end with their head: what stands behind it is taken for the next one. RFC 9112 §6.3"""


def check_status(status: int, *, has_body: bool = True) -> None:
    """Errors: ValueError for a status that no final response has, or none with a body."""
    if not isinstance(status, int) or not 200 <= status <= 599:
        raise ValueError(f"{status} is no status of a response: 200 to 599")
    if has_body and status in BODILESS:
        raise ValueError(f"a response with status {status} has no body")


class GatewayError(Exception):
    """Root of every error that the gateway raises on purpose."""


class ClientError(GatewayError):
    """An error whose message and extensions go to the client as they are.

    Args:
        message: Sent. Says what is wrong, where, and what to do.
        code: `extensions.code`; any string, the table's names by habit.
        extensions: More members of `extensions`.
        http_status: Status when it ends the whole request; the table's by default.
        retry_after_s: When the client may send it again, seconds: the header `Retry-After`.
        headers: Of the response when it ends the whole request, names in lower case.

    Errors: ValueError for a status that no answer with a body can have.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str = "BAD_USER_INPUT",
        extensions: Mapping[str, Any] | None = None,
        http_status: int | None = None,
        retry_after_s: float | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.headers = dict(headers or {})
        if retry_after_s is not None:
            self.headers["retry-after"] = str(math.ceil(retry_after_s))
        # graphql-core copies this attribute to the located error.
        self.extensions: dict[str, Any] = {**(extensions or {}), "code": code}
        known = CODES.get(code)
        if http_status is not None:
            check_status(http_status)
        self.http_status = http_status or (known.http_status if known else None) or 400


class MoreErrorsError(ClientError):
    """Stands at the end of an answer's errors for those that are not shown.

    Args:
        count: How many more there are.
        most: `errors.max_errors`.
    """

    def __init__(self, count: int, most: int) -> None:
        self.count = count
        super().__init__(
            f"{count} more errors are not shown: errors.max_errors is {most}.",
            code="TOO_MANY_ERRORS",
            extensions={"count": count},
        )


class UpstreamError(GatewayError):
    """A backend failed. The client sees the code's message (or the connector's own), code and source.

    Args:
        code: A name in `CODES`.
        source: The source's name; None for a connector without one.
        detail: For the log only: what happened, with host, errno, first bytes.
        message: Sent in place of the code's fixed message (a connector's `errors.message`).
        extensions: Sent beside code and source (a connector's `errors.extensions`, `http.status`).
        was_sent: Whether the backend may have seen the request; what it has not may be sent again.

    Attributes:
        sends: How often one attempt has sent it: twice where a kept-alive connection was closed under it.
        received_bytes: What has come of its answer all the same.
        is_of_source: Whether it is the backend's; else a hook's, and asking again would not help.
    """

    is_of_source = True

    def __init__(
        self,
        code: str,
        *,
        source: str | None,
        detail: str = "",
        message: str | None = None,
        extensions: Mapping[str, Any] | None = None,
        was_sent: bool = True,
    ) -> None:
        super().__init__(message if message is not None else CODES[code].message)
        self.was_sent = was_sent
        self.sends = 1
        self.received_bytes = 0
        self.message = str(self)
        self.code = code
        self.source = source
        self.detail = detail
        self.is_logged = False
        self.extensions: dict[str, Any] = {"code": code, **({"source": source} if source else {})}
        self.extensions.update(extensions or {})


class RequestError(GatewayError):
    """A document, operation name or variables that cannot be executed: nothing runs.

    Args:
        errors: GraphQL's own errors, with their locations.
        code: `extensions.code` for those that bring none.
    """

    def __init__(self, errors: Sequence[GraphQLError], code: str) -> None:
        super().__init__(errors[0].message)
        self.errors = errors
        self.code = code


class InternalError(GatewayError):
    """A fault of the gateway: masked for the client, logged whole."""


class ConfigError(GatewayError):
    """Configuration, SDL or resolvers that cannot be served. Ends the start with exit code 2.

    Args:
        problem: What is wrong and what was expected, in one sentence.
        key: The configuration key or schema coordinate.
        file: The file's path as the user gave it.
        line: 1-based; None where there is none.
        column: 1-based; None where there is none.
        hint: What to do, often a suggestion of the name that was meant.

    Attributes:
        others: What else is wrong, where several things were found at once.
    """

    others: tuple[ConfigError, ...] = ()

    def __init__(
        self,
        problem: str,
        *,
        key: str | None = None,
        file: str | None = None,
        line: int | None = None,
        column: int | None = None,
        hint: str | None = None,
    ) -> None:
        self.problem = problem
        self.key = key
        self.file = file
        self.line = line
        self.column = column
        self.hint = hint
        super().__init__(self.render())

    def render(self) -> str:
        """The one line that a person reads: `file:line:column: key: problem (hint)`."""
        where = ":".join(str(part) for part in (self.file, self.line, self.column) if part)
        text = ": ".join(part for part in (where, self.key, self.problem) if part)
        return f"{text} ({self.hint})" if self.hint else text


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding of a check of configuration, SDL, connectors or resolvers.

    Attributes:
        message: What is wrong, in one sentence.
        code: The check's name, `SelectedFieldNotFound`; "" where it has none.
        file, line, column: Where, 1-based; None where there is no place.
        hint: What to do, often the name that was meant.
        severity: "error" stops the start; "warning" does not; a "note" says what is so.
    """

    message: str
    code: str = ""
    file: str | None = None
    line: int | None = None
    column: int | None = None
    hint: str | None = None
    severity: str = "error"

    def render(self) -> str:
        """The line that a person reads: `file:line:column: severity: message [code] (hint)`."""
        where = ":".join(str(part) for part in (self.file, self.line, self.column) if part)
        text = f"{self.severity}: {self.message}" + (f" [{self.code}]" if self.code else "")
        return (f"{where}: " if where else "") + text + (f" ({self.hint})" if self.hint else "")
