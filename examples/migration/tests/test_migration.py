"""Every visitor keeps its side; what the services do not answer, the legacy does."""

from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent
STATS = "{ stats(video: 7) { views likes } }"
NEWEST = "{ newest { id title length } }"
LEGACY = {
    "GET /stats.php": {"cnt": "12", "likes": "3"},
    "GET /newest.php": [{"video_id": "7"}, {"video_id": "8"}],
    "GET /videos.php": [
        {"id": "7", "title": "Seven", "length": "2"},
        {"id": "8", "title": "Eight", "length": "3"},
    ],
}
SERVICES = {
    "GET /videos/7/stats": {"views": 12, "likes": 3},
    "GET /films": [
        {"id": 7, "name": "Seven", "seconds": 120},
        {"id": 8, "name": "Eight", "seconds": 180},
    ],
}


@pytest.fixture
def client(gateway_client):
    return gateway_client(
        PROJECT / "gateway.toml", sources={"legacy": LEGACY, "services": SERVICES}
    )


def test_a_share_of_the_visitors_is_answered_by_the_service(client):
    for visitor in range(100):
        result = client.execute(STATS, headers={"cookie": f"visitor={visitor}"})
        assert result.data == {"stats": {"views": 12, "likes": 3}}
    assert 10 <= len(client.sources["services"].calls) <= 30


def test_new_clients_have_films_of_the_service(client):
    for version, length in (("2.9", 2), ("3.0", 120)):
        result = client.execute(NEWEST, headers={"graphql-client-version": version})
        assert result.data["newest"][0] == {"id": "7", "title": "Seven", "length": length}


def test_the_legacy_answers_what_the_service_does_not(gateway_client):
    sources = {"legacy": LEGACY, "services": {"GET /films": ConnectionError()}}
    client = gateway_client(PROJECT / "gateway.toml", sources=sources)
    result = client.execute(NEWEST, headers={"graphql-client-version": "3.0"})
    assert result.errors == []
    assert result.data["newest"][1] == {"id": "8", "title": "Eight", "length": 3}
