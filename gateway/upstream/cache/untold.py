"""Purges that the stream has not told yet, as far as one worker knows: its own, which it sends, and its neighbors'.

What has one of their tags is not found in Redis until then. No I/O: whoever follows the stream says what it has told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from gateway.upstream.cache.tags import EVERYTHING, purged_by

DOUBT_S = 5.0
"""How long a purge of a neighbor may take to be seen in the stream: whoever has heard of it sends it then."""
MOST_TAGS = 100_000


class UntoldPurges:
    """Tags that are purged, and that nobody hears of by the stream yet.

    Args:
        clock: The event loop's.

    Attributes:
        doubted: What neighbors have purged, by tag: until when the stream may say it, and what is sent then; None for
            nothing.
        unsent: What is to be sent, by tag, the oldest first.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.doubted: dict[str, tuple[float, str | None]] = {}
        self.unsent: dict[str, str] = {}

    def __contains__(self, tag: str) -> bool:
        """Whether an answer with this tag is gone."""
        return tag in self.unsent or tag in self.doubted

    @property
    def is_all(self) -> bool:
        """Whether every answer is gone."""
        return EVERYTHING in self

    def texts(self) -> list[str]:
        """All of it that this worker would have to send, should its neighbors end."""
        doubted = {tag: text for tag, (_, text) in self.doubted.items() if text is not None}
        return list({**doubted, **self.unsent}.values())

    def keep(self, tags: Iterable[str]) -> None:
        """Note what has to be sent."""
        for text in tags:
            tag = purged_by(text)[0]
            if self.unsent.get(tag) != tag:  # what is to be gone is not to be stale
                self.unsent[tag] = text
        if len(self.unsent) > MOST_TAGS:
            self.unsent = {EVERYTHING: EVERYTHING}

    def sent(self, tags: Iterable[str]) -> None:
        """These were sent."""
        for text in tags:
            tag = purged_by(text)[0]
            if self.unsent.get(tag) == text:  # else another purge of it has come
                del self.unsent[tag]

    def doubt(self, tags: Iterable[str]) -> None:
        """A neighbor has purged these, which the stream will say: the neighbor sends it, or this worker."""
        until = self._clock() + DOUBT_S
        for text in tags:
            tag = purged_by(text)[0]
            _, known = self.doubted.get(tag, (0.0, text))
            self.doubted[tag] = until, tag if known == tag else text  # as in `keep`
        if len(self.doubted) > MOST_TAGS:
            self.doubted = {EVERYTHING: (until, EVERYTHING)}

    def doubt_all(self) -> None:
        """Neighbors have purged something, it is not known what, which the stream will say: each sends its own."""
        _, known = self.doubted.get(EVERYTHING, (0.0, None))
        self.doubted[EVERYTHING] = self._clock() + DOUBT_S, known

    def told(self, tags: Iterable[str]) -> None:
        """The stream has told these."""
        for text in tags:
            self.doubted.pop(purged_by(text)[0], None)

    def take_over(self) -> None:
        """Send what neighbors have purged, and not sent: they are held up, or have ended. Twice is harmless."""
        now = self._clock()
        due = {tag: text for tag, (until, text) in self.doubted.items() if until <= now}
        self.keep(text for text in due.values() if text is not None)
        for tag in due:
            del self.doubted[tag]
