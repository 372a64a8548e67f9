"""A weather service: renamed and nested members, a default argument, parameters of the source."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.connectors.scenario import Scenario, execute, use_path

SDL = Path(__file__).with_name("weather.graphql").read_text(encoding="utf-8")
ANSWER = {
    "latitude": 52.5,
    "timezone": "Europe/Berlin",
    "current_weather": {"temperature": 7, "windspeed": 3.5, "is_day": 1},
    "daily": [
        {"date": "2024-02-01", "temperature": {"max": 9.5, "min": 1}, "sun": {"rise": "07:50"}},
        {"date": "2024-02-02", "precipitation_sum": 2.5},
    ],
}


@pytest.mark.parametrize("path", ["compiled", "graphql-core"])
async def test_a_forecast(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_path(path, monkeypatch)
    query = """{ forecast(latitude: 52.5, longitude: 13.4) { timezone elevation
      current { temperature windSpeed isDay } days { date high low rain sunrise } } }"""
    scenario = Scenario(SDL, query, lambda _: ANSWER, None, ())
    result, asked = await execute(scenario, tmp_path)
    assert result.errors == []
    assert [request.line for request in asked] == [
        "GET /v1/forecast?units=metric&latitude=52.5&longitude=13.4&days=3"
    ]
    forecast = result.data["forecast"]
    assert forecast["elevation"] is None
    assert forecast["current"] == {"temperature": 7.0, "windSpeed": 3.5, "isDay": True}
    assert forecast["days"] == [
        {"date": "2024-02-01", "high": 9.5, "low": 1.0, "rain": None, "sunrise": "07:50"},
        {"date": "2024-02-02", "high": None, "low": None, "rain": 2.5, "sunrise": None},
    ]
