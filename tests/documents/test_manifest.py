"""The manifest's formats, and reading it again."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import Any

import pytest

from gateway.documents.ids import hash_of, plain_id
from gateway.documents.manifest import read_manifest
from gateway.documents.trusted import TrustedDocuments
from gateway.errors import ConfigError

TEXT = "query Greeting { greeting }"
OTHER = "query Other { greeting }"
HASH = hash_of(TEXT)


def apollo(*pairs: tuple[str, str]) -> dict[str, Any]:
    operations = [
        {"id": id_, "body": body, "name": "Greeting", "type": "query"} for id_, body in pairs
    ]
    return {"format": "apollo-persisted-query-manifest", "version": 1, "operations": operations}


@pytest.mark.parametrize(
    ("manifest", "ids"),
    [
        (apollo((HASH, TEXT)), {HASH}),
        (apollo((f"sha256:{HASH}", TEXT)), {HASH}),
        (apollo((HASH.upper(), TEXT)), {HASH}),
        (apollo(("own-id", TEXT)), {"own-id", HASH}),
        ({"5d41402abc4b2a76b9719d911017c592": TEXT}, {"5d41402abc4b2a76b9719d911017c592", HASH}),
        ({}, set()),
        (apollo(), set()),
    ],
)
def test_formats(tmp_path: Path, manifest: Any, ids: set[str]) -> None:
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(manifest))
    assert read_manifest(path) == dict.fromkeys(ids, TEXT)


def test_a_folder(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "Greeting.graphql").write_text(TEXT)
    (tmp_path / "notes.txt").write_text("no document")
    assert read_manifest(tmp_path) == {"Greeting": TEXT, HASH: TEXT}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "unexpected end of data"),
        ("[]", "a manifest is a JSON object"),
        ('{"a": 1}', "'a' is not a text"),
        ('{"": "{ a }"}', "'' is not a text"),
        (json.dumps({**apollo(), "version": 2}), "version 2"),
        (json.dumps({**apollo(), "operations": {}}), "must be a list"),
        (json.dumps({**apollo(), "operations": [1]}), "an operation is an object"),
        (json.dumps({**apollo(), "operations": [{"id": "a"}]}), "'a' is not a text"),
        (json.dumps(apollo(("a", TEXT), ("a", OTHER))), "two texts have the id 'a'"),
    ],
)
def test_a_manifest_of_no_use(tmp_path: Path, content: str, words: str) -> None:
    path = tmp_path / "manifest.json"
    path.write_text(content)
    with pytest.raises(ConfigError) as error:
        read_manifest(path)
    assert words in str(error.value)
    assert str(path) in str(error.value)


def test_no_manifest(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        read_manifest(tmp_path / "none.json")


@pytest.mark.parametrize(
    ("id_", "plain"),
    [
        (f"sha256:{HASH}", HASH),
        (HASH.upper(), HASH),
        ("Greeting", "Greeting"),
        ("sha256:short", "sha256:short"),
        ("", ""),
    ],
)
def test_ids(id_: str, plain: str) -> None:
    assert plain_id(id_) == plain


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def write(path: Path, content: str, when: int) -> None:
    path.write_text(content)
    os.utime(path, ns=(when, when))


async def test_it_is_read_again_when_it_changes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, clock = tmp_path / "manifest.json", Clock()
    write(path, json.dumps({"a": TEXT}), 1)
    trusted = TrustedDocuments(path, clock)
    write(path, json.dumps({"b": OTHER}), 2)
    clock.now = 0.5
    await trusted.refresh()
    assert "a" in trusted.texts, "it looks once in a second"
    clock.now = 1.0
    await trusted.refresh()
    assert trusted.texts == {"b": OTHER, hash_of(OTHER): OTHER}

    for is_there in (True, False):
        caplog.clear()
        write(path, "{", 3)
        if not is_there:
            path.unlink()
        for _ in range(2):
            clock.now += 1.0
            await trusted.refresh()
        assert "b" in trusted.texts, "a broken one leaves the old one in use"
        errors = [record for record in caplog.records if record.levelno == logging.ERROR]
        assert len(errors) == 1, "it is complained of once"
        assert str(path) in errors[0].getMessage()

    write(path, json.dumps({"c": TEXT}), 4)
    clock.now += 1.0
    await trusted.refresh()
    assert "c" in trusted.texts


async def test_a_folder_is_read_again(tmp_path: Path) -> None:
    clock = Clock()
    write(tmp_path / "One.graphql", TEXT, 1)
    trusted = TrustedDocuments(tmp_path, clock)
    write(tmp_path / "One.graphql", OTHER, 2)
    clock.now = 1.0
    await trusted.refresh()
    assert trusted.texts["One"] == OTHER
