"""Files in multipart requests: in their places, counted as they arrive, and refused where a form could do it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from gateway.testing import GatewayClient

URL = "/graphql"
PREFLIGHT = {"apollo-require-preflight": "true"}
SCHEMA = """
scalar Upload
input Attachment { file: Upload!, note: String }
type Query { size(file: Upload!): Int! }
type Mutation {
  keep(file: Upload!): String!
  keepAll(files: [Upload!]!): [String!]!
  attach(attachment: Attachment!): String!
}
"""
RESOLVERS = """
import io
import pytest
from gateway import Upload, resolver


async def told(file):
    assert isinstance(file, Upload)
    start = await file.read(3)
    pieces = [piece async for piece in file]
    assert all(len(piece) <= 65536 for piece in pieces)
    assert file.size == len(start) + sum(map(len, pieces))
    if file.is_streamed:
        with pytest.raises(io.UnsupportedOperation):
            await file.seek(0)
    else:
        await file.seek(0)
    return f"{file.filename} {file.content_type} {file.size} {start.decode()}"


@resolver("Query.size")
async def size(parent, context, file):
    return file.size


@resolver("Mutation.keep")
async def keep(parent, context, file):
    return await told(file)


@resolver("Mutation.keepAll")
async def keep_all(parent, context, files):
    return [await told(file) for file in files]


@resolver("Mutation.attach")
async def attach(parent, context, attachment):
    return await told(attachment["file"])
