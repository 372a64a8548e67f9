"""Whether an attempt is worth another, and how long to wait before that one.

It must not wait, count or call: it looks at the settings, the request and how the attempt ended.
"""

from __future__ import annotations

from collections.abc import Callable
from email.utils import parsedate_to_datetime
from time import time

from gateway.errors import UpstreamError
from gateway.upstream.content import UNREADABLE
from gateway.upstream.policy.call import Answer
from gateway.upstream.settings import RetrySettings
from gateway.upstream.transport import UpstreamRequest, header_value

# They say nothing about a backend's health, and asking again would not help.
NOT_HEALTH = frozenset(
    {
        "RESPONSE_TOO_LARGE",
        "UPSTREAM_OVERLOADED",
        "CIRCUIT_BREAKER_OPEN",
        "INVALID_REQUEST_VALUE",
        UNREADABLE,
    }
)


def is_of_health(error: UpstreamError) -> bool:
    """Whether an error says something of the backend's health: the breaker learns from it."""
    return error.is_of_source and error.code not in NOT_HEALTH


def wait_before_next_s(
    retry: RetrySettings,
    attempt: int,
    request: UpstreamRequest,
    answer: Answer | None,
    error: UpstreamError | None,
    rng: Callable[[], float],
) -> float | None:
    """How long to wait before the next attempt, seconds; None when there is none.

    Args:
        retry: The source's settings.
        attempt: Which one has ended, from 1.
        request: What it sent.
        answer, error: How it ended, one of them.
        rng: Chance, from 0 to 1.
    """
    if not retry.enabled or attempt >= retry.max_attempts:
        return None
    if not isinstance(request.body, bytes | None):
        return None  # a stream cannot be sent twice
    if error is not None and not is_of_health(error):
        return None
    if not request.is_read and (error is None or error.was_sent):
        return None
    most_s: float = min(retry.max_backoff_s, retry.base_backoff_s * 2 ** (attempt - 1))
    wait_s = rng() * most_s
    return max(wait_s, retry_after_s(answer) if answer else 0.0)


def retry_after_s(answer: Answer) -> float:
    """What `Retry-After` asks for, seconds; 0 without a readable one."""
    text = header_value(answer.headers, "retry-after")
    if text is None:
        return 0.0
    text = text.strip()
    if text.isascii() and text.isdigit():  # RFC 9110 §10.2.3; however many digits
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time())
    except (ValueError, TypeError, IndexError, OverflowError):  # whatever the text makes of it
        return 0.0
