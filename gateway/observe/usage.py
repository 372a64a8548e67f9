"""What of the schema clients ask for, as sums over plans: a plan knows what it uses.

A request looks its plan and client up once, adds one, and learns where its duration belongs; what that means is
looked up when somebody asks, or when a plan has to make room. Variables are looked at only where their types have input
fields or enum values, and not of every request.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from gateway.client.request import ClientRequest
from gateway.documents.apps import AppVersion
from gateway.execute.prepared import Prepared
from gateway.observe.coordinates import OperationUse, is_deprecated, use_of, used_by_value
from gateway.observe.usage_records import UsageClient, UsageRecord, UsageRecords
from gateway.telemetry.catalogue import DEPRECATED_USAGE, FIELD_USAGE
from gateway.telemetry.metrics import OTHER, Histogram, LabelLimit, Sample
from gateway.telemetry.settings import MetricsSettings, UsageSettings

# Plans whose requests are not yet sums; each of them is kept in memory until then.
MAX_PENDING = 500
# The variables of so many requests are looked at, and then of one in `ONE_IN`, which stands for all of these.
LOOKED_AT = 100
ONE_IN = 16


class Asked(NamedTuple):
    """What requests have in common that are counted together.

    Attributes:
        prepared: The plan.
        client_name, client_version: As the client says.
        client: The application that its key or token proves, or that its document is of.
    """

    prepared: Prepared
    client_name: str | None = None
    client_version: str | None = None
    client: str | None = None


class RequestCount:
    """The requests for one plan by one client that are not yet sums.

    Attributes:
        requests: How many.
        durations: Of the operations of its name.
        typed: The variables that are looked at, each with its type.
        values: What these have used, and how often.
    """

    __slots__ = ("durations", "requests", "typed", "values")

    def __init__(self, durations: Histogram, typed: tuple[tuple[str, Any], ...]) -> None:
        self.requests = 0
        self.durations = durations
        self.typed = typed
        self.values: dict[str, int] = {}

    def look_at(self, variables: Mapping[str, Any]) -> None:
        """Count what variables use, where it is the turn of this request."""
        weight = 1
        if self.requests > LOOKED_AT:
            if self.requests % ONE_IN:
                return
            weight = ONE_IN
        values = self.values
        for name, type_ in self.typed:
            for coordinate in set(used_by_value(type_, variables.get(name))):
                values[coordinate] = values.get(coordinate, 0) + weight


class FieldUsage:
    """Requests by what they use, and client.

    Args:
        settings: How many clients and fields are told apart in metrics.
        durations_of: The histogram of an operation.
        usage: How much is told apart of the rest.
        clock: Unix time, seconds.

    Attributes:
        recent: What was used since it was last taken.
        records: What was used before.
    """

    def __init__(
        self,
        settings: MetricsSettings,
        durations_of: Callable[[Prepared], Histogram],
        usage: UsageSettings | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._usage = usage or UsageSettings()
        self._durations_of = durations_of
        self._clock = clock
        self._pending: dict[tuple[Any, ...], RequestCount] = {}
        self._clients = LabelLimit(settings.max_clients)
        self._sums: dict[tuple[str, str], int] = {}
        self._deprecated: dict[tuple[str, str], int] = {}
        self._uses: WeakKeyDictionary[Prepared, OperationUse] = WeakKeyDictionary()
        self.recent = self._no_records()
        self.records = self._no_records()
        self._since = clock()

    def count(
        self,
        prepared: Prepared,
        client: ClientRequest,
        variables: Mapping[str, Any] | None = None,
        app: AppVersion | None = None,
    ) -> Histogram:
        """One request; where its duration belongs. `app` is whose document it is, where the document says it."""
        key: tuple[Any, ...]
        if app is None:
            key = (prepared, client.client_name, client.client_version, client.principal.client)
        else:
            key = (prepared, client.client_name, app.version, app.app)
        asked = self._pending.get(key)
        if asked is None:
            asked = self._begin(Asked(*key))
        asked.requests += 1
        if variables and asked.typed:
            asked.look_at(variables)
        return asked.durations

    def fold(self) -> None:
        """Add up what was counted by plan; no plan is held from then on."""
        for _ in self.folding():
            pass

    def folding(self) -> Iterator[None]:
        """The same, one plan after the other: each takes some ten microseconds."""
        for _ in range(len(self._pending)):
            if not self._pending:  # somebody else has done it meanwhile
                return
            key = next(iter(self._pending))
            self._fold(Asked(*key), self._pending.pop(key))
            yield

    def samples(self) -> Iterator[Sample]:
        """The sums now."""
        self.fold()
        for pair, requests in self._sums.items():
            yield FIELD_USAGE, pair, requests
        for pair, requests in self._deprecated.items():
            yield DEPRECATED_USAGE, pair, requests

    def take(self) -> UsageRecords:
        """What was used since this was last asked. It counts among what was used before from then on."""
        self.fold()
        taken, self.recent, self._since = self.recent, self._no_records(), self._clock()
        for client, record in taken.by_client.items():
            self.records.add(client, record)
        return taken

    def live(self) -> UsageRecords:
        """All that was used since the worker began."""
        self.fold()
        found = self._no_records()
        for records in (self.records, self.recent):
            for client, record in records.by_client.items():
                found.add(client, record)
        return found

    def _no_records(self) -> UsageRecords:
        return UsageRecords(self._usage.max_clients, self._usage.max_counts)

    def _begin(self, key: Asked) -> RequestCount:
        pending = self._pending
        if len(pending) >= MAX_PENDING:
            oldest = next(iter(pending))
            self._fold(Asked(*oldest), pending.pop(oldest))
        durations = self._durations_of(key.prepared)
        made = pending[key] = RequestCount(durations, self._use_of(key.prepared).variables)
        return made

    def _fold(self, key: Asked, asked: RequestCount) -> None:
        use, requests = self._use_of(key.prepared), asked.requests
        label = self._clients.cut(key.client_name or "")
        for field, is_old in use.fields.items():
            pair = (field, label)
            if pair not in self._sums and len(self._sums) >= self._settings.max_fields:
                pair = (OTHER, label)
            self._sums[pair] = self._sums.get(pair, 0) + requests
            if is_old and pair[0] != OTHER:  # by the schema that has answered: a canary's, too
                self._deprecated[pair] = self._deprecated.get(pair, 0) + requests
        coordinates = {**dict.fromkeys((*use.fields, *use.others), requests), **asked.values}
        deprecated = use.deprecated
        if asked.values:
            schema = key.prepared.schema
            deprecated |= {name for name in asked.values if is_deprecated(schema, name)}
        operation = key.prepared.operation_name or ""
        operations = {key.prepared.document_hash: (operation, requests)}
        name = key.client or key.client_name or ""
        self.recent.add(
            UsageClient(name, key.client_version or "", key.client is not None),
            UsageRecord(requests, operations, coordinates, deprecated, self._since, self._clock()),
        )

    def _use_of(self, prepared: Prepared) -> OperationUse:
        use = self._uses.get(prepared)
        if use is None:
            use = self._uses[prepared] = use_of(prepared)
        return use
