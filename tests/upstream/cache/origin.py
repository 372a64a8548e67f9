"""An origin for tests of the cache: answers with what it is told, on a clock that stands until it is moved."""

from __future__ import annotations

from collections import Counter
from email.utils import formatdate
from typing import Any

from gateway.errors import UpstreamError
from gateway.upstream.cache.memory import MemoryCache
from gateway.upstream.cache.response_cache import ResponseCache
from gateway.upstream.cache.settings import SourceCacheSettings
from gateway.upstream.transport import Fetched, UpstreamRequest

BEGIN = 1_800_000_000.0


def date(after_s: float = 0.0) -> str:
    """An HTTP date, seconds after the beginning."""
    return formatdate(BEGIN + after_s, usegmt=True)


class Origin:
    """One source's cache, and the origin behind it.

    Attributes:
        answer: What the origin says to whatever it is asked: status and headers.
        asked: The requests that reached it.
        fails: It cannot be reached.
    """

    def __init__(self, max_bytes: int = 2**20, **rules: Any) -> None:
        self.now = BEGIN
        self.luck = 1.0
        self.status = 200
        self.headers: dict[str, str] = {}
        self.asked: list[UpstreamRequest] = []
        self.fails = False
        self.counts: Counter[tuple[str, str, str]] = Counter()
        self.memory = MemoryCache(max_bytes)
        self.cache = ResponseCache(
            "s",
            SourceCacheSettings(enabled=True, **rules),
            self.memory,
            self.counts,
            now=lambda: self.now,
            rng=lambda: self.luck,
        )

    def says(self, status: int = 200, **headers: str) -> None:
        """What it answers from now on; `_` in names stands for `-`."""
        self.status = status
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}

    async def fetch(self, request: UpstreamRequest) -> Fetched:
        """Ask the origin: its answers are numbered."""
        self.asked.append(request)
        if self.fails:
            raise UpstreamError("HTTP_CLIENT_ERROR", source="s", detail="away")
        given = dict(request.headers)
        etag = self.headers.get("etag")
        if etag is not None and given.get("if-none-match") == etag:
            return Fetched(304, list(self.headers.items()), b"")
        return Fetched(self.status, list(self.headers.items()), b"%d" % len(self.asked))

    async def read(self, url: str = "http://s/", **headers: str) -> Fetched:
        """What a client's read gets."""
        given = [(name.replace("_", "-"), value) for name, value in headers.items()]
        request = UpstreamRequest("GET", url, given, source="s", endpoint="/", is_read=True)
        return await self.cache.answer(request, self.fetch, self.fetch)

    async def body(self, url: str = "http://s/", **headers: str) -> int:
        """Which of the origin's answers a read gets."""
        return int((await self.read(url, **headers)).body)

    def results(self) -> dict[str, int]:
        """The lookups so far, by result."""
        return {result: count for (_, _, result), count in self.counts.items()}
