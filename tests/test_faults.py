"""Whose fault an error is: every code of the table, and codes that are not in it."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.error_codes import CODES, GATEWAY_FAULTS, SOURCE_FAULTS, fault_of
from gateway.transport.http.handler import FRAMING_CODES

# What a client can bring about by what it sends; a reload is no fault of anybody.
OF_CLIENTS = {
    "SUBSCRIPTION_SCHEMA_RELOAD",
    "MAX_RESPONSE_NODES_LIMIT", "MAX_RESPONSE_BYTES_LIMIT", "TOO_MANY_ERRORS", "SLOW_CONSUMER",
    "SUBGRAPH_COST_ESTIMATED_TOO_EXPENSIVE",
    "INVALID_PATH_SEGMENT", "INVALID_REQUEST_VALUE", "REQUEST_LIMIT_EXCEEDED",
}  # fmt: skip


@pytest.mark.parametrize("code", CODES.values(), ids=CODES)
def test_every_code_is_somebodys(code: Any) -> None:
    """Status 4xx is a client's; a code without a status has to be sorted by hand."""
    is_clients = code.name in OF_CLIENTS or (code.http_status or 500) < 500
    wanted = "client" if is_clients else "source" if code.name in SOURCE_FAULTS else "gateway"
    assert fault_of(code.name, {}) == wanted
    assert is_clients != (code.name in SOURCE_FAULTS | GATEWAY_FAULTS)


@pytest.mark.parametrize(
    ("extensions", "fault"),
    [
        ({}, "client"),
        ({"http": {"status": 404}}, "client"),
        ({"http": {"status": 200}}, "client"),
        ({"http": {"status": 500}}, "source"),
        ({"http": {"status": "500"}}, "client"),
        ({"http": "no"}, "client"),
    ],
)
def test_a_code_of_somebody_else(extensions: dict[str, Any], fault: str) -> None:
    assert fault_of("NO_SUCH_CHANNEL", extensions) == fault


def test_an_error_of_graphql_itself_has_no_code_and_is_ours() -> None:
    assert fault_of("GRAPHQL_EXECUTION_FAILED", {}) == "gateway"


def test_codes_of_what_is_no_request_are_in_the_table() -> None:
    assert {CODES[code].http_status: code for code in FRAMING_CODES.values()} == FRAMING_CODES
