"""What clients have used, added up: one record for each client and version. Data, and its form as lines of JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from gateway.telemetry.metrics import OTHER


class UsageClient(NamedTuple):
    """Who has used something.

    Attributes:
        name: The application, as its key or token proves it, or as it says itself; "" where nobody knows.
        version: As it says itself.
    """

    name: str = ""
    version: str = ""


@dataclass(slots=True)
class UsageRecord:
    """What one client has used in a time.

    Attributes:
        requests: Operations that it has asked for.
        operations: By the fingerprint of the document: the operation's name, and how often.
        coordinates: What of the schema, and in how many requests.
        deprecated: Which of these are deprecated.
        begin, end: The time, seconds of Unix time.
    """

    requests: int = 0
    operations: dict[str, tuple[str, int]] = field(default_factory=dict)
    coordinates: dict[str, int] = field(default_factory=dict)
    deprecated: set[str] = field(default_factory=set)
    begin: float = 0.0
    end: float = 0.0

    def add(self, other: UsageRecord) -> None:
        """Count another record of the same client in."""
        self.requests += other.requests
        for hash_, (name, count) in other.operations.items():
            self.operations[hash_] = name, self.operations.get(hash_, (name, 0))[1] + count
        for coordinate, count in other.coordinates.items():
            self.coordinates[coordinate] = self.coordinates.get(coordinate, 0) + count
        self.deprecated |= other.deprecated
        self.begin = min(self.begin, other.begin) if self.begin else other.begin
        self.end = max(self.end, other.end)

    def as_json(self, client: UsageClient) -> dict[str, Any]:
        """As a line has it."""
        return {
            "from": stamp(self.begin),
            "to": stamp(self.end),
            "client": client.name,
            "version": client.version,
            "requests": self.requests,
            "operations": {
                hash_: {"name": name, "requests": count}
                for hash_, (name, count) in self.operations.items()
            },
            "coordinates": self.coordinates,
            "deprecated": sorted(self.deprecated),
        }


class UsageRecords:
    """The records of all clients, bounded.

    Args:
        max_clients: Clients with their versions that are told apart; all others are "other".
        max_counts: Operations and coordinates of all clients together; a record that would make more of them is
            counted for "other", and of what that has not seen before its requests alone.
    """

    def __init__(self, max_clients: int = 10**6, max_counts: int = 10**9) -> None:
        self._max_clients = max_clients
        self._max_counts = max_counts
        self._counts = 0
        self.by_client: dict[UsageClient, UsageRecord] = {}

    def add(self, client: UsageClient, record: UsageRecord) -> None:
        """Count a record in."""
        known = self.by_client.get(client)
        if known is None:
            if len(self.by_client) >= self._max_clients:
                client = UsageClient(OTHER)
            known = self.by_client.setdefault(client, UsageRecord())
        before = len(known.coordinates) + len(known.operations)
        if self._counts >= self._max_counts:
            known.requests += record.requests
            return
        known.add(record)
        self._counts += len(known.coordinates) + len(known.operations) - before

    def lines(self) -> Iterator[dict[str, Any]]:
        """One for each client and version."""
        for client, record in self.by_client.items():
            yield record.as_json(client)


def read_records(lines: Iterable[Mapping[str, Any]], since: float = 0.0) -> UsageRecords:
    """The records that lines hold, of times that end after `since`. Errors: ValueError for what is no such line."""
    found = UsageRecords()
    for line in lines:
        client, record = _record_of(line)
        if record.end >= since:
            found.add(client, record)
    return found


def _record_of(line: Mapping[str, Any]) -> tuple[UsageClient, UsageRecord]:
    try:
        record = UsageRecord(
            line["requests"],
            {hash_: (one["name"], one["requests"]) for hash_, one in line["operations"].items()},
            dict(line["coordinates"]),
            set(line["deprecated"]),
            datetime.fromisoformat(line["from"]).timestamp(),
            datetime.fromisoformat(line["to"]).timestamp(),
        )
        client = UsageClient(line["client"], line["version"])
    except (KeyError, TypeError, AttributeError) as exc:
        raise ValueError(f"it is no line of usage: {exc}") from exc
    counts = (*record.coordinates.values(), *(n for _, n in record.operations.values()))
    if not all(type(n) is int for n in (record.requests, *counts)):
        raise ValueError("it is no line of usage: a count is no number")
    if not all(type(name) is str for name in (*client, *record.coordinates, *record.deprecated)):
        raise ValueError("it is no line of usage: a name is no text")
    return client, record


def stamp(seconds: float) -> str:
    """A time of Unix as it is told."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
