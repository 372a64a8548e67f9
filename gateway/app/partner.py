"""What is known of one partner, in one place: keys, views, what it uses, and what a change would break for it.

It reads what others keep, and decides nothing. No secret is in it: of a key only what anybody may know.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from graphql import GraphQLSchema

from gateway.auth.api_keys import ApiKey
from gateway.observe.impact import SchemaImpact, find_impacts
from gateway.observe.usage_records import UsageClient, UsageRecord, UsageRecords, stamp
from gateway.pipeline.view_choice import ViewChoice
from gateway.telemetry.metrics import OTHER

MOST_OPERATIONS = 50
"""Operations that are told, those that were asked for most."""


def describe_partner(
    name: str,
    keys: Iterable[ApiKey],
    views: ViewChoice | None,
    usage: UsageRecords,
    now: datetime,
) -> dict[str, Any]:
    """What is known of a partner, as JSON has it.

    Args:
        name: The client's, as its keys have it.
        keys: All keys.
        views: Says which view a client has; None where all see the whole schema.
        usage: What clients use.
        now: The time.
    """
    own = [_key(key, views, now) for key in keys if key.client == name]
    return {
        "client": name,
        "view": views.of_key(name) if views is not None else None,
        "keys": own,
        "usage": _usage(of_client(usage, name)),
        "claimed_requests": sum(
            record.requests
            for client, record in usage.by_client.items()
            if client.name == name and not client.is_proven
        ),
        "untold_requests": untold(usage, name),
    }


def of_client(usage: UsageRecords, name: str) -> UsageRecords:
    """One client's part of what is used: what a key, a token or a document proves to be its."""
    found = UsageRecords()
    for client, record in usage.by_client.items():
        if client.name == name and client.is_proven:
            found.add(client, record)
    return found


def untold(usage: UsageRecords, name: str) -> int:
    """Requests that may be the client's, of which the usage does not tell what they have used."""
    records = usage.by_client.items()
    others = sum(r.requests for client, r in records if client == UsageClient(OTHER, "", True))
    return others + of_client(usage, name).untold()


def views_in_use(partner: Mapping[str, Any]) -> list[str | None]:
    """The views of a partner's live keys; without any, that of its tokens."""
    live = [key["view"] for key in partner["keys"] if key["state"] == "live"]
    return list(dict.fromkeys(live or [partner["view"]]))


def impacts_for(old: GraphQLSchema, new: GraphQLSchema, usage: UsageRecords) -> list[SchemaImpact]:
    """What would break for those who use this, where what they see of the schema becomes another."""
    impacts = find_impacts(old, new, usage)
    return [one for one in impacts if one.is_breaking and one.hits]


def _key(key: ApiKey, views: ViewChoice | None, now: datetime) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "state": key.state(now),
        "created": key.created.isoformat(),
        "age_days": (now - key.created).days,
        "ends": key.not_after.isoformat() if key.not_after is not None else None,
        "scopes": list(key.scopes),
        "networks": list(key.cidrs),
        "view": views.of_key(key.client, key.view) if views is not None else None,
        "limits": key.limits,
    }


def _usage(usage: UsageRecords) -> dict[str, Any]:
    whole = UsageRecord()
    for record in usage.by_client.values():
        whole.add(record)
    operations = sorted(whole.operations.items(), key=lambda one: -one[1][1])[:MOST_OPERATIONS]
    return {
        "requests": whole.requests,
        "since": _told(whole.begin),
        "last": _told(whole.end),
        "versions": {
            client.version: {"requests": record.requests, "last": _told(record.end)}
            for client, record in usage.by_client.items()
        },
        "operations": [
            {"name": name, "document": hash_, "requests": count}
            for hash_, (name, count) in operations
        ],
        "deprecated": [
            {
                "coordinate": coordinate,
                "requests": whole.coordinates[coordinate],
                "last": _told(_last(usage, coordinate)),
            }
            for coordinate in sorted(whole.deprecated)
        ],
    }


def _last(usage: UsageRecords, coordinate: str) -> float:
    records = usage.by_client.values()
    return max(record.end for record in records if coordinate in record.coordinates)


def _told(seconds: float) -> str | None:
    """A time of Unix for people; None for never."""
    return stamp(seconds) if seconds else None
