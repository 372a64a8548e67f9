"""What clients have used, added up: one record for each client and version. Data, and its form as lines of JSON."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from gateway.telemetry.metrics import OTHER


class UsageClient(NamedTuple):
    """Who has used something.

    Attributes:
        name: The application; "" where nobody knows.
        version: As it says itself, or as its document has it.
        is_proven: Whether a key, a token or a trusted document says the name, and not the client alone.
    """

    name: str = ""
    version: str = ""
    is_proven: bool = False


@dataclass(slots=True)
class UsageRecord:
    """What one client has used in a time.

    Attributes:
        requests: Operations that it has asked for.
        operations: By the fingerprint of the document: the operation's name, and how often.
        coordinates: What of the schema, and in how many requests.
        deprecated: Which of these are deprecated.
        begin, end: The time, seconds of Unix time.
        dropped: Requests of which not all was counted that they have used, for want of room.
    """

    requests: int = 0
    operations: dict[str, tuple[str, int]] = field(default_factory=dict)
    coordinates: dict[str, int] = field(default_factory=dict)
    deprecated: Set[str] = frozenset()
    begin: float = 0.0
    end: float = 0.0
    dropped: int = 0

    @property
    def size(self) -> int:
        """Operations and coordinates that are told apart."""
        return len(self.operations) + len(self.coordinates)

    def add(self, other: UsageRecord, room: int = 10**9) -> None:
        """Count another record of the same client in: what is known already, and as much else as there is room for."""
        self.requests += other.requests
        operations, coordinates = self.operations, self.coordinates
        most, is_whole = self.size + room, True
        for coordinate, count in other.coordinates.items():
            if coordinate in coordinates or self.size < most:
                coordinates[coordinate] = coordinates.get(coordinate, 0) + count
            else:
                is_whole = False
        if not other.deprecated <= self.deprecated:
            self.deprecated |= other.deprecated & coordinates.keys()
        for hash_, (name, count) in other.operations.items():
            if hash_ in operations or self.size < most:
                operations[hash_] = name, operations.get(hash_, (name, 0))[1] + count
        self.dropped += other.dropped if is_whole else other.requests
        self.begin = min(self.begin, other.begin) if self.begin else other.begin
        self.end = max(self.end, other.end)

    def as_json(self, client: UsageClient) -> dict[str, Any]:
        """As a line has it."""
        return {
            "from": stamp(self.begin),
            "to": stamp(self.end),
            "client": client.name,
            "version": client.version,
            "proven": client.is_proven,
            "requests": self.requests,
            "operations": {
                hash_: {"name": name, "requests": count}
                for hash_, (name, count) in self.operations.items()
            },
            "coordinates": self.coordinates,
            "deprecated": sorted(self.deprecated),
            "dropped": self.dropped,
        }


class UsageRecords:
    """The records of all clients, bounded. Clients that say themselves who they are take no room of the others.

    Args:
        max_clients: Proven clients with their versions that are told apart, and as many others; all beyond are "other".
        max_counts: Operations and coordinates of all proven clients together, and as many of all others. What is known
            of a client is counted beyond it; what would be new is dropped, and its record says so.
    """

    def __init__(self, max_clients: int = 10**6, max_counts: int = 10**9) -> None:
        self._max_clients = max_clients
        self._max_counts = max_counts
        # By whether they are proven.
        self._clients = {True: 0, False: 0}
        self._counts = {True: 0, False: 0}
        self.by_client: dict[UsageClient, UsageRecord] = {}

    def add(self, client: UsageClient, record: UsageRecord) -> None:
        """Count a record in."""
        kind = client.is_proven
        known = self.by_client.get(client)
        if known is None and self._clients[kind] >= self._max_clients:
            client = UsageClient(OTHER, "", kind)
            known = self.by_client.get(client)
        if known is None:
            known = self.by_client[client] = UsageRecord()
            self._clients[kind] += 1
        before = known.size
        known.add(record, max(0, self._max_counts - self._counts[kind]))
        self._counts[kind] += known.size - before

    def untold(self, excluded: Collection[str] = ()) -> int:
        """Requests of which it is not known who used what: of clients, and with names, beyond the limits."""
        return sum(
            record.requests if client.name == OTHER else record.dropped
            for client, record in self.by_client.items()
            if client.name not in excluded
        )

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
            line.get("dropped", 0),
        )
        client = UsageClient(line["client"], line["version"], line.get("proven", False))
    except (KeyError, TypeError, AttributeError) as exc:
        raise ValueError(f"it is no line of usage: {exc}") from exc
    counts = (*record.coordinates.values(), *(n for _, n in record.operations.values()))
    if not all(type(n) is int for n in (record.requests, record.dropped, *counts)):
        raise ValueError("it is no line of usage: a count is no number")
    if not all(
        type(name) is str for name in (*client[:2], *record.coordinates, *record.deprecated)
    ):
        raise ValueError("it is no line of usage: a name is no text")
    return client, record


def stamp(seconds: float) -> str:
    """A time of Unix as it is told."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
