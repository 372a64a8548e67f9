"""The tokens that one worker takes: where they stand in a request, and who they are of."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Mapping
from pathlib import Path

from gateway.auth.cookies import find_cookie
from gateway.auth.key_sets import KeySet, SignedBy
from gateway.auth.principal import Principal
from gateway.auth.refusals import bad_token
from gateway.auth.settings import JwtSettings
from gateway.auth.tokens import TokenError, UnknownKeyError, scopes_of, verified_claims

LATEST = 2**53


class TokenVerifier:
    """Verifies tokens, and remembers whom they are of.

    Args:
        settings: Which are taken.
        base: The folder that relative paths start from.
        withdrawn: Called when a key that was taken is not taken any more.

    Attributes:
        header: The name of the header that a token stands in, in small letters.
        prefix: What stands before it there, in small letters.
        key_sets: The issuers' keys.
        has_cookie: Whether a cookie may hold a token.
        known: Whom tokens are of that were verified before.
    """

    def __init__(
        self,
        settings: JwtSettings,
        base: Path,
        withdrawn: Callable[[], None] = lambda: None,
    ) -> None:
        self._settings = settings
        self._withdrawn = withdrawn
        self.header = settings.header_name.lower()
        self._cookie = settings.cookie
        self.has_cookie = settings.cookie is not None
        prefix = settings.header_value_prefix
        self.prefix = f"{prefix} ".lower() if prefix else ""
        self.known: dict[str, Principal] = {}
        self.key_sets = [
            KeySet(
                one,
                base,
                leeway_s=settings.leeway_s,
                require_expiry=settings.require_expiry,
                changed=self._forget,
            )
            for one in settings.jwks
        ]

    def token_of(self, headers: Mapping[str, str]) -> str | None:
        """The token of a request. Errors: UnauthenticatedError for a header that holds something else."""
        value = headers.get(self.header)
        if value is not None:
            length = len(self.prefix)
            if value[:length].lower() == self.prefix:
                return value[length:].strip()
            if not self._settings.ignore_other_prefixes and self._settings.on_error == "error":
                wanted = self._settings.header_value_prefix
                raise bad_token(f"the header {self.header} needs the form {wanted} TOKEN")
        return self.cookie_of(headers) if self.has_cookie else None

    def cookie_of(self, headers: Mapping[str, str]) -> str | None:
        """The token of a request's cookie."""
        if self._cookie is None or "cookie" not in headers:
            return None
        return find_cookie(headers["cookie"], self._cookie)

    def verify(self, token: str) -> Principal:
        """Who a token is of; it is remembered. Errors: UnknownKeyError, TokenError."""
        settings = self._settings
        if len(token) > settings.max_token_bytes:
            raise TokenError(f"it is longer than {settings.max_token_bytes} bytes")
        usable = [key_set for key_set in self.key_sets if key_set.is_usable]
        claims, issuer, key = verified_claims(token, [key_set.issuer for key_set in usable])
        key_set = next(one for one in usable if one.issuer is issuer)
        # A number of JSON may be larger than any float.
        expires = min(claims.get("exp", math.inf), LATEST) + settings.leeway_s
        client = claims.get("azp", claims.get("client_id"))
        principal = Principal(
            id=claims.get("sub"),
            kind="user",
            issuer=claims.get("iss"),
            scopes=scopes_of(claims, settings.scope_claims),
            claims=claims,
            client=client if isinstance(client, str) else None,
            expires=expires if expires < LATEST else math.inf,
            shown=(SignedBy(key_set, key),),
        )
        if len(self.known) >= settings.cache_entries:
            self.known.pop(next(iter(self.known)))
        self.known[token] = principal
        return principal

    async def verify_later(self, token: str, key_sets: list[KeySet], address: str) -> Principal:
        """The same when these key sets were fetched again. Errors: UnknownKeyError, TokenError."""
        await asyncio.gather(*(key_set.refresh_for_unknown(address) for key_set in key_sets))
        return self.verify(token)

    def as_header(self, token: str) -> str:
        """A token by itself, or after its prefix, as its header's value."""
        if token[: len(self.prefix)].lower() == self.prefix:
            return token
        return f"{self._settings.header_value_prefix} {token}".lstrip()

    def refreshable(self, why: ValueError, address: str) -> list[KeySet]:
        """The key sets that may be fetched again, where it was a key that is not known."""
        return [one for one in self._concerned(why) if one.may_refresh(address)]

    def lacks_keys(self, why: ValueError) -> bool:
        """Whether it was a key that is not known, and keys are missing."""
        return not all(key_set.is_usable for key_set in self._concerned(why))

    def _concerned(self, why: ValueError) -> list[KeySet]:
        """The key sets that may have a key that is not known: none for an algorithm that nobody takes."""
        if not isinstance(why, UnknownKeyError):
            return []
        return [one for one in self.key_sets if why.algorithm in one.settings.taken]

    @property
    def is_whole(self) -> bool:
        """Whether every key set can be used."""
        return all(key_set.is_usable for key_set in self.key_sets)

    async def open(self) -> None:
        """Fetch the key sets that are elsewhere, and watch those that are here."""
        await asyncio.gather(*(key_set.open() for key_set in self.key_sets))

    async def aclose(self) -> None:
        """Fetch and watch no more."""
        await asyncio.gather(*(key_set.aclose() for key_set in self.key_sets))

    def _forget(self) -> None:
        """A key is not taken any more, and neither is what it has signed."""
        self.known.clear()
        logging.getLogger("gateway.auth").info(
            "a key is not used any more: known tokens are verified anew"
        )
        self._withdrawn()
