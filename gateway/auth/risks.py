"""Settings of authentication that let more in than they seem to, or nobody: warnings of `gateway check`. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.auth.settings import ApiKeySettings, AuthenticationSettings, JwtSettings
from gateway.errors import Diagnostic


def find_risks(settings: AuthenticationSettings) -> list[Diagnostic]:
    """A warning for each."""
    return [
        Diagnostic(message, code="OpenAuthentication", hint=hint, severity="warning")
        for message, hint in _risks(settings)
    ]


def find_lockouts(settings: AuthenticationSettings, *, is_locked: bool) -> list[Diagnostic]:
    """A warning for each way in that is closed.

    Args:
        settings: How clients prove who they are.
        is_locked: Whether all have to, and nobody can.
    """
    return [
        Diagnostic(message, code="NobodyIsKnown", hint=hint, severity="warning")
        for message, hint in _lockouts(settings, is_locked=is_locked)
    ]


def _lockouts(settings: AuthenticationSettings, *, is_locked: bool) -> Iterator[tuple[str, str]]:
    if is_locked:
        yield (
            "authorization.require_authentication is set, and nobody can show who it is: every request is answered with 401",
            "set [[authentication.jwt.jwks]] or [authentication.api_keys]",
        )
    if not settings.jwt.jwks and settings.jwt != JwtSettings():
        yield (
            "authentication.jwt says how tokens are read, and no key by which one is believed: tokens are not looked at",
            "set [[authentication.jwt.jwks]]",
        )
    if not settings.api_keys.is_used and settings.api_keys != ApiKeySettings():
        yield (
            "authentication.api_keys says how keys are read, and not where they are kept: keys are not looked at",
            'set `file`, or kind = "redis"',
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
