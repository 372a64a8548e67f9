"""The server audits of GraphQL over HTTP by the ids of the `graphql-http` package, over the shipped configuration.

`test_audits_npm.py` runs the package itself and sees to it that no id is missing here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import orjson
import pytest

from gateway.testing import GatewayClient
from tests.transport.served import Served

JSON = "application/json"
GRAPHQL = "application/graphql-response+json"
TYPENAME = "{ __typename }"
TYPE = "query Type($name: String!) { __type(name: $name) { name } }"
UNKNOWN_FIELD = "{ f8f31403dfe404bccbb0e835f2629c6a7 }"
Check = Callable[[httpx.Response], bool]


def is_status(first: int, last: int | None = None) -> Check:
    return lambda response: first <= response.status_code <= (last or first)


def is_json(response: httpx.Response) -> bool:
    return JSON in response.headers["content-type"]


def is_graphql(response: httpx.Response) -> bool:
    return GRAPHQL in response.headers["content-type"]


def is_utf8(response: httpx.Response) -> bool:
    return bool(response.content.decode("utf-8"))


def has_no_errors(response: httpx.Response) -> bool:
    return "errors" not in response.json()


def has_no_data(response: httpx.Response) -> bool:
    return "data" not in response.json()


OK = is_status(200)
BAD = is_status(400)


@dataclass(frozen=True)
class Audit:
    """A request and what its answer has to be."""

    checks: tuple[Check, ...]
    content: bytes | None = None
    accept: str | None = None
    content_type: str | None = JSON
    params: dict[str, str] | None = None
    headers: dict[str, str] = field(default_factory=dict)

    async def run(self, client: httpx.AsyncClient) -> httpx.Response:
        headers = dict(self.headers)
        if self.accept is not None:
            headers["accept"] = self.accept
        if self.params is not None:
            request = client.build_request("GET", "/graphql", params=self.params, headers=headers)
        else:
            if self.content_type is not None:
                headers["content-type"] = self.content_type
            request = client.build_request(
                "POST", "/graphql", content=self.content, headers=headers
            )
        if self.accept is None:
            del request.headers["accept"]
        return await client.send(request)


def post(sent: Any, *checks: Check, accept: str | None = None, kind: str | None = JSON) -> Audit:
    return Audit(checks, orjson.dumps(sent), accept, kind)


def get(query: str, *checks: Check, accept: str | None = None, **params: str) -> Audit:
    return Audit(checks, None, accept, None, {"query": query, **params})


def raw(content: bytes | None, *checks: Check, accept: str | None = None) -> Audit:
    return Audit(checks, content, accept)


def wrong_types(prefix: str, name: str, values: list[Any]) -> dict[str, Audit]:
    """A parameter of each type that it must not have."""
    return {
        f"{prefix}{number}": post({"query": TYPENAME, name: value}, BAD)
        for number, value in enumerate(values)
    }


NULLS = ("variables", "operationName", "extensions")
STRINGS: list[Any] = [{"obj": "ect"}, 0, False, ["array"]]
MAPS: list[Any] = ["string", 0, False, ["array"]]
NULL_ID = {"query": "query CoerceFailure($id: ID!){ __typename }", "variables": {"id": None}}
NAMED = {"query": "query Query { __typename }", "operationName": "Query"}
TYPED = {"query": TYPE, "variables": {"name": "sometype"}}
EXTENDED = {"query": TYPENAME, "extensions": {"some": "value"}}

AUDITS: dict[str, Audit] = {
    # Media types
    "22EB": post({"query": TYPENAME}, OK, is_graphql, accept=GRAPHQL),
    "4655": post({"query": TYPENAME}, OK, is_json, accept=JSON),
    "47DE": post({"query": TYPENAME}, OK, is_json, accept="*/*"),
    "80D8": post({"query": TYPENAME}, OK, is_json),
    "82A3": post({"query": TYPENAME}, OK, is_utf8),
    "BF61": post(
        {"query": '{ __type(name: "Run🏃Swim🏊") { name } }'}, OK, kind=f"{JSON}; charset=utf-8"
    ),
    "78D5": post({"query": TYPENAME}, OK),
    # Requests
    "2C94": post({"query": TYPENAME}, OK),
    "5A70": get(TYPENAME, OK),
    "9C48": get("mutation { __typename }", is_status(400, 499), accept=GRAPHQL),
    "9ABE": post({"query": TYPENAME}, is_status(400, 499), kind=None),
    "03D4": post({"query": TYPENAME}, OK),
    "A5BF": raw(None, BAD),
    # Parameters
    "423L": post({"notquery": TYPENAME}, BAD, accept=GRAPHQL),
    **wrong_types("LKJ", "query", STRINGS),
    "34A2": post({"query": TYPENAME}, OK, accept=GRAPHQL),
    "13EE": post({"query": TYPENAME}, OK, has_no_errors, accept=JSON),
    **wrong_types("6C0", "operationName", STRINGS),
    "8161": post(NAMED, OK, accept=GRAPHQL),
    "B8B3": post(NAMED, OK, has_no_errors, accept=JSON),
    **{
        f"94B{number}": post({"query": TYPENAME, name: None}, OK, has_no_errors, accept=GRAPHQL)
        for number, name in enumerate(NULLS)
    },
    **{
        f"022{number}": post({"query": TYPENAME, name: None}, OK, has_no_errors, accept=JSON)
        for number, name in enumerate(NULLS)
    },
    **wrong_types("476", "variables", MAPS),
    "2EA1": post(TYPED, OK, accept=GRAPHQL),
    "28B9": post(TYPED, OK, has_no_errors, accept=JSON),
    "D6D5": get(TYPE, OK, has_no_errors, accept=GRAPHQL, variables='{"name": "sometype"}'),
    "6A70": get(TYPE, OK, has_no_errors, accept=JSON, variables='{"name": "sometype"}'),
    **wrong_types("58B", "extensions", MAPS),
    "428F": post(EXTENDED, OK, accept=GRAPHQL),
    "1B7A": post(EXTENDED, OK, has_no_errors, accept=JSON),
    "B6DC": raw(b'{ "not a JSON', is_status(200, 599), accept=JSON),
    "BCF8": raw(b'{ "not a JSON', BAD, accept=JSON),
    "B7N8": raw(b'{ "not a JSON', BAD, accept=GRAPHQL),
    "8764": post({"qeury": TYPENAME}, is_status(400, 599)),
    "3E3A": post({"qeury": TYPENAME}, BAD),
    # Answers as application/json
    "572B": post({"query": "{"}, OK, accept=JSON),
    "FDE2": post({"query": UNKNOWN_FIELD}, OK, accept=JSON),
    "7B9B": post(NULL_ID, OK, accept=JSON),
    # Answers as application/graphql-response+json
    "865D": post({"query": "{"}, is_status(400, 599), accept=GRAPHQL),
    "556A": post({"query": "{"}, BAD, accept=GRAPHQL),
    "D586": post({"query": "{"}, has_no_data, accept=GRAPHQL),
    "51FE": post({"query": UNKNOWN_FIELD}, is_status(400, 599), accept=GRAPHQL),
    "74FF": post({"query": UNKNOWN_FIELD}, BAD, accept=GRAPHQL),
    "5E5B": post({"query": UNKNOWN_FIELD}, has_no_data, accept=GRAPHQL),
    "86EE": post(NULL_ID, BAD, accept=GRAPHQL),
}


@pytest.mark.parametrize("id_", AUDITS)
async def test_audit(http_client: GatewayClient, id_: str) -> None:
    audit = AUDITS[id_]
    response = await audit.run(http_client.http)
    for check in audit.checks:
        assert check(response), (response.status_code, response.headers, response.text)


@pytest.mark.parametrize("id_", AUDITS)
async def test_audit_over_a_socket(http_server: Served, id_: str) -> None:
    audit = AUDITS[id_]
    async with httpx.AsyncClient(base_url=http_server.url.removesuffix("/graphql")) as client:
        response = await audit.run(client)
    for check in audit.checks:
        assert check(response), (response.status_code, response.headers, response.text)
