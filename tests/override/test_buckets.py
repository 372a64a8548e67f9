"""Shares of clients: as large as they say, growing without moving anybody back, and equal everywhere."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from hashlib import sha256

import pytest

from gateway.auth.principal import Principal
from gateway.client.request import ClientRequest
from gateway.client.targeting import TargetingKeys
from gateway.override.buckets import bucket_of, prefix_of
from gateway.override.labels import check_label, share_of

IDS = [f"user-{number}" for number in range(100_000)]


def buckets(name: str, salt: str = "") -> list[int]:
    """The bucket of each id."""
    prefix = prefix_of(salt, name)
    return [bucket_of(prefix, id_) for id_ in IDS]


def test_a_share_of_20_percent_is_20_percent() -> None:
    drawn = sum(bucket < 2_000 for bucket in buckets("percent"))
    assert abs(drawn / len(IDS) - 0.2) <= 0.004


def test_who_has_20_percent_has_40_percent() -> None:
    found = buckets("stats-rest")
    small = {i for i, bucket in zip(IDS, found, strict=True) if bucket < 2_000}
    large = {i for i, bucket in zip(IDS, found, strict=True) if bucket < 4_000}
    assert small < large
    assert abs(len(large) / len(IDS) - 0.4) <= 0.004


def test_two_labels_draw_independently() -> None:
    one, other = buckets("stats-rest"), buckets("search-2")
    both = sum(a < 5_000 and b < 5_000 for a, b in zip(one, other, strict=True))
    assert abs(both / len(IDS) - 0.25) <= 0.01


def test_every_bucket_is_drawn_about_as_often() -> None:
    counts = Counter(bucket // 100 for bucket in buckets("percent"))
    assert len(counts) == 100
    assert min(counts.values()) > 850
    assert max(counts.values()) < 1_150


def test_another_process_agrees() -> None:
    script = (
        "from gateway.override.buckets import bucket_of, prefix_of\n"
        "print([bucket_of(prefix_of('s', 'a.b'), f'user-{n}') for n in range(1000)])"
    )
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True).stdout
    prefix = prefix_of("s", "a.b")
    assert eval(told) == [bucket_of(prefix, id_) for id_ in IDS[:1_000]]


def test_the_bucket_is_what_the_documentation_says() -> None:
    digest = sha256(b"salt\nstats-rest\nuser-7").hexdigest()
    assert bucket_of(prefix_of("salt", "stats-rest"), "user-7") == int(digest[:8], 16) % 10_000


@pytest.mark.parametrize(
    ("client", "key"),
    [
        (ClientRequest({}, principal=Principal("ann", "user"), client_key="a"), "ann"),
        (ClientRequest({"cookie": "x=1; visitor=v7"}, client_key="192.0.2.1"), "v7"),
        (ClientRequest({"cookie": "x=1"}, request_id="r", client_key="192.0.2.1"), "192.0.2.1"),
        (ClientRequest({}, request_id="r"), "r"),
    ],
)
def test_the_principal_comes_before_the_cookie_and_the_cookie_before_the_address(
    client: ClientRequest, key: str
) -> None:
    assert TargetingKeys("cookie:visitor").of(client) == key


def test_the_anonymous_id_may_be_a_header() -> None:
    client = ClientRequest({"x-visitor": "v8"}, client_key="192.0.2.1")
    assert TargetingKeys("header:X-Visitor").of(client) == "v8"
    assert TargetingKeys("").of(client) == "192.0.2.1"


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("percent(0)", 0),
        ("percent(0.01)", 1),
        ("percent(12.5)", 1_250),
        ("percent(100)", 10_000),
        ("stats-rest", None),
        ("percent", None),
    ],
)
def test_what_a_label_says_by_itself(text: str, share: int | None) -> None:
    assert share_of(text) == share
    check_label(text)


@pytest.mark.parametrize(
    "text", ["percent(101)", "percent(-1)", "percent()", "percent(1.234)", "1st", "a b", "", "é"]
)
def test_what_is_no_label_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="percent"):
        check_label(text)
