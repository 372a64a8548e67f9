"""Where registered documents are kept: the interface, and the memory of one worker."""

from __future__ import annotations

from collections import OrderedDict
from typing import Protocol

from gateway.documents.settings import ApqSettings


class DocumentStore(Protocol):
    """Texts by their hash. It may forget: a client then sends the text once more."""

    async def get(self, hash_: str) -> str | None:
        """The text; None when it is not known."""
        ...

    async def put(self, hash_: str, text: str) -> None:
        """Keep a text under its hash, which the caller has checked."""
        ...

    async def aclose(self) -> None:
        """Let go of what it holds open."""
        ...


class MemoryStore:
    """The least recently used goes first, by number and by size.

    Args:
        settings: Bounds.
    """

    def __init__(self, settings: ApqSettings) -> None:
        self.size = 0
        self._settings = settings
        self._texts: OrderedDict[str, str] = OrderedDict()

    def __len__(self) -> int:
        return len(self._texts)

    async def get(self, hash_: str) -> str | None:
        """As `DocumentStore`."""
        text = self._texts.get(hash_)
        if text is not None:
            self._texts.move_to_end(hash_)
        return text

    async def put(self, hash_: str, text: str) -> None:
        """As `DocumentStore`."""
        if hash_ in self._texts:
            self._texts.move_to_end(hash_)
            return
        self._texts[hash_] = text
        self.size += len(text)
        most = self._settings
        while len(self._texts) > most.max_entries or self.size > most.max_size_bytes:
            _, oldest = self._texts.popitem(last=False)
            self.size -= len(oldest)

    async def aclose(self) -> None:
        """As `DocumentStore`: nothing."""
