"""What a read of a cached source gets, as its origin's headers and the configuration say. Sections are RFC 9111's."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from random import Random
from typing import Any

import pytest

from gateway.errors import UpstreamError
from gateway.upstream.cache.tags import url_tag
from gateway.upstream.transport import Fetched, UpstreamRequest, header_value
from tests.upstream.cache.origin import BEGIN, Origin, date

FRESH: dict[str, Any] = {"cache_control": "max-age=60"}


@pytest.mark.parametrize(
    ("headers", "fresh_s"),
    [
        ({"cache_control": "max-age=60"}, 60),
        ({"cache_control": "MAX-AGE=60, must-revalidate"}, 60),
        ({"cache_control": "max-age=10, s-maxage=60"}, 60),  # §5.2.2.10
        ({"cache_control": "max-age=60, max-age=10"}, 10),
        ({"cache_control": 'max-age="60"'}, 60),
        ({"cache_control": 'note="max-age=1, no-store", max-age=60'}, 60),
        ({"cache_control": "max-age=60", "age": "45"}, 15),  # §4.2.3
        ({"cache_control": "max-age=60", "age": "soon"}, 60),
        ({"cache_control": "max-age=60", "date": date(-20)}, 40),
        ({"expires": date(60), "date": date()}, 60),
        ({"expires": date(60), "date": "yesterday"}, 60),
        ({"expires": date(10), "cache_control": "max-age=60"}, 60),
        ({"cache_control": "max-age=10", "cdn_cache_control": "max-age=60"}, 60),  # RFC 9213
        ({"cache_control": "max-age=60", "cdn_cache_control": "max-age=x"}, 60),
        ({"cache_control": "no-store, max-age=60, must-understand"}, 60),
    ],
)
async def test_an_answer_is_fresh_for_as_long_as_its_headers_say(
    headers: dict[str, Any], fresh_s: int
) -> None:
    origin = Origin()
    origin.says(**headers)
    assert await origin.body() == 1
    origin.now = BEGIN + fresh_s - 1
    assert await origin.body() == 1
    origin.now = BEGIN + fresh_s + 1
    assert await origin.body() == 2


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"cache_control": "no-store, max-age=60"},
        {"cache_control": "private, max-age=60"},
        {"cache_control": "max-age=0"},
        {"cache_control": "max-age=-1"},
        {"cache_control": "max-age='60'"},
        {"cache_control": "max-age = 60"},
        {"cache_control": "no-cache, max-age=60"},
        {"cache_control": "max-age=60", "cdn_cache_control": "no-store"},
        {"cache_control": "max-age=60", "set_cookie": "a=b"},
        {"cache_control": "max-age=60", "vary": "Accept, *"},
        {"cache_control": "max-age=60", "age": "60"},
        {"expires": "0"},
        {"expires": date(60).replace("GMT", "UTC"), "date": date()},
        {"expires": date(-60), "date": date()},
        {"last_modified": date(-1000)},
        {"status": 206, **FRESH},
        {"status": 404},
    ],
)
async def test_what_may_not_be_reused_is_not(headers: dict[str, Any]) -> None:
    origin = Origin()
    origin.says(**headers)
    assert [await origin.body(), await origin.body()] == [1, 2]
    assert origin.results() == {"miss": 2}


async def test_an_answer_from_memory_says_its_age() -> None:
    origin = Origin()
    origin.says(cache_control="max-age=60", age="10", etag='"a"', connection="x-one", x_one="1")
    assert "age" in dict((await origin.read()).headers)
    origin.now += 20
    headers = dict((await origin.read()).headers)
    assert headers == {"cache-control": "max-age=60", "age": "30", "etag": '"a"'}


@pytest.mark.parametrize(
    ("asks", "answers"),
    [
        ({"cache_control": "no-cache"}, [1, 2]),
        ({"pragma": "no-cache"}, [1, 2]),
        ({"cache_control": "no-store"}, [1, 2]),
        ({"cache_control": "max-age=5"}, [1, 2]),
        ({"cache_control": "min-fresh=55"}, [1, 2]),
        ({"cache_control": "max-age=30, nothing-known"}, [1, 1]),
        ({"range": "bytes=0-1"}, [1, 2]),
    ],
)
async def test_a_request_may_ask_for_more(asks: dict[str, Any], answers: list[int]) -> None:
    origin = Origin(trust_vary=True)
    origin.says(**FRESH)
    first = await origin.body()
    origin.now += 10
    assert [first, await origin.body(**asks)] == answers


async def test_what_is_stale_is_asked_for_with_its_validators() -> None:
    """§4.3; the headers of the 304 are the newer ones."""
    origin = Origin()
    origin.says(cache_control="max-age=10", etag='"a"', last_modified=date(-5), x="old", y="old")
    await origin.read()
    origin.now += 20
    origin.says(cache_control="max-age=30", etag='"a"', x="new", content_length="0")
    answer = await origin.read()
    headers = dict(answer.headers)
    assert (answer.status, answer.body) == (200, b"1")
    assert (headers["x"], headers["y"], headers["cache-control"]) == ("new", "old", "max-age=30")
    assert "content-length" not in headers
    assert dict(origin.asked[1].headers) == {"if-none-match": '"a"', "if-modified-since": date(-5)}
    origin.now += 25
    assert await origin.body() == 1
    assert origin.results() == {"miss": 1, "revalidated": 1, "hit": 1}


async def test_no_cache_is_kept_and_asked_for_each_time() -> None:
    origin = Origin()
    origin.says(cache_control="no-cache, max-age=60", etag='"a"')
    assert [await origin.body() for _ in range(3)] == [1, 1, 1]
    assert origin.results() == {"miss": 1, "revalidated": 2}


@pytest.mark.parametrize(
    ("says", "rules", "same", "other"),
    [
        ({}, {}, [1, 1], 2),  # whatever a client sends may be what the answer is for
        ({"vary": "x"}, {}, [1, 1], 2),
        ({"cache_control": "public, max-age=60"}, {}, [1, 1], 1),
        ({"cache_control": "public, max-age=60", "vary": "X"}, {}, [1, 1], 2),
        ({}, {"trust_vary": True}, [1, 1], 1),
        ({"vary": "x"}, {"trust_vary": True}, [1, 1], 2),
        ({"vary": "Y"}, {"trust_vary": True}, [1, 1], 1),
    ],
)
async def test_clients_share_only_what_does_not_depend_on_what_they_send(
    says: dict[str, Any], rules: dict[str, Any], same: list[int], other: int
) -> None:
    origin = Origin(**rules)
    origin.says(**{**FRESH, **says})
    assert [await origin.body(x="1"), await origin.body(x="1")] == same
    assert await origin.body(x="2") == other


@pytest.mark.parametrize(
    ("says", "other"),
    [
        ({}, 2),  # a legacy that sets a session says nothing of it
        ({"vary": "accept"}, 2),
        ({"vary": "Cookie, accept"}, 2),
        ({"cache_control": "public, max-age=60"}, 1),
    ],
)
async def test_a_session_gets_no_answer_of_another_whatever_vary_leaves_out(
    says: dict[str, Any], other: int
) -> None:
    origin = Origin(trust_vary=True)
    origin.says(**{**FRESH, **says})
    assert [await origin.body(cookie="S=ann"), await origin.body(cookie="S=ann")] == [1, 1]
    assert await origin.body(cookie="S=bob") == other
    assert await origin.body() == other + (other > 1)  # nobody's is another again


@pytest.mark.parametrize(
    ("says", "answers"),
    [
        ({}, [1, 2, 3, 1]),
        ({"vary": "accept"}, [1, 2, 3, 1]),
        ({"vary": "Cookie"}, [1, 2, 3, 1]),
        ({"cache_control": "public, max-age=60"}, [1, 1, 1, 1]),
    ],
)
async def test_a_session_gets_no_answer_that_was_made_without_one(
    says: dict[str, Any], answers: list[int]
) -> None:
    origin = Origin(trust_vary=True)
    origin.says(**{**FRESH, **says})
    found = [
        await origin.body(x="1"),
        await origin.body(cookie="S=ann"),
        await origin.body(cookie="S=bob"),
    ]
    assert [*found, await origin.body(x="2")] == answers


@pytest.mark.parametrize("before", [{"trust_vary": True}, {"ttl_s": 600.0, "override": True}])
async def test_what_was_stored_under_other_settings_is_not_given(before: dict[str, Any]) -> None:
    """Who has found a leak and turns the setting off has ended it; what is still on its way counts as before."""
    old = Origin(**before)
    old.says(cache_control="private, no-store" if "override" in before else "max-age=600")
    assert [await old.body(), await old.body()] == [1, 1]
    new = Origin()
    again = Origin(**before)
    for origin in (new, again):
        origin.cache.memory = origin.cache.tiers.memory = old.memory
        origin.asked = [*old.asked]
    assert await new.body() == 2
    assert await again.body() == 1


@pytest.mark.parametrize(
    ("says", "kept"),
    [
        ("max-age=60", False),
        ("public, max-age=60", True),
        ("s-maxage=60", True),
        ("max-age=60, must-revalidate", True),
    ],
)
async def test_an_answer_to_credentials_is_kept_where_the_origin_allows_it(
    says: str, kept: bool
) -> None:
    """§3.5"""
    origin = Origin()
    origin.says(cache_control=says)
    answers = [await origin.body(authorization="Bearer a") for _ in range(2)]
    assert answers == ([1, 1] if kept else [1, 2])
    assert await origin.body(authorization="Bearer b") == (
        1 if "public" in says else answers[-1] + 1
    )


@pytest.mark.parametrize(
    ("rules", "says", "kept"),
    [
        ({"ttl_s": 60}, {}, True),
        ({"ttl_s": 60}, {"cache_control": "no-store"}, False),
        ({"ttl_s": 60}, {"expires": "Thu, 19 Nov 1981 08:52:00 GMT"}, False),
        ({"ttl_s": 60}, {"status": 404}, False),
        ({"ttl_s": 60}, {"status": 500}, False),
        ({"negative_ttl_s": 60}, {"status": 404}, True),
        ({"ttl_s": 60, "override": True}, {"cache_control": "private, no-store"}, True),
        ({"ttl_s": 60, "override": True}, {"status": 500}, False),
        ({"ttl_s": 60, "override": True}, {"set_cookie": "a=b"}, False),
        ({"heuristic": True}, {"last_modified": date(-1000)}, True),
    ],
)
async def test_the_configuration_speaks_where_headers_do_not(
    rules: dict[str, Any], says: dict[str, Any], kept: bool
) -> None:
    origin = Origin(**rules)
    origin.says(**says)
    assert [await origin.body(), await origin.body()] == ([1, 1] if kept else [1, 2])
    origin.now += 101
    assert await origin.body() == (2 if kept else 3)


@pytest.mark.parametrize(
    ("sets", "sent", "kept"),
    [
        ("PHPSESSID=abc; path=/", {}, True),
        ("PHPSESSID=abc; path=/", {"cookie": "PHPSESSID=abc"}, False),
        ("PHPSESSID=abc; path=/", {"Cookie": "theme=dark"}, False),
        ("phpsessid=abc", {}, False),
        ("cart=7; PHPSESSID=abc", {}, False),
        ("PHPSESSID", {}, True),
        ("=PHPSESSID", {}, False),
    ],
)
async def test_a_cookie_that_says_nothing_of_an_answer_is_left_out(
    sets: str, sent: dict[str, str], kept: bool
) -> None:
    origin = Origin(ttl_s=60, override=True, ignored_cookies=("PHPSESSID",))
    origin.says(
        set_cookie=sets,
        cache_control="no-store, no-cache, must-revalidate",
        expires="Thu, 19 Nov 1981 08:52:00 GMT",
        pragma="no-cache",
    )
    assert [await origin.body(**sent), await origin.body(**sent)] == ([1, 1] if kept else [1, 2])
    given = await origin.read(**sent)
    assert (header_value(given.headers, "set-cookie") is None) == kept


async def test_what_sets_another_cookie_too_is_not_kept() -> None:
    origin = Origin(ignored_cookies=("PHPSESSID",))
    said = [
        ("set-cookie", "PHPSESSID=a"),
        ("set-cookie", "cart=7"),
        ("cache-control", "public, max-age=9"),
    ]

    async def fetch(_: UpstreamRequest) -> Fetched:
        return Fetched(200, said, b"")

    request = UpstreamRequest("GET", "http://s/", source="s", endpoint="/", is_read=True)
    await origin.cache.answer(request, fetch, fetch)
    assert len(origin.memory) == 0
    del said[1]
    await origin.cache.answer(request, fetch, fetch)
    assert len(origin.memory) == 1


async def test_a_stale_answer_is_given_while_it_is_refreshed() -> None:
    origin = Origin()
    origin.says(cache_control="max-age=10, stale-while-revalidate=20")
    await origin.read()
    origin.now += 15
    assert [await origin.body() for _ in range(3)] == [1, 1, 1]
    await until_refreshed(origin)
    assert await origin.body() == 2
    assert origin.results() == {"miss": 2, "stale": 3, "hit": 1}
    origin.now += 31
    assert await origin.body() == 3, "beyond the window somebody waits"


async def test_a_refresh_that_fails_leaves_the_stale_answer() -> None:
    origin = Origin()
    origin.says(cache_control="max-age=10, stale-while-revalidate=20")
    await origin.read()
    origin.now, origin.fails = BEGIN + 15, True
    assert await origin.body() == 1
    await until_refreshed(origin)
    assert await origin.body() == 1
    await origin.cache.aclose()


async def test_an_answer_that_took_long_is_refreshed_before_it_is_stale() -> None:
    origin = Origin()
    origin.says(**FRESH)

    async def slow(request: UpstreamRequest) -> Fetched:
        origin.now += 5
        return await origin.fetch(request)

    request = UpstreamRequest("GET", "http://s/", source="s", is_read=True)
    await origin.cache.answer(request, slow, origin.fetch)
    origin.now += 50
    assert await origin.body() == 1
    origin.luck = 0.01  # 5 s × -ln 0.01 is more than the 5 s that are left
    assert await origin.body() == 1
    await until_refreshed(origin)
    assert await origin.body() == 2


@pytest.mark.parametrize("failure", [500, 503, "away"])
async def test_a_stale_answer_stands_in_for_a_failing_origin(failure: Any) -> None:
    origin = Origin()
    origin.says(cache_control="max-age=10, stale-if-error=100")
    await origin.read()
    origin.now += 50
    origin.fails = failure == "away"
    if not origin.fails:
        origin.says(status=failure)
    assert await origin.body() == 1
    assert origin.results()["stale_if_error"] == 1
    origin.now += 100
    if origin.fails:
        with pytest.raises(UpstreamError, match="could not be reached"):
            await origin.read()
    else:
        assert (await origin.read()).status == failure


@pytest.mark.parametrize("forbids", ["must-revalidate", "proxy-revalidate", "s-maxage=10"])
async def test_no_stale_answer_where_the_origin_forbids_it(forbids: str) -> None:
    origin = Origin(stale_if_error_s=1000, stale_while_revalidate_s=1000)
    origin.says(cache_control=f"max-age=10, {forbids}, stale-if-error=100")
    await origin.read()
    origin.now, origin.fails = BEGIN + 50, True
    with pytest.raises(UpstreamError, match="could not be reached"):
        await origin.read()


@pytest.mark.parametrize(
    ("method", "status", "answer", "kept"),
    [
        ("POST", 200, {}, False),
        ("DELETE", 204, {}, False),
        ("PUT", 302, {}, False),
        ("POST", 500, {}, True),
        ("POST", 404, {}, True),
        ("HEAD", 200, {}, True),
    ],
)
async def test_a_write_makes_what_is_stored_of_its_url_unusable(
    method: str, status: int, answer: dict[str, Any], kept: bool
) -> None:
    """§4.4"""
    origin = Origin()
    origin.says(**FRESH)
    await origin.read()
    origin.cache.write(
        UpstreamRequest(method, "http://s/"), Fetched(status, list(answer.items()), b"")
    )
    assert await origin.body() == (1 if kept else 2)


@pytest.mark.parametrize(
    ("header", "value", "kept"),
    [
        ("location", "/other", False),
        ("content-location", "http://s/other", False),
        ("location", "http://elsewhere/other", True),
        ("cache-group-invalidation", '"videos", "users"', False),  # RFC 9875
    ],
)
async def test_a_write_names_what_else_has_changed(header: str, value: str, kept: bool) -> None:
    origin = Origin()
    origin.says(**FRESH, cache_groups='"users"')
    await origin.read("http://s/other")
    origin.cache.write(UpstreamRequest("POST", "http://s/"), Fetched(200, [(header, value)], b""))
    assert await origin.body("http://s/other") == (1 if kept else 2)


async def test_what_was_asked_before_a_write_is_not_kept_after_it() -> None:
    origin = Origin()
    origin.says(**FRESH)
    gate = asyncio.Event()

    async def slow(request: UpstreamRequest) -> Fetched:
        response = await origin.fetch(request)
        await gate.wait()
        return response

    request = UpstreamRequest("GET", "http://s/", source="s", is_read=True)
    reading = asyncio.create_task(origin.cache.answer(request, slow, slow))
    while not origin.asked:
        await asyncio.sleep(0)
    origin.cache.write(UpstreamRequest("POST", "http://s/"), Fetched(200, [], b""))
    gate.set()
    assert (await reading).body == b"1"
    assert await origin.body() == 2


@pytest.mark.parametrize("tag", ["tag s users", "tag s user-7", "source s", url_tag("http://s/")])
async def test_tags_of_the_origin_are_purged_at_once(tag: str) -> None:
    origin = Origin()
    origin.says(**FRESH, surrogate_key="users user-7")
    await origin.read()
    origin.memory.purge(["tag s user-8", "users"])
    assert await origin.body() == 1
    origin.memory.purge([tag])
    assert await origin.body() == 2
    assert await origin.body() == 2


async def test_memory_is_bounded_by_bytes_and_gives_up_what_is_used_least() -> None:
    origin = Origin(max_bytes=5_500)
    origin.says(**FRESH, x="x" * 1000)
    for number in range(4):
        await origin.read(f"http://s/{number}")
        await origin.read("http://s/0")
    assert origin.memory.size_bytes <= 5_500
    assert origin.memory.evicted == len(origin.asked) - len(origin.memory) == 1
    assert await origin.body("http://s/0") == 1
    origin.says(**FRESH, x="x" * 10_000)
    await origin.read("http://s/large")
    assert len(origin.memory) == 3, "what is larger than all of it is not kept"


async def test_a_condition_of_the_client_is_answered_from_memory() -> None:
    origin = Origin(trust_vary=True)
    origin.says(**FRESH, etag='W/"a"')
    await origin.read()
    assert (await origin.read(if_none_match='"b", "a"')).status == 304
    assert (await origin.read(if_none_match='"b"')).status == 200
    assert len(origin.asked) == 1


async def until_refreshed(origin: Origin) -> None:
    """Until nothing is refreshed any more."""
    while origin.cache._refreshes:
        await asyncio.sleep(0)


@pytest.mark.parametrize("size", [0, 2000])
async def test_what_answers_take_is_no_more_than_is_counted(size: int) -> None:
    """Beside their text: 550 bytes or so."""
    origin = Origin(max_bytes=2**30)
    await origin.read("http://s/first")
    answers = 400
    tracemalloc.start()
    try:
        for number in range(answers):
            etag = f'"{number:032}"'
            origin.says(**FRESH, etag=etag, x="x" * size)
            await origin.read(f"http://s/{number}")
        origin.asked.clear()
        gc.collect()
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    counted = origin.memory.size_bytes
    assert 0.6 * counted < taken < counted
    assert taken / answers < size + 850


async def test_no_more_calls_reach_the_origin_than_have_to() -> None:
    """A page that is asked for n times a second is fetched once in TTL + 1/n seconds: docs/caching.md."""
    pages, rate, seconds, ttl = 50, 20, 400, 10
    weights = [1 / rank for rank in range(1, pages + 1)]
    parts = [weight / sum(weights) for weight in weights]
    least = sum(part / (1 + part * rate * ttl) for part in parts)
    origin, rng = Origin(), Random("pages")
    origin.says(cache_control=f"max-age={ttl}")
    for page in rng.choices(range(pages), weights, k=rate * seconds):
        origin.now += 1 / rate
        await origin.read(f"http://s/{page}")
    assert least < len(origin.asked) / (rate * seconds) < 1.05 * least
