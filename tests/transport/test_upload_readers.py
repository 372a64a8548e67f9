"""Every place that names a file reads the whole of it, or is told why it cannot."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from gateway.execute import prepared
from gateway.testing import GatewayClient
from tests.support.backend import Backend, backend
from tests.transport.test_uploads import CONFIG, upload

SCHEMA = """
extend schema @link(url: "https://specs.apollo.dev/connect/v0.2", import: ["@source", "@connect"])
  @source(name: "b", http: { baseURL: "http://b.invalid" })
scalar Upload
scalar JSON
scalar Anything
input Attachment { file: Upload, files: [Upload!], inner: Attachment }
type Query {
  sum(file: Upload!, slowly: Boolean! = false): String
  sums(files: [Upload]!): [String]
  both(one: Upload!, other: Upload!): [String]
  deep(attachment: Attachment!): [String]
  json(data: JSON!): String
  any(data: Anything!): String
  batch(file: Upload!): String
  sent(file: Upload!): String @connect(source: "b", http: { POST: "/f", body: "file: $args.file" }, selection: "$.sum")
  items: [Item]
  objects: [Object]
}
type Item { sum(file: Upload!): String, batch(file: Upload!): String }
type Object { sum(file: Upload!): String }
type Mutation { sum(file: Upload!): String }
type Subscription { sum(file: Upload!): String }
"""
RESOLVERS = """
import asyncio
import hashlib
from gateway import batch_resolver, resolver, scalar, subscription


async def digest(file, slowly=False):
    digest = hashlib.sha256()
    async for piece in file:
        digest.update(piece)
        if slowly:
            await asyncio.sleep(0)
    return digest.hexdigest()


@scalar("Anything")
class Anything:
    @staticmethod
    def parse_value(value):
        return value


@resolver("Query.sum")
async def sum_(parent, context, file, slowly=False):
    return await digest(file, slowly)


@resolver("Query.sums")
async def sums(parent, context, files):
    return [await digest(file) for file in files]


@resolver("Query.both")
async def both(parent, context, one, other):
    return await asyncio.gather(digest(one), digest(other))


@resolver("Query.deep")
async def deep(parent, context, attachment):
    found = []
    while attachment:
        found += [await digest(file) for file in [attachment.get("file"), *attachment.get("files", ())] if file]
        attachment = attachment.get("inner")
    return found


@resolver("Query.json")
async def json_(parent, context, data):
    return await digest(data["file"])


@resolver("Query.any")
async def any_(parent, context, data):
    return await digest(data["file"])


@batch_resolver("Query.batch")
async def batch(parents, context, file):
    return [await digest(file)] * len(parents)


@batch_resolver("Item.batch")
async def item_batch(parents, context, file):
    return [await digest(file)] * len(parents)


@resolver("Query.items")
def items(parent, context):
    return [{"id": n} for n in range(3)]


class Object:
    async def sum(self, info, file):
        return await digest(file)


@resolver("Query.objects")
def objects(parent, context):
    return [Object(), Object()]


@resolver("Item.sum")
async def item_sum(parent, context, file):
    return await digest(file)


@resolver("Mutation.sum")
async def mutation_sum(parent, context, file):
    return await digest(file)


@subscription("Subscription.sum")
async def events(root, context, file):
    yield await digest(file)
    yield await digest(file.reader())
