"""From the headers of a request to who sends it: tokens, API keys, or nobody in particular.

    absent             anonymous, or 401 where `authorization.require_authentication` says so
    present and good   a principal
    present and bad    401 with `WWW-Authenticate`, also where anonymous is allowed

A request with a token and a key is the token's user in the key's application: it may do what both may do.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.auth.api_keys import KeyEntry, entries_of, read_api_keys, split_key
from gateway.auth.cookies import find_cookie
from gateway.auth.lease import Lease
from gateway.auth.principal import ANONYMOUS, Principal, joint
from gateway.auth.refusals import MISSING, keys_are_missing, unauthenticated
from gateway.auth.settings import AuthenticationSettings, AuthorizationSettings
from gateway.auth.watched import WatchedFile
from gateway.errors import ConfigError

if TYPE_CHECKING:
    from gateway.auth.key_sets import KeySet

# Beyond what asyncio's timers take at once, a lease looks again.
LONGEST_TIMER_S = 86_400.0
LATEST = 2**53
Headers = Mapping[str, str]
Identify = Callable[[], Awaitable[Principal]]


class Authenticator:
    """Who asks, for one worker.

    Args:
        settings: Which tokens and keys are taken.
        authorization: Whether somebody has to be somebody.
        base: The folder that relative paths start from.
        clock: Unix time, seconds.

    Errors: ConfigError for a file of keys or a key set that is of no use.
    """

    def __init__(
        self,
        settings: AuthenticationSettings,
        authorization: AuthorizationSettings,
        base: Path,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._jwt, self._api_keys = settings.jwt, settings.api_keys
        self._is_required = authorization.require_authentication
        self._clock = clock
        self._token_header = self._jwt.header_name.lower() if self._jwt.jwks else None
        self._cookie = self._jwt.cookie if self._jwt.jwks else None
        prefix = self._jwt.header_value_prefix
        self._prefix = f"{prefix} ".lower() if prefix else ""
        self._key_header = self._api_keys.header_name.lower() if self._api_keys.file else None
        self._tokens: dict[str, Principal] = {}
        self._joints: dict[tuple[Principal, Principal], Principal] = {}
        self._keys: Mapping[str, KeyEntry] = {}
        self._known_keys: dict[str, KeyEntry] = {}  # by their text: never more than there are keys
        self._leases: set[Lease] = set()
        self._watched: WatchedFile | None = None
        self.key_sets: list[KeySet] = []
        if self._jwt.jwks:
            self._make_key_sets(base)
        if self._api_keys.file is not None:
            self._watched = WatchedFile(
                base / self._api_keys.file, self._take_keys, "the file of API keys"
            )
            self._loaded(self._watched.load, "authentication.api_keys.file")

    def _make_key_sets(self, base: Path) -> None:
        from gateway.auth.key_sets import (
            KeySet,
        )  # joserfc and cryptography, where they are used only

        for number, settings in enumerate(self._jwt.jwks):
            key_set = KeySet(
                settings,
                base,
                leeway_s=self._jwt.leeway_s,
                require_expiry=self._jwt.require_expiry,
                changed=self._forget_tokens,
            )
            self._loaded(key_set.load, f"authentication.jwt.jwks.{number}.file")
            self.key_sets.append(key_set)

    @staticmethod
    def _loaded(load: Callable[[], None], key: str) -> None:
        try:
            load()
        except (OSError, ValueError) as exc:
            raise ConfigError(str(exc), key=key) from exc

    @property
    def is_used(self) -> bool:
        """Whether anybody can be somebody."""
        return self._token_header is not None or self._key_header is not None or self._is_required

    @property
    def is_ready(self) -> bool:
        """Whether the server may say that it is, as far as keys matter."""
        return not self._jwt.wait_for_keys or all(one.is_usable for one in self.key_sets)

    async def open(self) -> None:
        """Fetch what is elsewhere, and watch what is here."""
        if self._watched is not None:
            self._watched.watch()
        await asyncio.gather(*(key_set.open() for key_set in self.key_sets))

    async def aclose(self) -> None:
        """Fetch and watch no more."""
        if self._watched is not None:
            await self._watched.stop()
        await asyncio.gather(*(key_set.aclose() for key_set in self.key_sets))

    # A request

    def authenticate(self, headers: Headers, address: str = "") -> Principal | Identify:
        """Who sends a request. For a token whose key may have been published just now, what finds that out.

        Args:
            headers: By lower-case name; repeated ones joined.
            address: Who sent it.

        Errors: ClientError(UNAUTHENTICATED) with `WWW-Authenticate`; ClientError(UNAVAILABLE) where keys are missing.
        """
        client: Principal | None = None
        if self._key_header is not None and (text := headers.get(self._key_header)) is not None:
            client = self._of_key(text, address)
        token = self._token(headers)
        if token is None:
            if client is None and self._is_required:
                raise unauthenticated("Authentication is required.", MISSING)
            return client or ANONYMOUS
        user = self._tokens.get(token)
        if user is not None and self._clock() < user.expires:
            return self._joined(user, client)
        return self._of_token(token, client)

    def of_connection(
        self, headers: Headers, params: Mapping[str, Any], address: str = ""
    ) -> tuple[Principal | Identify, dict[str, Any]]:
        """Who opens a WebSocket: by what it introduces itself with, else by its handshake.

        Shape: the second is what it introduced itself with, without what showed who it is.
        Errors: as of `authenticate`.
        """
        given: dict[str, str] = {}
        rest: dict[str, Any] = {}
        for name, value in params.items():
            lower = name.lower()
            if self._token_header is not None and lower in (self._token_header, "authtoken"):
                prefix = self._prefix if lower == "authtoken" else ""
                given[self._token_header] = f"{prefix}{value if isinstance(value, str) else ''}"
            elif self._key_header is not None and lower == self._key_header:
                given[self._key_header] = value if isinstance(value, str) else ""
            else:
                rest[name] = value
        return self.authenticate({**headers, **given} if given else headers, address), rest

    def _token(self, headers: Headers) -> str | None:
        """The token of a request. Errors: ClientError for a header that holds something else."""
        if self._token_header is None:
            return None
        value = headers.get(self._token_header)
        if value is not None:
            length = len(self._prefix)
            if value[:length].lower() == self._prefix:
                return value[length:].strip()
            if not self._jwt.ignore_other_prefixes and self._jwt.on_error == "error":
                wanted = self._jwt.header_value_prefix
                raise unauthenticated(
                    f"The header {self._token_header} needs the form {wanted} TOKEN."
                )
        if self._cookie is not None and "cookie" in headers:
            return find_cookie(headers["cookie"], self._cookie)
        return None

    def _of_token(self, token: str, client: Principal | None) -> Principal | Identify:
        from gateway.auth.tokens import UnknownKeyError

        try:
            return self._joined(self._verified(token), client)
        except UnknownKeyError as exc:
            may = [key_set for key_set in self.key_sets if key_set.may_refresh()]
            if may:
                return partial(self._after_refresh, token, client, may)
            if not all(key_set.is_usable for key_set in self.key_sets):
                raise keys_are_missing() from exc
            return self._refused(str(exc), client)
        except ValueError as exc:
            return self._refused(str(exc), client)

    async def _after_refresh(
        self, token: str, client: Principal | None, key_sets: list[Any]
    ) -> Principal:
        """Who sends a token that may be signed by a key that is not at hand."""
        await asyncio.gather(*(key_set.refresh_for_unknown() for key_set in key_sets))
        try:
            return self._joined(self._verified(token), client)
        except ValueError as exc:
            if not all(key_set.is_usable for key_set in self.key_sets):
                raise keys_are_missing() from exc
            return self._refused(str(exc), client)

    def _joined(self, user: Principal, client: Principal | None) -> Principal:
        """Who sends a token, and a key where there is one."""
        if client is None:
            return user
        known = self._joints.get((user, client))
        if known is None:
            known = self._joints[user, client] = joint(user, client)
            if len(self._joints) > self._jwt.cache_entries:
                del self._joints[next(iter(self._joints))]
        return known

    def _refused(self, why: str, client: Principal | None) -> Principal:
        """Errors: ClientError(UNAUTHENTICATED), but where `on_error` says to go on."""
        if self._jwt.on_error == "error":
            raise unauthenticated(f"The token is not accepted: {why}.")
        if client is None and self._is_required:
            raise unauthenticated("Authentication is required.", MISSING)
        return client or ANONYMOUS

    def _verified(self, token: str) -> Principal:
        """Who a token is of; it is remembered. Errors: TokenError."""
        from gateway.auth.tokens import TokenError, scopes_of, verified_claims

        if len(token) > self._jwt.max_token_bytes:
            raise TokenError(f"it is longer than {self._jwt.max_token_bytes} bytes")
        claims, _ = verified_claims(
            token, [key_set.issuer for key_set in self.key_sets if key_set.is_usable]
        )
        # A number of JSON may be larger than any float.
        expires = min(claims.get("exp", math.inf), LATEST) + self._jwt.leeway_s
        client = claims.get("azp", claims.get("client_id"))
        principal = Principal(
            id=claims.get("sub"),
            kind="user",
            issuer=claims.get("iss"),
            scopes=scopes_of(claims, self._jwt.scope_claims),
            claims=claims,
            client=client if isinstance(client, str) else None,
            expires=expires if expires < LATEST else math.inf,
        )
        if len(self._tokens) >= self._jwt.cache_entries:
            self._tokens.pop(next(iter(self._tokens)))
        self._tokens[token] = principal
        return principal

    def _of_key(self, text: str, address: str) -> Principal:
        """Who a key is of. Errors: ClientError(UNAUTHENTICATED)."""
        entry = self._known_keys.get(text)
        if entry is None:
            entry = self._find_key(text)
        # Whatever else is wrong is told to nobody who does not have the secret.
        problem = entry.problem(address, self._clock())
        if problem is not None:
            raise unauthenticated(f"The API key is not accepted: {problem}.")
        return entry.principal

    def _find_key(self, text: str) -> KeyEntry:
        """What is kept of a key; it is remembered until the file changes. Errors: ClientError(UNAUTHENTICATED)."""
        parts = split_key(text)
        if parts is None:
            raise unauthenticated("The API key is not accepted: it is not whole.")
        if (parts.prefix, parts.environment) != (self._api_keys.prefix, self._api_keys.environment):
            raise unauthenticated("The API key is not accepted: it is of another environment.")
        entry = self._keys.get(parts.id)
        if entry is None or not entry.fits(text):
            raise unauthenticated("The API key is not accepted: it is not known.")
        self._known_keys[text] = entry
        return entry

    # What ends

    def lease(self, principal: Principal) -> Lease | None:
        """For a connection that stays open; None for one that nothing ends. Give it back to `release`."""
        if principal.key is None and principal.expires == math.inf:
            return None
        lease = Lease(principal)
        self._leases.add(lease)
        self._arm(lease)
        return lease

    def release(self, lease: Lease | None) -> None:
        """It is not needed any more."""
        if lease is not None:
            self._leases.discard(lease)
            if lease.timer is not None:
                lease.timer.cancel()

    def _arm(self, lease: Lease) -> None:
        """End it in time."""
        left_s = lease.principal.expires - self._clock()
        if left_s <= 0:
            lease.ended.set()
        elif left_s != math.inf:
            loop = asyncio.get_running_loop()
            lease.timer = loop.call_later(min(left_s, LONGEST_TIMER_S), self._arm, lease)

    def _take_keys(self, text: bytes) -> None:
        """Use a new file of keys. Errors: ValueError, and the one before stays."""
        self._keys = entries_of(read_api_keys(text))
        self._known_keys = {}
        now = self._clock()
        for lease in list(self._leases):
            key = lease.principal.key
            if key is not None:
                entry = self._keys.get(key)
                if entry is None or entry.principal.expires <= now:
                    lease.ended.set()

    def _forget_tokens(self) -> None:
        """A key is not taken any more, and neither is what it has signed."""
        self._tokens.clear()
        self._joints.clear()
        logging.getLogger("gateway.auth").info(
            "a key was withdrawn: known tokens are verified anew"
        )
