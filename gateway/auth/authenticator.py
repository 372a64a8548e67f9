"""From the headers of a request to who sends it: tokens, API keys, or nobody in particular.

    absent             anonymous, or 401 where `authorization.require_authentication` says so
    present and good   a principal
    present and bad    401 with `WWW-Authenticate`, also where anonymous is allowed

A request with a token and a key is the token's user in the key's application: it may do what both may do.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.auth.api_keys import ApiKey
from gateway.auth.introduction import Headers, Identify, Introduction
from gateway.auth.key_ring import KeyChanges, KeyEntries, KeyRing
from gateway.auth.leases import Leases
from gateway.auth.principal import ANONYMOUS, Principal, joint
from gateway.auth.refusals import UnauthenticatedError, bad_token, nobody, unavailable
from gateway.auth.settings import AuthenticationSettings, AuthorizationSettings
from gateway.auth.watched import FilePlace, Place, Watched, told_as

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from gateway.auth.key_sets import KeySet
    from gateway.auth.token_verifier import TokenVerifier

AUTH_TOKEN = "authtoken"  # noqa: S105 - what clients call it in `connection_init`
NO_TOKENS = "Tokens cannot be verified now: the issuer's keys are not available."


class Authenticator:
    """Finds who each client is, for one worker.

    Args:
        settings: Which tokens and keys are taken.
        authorization: Whether a client has to be authenticated.
        base: The folder that relative paths start from.
        clock: Unix time, seconds.
        has_hooks: Whether hooks say who a client is, after it: then they say whether it has to be somebody.
        views: The names of the views that keys may have.
        quotas: The names of the policies that they may be under.

    Attributes:
        tokens: Verifies them; None where none are taken.
        leases: Of connections that stay open.
        refused: Called with each refusal, and the address that it came from.
        keys_changed: Called when there are other API keys than before.

    Errors: ConfigError for a file of keys or a key set that is of no use.
    """

    def __init__(
        self,
        settings: AuthenticationSettings,
        authorization: AuthorizationSettings,
        base: Path,
        clock: Callable[[], float] = time.time,
        *,
        has_hooks: bool = False,
        views: Collection[str] = (),
        quotas: Collection[str] = (),
    ) -> None:
        self._jwt, self._api_keys = settings.jwt, settings.api_keys
        self._has_hooks = has_hooks
        self._is_required = authorization.require_authentication and not has_hooks
        self.leases = Leases(clock, self._end_of)
        self.refused: Callable[[UnauthenticatedError, str], None] = lambda _error, _address: None
        self.keys_changed: Callable[[KeyChanges], None] = lambda _changes: None
        self.tokens = self._make_verifier(base) if self._jwt.jwks else None
        self._known_tokens = self.tokens.known if self.tokens is not None else {}
        self._has_cookie = self.tokens is not None and self.tokens.has_cookie
        self._joints: dict[tuple[Principal, Principal], Principal] = {}
        self._clock = clock
        self._ring = KeyRing(self._api_keys, clock)
        self._ring.views, self._ring.quotas = views, quotas
        self._key_header = self._api_keys.header_name.lower() if self._api_keys.is_used else None
        self.keys: Watched[KeyEntries] | None = None
        if self._api_keys.file is not None:
            place = FilePlace(base / self._api_keys.file)
            self.keys = keys = self._watched(place, "the file of API keys")
            with told_as("authentication.api_keys.file"):
                keys.take(place.version_now())

    def _make_verifier(self, base: Path) -> TokenVerifier:
        # joserfc and cryptography, where they are used only
        from gateway.auth.token_verifier import TokenVerifier

        verifier = TokenVerifier(self._jwt, base, self.leases.look_again)
        for number, key_set in enumerate(verifier.key_sets):
            with told_as(f"authentication.jwt.jwks.{number}.file"):
                key_set.load()
        return verifier

    def _watched(self, place: Place, what: str) -> Watched[KeyEntries]:
        return Watched(place, self._ring.parse, self._use_keys, what)

    def _use_keys(self, entries: KeyEntries) -> None:
        """Know these keys, and end what was begun with those that are over."""
        changes = self._ring.use(entries)
        if any(changes):
            self.keys_changed(changes)
        self.leases.look_again()

    def _end_of(self, principal: Principal) -> float:
        """When a principal ends, by the keys that are known now."""
        ends = [principal.expires]
        for shown in principal.shown:
            if isinstance(shown, ApiKey):
                ends.append(self._ring.end_of(shown))
            elif not shown.is_taken:
                ends.append(0.0)
        return min(ends)

    def api_keys(self) -> list[ApiKey]:
        """The API keys that are known, of all clients."""
        return self._ring.keys()

    def know_views(self, names: Collection[str]) -> None:
        """The views that there are from now on, which keys may name."""
        self._ring.views = names

    @property
    def is_used(self) -> bool:
        """Whether anybody can be somebody."""
        takes_any = self.tokens is not None or self._key_header is not None
        return takes_any or self._is_required or self._has_hooks

    @property
    def is_ready(self) -> bool:
        """Whether the server may say that it is, as far as keys matter."""
        waits = self._jwt.wait_for_keys and self.tokens is not None and not self.tokens.is_whole
        return not waits and (self._ring.is_known or not self._api_keys.wait_for_keys)

    def ages(self) -> Iterator[tuple[str, float]]:
        """How old what is known of keys may be: each store's name, and seconds."""
        if self.keys is not None:
            yield "api_keys", self.keys.age_s
        for number, key_set in enumerate(self.tokens.key_sets if self.tokens is not None else ()):
            yield f"jwks.{number}", key_set.age_s

    async def open(self, redis: Redis | None = None, prefix: str = "") -> None:
        """Fetch what is elsewhere, and watch what is here.

        Args:
            redis: Where API keys are, if they are there.
            prefix: What names begin with there.
        """
        if self._api_keys.kind == "redis":
            from gateway.auth.redis_keys import RedisPlace

            assert redis is not None
            place = RedisPlace(redis, prefix)
            self.keys = self._watched(place, "the store of API keys in Redis")
            await self.keys.look()
        if self.keys is not None:
            self.keys.watch()
        if self.tokens is not None:
            await self.tokens.open()

    async def aclose(self) -> None:
        """Fetch and watch no more."""
        if self.keys is not None:
            await self.keys.stop()
        if self.tokens is not None:
            await self.tokens.aclose()

    # A request

    def authenticate(self, headers: Headers, address: str = "") -> Principal | Identify:
        """Who sends a request. For a token whose key may have been published just now, what finds that out.

        Args:
            headers: By lower-case name; repeated ones joined.
            address: Who sent it.

        Errors: UnauthenticatedError with `WWW-Authenticate`; ClientError(UNAVAILABLE) where keys are missing.
        """
        client: Principal | None = None
        try:
            if self._key_header is not None and (text := headers.get(self._key_header)) is not None:
                client = self._ring.principal_of(text, address)
            token = self.tokens.token_of(headers) if self.tokens is not None else None
            if token is None:
                if client is None and self._is_required:
                    raise nobody()
                return client or ANONYMOUS
            if self._has_cookie and (later := self._other(token, headers, address)) is not None:
                return later
            user = self._known_tokens.get(token)
            if user is not None and self._clock() < user.expires:
                return self._joined(user, client)
            return self._of_token(token, client, address)
        except UnauthenticatedError as exc:
            self.refused(exc, address)
            raise

    def of_connection(
        self, headers: Headers, params: Mapping[str, Any], address: str = ""
    ) -> Introduction:
        """Who opens a WebSocket: by what it introduces itself with, else by its handshake.

        Errors: as of `authenticate`.
        """
        given: dict[str, str] = {}
        rest: dict[str, Any] = {}
        header = self.tokens.header if self.tokens is not None else None
        for name, value in params.items():
            lower = name.lower()
            if lower not in ((header, AUTH_TOKEN) if header else ()) and lower != self._key_header:
                rest[name] = value
            elif value is not None:  # nobody is logged in
                text = value if isinstance(value, str) else ""
                if lower == AUTH_TOKEN and self.tokens is not None:
                    lower, text = self.tokens.header, self.tokens.as_header(text)
                given[lower] = text
        whole = {**headers, **given} if given else headers
        return Introduction(self.authenticate(whole, address), whole, frozenset(given), rest)

    def _other(self, token: str, headers: Headers, address: str) -> Identify | None:
        """Verify the cookie's token beside the header's: what a backend may be passed on is good, or refused.

        Errors: as of `authenticate`.
        """
        assert self.tokens is not None
        other = self.tokens.cookie_of(headers)
        if other is None or other == token or self._jwt.on_error == "continue":
            return None
        known = self._known_tokens.get(other)
        if known is not None and self._clock() < known.expires:
            return None
        found = self._of_token(other, None, address)
        return (
            None if isinstance(found, Principal) else partial(self._after, found, headers, address)
        )

    async def _after(self, other: Identify, headers: Headers, address: str) -> Principal:
        await other()
        found = self.authenticate(headers, address)
        return found if isinstance(found, Principal) else await found()

    def _of_token(self, token: str, client: Principal | None, address: str) -> Principal | Identify:
        """Who a token is of that is not remembered. Errors: as of `authenticate`."""
        assert self.tokens is not None
        try:
            return self._joined(self.tokens.verify(token), client)
        except ValueError as exc:
            may = self.tokens.refreshable(exc, address)
            if may:
                return partial(self._after_refresh, token, client, address, may)
            return self._not_taken(exc, client)

    async def _after_refresh(
        self, token: str, client: Principal | None, address: str, key_sets: list[KeySet]
    ) -> Principal:
        """Who sends a token that may be signed by a key that is not at hand."""
        assert self.tokens is not None
        try:
            return self._joined(await self.tokens.verify_later(token, key_sets, address), client)
        except ValueError as exc:
            try:
                return self._not_taken(exc, client)
            except UnauthenticatedError as refusal:
                self.refused(refusal, address)
                raise

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

    def _not_taken(self, why: ValueError, client: Principal | None) -> Principal:
        """Errors: as of `authenticate`, but where `on_error` says to go on."""
        assert self.tokens is not None
        if self.tokens.lacks_keys(why):
            raise unavailable(NO_TOKENS) from why
        if self._jwt.on_error == "error":
            raise bad_token(str(why)) from why
        if client is None and self._is_required:
            raise nobody()
        return client or ANONYMOUS
