"""What a request is answered of whose sender it is not known, and when that is nobody's fault but the gateway's."""

from __future__ import annotations

from gateway.errors import ClientError

INVALID = 'Bearer error="invalid_token"'
MISSING = "Bearer"
RETRY_AFTER_S = 5


def unauthenticated(message: str, challenge: str = INVALID) -> ClientError:
    """The answer to a request whose sender is not known."""
    return ClientError(message, code="UNAUTHENTICATED", headers={"www-authenticate": challenge})


def keys_are_missing() -> ClientError:
    """The answer while no token can be verified: it is the gateway that lacks something, not the client."""
    return ClientError(
        "Tokens cannot be verified now: the issuer's keys are not available.",
        code="UNAVAILABLE",
        retry_after_s=RETRY_AFTER_S,
    )
