"""Heads of answers that came before: equal bytes mean the same, so they are not parsed again.

A backend's answers to one endpoint differ in their bodies far more often than in their heads, whose date changes
once a second. What is kept was read by the parser, from a message that was whole and clean. Pure: no I/O.
"""

from __future__ import annotations

from typing import NamedTuple

from gateway.upstream.transport import Headers

MAX_HEADS = 64
MAX_HEAD_BYTES = 2048
TRIES = 512
END = b"\r\n\r\n"


class Head(NamedTuple):
    """A head whose message ends with so many bytes of body, on a connection that stays open."""

    status: int
    raw: list[tuple[bytes, bytes]]
    headers: Headers
    length: int


class KnownHeads:
    """The heads of one origin's answers.

    It gives up where heads are never the same: looking costs little, but not nothing.
    """

    __slots__ = ("_known", "_left")

    def __init__(self) -> None:
        self._known: dict[bytes, Head] | None = {}
        self._left = TRIES

    def find(self, data: bytes) -> tuple[Head, bytes] | None:
        """The known head that `data` begins with, and its body; None unless `data` is just the whole message."""
        if self._known is None:
            return None
        at = data.find(END, 0, MAX_HEAD_BYTES)
        head = self._known.get(data[: at + 4]) if at > 0 else None
        if head is None or len(data) - at - 4 != head.length:
            return None
        self._left = TRIES
        return head, data[at + 4 :]

    def learn(
        self, data: bytes, status: int, headers: Headers, raw: list[tuple[bytes, bytes]]
    ) -> None:
        """Keep the head of a whole message on a connection that stays open, where a length says where it ends.

        Args:
            data: All bytes of the message, received at once.
            status, headers, raw: As the parser read them.
        """
        known = self._known
        at = data.find(END, 0, MAX_HEAD_BYTES)
        length = headers.first("content-length")
        if known is None or at <= 0 or length != str(len(data) - at - 4):
            return
        if headers.first("transfer-encoding") is not None:
            return
        self._left -= 1
        if not self._left:
            self._known = None
            return
        if len(known) >= MAX_HEADS:
            del known[next(iter(known))]
        known[data[: at + 4]] = Head(status, raw, headers, len(data) - at - 4)
