"""Which headers a rule or a resolver may name, and what a header's value may be."""

from __future__ import annotations

import re
from collections.abc import Iterable

# A control character could end its header and begin another; beyond latin-1 a header has no bytes.
UNSAFE_VALUE = re.compile(r"[^\t\x20-\x7e\x80-\xff]")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")

# Of the connection or of the body as it is sent: never copied from one message to another.
UNSETTABLE = frozenset(
    [
        "connection",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "keep-alive",
        "proxy-connection",
        "expect",
        "content-length",
        "content-encoding",
        "accept-encoding",
    ]
)
# These describe the gateway's own request.
NOT_FROM_CLIENT = UNSETTABLE | {"content-type", "accept", "host"}
# These describe the gateway's own answer; which pages may read it is `[cors]`'s to say.
NOT_TO_CLIENT = UNSETTABLE | {
    "accept-ranges",
    "age",
    "content-range",
    "content-type",
    "date",
    "etag",
    "last-modified",
    "server",
    "x-request-id",
}
_OF_CORS = "access-control-"


def folded(name: str) -> str:
    """A header's name as CGI and what came of it (PHP, WSGI) tell it from others: `x_user` is `x-user` there."""
    return name.lower().replace("_", "-")


def connection_options(values: Iterable[str]) -> frozenset[str]:
    """The headers, lower-case, that a message's `Connection` names: they end with its connection. RFC 9110 §7.6.1"""
    return frozenset(part.strip().lower() for value in values for part in value.split(","))


def is_to_client(name: str) -> bool:
    """Whether an answer to a client may have a header, by its lower-case name, that the gateway does not make
    itself.
    """
    return name not in NOT_TO_CLIENT and not name.startswith(_OF_CORS)


def check_name(name: str) -> None:
    """The name of a header in a backend's request. Errors: ValueError."""
    if not _TOKEN.fullmatch(name):
        raise ValueError(f"`{name}` is not a header name")
    if name.lower() in UNSETTABLE:
        raise ValueError(f"the header {name} cannot be set")


def check_answer_name(name: str) -> None:
    """The name of a header in an answer to a client. Errors: ValueError."""
    check_name(name)
    if not is_to_client(name.lower()):
        raise ValueError(f"the header {name} of an answer is the gateway's own")


def check_value(value: str) -> None:
    """Errors: ValueError."""
    if UNSAFE_VALUE.search(value):
        raise ValueError("a header value cannot hold control characters, or any beyond latin-1")
