"""Documents of each version of each application: their ids, who may use them, and the end of a version."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.cli.app import app
from gateway.documents.apps import AppVersion, app_of, manifests, read_apps
from gateway.documents.ids import hash_of, plain_id
from gateway.documents.trusted import CHECK_EVERY_S, TrustedDocuments
from gateway.errors import ConfigError
from gateway.testing import GatewayClient
from tests.observe.shop import save_usage_shop

PLAIN = "query Plain { plain }"
VIDEOS = "query Videos { videos { id } }"
CONFIG = """
[persisted_documents]
apps = "documents"
require_id = true
[telemetry.usage]
file = "usage.jsonl"
"""


def save(folder: Path) -> Path:
    """Two versions of one application, one of another; the folder of their manifests."""
    documents = folder / "documents"
    for name, texts in (
        ("ios/2.3", {"plain": PLAIN}),
        ("ios/2.4", {hash_of(PLAIN): PLAIN, "videos": VIDEOS}),
        ("web/1", {"plain": VIDEOS}),
    ):
        path = documents / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(texts))
    return documents


def test_a_document_has_the_ids_of_its_version_and_no_other(tmp_path: Path) -> None:
    plain, videos = hash_of(PLAIN), hash_of(VIDEOS)
    assert read_apps(save(tmp_path)) == {
        "ios~2.3~plain": PLAIN,
        f"ios~2.3~{plain}": PLAIN,
        f"ios~2.4~{plain}": PLAIN,
        "ios~2.4~videos": VIDEOS,
        f"ios~2.4~{videos}": VIDEOS,
        "web~1~plain": VIDEOS,
        f"web~1~{videos}": VIDEOS,
    }
    assert plain_id(f"ios~2.4~sha256:{plain.upper()}") == f"ios~2.4~{plain}"
    assert app_of("ios~2.4~x") == AppVersion("ios", "2.4")
    assert app_of("x") is app_of("a~b") is app_of(None) is None


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("a/1.json", "{", "of no use"),
        ("a/1.json", '{"a~b": "{ a }"}', "the id 'a~b' has a '~'"),
        ("a~b/1.json", "{}", "its name has a '~'"),
    ],
)
def test_a_manifest_of_no_use_is_told_with_its_file(
    tmp_path: Path, name: str, text: str, problem: str
) -> None:
    path = tmp_path / name
    path.parent.mkdir()
    path.write_text(text)
    with pytest.raises(ConfigError, match=problem) as caught:
        read_apps(tmp_path)
    assert (caught.value.file, caught.value.key) == (str(path), "persisted_documents.apps")


async def test_manifests_are_read_again_when_a_version_comes_or_goes(tmp_path: Path) -> None:
    folder, now = save(tmp_path), [0.0]
    trusted = TrustedDocuments(None, lambda: now[0], apps=folder)
    (folder / "ios" / "2.5.json").write_text(json.dumps({"plain": PLAIN}))
    (folder / "ios" / "2.3.json").rename(folder / "ios" / "2.3.json.retired")
    now[0] += CHECK_EVERY_S
    await trusted.refresh()
    assert "ios~2.5~plain" in trusted.texts
    assert "ios~2.3~plain" not in trusted.texts


@pytest.fixture
async def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[GatewayClient]:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    save(tmp_path)
    async with GatewayClient(save_usage_shop(tmp_path, CONFIG)) as found:
        yield found


async def asked(client: GatewayClient, document_id: str) -> tuple[object, str | None]:
    """The data, and the code of the error."""
    response = await client.http.post(client.app.path, json={"documentId": document_id})
    body = response.json()
    return body.get("data"), body["errors"][0]["extensions"]["code"] if "errors" in body else None


def retire(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["documents", "retire", *arguments])
    return result.exit_code, result.output


async def test_a_version_that_is_used_is_not_retired(client: GatewayClient) -> None:
    assert await asked(client, "ios~2.4~videos") == ({"videos": [{"id": "1"}]}, None)
    assert await asked(client, f"ios~2.4~sha256:{hash_of(PLAIN)}") == ({"plain": 1}, None)
    by_url = await client.http.get(f"{client.app.path}/ios~2.4~videos")
    assert by_url.json() == {"data": {"videos": [{"id": "1"}]}}
    for unknown in ("ios~2.3~videos", "web~2~plain", "android~1~plain", hash_of(PLAIN), "plain"):
        assert await asked(client, unknown) == (None, "PERSISTED_QUERY_NOT_FOUND")
    usage = client.app.worker.usage
    assert usage is not None
    await usage.aclose()
    code, text = retire("ios", "2.4")
    assert (code, "ios 2.4 is used: 3 requests, until" in text) == (1, True)
    assert retire("ios", "2.4", "--max-requests", "3", "--period", "1h")[0] == 0
    assert retire("ios", "2.3") == (0, "ios 2.3 is retired\n")
    assert retire("web", "1", "--force")[0] == 0
    assert manifests(Path("documents")) == {}
    assert len(list(Path("documents").glob("*/*.json.retired"))) == 3


def test_what_cannot_be_retired_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    save(tmp_path)
    save_usage_shop(tmp_path, CONFIG)
    listed = CliRunner().invoke(app, ["documents", "list"]).stdout
    assert listed == "ios 2.3 1 document\nios 2.4 2 documents\nweb 1 1 document\n"
    code, text = retire("ios", "9")
    assert (code, "there are no documents of ios 9" in text) == (2, True)
    code, text = retire("ios", "2.3")
    assert (code, "nothing can be said by it" in text) == (2, True)
    save_usage_shop(tmp_path)
    assert "persisted_documents.apps names no folder" in retire("ios", "2.3")[1]
