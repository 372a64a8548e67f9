"""A new source that fails is answered by the one before, where the configuration says so; and that is counted."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from gateway.connectors.fallback_loader import fallen_back
from gateway.testing import FakeAnswer, FakeSource
from tests.connectors.scenario import located, use_path
from tests.override.scenes import LINK, REST, SOURCES, served

STATS = "{ stats { views likes } }"
VIDEOS = "{ videos { id title length author } }"
ON = {"version": True, "video": True, "stats": True}
FROM = {"on_error": "from"}


@pytest.mark.parametrize("executor", ["compiled", "graphql-core"])
@pytest.mark.parametrize("failure", [ConnectionError(), FakeAnswer({}, status=503)])
async def test_a_new_source_that_fails_costs_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, executor: str, failure: Any
) -> None:
    use_path(executor, monkeypatch)
    rest = {**REST, "GET /stats": failure, "GET /version": failure}
    fallen_back.clear()
    async with served(tmp_path, "stats", labels=ON, rest=rest, override=FROM) as client:
        for _ in range(30):  # the breaker opens meanwhile
            result = await client.execute("{ stats { views likes } version }")
            assert result.errors == []
            assert result.data == {"stats": {"views": 1, "likes": 2}, "version": "php"}
    assert sum(n for (field, _), n in fallen_back.items() if field == "Query.stats") == 30


async def test_without_it_the_failure_is_the_answers(tmp_path: Path) -> None:
    rest = {**REST, "GET /stats": ConnectionError()}
    async with served(tmp_path, "stats", labels=ON, rest=rest) as client:
        result = await client.execute(STATS)
        assert result.data == {"stats": None}
        assert located(result.errors) == [("HTTP_CLIENT_ERROR", "stats")]


async def test_a_new_source_that_does_not_answer_leaves_time_for_the_one_before(
    tmp_path: Path,
) -> None:
    async def hang(_: Any) -> Any:
        await asyncio.Event().wait()

    rest = FakeSource({**REST, "GET /stats": hang})
    tables = {"traffic_shaping": {"router": {"timeout_s": 1.0}}}
    async with served(
        tmp_path, "stats", labels=ON, rest=rest, override=FROM, tables=tables
    ) as client:
        result = await client.execute(STATS)
        assert (result.data, result.errors) == ({"stats": {"views": 1, "likes": 2}}, [])


@pytest.mark.parametrize("executor", ["compiled", "graphql-core"])
async def test_only_the_objects_that_failed_are_asked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, executor: str
) -> None:
    use_path(executor, monkeypatch)
    sdl = (
        LINK
        + SOURCES
        + (
            """
type Query { videos: [Video] @connect(source: "php", http: { GET: "/videos.php" }, selection: "id old") }
type Video
  @connect(source: "php", http: { GET: "/video.php", queryParams: "id: $batch.id" }, selection: "id title length")
  @connect(source: "rest", http: { GET: "/videos/{$this.id}" }, selection: "id title: name length")
  @override(from: "php", label: "video")
{ id: ID! old: String title: String length: Int }"""
        )
    )
    rest = {
        "GET /videos/1": {"id": 1, "name": "rest 1", "length": 10},
        "GET /videos/2": FakeAnswer({}, 500),
    }
    async with served(
        tmp_path, labels={"video": True}, rest=rest, override=FROM, sdl=sdl
    ) as client:
        for _ in range(3):  # the code is made again for rows of two classes
            result = await client.execute("{ videos { id title length } }")
            assert result.errors == []
            assert result.data["videos"] == [
                {"id": "1", "title": "rest 1", "length": 10},
                {"id": "2", "title": "php 2", "length": 20},
            ]
        assert "GET /video.php?id=2" in client.sources["php"].paths
        assert "GET /video.php?id=1&id=2" not in client.sources["php"].paths


async def test_what_the_other_source_reads_of_the_object_is_there_too(tmp_path: Path) -> None:
    rest = {**REST, "GET /videos?id=1&id=2": ConnectionError()}
    async with served(tmp_path, "stats", labels=ON, rest=rest, override=FROM) as client:
        result = await client.execute(VIDEOS)
        assert result.errors == []
        assert [video["author"] for video in result.data["videos"]] == ["of php 1", "of php 2"]


async def test_a_write_is_never_repeated(tmp_path: Path) -> None:
    sdl = (
        LINK
        + SOURCES
        + (
            """
type Query { stats: Stats
    @connect(source: "php", http: { GET: "/stats.php" }, selection: "views likes")
    @connect(source: "rest", http: { GET: "/stats" }, selection: "views: total.views likes: total.likes")
    @override(from: "php", label: "stats") }
type Mutation { like: Stats
    @connect(source: "php", http: { POST: "/like.php" }, selection: "views likes")
    @connect(source: "rest", http: { POST: "/like" }, selection: "views likes")
    @override(from: "php", label: "stats") }
type Stats { views: Int likes: Int }"""
        )
    )
    rest = {"POST /like": ConnectionError()}
    async with served(
        tmp_path, labels={"stats": True}, rest=rest, override=FROM, sdl=sdl
    ) as client:
        result = await client.execute("mutation { like { views } }")
        assert located(result.errors) == [("HTTP_CLIENT_ERROR", "like")]
        assert client.sources["php"].paths == []


async def test_what_has_moved_whole_falls_back_too(tmp_path: Path) -> None:
    sdl = (
        LINK
        + SOURCES
        + (
            """
type Query { version: String
    @connect(source: "php", http: { GET: "/version.php" }, selection: "$.version")
    @connect(source: "rest", http: { GET: "/version" }, selection: "$.v")
    @override(from: "php") }"""
        )
    )
    answers: list[tuple[Any, str]] = [({"v": "rest"}, "rest"), (ConnectionError(), "php")]
    for number, (answer, version) in enumerate(answers):
        rest = {"GET /version": answer}
        folder = tmp_path / str(number)
        folder.mkdir()
        async with served(folder, labels={}, rest=rest, override=FROM, sdl=sdl) as client:
            result = await client.execute("{ version }")
            assert (result.data, result.errors) == ({"version": version}, [])


@pytest.mark.parametrize("how", ["is away", "hangs"])
async def test_what_the_old_source_gave_is_not_kept_whole_when_the_new_one_answers_again(
    tmp_path: Path, how: str
) -> None:
    kept = {"cache-control": "max-age=600"}
    is_away: str = how

    async def stats(_: Any) -> Any:
        if is_away == "hangs":
            await asyncio.Event().wait()
        return ConnectionError() if is_away else REST["GET /stats"]

    php = {"GET /stats.php": FakeAnswer({"views": 1, "likes": 2}, headers=kept)}
    tables = {
        "sources": {name: {"cache": {"enabled": True}} for name in ("php", "rest")},
        "traffic_shaping": {"router": {"timeout_s": 1.0}},
    }
    async with served(
        tmp_path,
        "stats",
        labels=ON,
        php=php,
        rest={"GET /stats": stats},
        override=FROM,
        tables=tables,
    ) as client:
        for _ in range(3):
            assert (await client.execute(STATS)).data == {"stats": {"views": 1, "likes": 2}}
        is_away = ""
        assert (await client.execute(STATS)).data == {"stats": {"views": 10, "likes": 20}}
