"""`@shadow`: the other source is asked after the answer, within its own budget, and what differs is found."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path
from typing import Any

import pytest

from gateway.app.gateway import create_app
from gateway.connectors.shadow.size import size_of
from gateway.errors import UpstreamError
from gateway.graph.overrides import shadows_of
from gateway.override.evidence import MoveEvidence
from gateway.testing import FakeAnswer, FakeSource, GatewayClient
from gateway.upstream.settings import SourceSettings
from gateway.upstream.shadow import ShadowCalls
from tests.connectors.scenario import use_path
from tests.override.scenes import LINK, PHP, REST, SOURCES
from tests.override.scenes import served as served_scene

STATS = "{ stats { views likes } }"
SDL = """
type Query {
  stats: Stats
    @connect(source: "php", http: { GET: "/stats.php" }, selection: "views likes")
    @connect(source: "rest", http: { GET: "/stats" }, selection: "views: total.views likes: total.likes")
    @override(from: "php", label: "stats") @shadow(percent: 100)
  videos: [Video] @connect(source: "php", http: { GET: "/videos.php" }, selection: "id old")
}
type Mutation { touch: Stats @connect(source: "php", http: { POST: "/touch.php" }, selection: "views likes") }
type Stats { views: Int likes: Int }
type Video
  @connect(source: "php", http: { GET: "/video.php", queryParams: "id: $batch.id" }, selection: "id title length")
  @connect(source: "rest", http: { GET: "/videos", queryParams: "id: $batch.id" }, selection: "id title: name length")
  @override(from: "php", label: "video") @shadow(percent: 100)
{ id: ID! old: String title: String length: Int }
"""
OFF = {"stats": False, "video": False}
ON = {"stats": True, "video": True}
SAME = {**REST, "GET /stats": {"total": {"views": 1, "likes": 2}}}
NEVER = asyncio.Event()


def served(folder: Path, sdl: str = SDL, **given: Any) -> GatewayClient:
    """The gateway over played backends, whose fields have shadows."""
    given.setdefault("labels", OFF)
    patient = {"max_lag_ms": 60_000, **given.get("override", {}).get("shadow", {})}
    given["override"] = {**given.get("override", {}), "shadow": patient}
    return served_scene(folder, sdl=LINK + SOURCES + sdl, **given)


def shadows(client: GatewayClient) -> ShadowCalls:
    """What is compared."""
    found = client.app.worker.upstream.shadows
    assert found is not None
    return found


async def evidence(client: GatewayClient, coordinate: str = "Query.stats") -> MoveEvidence:
    """What was found, when all is done."""
    await shadows(client).drained()
    assert client.app.graph.schema is not None
    return shadows_of(client.app.graph.schema)[coordinate].whole


@pytest.mark.parametrize("executor", ["compiled", "graphql-core"])
async def test_clients_get_the_old_source_and_what_differs_is_found_with_its_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, executor: str
) -> None:
    use_path(executor, monkeypatch)
    async with served(tmp_path) as client:
        assert (await client.execute(STATS)).data == {"stats": {"views": 1, "likes": 2}}
        found = await evidence(client)
        assert (found.calls, found.matches) == (1, 0)
        assert found.kinds == {("Stats.views", "value"): 1, ("Stats.likes", "value"): 1}
        (example,) = found.examples["Stats.views", "value"]
        assert example["path"] == "views"
        assert {"1", "10"}.isdisjoint({example["before"], example["after"]})
        (call,) = client.sources["rest"].calls
        assert call.headers["x-shadow-request"] == "1"


async def test_what_is_equal_to_a_client_matches(tmp_path: Path) -> None:
    rest = {**REST, "GET /stats": {"total": {"views": 1.0, "likes": 2}}}
    async with served(tmp_path, rest=rest, override={"shadow": {"noise_ratio": 0}}) as client:
        await client.execute(STATS)
        found = await evidence(client)
        assert (found.calls, found.matches, found.kinds) == (1, 1, {})
        assert client.sources["php"].paths == ["GET /stats.php"]


async def test_the_other_source_is_asked_after_the_answer(tmp_path: Path) -> None:
    async def hang(_: Any) -> Any:
        await NEVER.wait()

    rest = FakeSource({**REST, "GET /stats": hang})
    async with served(tmp_path, rest=rest) as client:
        assert (await client.execute(STATS)).errors == []
        assert rest.calls == []


async def test_a_wrong_row_in_two_hundred_is_found(tmp_path: Path) -> None:
    rows = [{"id": at, "title": f"t{at}", "length": at} for at in range(200)]
    names = [{"id": r["id"], "name": r["title"], "length": r["length"]} for r in rows]
    names[137] = {**names[137], "length": 7}
    php = {**PHP, "GET /videos.php": [{"id": at, "old": "o"} for at in range(200)]}
    php["GET /video.php"] = rows
    async with served(tmp_path, rest={**REST, "GET /videos": names}, php=php) as client:
        await client.execute("{ videos { id title length } }")
        found = await evidence(client, "Video")
        assert found.kinds == {("Video.length", "value"): 1}
        assert found.examples["Video.length", "value"][0]["path"] == "137.length"
        assert found.worst() == (0, 1)


async def test_where_clients_get_the_new_source_the_old_one_is_compared(tmp_path: Path) -> None:
    async with served(tmp_path, labels=ON) as client:
        assert (await client.execute(STATS)).data == {"stats": {"views": 10, "likes": 20}}
        found = await evidence(client)
        assert (found.live, found.kinds["Stats.views", "value"]) == (1, 1)
        assert client.sources["php"].paths == ["GET /stats.php"]


@pytest.mark.parametrize("failure", [ConnectionError(), FakeAnswer({}, status=503)])
async def test_a_dead_candidate_costs_clients_nothing(tmp_path: Path, failure: Any) -> None:
    rest = FakeSource({**REST, "GET /stats": failure})
    async with served(tmp_path, rest=rest) as client:
        for _ in range(40):
            assert (await client.execute(STATS)).errors == []
            await shadows(client).drained()
        found = await evidence(client)
        assert sum(found.errors.values()) == 40
        assert len(rest.calls) < 40, "the shadow's own breaker opens"
        policies = {policy.name: policy for policy in client.app.worker.upstream.policies}
        assert policies["rest"].endpoints == {}, "the breaker of clients has seen nothing"


async def test_a_dead_candidate_that_answers_falls_back_and_is_counted(tmp_path: Path) -> None:
    rest = {**REST, "GET /stats": ConnectionError()}
    override = {"on_error": "from"}
    async with served(tmp_path, labels=ON, rest=rest, override=override) as client:
        for _ in range(30):
            result = await client.execute(STATS)
            assert (result.errors, result.data["stats"]["views"]) == ([], 1)
            await shadows(client).drained()
        assert sum((await evidence(client)).errors.values()) == 30


async def test_nothing_of_a_mutation_is_compared(tmp_path: Path) -> None:
    php = {**PHP, "POST /touch.php": {"views": 1, "likes": 2}}
    sdl = SDL.replace("type Mutation {", "type Mutation { newest: Video" + TOUCHED)
    php["POST /newest.php"] = {"id": 2}
    async with served(tmp_path, sdl, php=php) as client:
        result = await client.execute("mutation { touch { views } newest { id title } }")
        assert result.errors == []
        assert (await evidence(client, "Video")).calls == 0
        assert client.sources["rest"].calls == []


TOUCHED = ' @connect(source: "php", http: { POST: "/newest.php" }, selection: "id") '


async def test_more_than_the_budget_is_shed(tmp_path: Path) -> None:
    budget = {"calls_per_s": 1, "noise_ratio": 0}
    async with served(tmp_path, rest=SAME, override={"shadow": budget}) as client:
        for _ in range(3):
            await client.execute(STATS)
            await shadows(client).drained()
        assert len(client.sources["rest"].calls) == 1
        assert shadows(client).shed == {"budget": 2}


async def test_bytes_are_a_budget_too(tmp_path: Path) -> None:
    budget = {"bytes_per_s": 10, "noise_ratio": 0}
    async with served(tmp_path, rest=SAME, override={"shadow": budget}) as client:
        for _ in range(3):
            await client.execute(STATS)
            await shadows(client).drained()
        assert len(client.sources["rest"].calls) == 1


async def test_so_many_wait_and_no_more(tmp_path: Path) -> None:
    fields = " ".join(f"s{number}: stats {{ views }}" for number in range(9))
    async with served(tmp_path, override={"shadow": {"max_pending": 2}}) as client:
        await client.execute(f"{{ {fields} }}")
        assert (await evidence(client)).calls == 2
        assert shadows(client).shed == {"pending": 7}


async def test_it_is_shed_first(tmp_path: Path) -> None:
    tables = {"traffic_shaping": {"router": {"max_in_flight": 4}}}
    async with served(tmp_path, tables=tables) as client:
        admission = client.app.worker.admission
        for number in range(3):
            admission.enter(f"client {number}")
        assert (await client.execute(STATS)).errors == []
        await shadows(client).drained()
        assert client.sources["rest"].calls == []
        assert shadows(client).shed == {"busy": 1}


async def test_nothing_of_the_candidate_reaches_the_client(tmp_path: Path) -> None:
    cookies = FakeAnswer({"total": {"views": 9}}, headers={"set-cookie": "a=1", "x-of": "rest"})
    tables = {"headers": {"all": {"response": [{"propagate": {"named": "x-of"}}]}}}
    async with served(tmp_path, rest={**REST, "GET /stats": cookies}, tables=tables) as client:
        result = await client.execute(STATS)
        await shadows(client).drained()
        assert len(client.sources["rest"].calls) == 1
        assert {"set-cookie", "x-of"}.isdisjoint(result.headers)


async def test_what_differs_from_itself_is_noise(tmp_path: Path) -> None:
    turns = iter(range(1, 100))
    php = {**PHP, "GET /stats.php": lambda _: {"views": next(turns), "likes": 2}}
    rest = {**REST, "GET /stats": lambda _: {"total": {"views": next(turns), "likes": 2}}}
    override = {"shadow": {"noise_ratio": 0}}
    async with served(tmp_path, php=php, rest=rest, override=override) as client:
        for _ in range(5):
            await client.execute(STATS)
            await shadows(client).drained()
        found = await evidence(client)
        assert (found.differing, found.noise) == ({"Stats.views": 5}, {"Stats.views": 5})
        assert found.worst() == (5, 5)


async def test_a_part_is_asked_twice_where_nothing_differs(tmp_path: Path) -> None:
    override = {"shadow": {"noise_ratio": 0.5}}
    async with served(tmp_path, rest=SAME, override=override) as client:
        for _ in range(10):
            await client.execute(STATS)
            await shadows(client).drained()
        assert (await evidence(client)).seconds == 5


async def test_which_requests_are_drawn_is_the_same_again_and_grows(tmp_path: Path) -> None:
    drawn: dict[float, set[str]] = {}
    for percent in (20, 40, 20.0):
        sdl = SDL.replace("@shadow(percent: 100)", f"@shadow(percent: {percent})")
        override = {"shadow": {"noise_ratio": 0, "samples": 100}}
        async with served(tmp_path, sdl, override=override) as client:
            schema = client.app.graph.schema
            assert schema is not None
            assert schema.query_type is not None
            resolve: Any = schema.query_type.fields["stats"].resolve
            ids = [f"request {number}" for number in range(10_000)]
            drawn[percent] = {one for one in ids if resolve.loader.is_drawn(_Asked(one))}
    assert drawn[20] == drawn[20.0] < drawn[40]
    assert abs(len(drawn[20]) - 2_000) < 200


class _Asked:
    """A request by its id."""

    def __init__(self, request_id: str) -> None:
        self.request_id = request_id
        self.client = self


async def test_values_are_shown_where_that_is_configured(tmp_path: Path) -> None:
    override = {"shadow": {"show_values": True}}
    async with served(tmp_path, override=override) as client:
        await client.execute(STATS)
        (example,) = (await evidence(client)).examples["Stats.views", "value"]
        assert (example["before"], example["after"]) == ("1", "10")


async def test_a_reload_keeps_what_was_found_of_the_same_connectors(tmp_path: Path) -> None:
    schema, file = tmp_path / "schema.graphql", tmp_path / "gateway.toml"
    schema.write_text(LINK + SOURCES + SDL)
    text = 'graph = { schema = "schema.graphql" }\n[logs]\naccess = "off"\n[telemetry.metrics]\nport = 0\n'
    text += (
        "[override.labels]\nvideo = false\nstats = false\n[override.shadow]\nmax_lag_ms = 60000\n"
    )
    file.write_text(text)
    client = GatewayClient(file, sources={"php": PHP, "rest": REST})
    played = client.app.transports
    client.app = create_app(file)
    client.app.transports = played
    async with client:
        await client.execute(STATS)
        assert (await evidence(client)).calls == 1
        assert client.app.reloader is not None
        more = SDL.replace("@shadow(percent: 100)", "@shadow(percent: 99)", 1)
        for sdl, calls in ((more, 1), (more.replace("total.views", "total.likes"), 0)):
            schema.write_text(LINK + SOURCES + sdl)
            assert (await client.app.reloader.reload()).result == "reloaded"
            assert (await evidence(client)).calls == calls
        file.write_text(text.replace("stats = false", "stats = true"))
        assert (await client.app.reloader.reload()).result == "reloaded"
        assert (await client.execute(STATS)).data == {"stats": {"views": 20, "likes": 20}}


GONE = FakeAnswer({}, status=404)


@pytest.mark.parametrize("labels", [OFF, ON])
async def test_what_both_sources_refuse_is_no_failure_of_the_new_one(
    tmp_path: Path, labels: dict[str, Any]
) -> None:
    php, rest = {**PHP, "GET /stats.php": GONE}, {**REST, "GET /stats": GONE}
    async with served(tmp_path, labels=labels, php=php, rest=rest) as client:
        assert (await client.execute(STATS)).errors
        found = await evidence(client)
        assert (found.calls, found.errors) == (0, {})


async def test_what_is_too_much_to_look_at_is_left_out_and_counted(tmp_path: Path) -> None:
    sdl = """
