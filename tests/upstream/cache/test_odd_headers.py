"""Headers of backends that mean nothing, or something that others leave out: nobody's request fails by them."""

from __future__ import annotations

import random

import pytest

from gateway.upstream.cache.outward import packed_tags, separator_of
from gateway.upstream.policy.retry import retry_after_s
from gateway.upstream.transport import Fetched, Header, Headers, UpstreamRequest

from .origin import Origin

YEAR_0 = "Wed, 30 Nov 0000 00:00:00 GMT"


@pytest.mark.parametrize(
    "headers",
    [
        {"expires": YEAR_0},
        {"date": YEAR_0, "cache_control": "max-age=5"},
        {"last_modified": YEAR_0, "cache_control": "max-age=5"},
        {"last_modified": YEAR_0},
    ],
)
async def test_a_date_of_no_year_is_no_date(headers: dict[str, str]) -> None:
    origin = Origin(heuristic=True)
    origin.says(200, **headers)
    assert await origin.body() == 1
    assert (await origin.read(if_modified_since=YEAR_0)).status == 200


@pytest.mark.parametrize("name", ["location", "content-location"])
@pytest.mark.parametrize(
    ("value", "is_purged"),
    [
        ("http://[::1", False), ("//[x", False), ("http://s:x/1", False), ("http://s:99999/1", False),
        ("http://s/1#fragment", True), ("/1#x", True), ("1", True), ("/a/../1", True), ("http://S:80/1", True),
        ("HTTP://s:/1", True), ("http://s:81/1", False), ("https://s/1", False), ("http://other/1", False),
        ("/1?q", False), ("", False), ("http://user@s/1", False), ("http:/1", False), ("mailto:s", False),
        ("/%31", True), ("/./1", True), ("http://s/x/../%2e/1", True), ("//S/x/%2E%2e/1", True), ("./%31#x", True),
        ("/%2f1", False), ("//1", False), ("/1/", False), ("/1/.", False), ("/%2531", False), ("\u0141", False),
    ],
)  # fmt: skip
async def test_a_write_purges_what_its_answer_names_if_that_is_a_url(
    name: str, value: str, is_purged: bool
) -> None:
    origin = Origin()
    origin.says(cache_control="max-age=600")
    assert [await origin.body("http://s/1"), await origin.body("http://s/own")] == [1, 2]
    origin.cache.write(UpstreamRequest("POST", "http://s/own"), Fetched(201, [(name, value)], b""))
    assert await origin.body("http://s/own") == 3
    assert await origin.body("http://s/1") == (4 if is_purged else 1)


@pytest.mark.parametrize(
    ("invalidates", "is_gone"),
    [
        ('"g"', True), ('"a b"', True), ('"x,y"', True), ('"g";a=1', True), ('"o", "a b"', True),
        ('"a"', False), ('"x"', False), ('"g', False), ("", False),
    ],
)  # fmt: skip
async def test_groups_are_a_list_of_texts(invalidates: str, is_gone: bool) -> None:
    """RFC 9875 §2, RFC 9651 §4.2."""
    origin = Origin()
    origin.says(cache_control="max-age=600", cache_groups='"g", "a b";p, "x,y"')
    assert await origin.body() == 1
    told = [("cache-group-invalidation", invalidates)]
    origin.cache.write(UpstreamRequest("POST", "http://s/other"), Fetched(200, told, b""))
    assert await origin.body() == 1 + is_gone


@pytest.mark.parametrize(
    ("header", "packed"),
    [("cache-tag", "source:s,a,b"), ("Surrogate-Key", "source:s a b"), ("xkey", "source:s a b")],
)
def test_tags_are_separated_as_their_header_has_it(header: str, packed: str) -> None:
    tags = ["tag s a", "tag s b", "tag s two words", "tag s x,y", "source s"]
    assert packed_tags(tags, separator_of(header)) == packed


PARTS = [
    *("0", "1", "-1", "1.5", "9" * 5000, "@1", "@99999999999999999", "?1", ":AA==:", '%"a%ff"', "*", "tomorrow"),
    *(";", "=", ",", ", ", '"', "\\", "(", ")", " ", "\t", "\xb2", "\xff", "\xa0", "W/", "a", "{", "}"),
    *("max-age", "s-maxage", "public", "private", "no-cache", "no-store", "stale-if-error", "must-understand"),
    *("max-age=5", "public, max-age=60", 'private="x,y"', 'no-cache="set-cookie"', "stale-while-revalidate=9"),
    *("http://[::1", "//[x", "http://s/1", "http://s:x/", "?q", "#f", "/", "%zz", "close", "0000-00-00 00:00:00"),
]  # fmt: skip
DATES = [
    *(YEAR_0, "Fri, 31 Dec 9999 23:59:60 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"),
    *("Thu, 01 Jan 0001 00:00:00 -0000", "Fri, 31 Dec 9999 23:59:59 -2359", "Wed, 99 Nov 2099 99:99:99 GMT"),
]  # fmt: skip
NAMES = [
    "expires",
    "date",
    "last-modified",
    "cache-control",
    "cdn-cache-control",
    "age",
    "etag",
    "vary",
    "surrogate-key",
    "cache-tag",
    "xkey",
    "cache-groups",
    "cache-group-invalidation",
    "location",
    "content-location",
    "connection",
    "set-cookie",
    "pragma",
    "retry-after",
]
ASKED = [
    "if-modified-since",
    "if-none-match",
    "cache-control",
    "pragma",
    "cookie",
    "range",
    "accept-language",
    "x-q",
]


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_headers_say_is_read_or_left_out(seed: int) -> None:
    """The origin's answer is given in any case, and a write that was done is done."""
    rng = random.Random(seed)

    def headers(names: list[str]) -> list[Header]:
        texts = ["".join(rng.choices(PARTS, k=rng.choice((1, 1, 2, 4)))) for _ in range(4)]
        texts += rng.choices(DATES, k=2)
        return [(rng.choice(names), text) for text in rng.sample(texts, rng.randrange(7))]

    for _ in range(100):
        said = headers(NAMES)
        raw = Headers([(n.encode(), v.encode("latin-1")) for n, v in said])
        origin = Origin(heuristic=True, trust_vary=rng.random() < 0.5, stale_if_error_s=60)

        async def fetch(
            request: UpstreamRequest,
            rng: random.Random = rng,
            given: tuple[Headers, list[Header]] = (raw, said),
        ) -> Fetched:
            may_hold = any(
                name in ("if-none-match", "if-modified-since") for name, _ in request.headers
            )
            return Fetched(
                rng.choice((200, 200, 404, 500, 304 if may_hold else 200)), rng.choice(given), b"1"
            )

        for _ in range(3):
            request = UpstreamRequest(
                "GET", "http://s/", headers(ASKED), source="s", endpoint="/", is_read=True
            )
            assert (await origin.cache.answer(request, fetch, fetch)).status in (200, 304, 404, 500)
            origin.now += rng.choice((0.0, 1.0, 100.0))
        origin.cache.write(UpstreamRequest("POST", "http://s/w"), Fetched(200, said, b""))
        assert retry_after_s(Fetched(503, [("retry-after", v) for _, v in said], b"")) >= 0
