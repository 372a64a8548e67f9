"""Python's logging under the gateway's formatter: whose request a line is of, and what an error line has."""

from __future__ import annotations

import json
import logging
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from gateway.telemetry.pretty import pretty
from gateway.telemetry.records import UNDER_WAY, line_of, members
from gateway.testing import GatewayClient
from tests.cli.command import GATEWAY, ROOT, run_gateway
from tests.support.backend import Answer, backend

SCHEMA = json.loads((ROOT / "docs" / "log-line.schema.json").read_text())
SDL = """
extend schema @link(url: "https://specs.apollo.dev/connect/v0.3", import: ["@connect", "@source"])
  @source(name: "b", http: { baseURL: "http://b.test" })
type Query {
  broken: Int
  away: Thing @connect(source: "b", http: { GET: "/away" }, selection: "id")
  nothing: [Thing!] @connect(source: "b", http: { GET: "/nothing" }, selection: "id")
  number: Int @connect(source: "b", http: { GET: "/number" }, selection: "$.n")
  chatty: Int
  blocking: Int
}
type Subscription { ticks: Int }
type Thing { id: ID! }
"""
RESOLVERS = """
import logging
import warnings
from gateway import resolver, subscription

log = logging.getLogger("shop.prices")

@resolver("Query.broken", vary=())
def broken(parent, context):
    raise LookupError("of the database")

@resolver("Query.chatty", vary=())
async def chatty(parent, context):
    log.debug("not written")
    log.info("%d prices", 3, extra={"shop": 7})
    warnings.warn("old", DeprecationWarning, stacklevel=1)
    return 1

@resolver("Query.blocking", vary=(), blocking=True)
def blocking(parent, context):
    log.warning("from a thread")
    return 1

@subscription("Subscription.ticks", vary=())
async def ticks(root, context):
    log.warning("begins")
    yield 1
"""


def project(folder: Path, more: str = "", name: str = "log_record_resolvers") -> Path:
    (folder / "s.graphql").write_text(SDL)
    (folder / f"{name}.py").write_text(RESOLVERS)
    (folder / "gateway.toml").write_text(
        f'[graph]\nschema = "s.graphql"\nresolvers = "{name}"\n'
        f"[telemetry.metrics]\nenabled = false\n[logs]\n"
        f'access = "{folder / "access.log"}"\nerrors = "{folder / "errors.log"}"\n{more}'
    )
    return folder / "gateway.toml"


def read_lines(path: Path) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in path.read_text().splitlines()]
    for line in found:
        jsonschema.validate(line, SCHEMA)
    return found


ANSWERS = {
    "/away": Answer({"no": 1}, 500),
    "/nothing": Answer([{"id": 1}, {"id": None}, {"id": None}]),
    "/number": Answer({"n": "many"}),
}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("query Q { b: broken }", {"code": "INTERNAL_SERVER_ERROR", "path": "b", "message": "LookupError: of the database"}),
        ("query Q { away { id } }", {"code": "CONNECTOR_FETCH", "path": "away", "source": "b"}),
        ("query Q { number }", {"code": "RESULT_COERCION_FAILED", "path": "number"}),
        (
            "query Q { nothing { id } }",
            {
                "code": "RESULT_COERCION_FAILED",
                "path": "nothing.1.id",
                "message": "Cannot return null for non-nullable field Thing.id.",
            },
        ),
    ],
    ids=["resolver", "backend", "value", "null"],
)  # fmt: skip
async def test_an_error_line_has_its_members(
    query: str, expected: dict[str, Any], tmp_path: Path
) -> None:
    path = project(tmp_path)
    async with backend(ANSWERS) as b, GatewayClient(path, sources={"b": b.url}) as client:
        result = await client.execute(query)
    (error,) = result.errors
    (line,) = read_lines(tmp_path / "errors.log")
    assert expected.items() <= line.items()
    assert line["operation_name"] == "Q"
    assert error["extensions"]["code"] == line["code"]
    assert error["extensions"].get("errorId") == line.get("error_id")
    (access,) = read_lines(tmp_path / "access.log")
    assert access["request_id"] == line["request_id"]
    assert access["error_codes"] == [line["code"]]
    assert "error_id=" not in line["message"]