type Query { tags: [String] @connect(source: "php", http: { GET: "/tags" }, selection: "$")
  @connect(source: "rest", http: { GET: "/tags" }, selection: "$")
  @override(from: "php", label: "stats") @shadow(percent: 100, unordered: ["Query.tags"]) }
"""
    tags = [f"t{at}" for at in range(200)]
    php, rest = {"GET /tags": tags}, {"GET /tags": [*tags[1:], tags[0]]}
    few = {"shadow": {"max_rows": 1}}
    labels = {"stats": False}
    async with served(tmp_path, sdl, php=php, rest=rest, labels=labels, override=few) as client:
        await client.execute("{ tags }")
        assert (await evidence(client, "Query.tags")).calls == 0
        assert shadows(client).shed == {"size": 1}
        assert shadows_of(client.app.graph.schema)["Query.tags"].whole.left_out == {"size": 1}  # type: ignore[arg-type]


async def test_what_an_answer_that_fails_has_sent_is_spent_too(tmp_path: Path) -> None:
    rest = {**REST, "GET /stats": FakeAnswer(body=b"x" * 5_000)}
    limits = {"sources": {"rest": {"max_response_size_bytes": 4_000}}}
    few = {"shadow": {"bytes_per_s": 1}}
    async with served(tmp_path, rest=rest, tables=limits, override=few) as client:
        for _ in range(3):
            await client.execute(STATS)
            await shadows(client).drained()
        assert (await evidence(client)).calls == 1
        assert shadows(client).shed == {"budget": 2}


async def test_what_the_gateway_refuses_itself_is_no_failure_of_the_new_source(
    tmp_path: Path,
) -> None:
    refused = UpstreamError("UPSTREAM_OVERLOADED", source="rest")
    async with served(tmp_path, rest={**REST, "GET /stats": refused}) as client:
        await client.execute(STATS)
        assert (await evidence(client)).calls == 0
        assert shadows(client).shed == {"places": 1}
        own = shadows(client).settings.of_source(SourceSettings())
        assert own.max_pending >= shadows(client).settings.calls_per_s


@pytest.mark.parametrize("views", [None, "many"])
async def test_what_changes_by_itself_explains_no_value_that_lacks(
    tmp_path: Path, views: Any
) -> None:
    counter = itertools.count()
    php = {**PHP, "GET /stats.php": lambda _: {"views": next(counter), "likes": 2}}
    rest = {**REST, "GET /stats": {"total": {"views": views, "likes": 2}}}
    fast = {"shadow": {"calls_per_s": 9_999}}
    async with served(tmp_path, php=php, rest=rest, override=fast) as client:
        for _ in range(3):
            await client.execute(STATS)
            await shadows(client).drained()
        found = await evidence(client)
        assert (found.differing["Stats.views"], found.noise["Stats.views"]) == (3, 3)
        assert found.worst() == (0, 3)
        assert found.unstable() == ["Stats.views"]
        assert MoveEvidence.from_json(found.as_json()).worst() == (0, 3)


async def test_values_that_cannot_be_asked_for_are_failures_of_which_one_client_has_one_in_a_window(
    tmp_path: Path,
) -> None:
    sdl = """