"""
CONFIG = """
[graph]
schema = ["schema.graphql"]
resolvers = "upload_resolvers"
[logs]
access = "off"
[batching]
enabled = true
[http]
max_body_bytes = 20000
[uploads]
enabled = true
max_files = 3
max_file_size_bytes = 2000000
"""
KEEP = {"query": "mutation ($file: Upload!) { keep(file: $file) }", "variables": {"file": None}}
ONE = {"0": ["variables.file"]}
TEXT = ("a.txt", b"abcdef", "text/plain")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "schema.graphql").write_text(SCHEMA)
    (tmp_path / "upload_resolvers.py").write_text(RESOLVERS)
    (tmp_path / "gateway.toml").write_text(CONFIG)
    return tmp_path


@pytest_asyncio.fixture
async def client(project: Path) -> AsyncIterator[GatewayClient]:
    async with GatewayClient(project / "gateway.toml") as started:
        yield started


async def upload(
    client: GatewayClient,
    operations: Any,
    places: Any,
    files: dict[str, Any],
    headers: dict[str, str] | None = None,
) -> httpx.Response:
    fields = {"operations": json.dumps(operations), "map": json.dumps(places)}
    headers = PREFLIGHT if headers is None else headers
    return await client.http.post(URL, data=fields, files=files, headers=headers)


def code_of(response: httpx.Response) -> str:
    code: str = response.json()["errors"][0]["extensions"]["code"]
    return code


async def test_a_file(client: GatewayClient) -> None:
    response = await upload(client, KEEP, ONE, {"0": TEXT})
    assert response.json() == {"data": {"keep": "a.txt text/plain 6 abc"}}


@pytest.mark.parametrize("stream", ["true", "false"])
async def test_a_large_file(project: Path, stream: str) -> None:
    (project / "gateway.toml").write_text(f"{CONFIG}stream = {stream}\n")
    large = ("b.bin", b"xyz" + bytes(1_000_000), "application/x-b")
    async with GatewayClient(project / "gateway.toml") as client:
        response = await upload(client, KEEP, ONE, {"0": large})
        assert response.json() == {"data": {"keep": "b.bin application/x-b 1000003 xyz"}}
        twice = {
            "query": "mutation ($a: Upload!, $b: Upload!) { a: keep(file: $a) b: keep(file: $b) }",
            "variables": {"a": None, "b": None},
        }
        places = {"0": ["variables.a"], "1": ["variables.b"]}
        response = await upload(client, twice, places, {"0": large, "1": large})
        assert set(response.json()["data"].values()) == {"b.bin application/x-b 1000003 xyz"}


async def test_files_in_lists_and_inputs_and_a_file_in_two_places(client: GatewayClient) -> None:
    several = {
        "query": "mutation ($f: [Upload!]!, $a: Attachment!) { keepAll(files: $f) attach(attachment: $a) }",
        "variables": {"f": [None, None], "a": {"file": None}},
    }
    places = {"x": ["variables.f.0", "variables.a.file"], "y": ["variables.f.1"]}
    response = await upload(
        client, several, places, {"x": TEXT, "y": ("c.css", b"123", "text/css")}
    )
    assert response.json()["data"]["attach"] == "a.txt text/plain 6 abc"
    assert response.json()["data"]["keepAll"][0] == "a.txt text/plain 6 abc"


async def test_a_batch_with_files(client: GatewayClient) -> None:
    places = {"0": ["0.variables.file"], "1": ["1.variables.file"]}
    response = await upload(client, [KEEP, KEEP], places, {"0": TEXT, "1": TEXT})
    assert [item["data"]["keep"] for item in response.json()] == ["a.txt text/plain 6 abc"] * 2


async def test_a_query_with_a_file(client: GatewayClient) -> None:
    query = {"query": "query ($file: Upload!) { size(file: $file) }", "variables": {"file": None}}
    assert (await upload(client, query, ONE, {"0": TEXT})).json() == {"data": {"size": 6}}


async def test_a_file_name_is_only_a_name(client: GatewayClient) -> None:
    response = await upload(client, KEEP, ONE, {"0": ("../../etc/passwd", b"abc", "text/plain")})
    assert response.json() == {"data": {"keep": "../../etc/passwd text/plain 3 abc"}}


async def test_another_site_could_send_it(client: GatewayClient) -> None:
    """CVE-2024-47082."""
    response = await upload(client, KEEP, ONE, {"0": TEXT}, headers={})
    assert (response.status_code, code_of(response)) == (400, "CSRF_ERROR")


async def test_off_unless_enabled(project: Path) -> None:
    (project / "gateway.toml").write_text(CONFIG.replace("enabled = true\nmax_files", "max_files"))
    async with GatewayClient(project / "gateway.toml") as client:
        response = await upload(client, KEEP, ONE, {"0": TEXT})
    assert (response.status_code, code_of(response)) == (415, "UNSUPPORTED_MEDIA_TYPE")


async def test_json_has_no_files(client: GatewayClient) -> None:
    body = {**KEEP, "variables": {"file": "a string"}}
    response = await client.http.post(URL, json=body)
    assert code_of(response) == "BAD_USER_INPUT"
    literal = await client.http.post(URL, json={"query": 'mutation { keep(file: "x") }'})
    assert code_of(literal) == "GRAPHQL_VALIDATION_FAILED"


@pytest.mark.parametrize(
    ("operations", "places", "files", "code"),
    [
        (KEEP, {}, {"0": TEXT}, "BAD_REQUEST"),
        (KEEP, {"0": []}, {"0": TEXT}, "BAD_REQUEST"),
        (KEEP, {"0": "variables.file"}, {"0": TEXT}, "BAD_REQUEST"),
        (KEEP, {"0": [1]}, {"0": TEXT}, "BAD_REQUEST"),
        (KEEP, {"0": [""]}, {"0": TEXT}, "BAD_REQUEST"),
        (KEEP, {"0": ["query"]}, {"0": TEXT}, "BAD_REQUEST"),
        (KEEP, {"0": ["query.0"]}, {"0": TEXT}, "BAD_REQUEST"),
        (KEEP, {"0": ["variables.none"]}, {"0": TEXT}, "BAD_REQUEST"),
        (KEEP, {"0": ["variables.file.0"]}, {"0": TEXT}, "BAD_REQUEST"),
        (KEEP, {"0": ["variables.file"] * 2}, {"0": TEXT}, "BAD_REQUEST"),
        (KEEP, {"0": ["variables.file"] * 500}, {"0": TEXT}, "BAD_REQUEST"),
        (KEEP, {"0": ["variables." * 20_000]}, {"0": TEXT}, "REQUEST_TOO_LARGE"),
        (KEEP, {"0": ["variables.file"], "1": ["variables.file"]}, {"0": TEXT}, "BAD_REQUEST"),
        ([], ONE, {"0": TEXT}, "BAD_REQUEST"),
        ("x", ONE, {"0": TEXT}, "BAD_REQUEST"),
        (None, ONE, {"0": TEXT}, "BAD_REQUEST"),
        ([KEEP], {"0": ["-1.variables.file"]}, {"0": TEXT}, "BAD_REQUEST"),
        ([KEEP], {"0": ["7.variables.file"]}, {"0": TEXT}, "BAD_REQUEST"),
        (
            KEEP,
            ONE | {"1": ["variables.f"]},
            {"0": ("a", bytes(2_000_001), "a/b")},
            "REQUEST_TOO_LARGE",
        ),
        (KEEP, ONE, {str(n): TEXT for n in range(4)}, "REQUEST_TOO_LARGE"),
        ({"query": " " * 30_000}, ONE, {"0": TEXT}, "REQUEST_TOO_LARGE"),
    ],
)
async def test_what_is_refused(
    client: GatewayClient, operations: Any, places: Any, files: dict[str, Any], code: str
) -> None:
    response = await upload(client, operations, places, files)
    assert response.status_code == (413 if code == "REQUEST_TOO_LARGE" else 400)
    assert code_of(response) == code


PART = b'--x\r\ncontent-disposition: form-data; name="%s"\r\n\r\n%s\r\n'


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("multipart/form-data", b"--x--\r\n", 400),
        ("multipart/form-data; boundary=", b"----\r\n", 400),
        ("multipart/form-data; boundary=" + "x" * 71, b"--x--\r\n", 400),
        ("multipart/form-data; boundary=x", b"", 400),
        ("multipart/form-data; boundary=x", b"--x--\r\n", 400),
        ("multipart/form-data; boundary=x", b"not multipart", 400),
        ("multipart/form-data; boundary=x", b"--y\r\n", 400),
        ("multipart/form-data; boundary=x", PART % (b"operations", b"{"), 400),
        ("multipart/form-data; boundary=x", PART % (b"operations", b"{") + b"--x--\r\n", 400),
        ("multipart/form-data; boundary=x", PART % (b"a", b"1") * 2 + b"--x--\r\n", 400),
        ("multipart/form-data; boundary=x", b"--x\r\n" + b"a: b\r\n" * 9 + b"\r\n", 400),
        ("multipart/form-data; boundary=x", b"--x\r\na: " + b"b" * 5000 + b"\r\n\r\n", 400),
        ("multipart/form-data; boundary=x", b"--x\r\n\r\n\xff\r\n--x--\r\n", 400),
        ("multipart/form-data; boundary=x", b"".join(PART % (b"%d" % n, b"1") for n in range(9)), 413),
        ("multipart/mixed; boundary=x", b"--x--\r\n", 415),
    ],
)  # fmt: skip
async def test_forms_that_are_none(
    client: GatewayClient,
    content_type: str,
    body: bytes,
    status: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    headers = {"content-type": content_type, **PREFLIGHT}
    response = await client.http.post(URL, content=body, headers=headers)
    assert response.status_code == status
    assert response.json()["errors"]
    assert not caplog.records, "nobody writes to the log from outside"
