"""Stored answers in a worker's memory, bounded by bytes: what was used longest ago goes first.

Purging is by tags, and costs the same however much is stored: it notes the number of the purge, and what was begun
before it is found to be gone when it is looked up. So a fill that was under way when its tag was purged is gone too.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Sequence
from typing import Any, Protocol
from weakref import WeakMethod

from gateway.telemetry.catalogue import (
    CACHE_BYTES,
    CACHE_ENTRIES,
    CACHE_EVICTIONS,
    CACHE_PURGES,
)
from gateway.telemetry.metrics import Sample
from gateway.upstream.cache.keys import keys_of
from gateway.upstream.cache.stored import StoredResponse
from gateway.upstream.cache.tags import EVERYTHING, purged_by
from gateway.upstream.transport import UpstreamRequest

MOST_VARIANTS = 64
"""Answers of one URL that differ by request headers; the oldest goes first."""
SET_BACK_S = 5.0
"""A clock that goes back by more was set; by less it is corrected."""
MOST_TAGS = 100_000
"""Purged tags that are remembered; when there are more, all that is stored then is gone."""


class Stored(Protocol):
    """What can be stored.

    Attributes:
        tags: What it may be purged by.
        began: The number of purges when making it began, or later: it was not purged until then.
        size_bytes: What it takes in memory.
    """

    began: int

    @property
    def tags(self) -> Collection[str]: ...

    @property
    def size_bytes(self) -> int: ...

    def stale_from(self, at: float) -> bool:
        """Be stale from a time on; False where it is of no use then."""
        ...


class MemoryCache:
    """Stored answers by request.

    Args:
        max_bytes: Of all answers together.

    Attributes:
        on_purge: Told of each purge of this worker; None where there is nobody else.
    """

    def __init__(self, max_bytes: int) -> None:
        self.on_purge: Callable[[list[str]], None] | None = None
        self._watching: list[WeakMethod[Callable[[], None]]] = []
        self.max_bytes = max_bytes
        self.size_bytes = 0
        self.evicted = 0
        self.purges = 0
        self._has_shared = False
        self._newest_time = 0.0
        self._purged: dict[str, int] = {}
        self._stale: dict[str, tuple[int, float]] = {}
        self._all_purged = 0
        # Nearly every key has one entry, which needs no list around it: a list takes 72 bytes.
        self._entries: OrderedDict[Hashable, Any] = OrderedDict()

    def __len__(self) -> int:
        return sum(len(found) if found.__class__ is list else 1 for found in self._entries.values())

    def __iter__(self) -> Iterator[Any]:
        for found in self._entries.values():
            yield from _variants(found)

    def samples(self) -> Iterator[Sample]:
        """What is kept and what went, for metrics."""
        yield CACHE_BYTES, (), self.size_bytes
        yield CACHE_ENTRIES, (), len(self)
        yield CACHE_EVICTIONS, (), self.evicted
        yield CACHE_PURGES, (), self.purges

    def lookup(self, request: UpstreamRequest) -> StoredResponse | None:
        """The answer for a request, fresh or not."""
        for key in keys_of(request).found_by(may_be_shared=self._has_shared):
            found = self._entries.get(key)
            if found is None:
                continue
            entry: StoredResponse
            for entry in reversed(_variants(found)):
                if entry.matches(request):
                    if self.is_purged(entry):
                        self._drop(key, [entry])
                        break
                    self._entries.move_to_end(key)
                    return entry
        return None

    def put(self, request: UpstreamRequest, entry: StoredResponse) -> bool:
        """Keep an answer in the place of the one that the same request had; False where it is purged."""
        if self.is_purged(entry):
            return False
        self.remove(request)  # it is older, also than what there is no room for
        size = entry.size_bytes
        if size > self.max_bytes:
            return True
        key = keys_of(request).kept_by(entry.private_id, is_shared=entry.varies is not None)
        self._has_shared |= entry.varies is not None
        found = self._entries.get(key)
        self._entries[key] = entry if found is None else [*_variants(found), entry]
        self._entries.move_to_end(key)
        self.size_bytes += size
        if found.__class__ is list and len(found) >= MOST_VARIANTS:
            self._drop(key, found[:1])
        if self.size_bytes > self.max_bytes:
            self._make_room()
        return True

    def get(self, key: Hashable) -> Any:
        """What is stored under a key that is no request's; None for nothing."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        if self.is_purged(entry):
            self._drop(key, [entry])
            return None
        self._entries.move_to_end(key)
        return entry

    def set(self, key: Hashable, entry: Stored) -> None:
        """Store something under a key that is no request's."""
        size = entry.size_bytes
        if self.is_purged(entry):
            return
        known = self._entries.pop(key, None)
        if known is not None:
            self.size_bytes -= known.size_bytes
        if size > self.max_bytes:
            return
        self._entries[key] = entry
        self.size_bytes += size
        self._make_room()

    def _make_room(self) -> None:
        while self.size_bytes > self.max_bytes:
            oldest = next(iter(self._entries))
            gone = _variants(self._entries[oldest])
            self.evicted += len(gone)
            self._drop(oldest, gone)

    def remove(self, request: UpstreamRequest) -> None:
        """Drop the answer that a request gets."""
        for key in keys_of(request).found_by(may_be_shared=self._has_shared):
            found = self._entries.get(key)
            if found is not None:
                matching = [one for one in _variants(found) if one.matches(request)]
                self._drop(key, matching)

    def purge(self, tags: Iterable[str]) -> None:
        """Let nothing be found any more that has one of these tags and was begun before now, in any worker.

        What `stale_tag` names is found, and stale.
        """
        named = list(tags)
        self.drop(named)
        if self.on_purge is not None:
            self.on_purge(named)

    def drop(self, tags: Collection[str]) -> None:
        """The same in this worker."""
        if EVERYTHING in tags:
            self.clear()
            return
        self._begin_anew()
        for text in tags:
            tag, at = purged_by(text)
            if at is None:
                self._purged[tag] = self.purges
            else:
                self._stale[tag] = self.purges, at
        if len(self._purged) + len(self._stale) > MOST_TAGS:
            self._purged.clear()
            self._stale.clear()
            self._all_purged = self.purges

    def clear(self) -> None:
        """Let nothing be found any more that was begun before now."""
        self._begin_anew()
        self._all_purged = self.purges
        self._purged.clear()
        self._stale.clear()
        self._entries.clear()
        self.size_bytes = 0

    def note_time(self, now: float) -> None:
        """The wall clock, at each look-up: where it was set back, what is stored seems fresh for as long."""
        if now > self._newest_time:
            self._newest_time = now
        elif now < self._newest_time - SET_BACK_S:
            self._newest_time = now
            self.clear()

    def watch(self, call: Callable[[], None]) -> None:
        """Call a method at each purge, of whichever worker, as long as its object lives.

        For what is under way: nobody may join it who comes after the purge.
        """
        self._watching.append(WeakMethod(call))

    def _begin_anew(self) -> None:
        self.purges += 1
        is_any_gone = False
        for watching in self._watching:
            call = watching()
            if call is None:
                is_any_gone = True
            else:
                call()
        if is_any_gone:
            self._watching = [watching for watching in self._watching if watching() is not None]

    def is_purged(self, entry: Stored) -> bool:
        """Whether an answer was purged since fetching it began."""
        began, purged = entry.began, self._purged
        if began == self.purges:
            return False
        if began < self._all_purged or any(purged.get(tag, 0) > began for tag in entry.tags):
            return True
        if self._stale:
            known = [self._stale[tag] for tag in entry.tags if tag in self._stale]
            since = [at for number, at in known if number > began]
            if since and not entry.stale_from(min(since)):
                return True
        entry.began = (
            self.purges
        )  # what was purged until now was not this: it is looked at once for each purge
        return False

    def _drop(self, key: Hashable, entries: Sequence[Stored]) -> None:
        if not entries:
            return
        gone = set(map(id, entries))
        kept = [entry for entry in _variants(self._entries[key]) if id(entry) not in gone]
        self.size_bytes -= sum(entry.size_bytes for entry in entries)
        if kept:
            self._entries[key] = kept if len(kept) > 1 else kept[0]
        else:
            del self._entries[key]


def _variants(found: Any) -> Sequence[Any]:
    """What stands under one key."""
    return found if found.__class__ is list else (found,)