type Query { stats(id: String): Stats
  @connect(source: "php", http: { GET: "/stats.php", queryParams: "id: $args.id" }, selection: "views likes")
  @connect(source: "rest", http: { GET: "/stats/{$args.id}" }, selection: "views likes")
  @override(from: "php", label: "stats") @shadow(percent: 100) }
type Stats { views: Int likes: Int }
"""
    async with served(tmp_path, sdl, labels={"stats": False}) as client:
        for _ in range(3):
            answer = await client.execute('{ stats(id: "..") { views } }')
            assert answer.data == {"stats": {"views": 1}}
        found = await evidence(client)
        assert (found.calls, found.errors) == (3, {"INVALID_PATH_SEGMENT": 3})
        assert client.app.graph.schema is not None
        recent = shadows_of(client.app.graph.schema)["Query.stats"].recent
        assert recent(asyncio.get_running_loop().time()).calls == 1


async def test_other_settings_of_a_source_are_another_comparison(tmp_path: Path) -> None:
    prints = set()
    for number, url in enumerate(("http://rest.test", "http://rest.test/v2")):
        folder = tmp_path / str(number)
        folder.mkdir()
        tables = {"sources": {"rest": {"url": url}}}
        async with served(folder, tables=tables) as client:
            assert client.app.graph.schema is not None
            found = shadows_of(client.app.graph.schema)
            prints.add(found["Query.stats"].fingerprint)
    assert len(prints) == 2


async def test_what_waits_holds_no_more_than_a_seconds_bytes(tmp_path: Path) -> None:
    sdl = """
