"""The monolith, run by PHP: each of its oddities."""

from __future__ import annotations

import json

import httpx


def test_numbers_and_booleans_are_strings(monolith: httpx.Client) -> None:
    answer = monolith.get("/channels?ids[]=c2&ids%5B%5D=c1").json()["result"]
    assert [row["id"] for row in answer] == ["c2", "c1"]
    assert {row["verified"] for row in answer} <= {"0", "1"}
    stats = monolith.get("/video_stats?ids[]=v1").json()["result"]
    assert stats == [{"id": "v1", "views": stats[0]["views"], "likes": stats[0]["likes"]}]
    assert stats[0]["views"].isdigit()


def test_unknown_ids_have_no_row(monolith: httpx.Client) -> None:
    assert monolith.get("/channels?ids[]=c0&ids[]=c1&ids[][]=c2").json()["result"][0]["id"] == "c1"
    assert monolith.get("/channels").json() == {"result": []}


def test_channel_by_id_and_by_name(monolith: httpx.Client) -> None:
    by_id = monolith.get("/channel?id=c3").json()["channel"]
    assert monolith.get("/channel", params={"name": by_id["name"]}).json()["channel"] == by_id


def test_failures_answer_200(monolith: httpx.Client) -> None:
    for path in ("/channel?id=c0", "/channel?name=nobody", "/nowhere"):
        answer = monolith.get(path)
        assert answer.status_code == 200
        assert set(answer.json()["error"]) == {"code", "message"}


def test_latin_1_and_the_empty_map(monolith: httpx.Client) -> None:
    answer = monolith.get("/channel_profiles?ids[]=c1&ids[]=c3")
    assert answer.headers["content-type"] == "application/json; charset=ISO-8859-1"
    assert b"\xe0 la carte and f\xfcr" in answer.content
    with_links, without = json.loads(answer.text)["result"]
    assert with_links["links"]["web"] == "https://channel1.example"
    assert without["links"] == []


def test_serialized(monolith: httpx.Client) -> None:
    answer = monolith.get("/users?ids[]=u1")
    assert answer.headers["content-type"] == "application/vnd.php.serialized"
    assert answer.content.startswith(b'a:1:{s:6:"result";a:1:{i:0;a:5:{s:2:"id";s:2:"u1";')


def test_follow_and_unfollow(monolith: httpx.Client) -> None:
    form = {"follow[channel]": "c77", "follow[user]": "u5"}
    before = int(monolith.get("/channel_stats?ids[]=c77").json()["result"][0]["subscribers"])
    for _ in range(2):  # to follow twice is to follow once
        followed = monolith.post("/follow", data=form).json()
        assert followed["following"] == "1"
        assert followed["subscribers"] == str(before + 1)
    stats = monolith.get("/channel_stats?ids[]=c77").json()["result"][0]
    assert stats["subscribers"] == str(before + 1)
    unfollowed = monolith.post("/unfollow", data=form).json()
    assert (unfollowed["following"], unfollowed["subscribers"]) == ("0", str(before))


def test_follow_refuses(monolith: httpx.Client) -> None:
    wrong_channel = monolith.post("/follow", data={"follow[channel]": "c0", "follow[user]": "u1"})
    assert (wrong_channel.status_code, wrong_channel.json()["error"]["code"]) == (
        200,
        "NO_SUCH_CHANNEL",
    )
    wrong_user = monolith.post("/follow", data={"follow[channel]": "c1", "follow[user]": "x"})
    assert wrong_user.json()["error"]["code"] == "NO_SUCH_USER"
    assert (
        monolith.post("/follow", content=b"follow=1").json()["error"]["code"] == "NO_SUCH_CHANNEL"
    )
