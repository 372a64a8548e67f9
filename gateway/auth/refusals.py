"""What a request is answered of whose sender it is not known, and when that is nobody's fault but the gateway's."""

from __future__ import annotations

from typing import Literal

from gateway.errors import ClientError

INVALID = 'Bearer error="invalid_token"'
MISSING = "Bearer"
RETRY_AFTER_S = 5
Credential = Literal["token", "key", "none"]


class UnauthenticatedError(ClientError):
    """The answer to a request whose sender is not known.

    Args:
        message: What is wrong.
        credential: What it has shown.
        key: The id of the API key that it has shown: of one that is known, and whose secret it has.
    """

    def __init__(self, message: str, credential: Credential, key: str | None = None) -> None:
        challenge = MISSING if credential == "none" else INVALID
        super().__init__(message, code="UNAUTHENTICATED", headers={"www-authenticate": challenge})
        self.credential = credential
        self.key = key


def nobody() -> UnauthenticatedError:
    """The answer to whoever shows nothing where it has to."""
    return UnauthenticatedError("Authentication is required.", "none")


def bad_token(why: str) -> UnauthenticatedError:
    """The answer to a token that is not taken."""
    return UnauthenticatedError(f"The token is not accepted: {why}.", "token")


def bad_key(why: str, key: str | None = None) -> UnauthenticatedError:
    """The answer to an API key that is not taken."""
    return UnauthenticatedError(f"The API key is not accepted: {why}.", "key", key)


def unavailable(what: str) -> ClientError:
    """The answer while nothing can be verified: it is the gateway that lacks something, not the client."""
    return ClientError(what, code="UNAVAILABLE", retry_after_s=RETRY_AFTER_S)
