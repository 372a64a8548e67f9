"""Documents by id over HTTP and WebSockets: registered ones, trusted ones, and what is refused unparsed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.documents.apq import MemoryStore
from gateway.documents.ids import hash_of
from gateway.documents.settings import ApqSettings
from gateway.errors import ConfigError
from gateway.testing import GatewayClient
from tests.transport.conftest import CONFIG, RESOLVERS, SCHEMA, configure

URL = "/graphql"
TEXT = "query Greeting($name: String!) { greeting(name: $name) }"
ANONYMOUS = "{ greeting }"
MUTATION = 'mutation { rename(name: "x") }'
NESTED = "{" * 50_000
NAMED = {"name": "Ada"}
HELLO = {"data": {"greeting": "Hello, Ada!"}}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "schema.graphql").write_text(SCHEMA)
    (tmp_path / "http_resolvers.py").write_text(RESOLVERS)
    (tmp_path / "gateway.toml").write_text(CONFIG.format(folder=tmp_path))
    manifest = {"hello": TEXT, "write": MUTATION, "broken": "{ nope }"}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    return tmp_path


def apq(text: str, version: Any = 1) -> dict[str, Any]:
    return {"persistedQuery": {"version": version, "sha256Hash": hash_of(text)}}


def code_of(response: httpx.Response) -> str:
    code: str = response.json()["errors"][0]["extensions"]["code"]
    return code


def in_url(sent: dict[str, Any]) -> dict[str, str]:
    return {k: v if isinstance(v, str) else json.dumps(v) for k, v in sent.items()}


async def test_a_document_is_registered_and_then_known(project: Path) -> None:
    async with GatewayClient(project / "gateway.toml") as client:
        by_hash = {"extensions": apq(TEXT), "variables": NAMED}
        first = await client.http.post(URL, json=by_hash)
        assert first.status_code == 200
        assert code_of(first) == "PERSISTED_QUERY_NOT_FOUND"
        assert first.json()["errors"][0]["message"] == "PersistedQueryNotFound"
        assert first.headers["cache-control"] == "no-store"
        register = await client.http.post(URL, json={**by_hash, "query": TEXT})
        assert register.json() == HELLO
        assert (await client.http.post(URL, json=by_hash)).json() == HELLO
        assert (await client.http.get(URL, params=in_url(by_hash))).json() == HELLO
        sha = {"documentId": f"sha256:{hash_of(TEXT)}", "variables": NAMED}
        assert (await client.http.post(URL, json=sha)).json() == HELLO


async def test_a_document_is_registered_by_get(project: Path) -> None:
    async with GatewayClient(project / "gateway.toml") as client:
        sent = {"query": ANONYMOUS, "extensions": apq(ANONYMOUS)}
        assert "data" in (await client.http.get(URL, params=in_url(sent))).json()
        del sent["query"]
        assert "data" in (await client.http.get(URL, params=in_url(sent))).json()


async def test_the_status_under_the_newer_media_type(project: Path) -> None:
    async with GatewayClient(project / "gateway.toml") as client:
        accept = {"accept": "application/graphql-response+json"}
        response = await client.http.post(URL, json={"extensions": apq(TEXT)}, headers=accept)
    assert response.status_code == 400
    assert code_of(response) == "PERSISTED_QUERY_NOT_FOUND"


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ({"query": "{ fails }", "extensions": apq(TEXT)}, "PERSISTED_QUERY_HASH_MISMATCH"),
        ({"query": TEXT, "extensions": apq(TEXT, 2)}, "BAD_REQUEST"),
        ({"query": TEXT, "extensions": {"persistedQuery": "x"}}, "BAD_REQUEST"),
        ({"query": TEXT, "extensions": {"persistedQuery": {"version": 1}}}, "BAD_REQUEST"),
        ({"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "zz"}}}, "PERSISTED_QUERY_NOT_FOUND"),
        ({"extensions": {"persistedQuery": None}}, "BAD_REQUEST"),
        ({"documentId": "unknown"}, "PERSISTED_QUERY_NOT_FOUND"),
        ({"documentId": "other", "extensions": apq(TEXT)}, "BAD_REQUEST"),
        ({"documentId": 7}, "BAD_REQUEST"),
        ({"documentId": ""}, "BAD_REQUEST"),
    ],
)  # fmt: skip
async def test_what_is_refused(project: Path, sent: dict[str, Any], code: str) -> None:
    async with GatewayClient(project / "gateway.toml") as client:
        assert code_of(await client.http.post(URL, json=sent)) == code


async def test_what_is_refused_is_not_kept(project: Path) -> None:
    async with GatewayClient(project / "gateway.toml") as client:
        for text in ("{ nope }", "{"):
            sent = {"query": text, "extensions": apq(text)}
            assert code_of(await client.http.post(URL, json=sent)).startswith("GRAPHQL_")
            del sent["query"]
            assert code_of(await client.http.post(URL, json=sent)) == "PERSISTED_QUERY_NOT_FOUND"


async def test_without_apq(project: Path) -> None:
    async with GatewayClient(configure(project, "[apq]\nenabled = false\n")) as client:
        response = await client.http.post(URL, json={"query": TEXT, "extensions": apq(TEXT)})
        assert code_of(response) == "PERSISTED_QUERY_NOT_SUPPORTED"
        assert "data" in (await client.http.post(URL, json={"query": ANONYMOUS})).json()


async def test_the_memory_is_bounded() -> None:
    store = MemoryStore(ApqSettings(max_entries=2, max_size_bytes=100))
    for name in "abc":
        await store.put(name, name)
        assert await store.get("a") == "a"
    assert len(store) == 2
    assert await store.get("b") is None, "`a` was asked for after it"
    await store.put("long", "x" * 100)
    assert (len(store), store.size) == (1, 100)
    await store.put("longer", "x" * 101)
    assert (len(store), store.size) == (0, 0)


TRUSTED = '[persisted_documents]\nmanifest = "manifest.json"\n'
STRICT = f"{TRUSTED}require_id = true\n"


async def test_trusted_documents_by_every_name(project: Path) -> None:
    async with GatewayClient(configure(project, STRICT)) as client:
        for sent in (
            {"documentId": "hello"},
            {"documentId": f"sha256:{hash_of(TEXT)}"},
            {"documentId": hash_of(TEXT).upper()},
            {"extensions": apq(TEXT)},
            {"documentId": "hello", "query": TEXT},
        ):
            body = {**sent, "variables": NAMED}
            assert (await client.http.post(URL, json=body)).json() == HELLO
            assert (await client.http.get(URL, params=in_url(body))).json() == HELLO
        in_path = await client.http.get(f"{URL}/hello", params=in_url({"variables": NAMED}))
        assert in_path.json() == HELLO
        posted = await client.http.post(f"{URL}/sha256:{hash_of(TEXT)}", json={"variables": NAMED})
        assert posted.json() == HELLO
        browser = await client.http.get(
            f"{URL}/hello", params=in_url({"variables": NAMED}), headers={"accept": "text/html,*/*"}
        )
        assert browser.json() == HELLO


@pytest.mark.parametrize(
    ("method", "path", "sent", "status", "code"),
    [
        ("GET", "/write", {}, 405, "METHOD_NOT_ALLOWED"),
        ("POST", "/hello", {"documentId": "write"}, 400, "BAD_REQUEST"),
        ("POST", "/hello", {"query": "{ fails }"}, 200, "PERSISTED_QUERY_HASH_MISMATCH"),
        ("POST", "/none", {}, 200, "PERSISTED_QUERY_NOT_FOUND"),
        ("POST", "/broken", {}, 200, "GRAPHQL_VALIDATION_FAILED"),
        ("POST", "", {"query": ANONYMOUS}, 200, "PERSISTED_QUERY_ID_REQUIRED"),
        ("POST", "", {"query": NESTED}, 200, "PERSISTED_QUERY_ID_REQUIRED"),
        ("POST", "", {"query": TEXT + " ", "documentId": "hello"}, 200, "PERSISTED_QUERY_HASH_MISMATCH"),
        ("POST", "", {"query": ANONYMOUS, "extensions": apq(ANONYMOUS)}, 200, "PERSISTED_QUERY_NOT_FOUND"),
        ("GET", "", {"query": "{ __schema { types { name } } }"}, 200, "PERSISTED_QUERY_ID_REQUIRED"),
    ],
)  # fmt: skip
async def test_nothing_but_trusted_documents(
    project: Path, method: str, path: str, sent: dict[str, Any], status: int, code: str
) -> None:
    async with GatewayClient(configure(project, STRICT)) as client:
        how: dict[str, Any] = {"params": in_url(sent)} if method == "GET" else {"json": sent}
        response = await client.http.request(method, URL + path, **how)
    assert response.status_code == status
    assert code_of(response) == code


async def test_a_refused_document_was_not_parsed(project: Path) -> None:
    """CVE-2026-40324 / GHSA-qr3m-xw4c-jqw3: the id is checked before the parser sees anything."""
    async with GatewayClient(configure(project, f"{STRICT}warm = false\n")) as client:
        await client.http.post(URL, json={"query": NESTED})
        await client.http.post(URL, json={"query": ANONYMOUS})
        plans = client.app.worker.serving().pipeline.plans
        assert (len(plans), plans.counters.misses) == (0, 0)


async def test_trusted_documents_are_warm_at_the_start(project: Path) -> None:
    async with GatewayClient(configure(project, TRUSTED)) as client:
        await client.http.post(URL, json={"documentId": "hello", "variables": NAMED})
    log = [json.loads(line) for line in (project / "access.log").read_text().splitlines()]
    assert log[-1]["plan_cache"] == "hit"
    assert "the trusted document broken" in (project / "errors.log").read_text()


async def test_unknown_documents_are_logged(project: Path) -> None:
    async with GatewayClient(configure(project, f"{TRUSTED}log_unknown = true\n")) as client:
        assert "data" in (await client.http.post(URL, json={"query": ANONYMOUS})).json()
        sent = {"query": TEXT, "variables": NAMED}
        assert (await client.http.post(URL, json=sent)).json() == HELLO
    errors = (project / "errors.log").read_text()
    assert errors.count("not in the manifest") == 1
    assert hash_of(ANONYMOUS) in errors
    assert hash_of(TEXT) not in errors


async def test_without_a_manifest_the_start_ends(project: Path) -> None:
    path = configure(project, '[persisted_documents]\nmanifest = "none.json"\n')
    with pytest.raises(ConfigError, match=r"none\.json"):
        async with GatewayClient(path):
            pass
    (project / "gateway.toml").write_text("[persisted_documents]\nrequire_id = true\n")
    with pytest.raises(ConfigError, match="would refuse every request"):
        GatewayClient(project / "gateway.toml")


async def test_a_path_that_is_no_id(project: Path) -> None:
    async with GatewayClient(project / "gateway.toml") as client:
        for path in ("/a/b", "/", "/%0a", "x"):
            assert (await client.http.get(URL + path)).status_code == 404, path


async def test_a_batch_of_ids(project: Path) -> None:
    tables = f"{STRICT}[batching]\nenabled = true\n"
    async with GatewayClient(configure(project, tables)) as client:
        batch = [{"documentId": "hello", "variables": NAMED}, {"query": ANONYMOUS}]
        first, second = (await client.http.post(URL, json=batch)).json()
    assert first == HELLO
    assert second["errors"][0]["extensions"]["code"] == "PERSISTED_QUERY_ID_REQUIRED"
