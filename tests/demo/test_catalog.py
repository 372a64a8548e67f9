"""The REST catalogue over a real socket."""

from __future__ import annotations

from typing import Any

import httpx
import pytest


def test_pages_join_without_gap(catalog: httpx.Client) -> None:
    whole = catalog.get("/videos", params={"limit": 10}).json()
    first = catalog.get("/videos", params={"limit": 4}).json()
    after = first["page"]["end_cursor"]
    second = catalog.get("/videos", params={"limit": 6, "after": after}).json()
    assert first["items"] + second["items"] == whole["items"]
    assert [item["id"] for item in whole["items"]] == [f"v{n}" for n in range(1, 11)]
    assert first["page"] == {
        "has_next": True,
        "has_previous": False,
        "start_cursor": first["items"][0]["cursor"],
        "end_cursor": first["items"][3]["cursor"],
    }
    assert second["page"]["has_previous"] is True
    assert whole["total"] == 10_000


def test_last_page_has_no_next(catalog: httpx.Client) -> None:
    after, count = None, 0
    while True:
        params: dict[str, Any] = {"limit": 100, "topic": "music"}
        if after:
            params["after"] = after
        answer = catalog.get("/videos", params=params).json()
        count += len(answer["items"])
        assert all(item["topic_id"] == "t1" for item in answer["items"])
        if not answer["page"]["has_next"]:
            break
        after = answer["page"]["end_cursor"]
    assert count == answer["total"]


def test_empty_page(catalog: httpx.Client) -> None:
    answer = catalog.get("/videos", params={"limit": 0}).json()
    assert answer["items"] == []
    assert answer["page"]["end_cursor"] is None


@pytest.mark.parametrize("path", ["/videos?after=nonsense", "/videos?limit=101", "/videos?limit=x"])
def test_bad_pages(catalog: httpx.Client, path: str) -> None:
    answer = catalog.get(path)
    assert answer.status_code == 400
    assert set(answer.json()["error"]) == {"code", "message"}


@pytest.mark.parametrize(
    ("path", "ids"),
    [
        ("/videos?ids=v9,v2,v9,k1,v99999,v02", ["v2", "v9"]),
        ("/collections?ids=k3,k1", ["k1", "k3"]),
        ("/topics?ids=t2,v1", ["t2"]),
        ("/videos?ids=", []),
    ],
)
def test_batches(catalog: httpx.Client, path: str, ids: list[str]) -> None:
    assert [item["id"] for item in catalog.get(path).json()["items"]] == ids


@pytest.mark.parametrize("path", ["/videos/v7", "/collections/k7", "/topics/t7"])
def test_single(catalog: httpx.Client, path: str) -> None:
    assert catalog.get(path).json()["data"]["id"] == path.rpartition("/")[2]


@pytest.mark.parametrize(
    "path", ["/videos/v0", "/videos/v007", "/topics/v1", "/nowhere", "/videos/é"]
)
def test_missing(catalog: httpx.Client, path: str) -> None:
    answer = catalog.get(path)
    assert answer.status_code == 404
    assert answer.json()["error"]["message"]


def test_comments_of_several_videos(catalog: httpx.Client) -> None:
    pages = catalog.get("/comments", params={"video_ids": "v1,v9,v2", "per_video": 3}).json()[
        "by_video"
    ]
    assert list(pages) == ["v1", "v9", "v2"]
    assert len(pages["v1"]["items"]) == 3
    assert pages["v1"]["page"]["has_next"] is True
    assert pages["v9"]["items"] == []
    rest = catalog.get(
        "/comments",
        params={"video_ids": "v1", "per_video": 100, "after": pages["v1"]["page"]["end_cursor"]},
    ).json()["by_video"]["v1"]
    assert len(rest["items"]) == 22
    assert not {item["id"] for item in rest["items"]} & {
        item["id"] for item in pages["v1"]["items"]
    }


def test_videos_of_several_channels(catalog: httpx.Client) -> None:
    pages = catalog.get("/videos", params={"channel_ids": "c1,c2", "per_channel": 2}).json()[
        "by_channel"
    ]
    for channel, page in pages.items():
        assert [item["channel_id"] for item in page["items"]] == [channel, channel]


def test_entity_tag(catalog: httpx.Client) -> None:
    first = catalog.get("/videos/v1")
    assert first.headers["cache-control"] == "public, max-age=30"
    tag = first.headers["etag"]
    for known in (tag, f'W/{tag}, "x"', "*"):
        again = catalog.get("/videos/v1", headers={"if-none-match": known})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == tag
    assert catalog.get("/videos/v2", headers={"if-none-match": tag}).status_code == 200


def test_add_comment(catalog: httpx.Client) -> None:
    body = {"video_id": "v18", "author_id": "u1", "text": " A café! "}
    made = catalog.post("/comments", json=body)
    assert made.status_code == 201
    stored = catalog.get("/comments", params={"video_ids": "v18"}).json()["by_video"]["v18"][
        "items"
    ]
    comment = made.json()["data"]
    assert comment["text"] == "A café!"
    assert {key: stored[-1][key] for key in comment} == comment


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"[]", 400),
        (b'{"video_id": "v1", "author_id": "u1", "text": 1}', 400),
        (b'{"video_id": "v1", "author_id": "u1", "text": "  "}', 422),
        (b'{"video_id": "v0", "author_id": "u1", "text": "x"}', 404),
    ],
)
def test_bad_comments(catalog: httpx.Client, body: bytes, status: int) -> None:
    answer = catalog.post("/comments", content=body)
    assert answer.status_code == status
    assert answer.json()["error"]["code"]
