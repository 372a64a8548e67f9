"""The key sets of issuers: fetched in the background, the last good one kept while their place does not answer.

Requests read what is at hand. One whose key is not known waits, for a bounded time, for a fetch that all such
requests share and of which there are few.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import httpx
import orjson
from joserfc.jwk import Key

from gateway.auth.settings import JwksSettings
from gateway.auth.tokens import MAX_CANDIDATES, Issuer, issuer_of, read_keys, read_secret
from gateway.auth.watched import FilePlace, Watched

NO_KEYS = "it has no key that verifies signatures"
MAX_BYTES = 1_000_000
FIRST_RETRY_S, LONGEST_RETRY_S = 1.0, 30.0
_random = random.Random()  # noqa: S311 - it spreads fetches


class SignedBy(NamedTuple):
    """The key that a token was verified by.

    Attributes:
        key_set: Where it is from.
        key: Which.
    """

    key_set: KeySet
    key: Key

    @property
    def is_taken(self) -> bool:
        """Whether it is among the keys that are used now."""
        keys = self.key_set.issuer.keys if self.key_set.is_usable else ()
        return any(key is self.key for key in keys)


class KeySet:
    """The keys of one issuer.

    Args:
        settings: Where they are.
        base: The folder that relative paths start from.
        leeway_s: Of the claims.
        require_expiry: Of the claims.
        changed: Called when a key that was taken is not taken any more.
        clock: Seconds.

    Attributes:
        issuer: What tokens are verified by.
        fetches: How often its place was asked.
    """

    def __init__(
        self,
        settings: JwksSettings,
        base: Path,
        *,
        leeway_s: float,
        require_expiry: bool,
        changed: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.settings = settings
        self.fetches = 0
        self._leeway_s = leeway_s
        self._require_expiry = require_expiry
        self._changed = changed
        self._clock = clock
        self._made_at = clock()
        self._fetched_at: float | None = None
        self._known: dict[tuple[str, str | None, str | None], Key] = {}
        self._extra: list[tuple[float, str]] = []  # when unknown keys led to a fetch, and whose
        self._refreshing: asyncio.Task[bool] | None = None
        self._polling: asyncio.Task[None] | None = None
        self._client: httpx.AsyncClient | None = None
        self._place: FilePlace | None = None
        self._file: Watched[list[Key]] | None = None
        self.issuer = self._issuer([])
        if settings.secret is not None:
            self.issuer = self._issuer([read_secret(settings.secret)])
        elif settings.file is not None:
            self._place = FilePlace(base / settings.file)
            what = f"the key set {settings.file}"
            self._file = Watched(self._place, self.parse, self.use, what)

    def __repr__(self) -> str:
        return f"<KeySet {self.settings.place} {len(self.issuer.keys)} keys>"

    @property
    def is_usable(self) -> bool:
        """Whether it has keys that are young enough to be believed."""
        if self.settings.url is None:
            return True
        at = self._fetched_at
        return at is not None and self._clock() - at <= self.settings.max_age_s

    @property
    def age_s(self) -> float:
        """Since when its keys may be old: seconds since they were known to be the newest."""
        if self._file is not None:
            return self._file.age_s
        return (
            0.0
            if self.settings.url is None
            else self._clock() - (self._fetched_at or self._made_at)
        )

    def load(self) -> None:
        """Read the file, where it is one. Errors: PlaceError, ValueError."""
        if self._file is not None and self._place is not None:
            self._file.take(self._place.version_now())
            if not self.issuer.keys:
                raise ValueError(NO_KEYS)

    async def open(self) -> None:
        """Fetch it once, and go on in the background: what fails here is tried again."""
        if self._file is not None:
            self._file.watch()
        if self.settings.url is None:
            return
        self._client = httpx.AsyncClient(
            headers=self.settings.headers,
            timeout=self.settings.timeout_s,
            follow_redirects=False,
            trust_env=False,
        )
        await self.refresh()
        self._polling = asyncio.create_task(self._poll())

    async def aclose(self) -> None:
        """Ask no more."""
        tasks = [task for task in (self._polling, self._refreshing) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._file is not None:
            await self._file.stop()
        if self._client is not None:
            await self._client.aclose()

    def parse(self, text: bytes) -> list[Key]:
        """The keys of a key set. Errors: ValueError for one of no use."""
        try:
            keys, problems = read_keys(orjson.loads(text))
        except (ValueError, RecursionError) as exc:
            raise ValueError(f"not a key set: {exc}") from exc
        log = logging.getLogger("gateway.auth")
        for problem in problems:
            log.warning("%s: %s", self.settings.place, problem)
        nameless = sum(key.kid is None for key in keys)
        if nameless > MAX_CANDIDATES:
            log.warning(
                "%s: of %d keys without `kid` the first %d are tried",
                self.settings.place,
                nameless,
                MAX_CANDIDATES,
            )
        if not keys and problems:
            raise ValueError(NO_KEYS)
        return keys

    def use(self, keys: list[Key]) -> None:
        """Verify by these from now on."""
        if not keys:  # it was read, and says so: all of them are withdrawn
            logging.getLogger("gateway.auth").error(
                "the key set %s is empty: every token of it is refused", self.settings.place
            )
        before, known = self._known, {}
        for key in keys:  # one that is as it was stays the one that tokens were verified by
            name = key.thumbprint(), key.kid, key.alg
            old = before.get(name)
            known[name] = old if old is not None and old.as_dict() == key.as_dict() else key
        self._known, self._fetched_at = known, self._clock()
        self.issuer = self._issuer([*known.values()])
        if any(known.get(name) is not key for name, key in before.items()):
            self._changed()

    def may_refresh(self, address: str) -> bool:
        """Whether an unknown key may lead to a fetch, or wait for one that is under way.

        One address causes half of them at most: whoever sends junk leaves some to others.
        """
        how = self.settings.refresh_unknown_kid
        if self.settings.url is None or not how.enabled or self._client is None:
            return False
        if self._refreshing is not None and not self._refreshing.done():
            return True
        now = self._clock()
        self._extra = [one for one in self._extra if now - one[0] < how.interval_s]
        own = sum(whose == address for _, whose in self._extra)
        return len(self._extra) < how.burst and own < (how.burst + 1) // 2

    async def refresh_for_unknown(self, address: str) -> None:
        """Fetch it for a key that is not known, or wait for who does."""
        if self._refreshing is None or self._refreshing.done():
            self._extra.append((self._clock(), address))
            self._refreshing = asyncio.create_task(self.refresh())
        wait_s = self.settings.refresh_unknown_kid.max_wait_s
        await asyncio.wait([self._refreshing], timeout=wait_s)

    async def refresh(self) -> bool:
        """Fetch it now; False where that failed, and what was there before stays."""
        self.fetches += 1
        try:
            async with asyncio.timeout(self.settings.timeout_s):
                self.use(self.parse(await self._fetch()))
        except (httpx.HTTPError, TimeoutError, ValueError) as exc:
            why = str(exc) or type(exc).__name__
            level = logging.WARNING if self.is_usable else logging.ERROR
            logging.getLogger("gateway.auth").log(
                level, "the key set %s cannot be fetched: %s", self.settings.place, why
            )
            if self._known and not self.is_usable:
                self._changed()  # what it has signed is not believed any more, remembered or not
            return False
        return True

    async def _fetch(self) -> bytes:
        assert self._client is not None
        assert self.settings.url is not None
        async with self._client.stream("GET", self.settings.url) as response:
            if response.status_code != 200:
                raise ValueError(f"it was answered with {response.status_code}")
            found = bytearray()
            async for chunk in response.aiter_bytes():
                found += chunk
                if len(found) > MAX_BYTES:
                    raise ValueError(f"it is larger than {MAX_BYTES} bytes")
            return bytes(found)

    async def _poll(self) -> None:
        """Fetch it again and again: soon after a failure, else at the interval."""
        wait_s = FIRST_RETRY_S
        is_good = self._fetched_at is not None
        while True:
            spread = _random.uniform(0.9, 1.1)
            interval_s = self.settings.poll_interval_s
            await asyncio.sleep((interval_s if is_good else min(wait_s, interval_s)) * spread)
            wait_s = FIRST_RETRY_S if is_good else min(wait_s * 2, LONGEST_RETRY_S)
            is_good = await self.refresh()

    def _issuer(self, keys: list[Key]) -> Issuer:
        return issuer_of(self.settings, keys, self._leeway_s, require_expiry=self._require_expiry)
