"""The reads of one worker that are under way: equal ones are one call, and what is private goes to one principal alone.

Whether an answer is private may be known before the call, by the schema, or when it has come, by its headers: then
those of other principals who waited for it ask themselves. It keeps no answer.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Hashable
from typing import Any

from gateway.concurrency.singleflight import Singleflight
from gateway.upstream.cache.directives import is_private
from gateway.upstream.cache.hints import CacheHints
from gateway.upstream.transport import Fetched, UpstreamRequest

Call = Callable[[], Awaitable[Fetched]]
Tell = Callable[[str], None]


class Writing:
    """Closes reads where a `with` block begins, and where it ends."""

    __slots__ = ("_reads",)

    def __init__(self, reads: Reads) -> None:
        self._reads = reads

    def __enter__(self) -> None:
        self._reads.close()

    def __exit__(self, *_: object) -> None:
        self._reads.close()


class Reads:
    """The reads under way, for one event loop.

    Attributes:
        operations: Whole operations that others may join, of every revision: a write by any of them is one for all.
        writing: Around a mutation: nobody joins a read that began before the mutation began, or before it ended.
    """

    def __init__(self) -> None:
        self.operations: dict[Hashable, Any] = {}
        self.writing = Writing(self)
        self._of_all: Singleflight[Fetched] = Singleflight()
        self._of_owners: Singleflight[tuple[Fetched, Hashable]] = Singleflight()
        self._private: set[tuple[str, str]] = set()

    def close(self) -> None:
        """Let nobody join any more: what is read from now on must see a write that has begun or ended."""
        self.operations.clear()
        self._of_all.close()
        self._of_owners.close()

    def call_once(
        self, asker: Hashable, request: UpstreamRequest, call: Call, deadline: float, tell: Tell
    ) -> Coroutine[Any, Any, Fetched]:
        """The answer to a read: of the equal one under way, or of a call.

        Args:
            asker: What makes the call: its connections and policies are no other's.
            request: As it is sent.
            call: Makes the call.
            deadline: The caller's own, on the event loop's clock.
            tell: Told "led" when a call had followers, and "shared" by each of them.

        Errors: those of the call, shared; FollowerTimeoutError at a follower's deadline.
        """
        key = (asker, request.method, request.url, request.body, tuple(request.headers))
        hints = request.hints
        if hints is None or not (hints.is_private or hints.has_owner):
            return self._of_all.call_once(key, call, deadline, tell)
        endpoint = (request.source, request.endpoint)
        return self._of_owner(key, endpoint, hints, call, deadline, tell)

    async def _of_owner(
        self,
        key: Hashable,
        endpoint: tuple[str, str],
        hints: CacheHints,
        call: Call,
        deadline: float,
        tell: Tell,
    ) -> Fetched:
        """As `call_once`, where an answer may be one principal's."""
        owner: Hashable = object() if hints.private_id is None else hints.private_id

        async def made() -> tuple[Fetched, Hashable]:
            return await call(), owner

        is_own = hints.is_private or endpoint in self._private
        while True:
            told: list[str] = []
            shared = (key, owner) if is_own else key
            fetched, whose = await self._of_owners.call_once(shared, made, deadline, told.append)
            if not hints.is_private:
                note = self._private.add if is_private(fetched.headers) else self._private.discard
                note(endpoint)
            if whose == owner or not (is_own := is_private(fetched.headers)):
                break
        for what in told:
            tell(what)
        return fetched
