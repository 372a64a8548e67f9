"""Settings of authentication that let more in than they seem to, or nobody: warnings of `gateway check`. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.auth.settings import AuthenticationSettings
from gateway.errors import Diagnostic


def find_risks(settings: AuthenticationSettings) -> list[Diagnostic]:
    """A warning for each."""
    return [
        Diagnostic(message, code="OpenAuthentication", hint=hint, severity="warning")
        for message, hint in _risks(settings)
    ]


def find_lockout() -> Diagnostic:
    """The warning where all have to show who they are, and nobody can."""
    return Diagnostic(
        "authorization.require_authentication is set, and nobody can show who it is: every request is answered with 401",
        code="NobodyIsKnown",
        hint="set [[authentication.jwt.jwks]] or [authentication.api_keys]",
        severity="warning",
    )


def _risks(settings: AuthenticationSettings) -> Iterator[tuple[str, str]]:
    jwt = settings.jwt
    for number, jwks in enumerate(jwt.jwks):
        key = f"authentication.jwt.jwks.{number}"
        if not jwks.issuers:
            yield (
                f"{key} names no issuers: whoever signs with its keys is believed",
                "set `issuers`",
            )
        if not jwks.audiences:
            yield (
                f"{key} names no audiences: a token that was made for another service is accepted",
                "set `audiences`",
            )
        if jwks.url is not None and jwks.url.startswith("http://"):
            yield f"{key} fetches keys without TLS: who stands between chooses them", "use https://"
    if jwt.jwks and jwt.on_error == "continue":
        yield (
            "authentication.jwt.on_error lets a bad token in as nobody in particular",
            'use "error", and answer those without a token',
        )
    if jwt.jwks and not jwt.require_expiry:
        yield "authentication.jwt accepts tokens that never end", "set `require_expiry`"
