"""The name that was meant: what is found, what is asked and listed, and how little is compared for it."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

import pytest

from gateway.settings.suggestions import (
    MAX_COMPARED,
    MAX_LENGTH,
    MAX_LISTED,
    nearest_name,
    suggest,
    suggest_or_list,
)

WORDS = (
    "order",
    "user",
    "price",
    "title",
    "created",
    "name",
    "address",
    "count",
    "status",
    "owner",
)
MANY = [f"{a}{b.title()}{i}" for i in range(200) for a in WORDS for b in WORDS]


@pytest.mark.parametrize(
    ("name", "known", "meant"),
    [
        ("prot", ("host", "port"), "port"),
        ("Vidoe", ("Video", "Post"), "Video"),
        ("zzz", ("host", "port"), None),
        ("port", (), None),
        ("", ("host", "port"), None),
    ],
)
def test_the_nearest_name_is_meant(name: str, known: Sequence[str], meant: str | None) -> None:
    assert nearest_name(name, known) == meant


@pytest.mark.parametrize(
    "name",
    [
        "rodrePrice173",
        "ordrPrice173",
        "orderPrcie173",
        "orderPrice17",
        "orderPrice1773",
        "orderprice173",
    ],
)
def test_of_many_names_the_nearest_is_found_wherever_the_error_is(name: str) -> None:
    assert nearest_name(name, MANY) == difflib.get_close_matches(name, MANY, n=1)[0]


@pytest.mark.parametrize("known", [MANY, [f"Item{i}" for i in range(20_000)], ["same"] * 1_000])
@pytest.mark.parametrize("name", ["orderPrcie173", "Itme19", "same"])
def test_few_names_are_compared(
    monkeypatch: pytest.MonkeyPatch, name: str, known: list[str]
) -> None:
    compared = []

    def counted(name: str, known: Sequence[str], n: int) -> list[str]:
        compared.append(len(known))
        return []

    monkeypatch.setattr(difflib, "get_close_matches", counted)
    assert nearest_name(name, known) is None
    assert len(compared) == 1
    assert compared[0] <= MAX_COMPARED


def test_a_long_name_is_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    longest = "a" * MAX_LENGTH
    assert nearest_name(longest, [f"{longest}b"]) == f"{longest}b"
    monkeypatch.delattr(difflib, "get_close_matches")
    assert nearest_name(f"{longest}c", [f"{longest}b"]) is None


def test_the_question_has_one_form() -> None:
    assert suggest("prot", {"port"}) == "did you mean `port`?"
    assert suggest("frist", {"first"}, "->") == "did you mean `->first`?"
    assert suggest("zzz", {"port"}) is None


def test_where_nothing_is_near_names_are_listed() -> None:
    assert suggest_or_list("prot", ["host", "port"]) == "did you mean `port`?"
    assert suggest_or_list("zzz", ["port", "host"]) == "known: port, host"
    assert suggest_or_list("zzz", []) == "remove it"
    listed = suggest_or_list("zzz", MANY)
    assert listed.count(",") == MAX_LISTED - 1
    assert listed.endswith(f" and {len(MANY) - MAX_LISTED} more")