def served(folder: Path, more: str, *queries: str, workers: int = 1) -> str:
    """What `gateway serve` writes to standard error, from its start to its end."""
    path = project(folder, more, name="served_record_resolvers")
    text = path.read_text().replace(f'errors = "{folder / "errors.log"}"\n', "")
    path.write_text(text)
    process = subprocess.Popen(
        [*GATEWAY, "serve", "--port", "0", "--workers", str(workers)],
        cwd=folder, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
        env={"PATH": str(Path(sys.executable).parent), "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "default"},
    )  # fmt: skip
    assert process.stderr is not None
    said = ""
    try:
        while "http://" not in said:
            line = process.stderr.readline()
            assert line, said
            said += line
        url = said[said.index("http://") :].partition(";")[0]
        for query in queries:
            body = json.dumps({"query": query}).encode()
            asked = urllib.request.Request(url, body, {"content-type": "application/json"})
            urllib.request.urlopen(asked, timeout=30).close()
    finally:
        process.send_signal(signal.SIGTERM)
        said += process.communicate(timeout=60)[1]
    return said


def test_whatever_serve_writes_is_a_line_of_the_log(tmp_path: Path) -> None:
    """Resolvers' loggers, warnings of Python, the start and the end."""
    said = served(tmp_path, "", "query Own { chatty blocking }")
    (tmp_path / "stderr").write_text(said)
    lines = read_lines(tmp_path / "stderr")
    messages = [line["message"] for line in lines]
    assert "not written" not in messages
    (access,) = read_lines(tmp_path / "access.log")
    by_message = {line["message"]: line for line in lines}
    for message, level, event in (
        ("3 prices", "info", "shop.prices"),
        ("from a thread", "warning", "shop.prices"),
    ):
        line = by_message[message]
        assert (line["level"], line["event"]) == (level, event)
        assert (line["request_id"], line["operation_name"]) == (access["request_id"], "Own")
    assert by_message["3 prices"]["extra"] == {"shop": 7}
    (warning,) = [line for line in lines if line["event"] == "py.warnings"]
    assert "DeprecationWarning: old" in warning["message"]
    server = [line["message"] for line in lines if line["event"] == "gateway.server"]
    assert [words.split()[-1] for words in server] == ["ready", "it", "0"]


def test_the_level_says_what_is_written(tmp_path: Path) -> None:
    said = served(tmp_path, 'level = "debug"\n', "{ chatty }")
    assert '"level":"debug","event":"shop.prices","message":"not written"' in said


def test_lines_for_people_have_the_members(tmp_path: Path) -> None:
    said = served(tmp_path, 'format = "pretty"\n', "query Own { chatty broken }")
    assert " info shop.prices: 3 prices operation_name=Own shop=7\n" in said
    assert (
        " error gateway.errors: LookupError: of the database operation_name=Own error_id=" in said
    )
    assert "\nTraceback (most recent call last):\n" in said


async def test_an_event_of_a_subscription_says_whose_it_is(tmp_path: Path) -> None:
    async with GatewayClient(project(tmp_path)) as client:
        with_handler = logging.getLogger("shop.prices")
        found: list[dict[str, Any]] = []
        handler = logging.Handler()
        handler.emit = lambda record: found.append(line_of(record))  # type: ignore[method-assign]
        with_handler.addHandler(handler)
        try:
            results = [item async for item in client.subscribe("subscription Tick { ticks }")]
        finally:
            with_handler.removeHandler(handler)
    assert [result.data for result in results] == [{"ticks": 1}]
    (line,) = found
    assert line["operation_name"] == "Tick"
    assert line["request_id"]


async def test_a_host_application_keeps_its_own_log(tmp_path: Path) -> None:
    """Mounted, the gateway writes its own lines alone."""
    before = (logging.getLogger().handlers[:], logging.getLogger("gateway").level)
    async with GatewayClient(project(tmp_path)) as client:
        await client.execute("{ blocking broken }")
        assert logging.getLogger().handlers == before[0]
    assert [line["event"] for line in read_lines(tmp_path / "errors.log")] == ["gateway.errors"]
    assert logging.getLogger("gateway").level == before[1]


async def test_access_lines_have_method_sizes_and_user_agent(tmp_path: Path) -> None:
    async with GatewayClient(project(tmp_path)) as client:
        await client.execute("{ blocking }", headers={"user-agent": 'curl "8"'})
    (line,) = read_lines(tmp_path / "access.log")
    assert (line["method"], line["user_agent"]) == ("POST", 'curl "8"')
    assert line["request_bytes"] >= len('{"query":"{ blocking }"}')
    assert line["response_bytes"] == len('{"data":{"blocking":1}}')


async def test_members_of_access_lines_can_be_omitted(tmp_path: Path) -> None:
    omitted = ["client_address", "user_agent", "method", "request_bytes", "response_bytes"]
    async with GatewayClient(project(tmp_path, f"access_omit = {json.dumps(omitted)}\n")) as client:
        await client.execute("{ blocking }", headers={"user-agent": "a person's"})
    (line,) = read_lines(tmp_path / "access.log")
    assert not set(omitted) & line.keys()
    assert line["status"] == 200


def test_a_member_that_cannot_be_omitted_is_told(tmp_path: Path) -> None:
    project(tmp_path, 'access_omit = ["status"]\n')
    found = run_gateway("check", cwd=tmp_path)
    assert found.returncode == 2
    assert "logs.access_omit" in found.stderr + found.stdout


def test_a_record_without_a_request_has_no_members_of_one() -> None:
    assert UNDER_WAY.get() is None
    record = logging.makeLogRecord(
        {"msg": "x", "name": "a", "levelname": "INFO", **members(code="C", path=None)}
    )
    assert line_of(record).keys() == {"time", "level", "event", "message", "code"}
    assert pretty(line_of(record)).endswith(b" info a: x code=C\n")
