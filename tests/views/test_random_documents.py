"""Whatever the clients of a view ask, no byte of an answer names what is hidden.

`VIEW_DOCUMENTS=10000` sends so many.
"""

from __future__ import annotations

import os
from random import Random

from graphql import build_schema, parse, validate

from gateway.testing import GatewayClient
from tests.views.documents import DocumentMaker
from tests.views.shop import SEEN

EXPECTED = build_schema(SEEN)
# As near to what is hidden as a slip can be; none of them names it, so that an answer may say it again.
SLIPS = [
    "scretCount",
    "secrtRank",
    "secrtCost",
    "SecrtPlan",
    "secrtFlag",
    "secrtMode",
    "SECRT_GREEN",
    "SECRT_ON",
    "secrtNote",
    "secrtLevel",
]
COUNT = int(os.environ.get("VIEW_DOCUMENTS", "400"))


async def test_no_byte_of_an_answer_names_what_is_hidden(client: GatewayClient) -> None:
    make = DocumentMaker(EXPECTED, Random(20), SLIPS)
    refused = found = 0
    for _ in range(COUNT):
        text, variables = make.make()
        body = {"query": text, "variables": variables}
        response = await client.http.post(client.app.path, json=body)
        assert b"secret" not in response.content.lower(), text
        expected = [error.message for error in validate(EXPECTED, parse(text))]
        errors = response.json().get("errors", [])
        if expected:
            refused += 1
            assert [error["message"] for error in errors] == expected, text
        else:
            found += response.json().get("data") is not None
    assert refused > COUNT // 20
    assert found > COUNT // 2
