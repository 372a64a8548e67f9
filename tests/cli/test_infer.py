"""Which types are made of an answer: no more than it shows."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.scaffold.infer import Inference, field_name, type_name


def infer(value: Any, *, is_php: bool = False) -> tuple[str, str, str]:
    found = Inference(is_php).infer(value, "Row")
    return found.type, found.selection, found.types


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ([{"a": 1}], "[Row!]"),
        ([{"a": 1}, None], "[Row]"),
        ({"a": 1}, "Row"),
        (["x"], "[String]"),
        ([1, 2.5], "[Float]"),
        ([1, "x"], "[JSON]"),
        ([[1], [2]], "[[Int]]"),
    ],
)
def test_type_of_the_whole(value: Any, kind: str) -> None:
    assert infer(value)[0] == kind


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([True, None], "Boolean"),
        ([2**31], "BigInt"),
        ([None], "JSON"),
        ([[]], "[JSON]"),
        ([{}], "JSON"),
        ([{"x": 1}, "text"], "JSON"),
    ],
)
def test_type_of_a_member(values: list[Any], kind: str) -> None:
    assert f"  a: {kind}\n" in infer([{"a": value} for value in values])[2]


def test_an_id_is_required_only_where_every_object_has_one() -> None:
    assert "id: ID!" in infer([{"id": 1}, {"id": "x"}])[2]
    assert "id: ID\n" in infer([{"id": 1}, {}])[2]


def test_a_map_of_many_keys_is_no_type() -> None:
    assert infer([{"m": {f"k{number}": 1 for number in range(100)}}])[2].startswith(
        "type Row {\n  m: JSON\n}"
    )


def test_types_of_one_name_are_told_apart() -> None:
    _, _, types = infer([{"owner": {"item": {"a": 1}}, "item": {"b": 1}}])
    assert "type Item {\n  a: Int\n}" in types
    assert "type RowItem {\n  b: Int\n}" in types


def test_texts_of_php_are_what_they_hold() -> None:
    rows = [{"n": "07", "i": "7", "f": "1.5", "has_x": "0", "e": ""}, {"i": "", "f": "2"}]
    _, _, types = infer(rows, is_php=True)
    assert types == (
        "type Row {\n  n: String\n  i: Int\n  f: Float\n  hasX: Boolean\n  e: String\n}"
    )


@pytest.mark.parametrize(
    ("member", "field", "kind"),
    [
        ("created_at", "createdAt", "CreatedAt"),
        ("Categories", "categories", "Category"),
        ("boxes", "boxes", "Box"),
        ("status", "status", "Status"),
        ("ID", "id", "Id"),
        ("news", "news", "New"),
        ("x-y z", "xYZ", "XYZ"),
        ("1st", None, "Item"),
        ("__typename", "typename", "Typename"),
    ],
)
def test_names(member: str, field: str | None, kind: str) -> None:
    assert field_name(member) == field
    assert type_name(member) == kind