type Query { tags: [String] @connect(source: "php", http: { GET: "/tags" }, selection: "$")
  @connect(source: "rest", http: { GET: "/tags" }, selection: "$")
  @override(from: "php", label: "stats") @shadow(percent: 100) }
"""
    tags = {"GET /tags": ["t" * 100] * 1_000}
    override = {"shadow": {"bytes_per_s": 250_000}}
    labels = {"stats": False}
    async with served(
        tmp_path, sdl, php=tags, rest=tags, labels=labels, override=override
    ) as client:
        await client.execute("{ tags }")
        assert shadows(client)._held_bytes in range(100_000, 120_000)
        for _ in range(3):  # each beside those that wait
            shadows(client).follow("rest", NEVER.wait, 100_000)  # type: ignore[arg-type]
        assert shadows(client).shed == {"pending": 2}
        await shadows(client).aclose()
        assert size_of({"a": [1] * 1_000, "b": None}) == size_of({"a": [2] * 1_000, "b": 5})


async def test_one_of_any_size_is_compared(tmp_path: Path) -> None:
    few = {"shadow": {"bytes_per_s": 1, "noise_ratio": 0}}
    async with served(tmp_path, rest=SAME, override=few) as client:
        await client.execute(STATS)
        assert (await evidence(client)).calls == 1
        assert shadows(client)._held_bytes == 0
