"""What connections that stay open do when their principal ends: its token has expired, its key was taken back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from gateway.auth.authenticator import Authenticator
from gateway.auth.leases import Lease
from gateway.auth.principal import Principal
from gateway.errors import ClientError
from gateway.response.encoding import encode_request_error

REASON = "The token or key has ended: connect again with a fresh one."


def expired() -> ClientError:
    """What an operation ends with."""
    return ClientError(REASON, code="UNAUTHENTICATED")


def expired_body() -> bytes:
    """The same as an answer's bytes."""
    error = expired()
    return encode_request_error([{"message": error.message, "extensions": error.extensions}])


@contextmanager
def leased(authenticator: Authenticator | None, principal: Principal) -> Iterator[Lease | None]:
    """How long a principal is believed, for the time of a block; None where nothing ends it."""
    lease = authenticator.leases.grant(principal) if authenticator is not None else None
    try:
        yield lease
    finally:
        if authenticator is not None:
            authenticator.leases.release(lease)


@contextmanager
def ending(lease: Lease | None, end: Callable[[], Awaitable[None]]) -> Iterator[None]:
    """Run something when a lease ends within a block."""
    if lease is None:
        yield
        return

    async def watch() -> None:
        await lease.ended.wait()
        await end()

    task = asyncio.create_task(watch())
    try:
        yield
    finally:
        task.cancel()
