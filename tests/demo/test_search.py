"""The search service over a real socket."""

from __future__ import annotations

import httpx
import pytest


def test_kinds_take_turns(search: httpx.Client) -> None:
    answer = search.get("/search", params={"q": "music", "limit": 10}).json()
    kinds = [hit["kind"] for hit in answer["items"]]
    assert kinds[:6] == ["channel", "collection", "video"] * 2
    assert all("<em>music</em>" in hit["highlight"].lower() for hit in answer["items"])
    assert answer["total"] > 100


def test_best_first_within_a_kind(search: httpx.Client) -> None:
    hits = search.get("/search", params={"q": "garden of chess", "limit": 100}).json()["items"]
    scores = [hit["score"] for hit in hits if hit["kind"] == "video"]
    assert len(scores) > 3
    assert scores == sorted(scores, reverse=True)


def test_pages(search: httpx.Client) -> None:
    whole = search.get("/search", params={"q": "cafe", "limit": 9}).json()
    first = search.get("/search", params={"q": "cafe", "limit": 5}).json()
    after = first["page"]["end_cursor"]
    rest = search.get("/search", params={"q": "cafe", "limit": 4, "after": after}).json()
    assert first["items"] + rest["items"] == whole["items"]


@pytest.mark.parametrize("words", ["", '"', "* OR NEAR(", "zzzz", "  -- "])
def test_any_text_is_a_query(search: httpx.Client, words: str) -> None:
    answer = search.get("/search", params={"q": words})
    assert answer.status_code == 200
    assert answer.json()["items"] == []


def test_a_word_that_is_begun(search: httpx.Client) -> None:
    assert search.get("/search", params={"q": "astro"}).json()["items"]


def test_related(search: httpx.Client) -> None:
    by_id = search.get("/related", params={"ids": "v1,v2,c1"}).json()["by_id"]
    assert len(by_id["v1"]) == 5
    assert "v1" not in by_id["v1"]
    assert by_id["c1"] == []