"""
LARGE = random.Random(1).randbytes(700_000)
SMALL = LARGE[:300_000]


def sum_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Backend]:
    async with backend({"POST /f": {"sum": "never"}}) as running:
        yield running


@pytest_asyncio.fixture
async def client(tmp_path: Path, server: Backend) -> AsyncIterator[GatewayClient]:
    async with GatewayClient(project(tmp_path, server.url, stream=False)) as started:
        yield started


def project(folder: Path, url: str, *, stream: bool) -> Path:
    (folder / "schema.graphql").write_text(SCHEMA)
    (folder / "reader_resolvers.py").write_text(RESOLVERS)
    config = CONFIG.replace("upload_resolvers", "reader_resolvers")
    stream_line = f"stream = {str(stream).lower()}\n"
    (folder / "gateway.toml").write_text(f'{config}{stream_line}[sources.b]\nurl = "{url}"\n')
    return folder / "gateway.toml"


async def ask(
    client: GatewayClient, query: str, data: bytes = SMALL, *places: str, **variables: Any
) -> dict[str, Any]:
    """Send one file, to `$f` where nothing else is said."""
    operations = {"query": query, "variables": variables or {"f": None}}
    answer = await upload(
        client, operations, {"0": places or ["variables.f"]}, {"0": ("f.bin", data, "a/b")}
    )
    body: dict[str, Any] = answer.json()
    return body


READERS = {
    "two fields": "{ a: sum(file: $f) b: sum(file: $f) }",
    "two fields that wait": "{ a: sum(file: $f, slowly: true) b: sum(file: $f, slowly: true) }",
    "two arguments of one field": "{ a: both(one: $f, other: $f) }",
    "one in a list and one in an object": "{ a: sums(files: [$f, $f]) b: deep(attachment: {file: $f, files: [$f, $f]}) }",
    "objects in objects": "{ a: deep(attachment: {file: $f, inner: {file: $f, inner: {files: [$f]}}}) }",
    "every parent of a list": "{ items { a: sum(file: $f) b: sum(file: $f) batch(file: $f) } }",
    "methods of objects": "{ objects { a: sum(file: $f) b: sum(file: $f) } }",
    "batch resolvers": "{ a: batch(file: $f) b: batch(file: $f) c: sum(file: $f) }",
    "below JSON": "{ a: sum(file: $f) b: json(data: {file: $f}) c: json(data: {file: $f}) d: any(data: {file: $f}) }",
}


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("data", [SMALL, LARGE], ids=["in memory", "on disk"])
async def test_each_reads_it_whole(client: GatewayClient, name: str, data: bytes) -> None:
    answer = await ask(client, f"query ($f: Upload!) {READERS[name]}", data)
    assert "errors" not in answer, answer
    assert set(leaves(answer["data"])) == {sum_of(data)}


@pytest.mark.parametrize("name", ["two fields", "every parent of a list", "batch resolvers"])
async def test_each_reads_it_whole_on_the_fallback_path(
    client: GatewayClient, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepared, "MAX_SHAPING", -1)
    answer = await ask(client, f"query ($f: Upload!) {READERS[name]}")
    assert "errors" not in answer, answer
    assert set(leaves(answer["data"])) == {sum_of(SMALL)}


def leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [leaf for item in value.values() for leaf in leaves(item)]
    return [leaf for item in value for leaf in leaves(item)] if isinstance(value, list) else [value]


async def test_mutation_fields_read_it_one_after_the_other(client: GatewayClient) -> None:
    answer = await ask(client, "mutation ($f: Upload!) { a: sum(file: $f) b: sum(file: $f) }")
    assert answer == {"data": {"a": sum_of(SMALL), "b": sum_of(SMALL)}}


async def test_one_file_at_two_variables(client: GatewayClient) -> None:
    query = "query ($f: Upload!, $g: [Upload]!, $j: JSON!) { a: sum(file: $f) b: sums(files: $g) c: json(data: $j) d: json(data: $j) }"
    places = ("variables.f", "variables.g.0", "variables.g.1", "variables.j.file")
    variables = {"f": None, "g": [None, None], "j": {"file": None}}
    answer = await ask(client, query, SMALL, *places, **variables)
    assert leaves(answer["data"]) == [sum_of(SMALL)] * 5


async def test_two_operations_of_a_batch(client: GatewayClient) -> None:
    one = {"query": "query ($f: Upload!) { a: sum(file: $f) }", "variables": {"f": None}}
    places = {"0": ["0.variables.f", "1.variables.f"]}
    answer = await upload(client, [one, one], places, {"0": ("f.bin", SMALL, "a/b")})
    assert answer.json() == [{"data": {"a": sum_of(SMALL)}}] * 2


async def test_a_connector_is_told_and_a_resolver_reads_it(
    client: GatewayClient, server: Backend
) -> None:
    answer = await ask(client, "query ($f: Upload!) { sent(file: $f) sum(file: $f) }")
    assert answer["data"] == {"sent": None, "sum": sum_of(SMALL)}
    [error] = answer["errors"]
    assert error["path"] == ["sent"]
    assert not server.asked


async def test_each_event_source_has_its_own(client: GatewayClient) -> None:
    fields = {
        "operations": json.dumps({"query": "subscription ($f: Upload!) { sum(file: $f) }", "variables": {"f": None}}),
        "map": json.dumps({"0": ["variables.f"]}),
    }  # fmt: skip
    headers = {"apollo-require-preflight": "1", "accept": "text/event-stream"}
    files = {"0": ("f.bin", SMALL, "a/b")}
    answer: httpx.Response = await client.http.post(
        "/graphql", data=fields, files=files, headers=headers
    )
    assert answer.text.count(sum_of(SMALL)) == 2
