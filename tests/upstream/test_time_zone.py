"""`[sources.NAME] time_zone`: the default needs no database of time zones, which small images have not."""

from __future__ import annotations

import zoneinfo

import pytest

from gateway.connectors.php.dates import date_time
from gateway.upstream.settings import SourceSettings


def no_database(name: str) -> zoneinfo.ZoneInfo:
    raise zoneinfo.ZoneInfoNotFoundError(name)


def test_utc_is_there_without_a_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.upstream.settings.ZoneInfo", no_database)
    monkeypatch.setattr("gateway.connectors.php.dates.ZoneInfo", no_database)
    assert SourceSettings().time_zone == "UTC"
    assert date_time("UTC")("2026-11-29 10:00:00") == "2026-11-29T10:00:00Z"
    with pytest.raises(ValueError, match="is no time zone: 'Europe/Berlin'"):
        SourceSettings(time_zone="Europe/Berlin")
