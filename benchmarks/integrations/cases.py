"""The same schema by each framework: as it is, and with the one line that puts it on compiled plans.

A case is a text that is sent again and again, as a client does: parsed, validated and executed by the framework.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gateway.integrations.graphql_core import fallbacks

FIELDS = tuple(f"f{number}" for number in range(8))
LISTED = "id name " + " ".join(FIELDS)
TEXTS = {
    "10,000 objects of 10 fields": f"{{ items(first: 10000) {{ {LISTED} }} }}",
    "1,000 objects, an async resolver each": "{ items(first: 1000) { id later } }",
    "1,000 objects, a resolver each": "{ items(first: 1000) { id called } }",
    "100 objects of 10 fields": f"{{ items(first: 100) {{ {LISTED} }} }}",
    "one object": "{ items(first: 1) { id name } }",
}

Ask = Callable[[str], Any]


@dataclass(frozen=True)
class Pair:
    """A framework as it is, and on plans: each takes a text and gives a result, or an awaitable of one.

    Attributes:
        name: The framework with its version.
        plain, compiled: What is compared.
        data_of: The data of a result; raises where it has errors.
    """

    name: str
    plain: Ask
    compiled: Ask
    data_of: Callable[[Any], Any]


def data_of_result(result: Any) -> Any:
    assert not result.errors, result.errors
    return result.data


def data_of_pair(result: Any) -> Any:
    """Of what Ariadne gives."""
    is_success, response = result
    assert is_success, response
    return response["data"]


def check(pair: Pair, text: str, run: Callable[[Any], Any]) -> None:
    """Assert that the answers are equal at every run, and compiled: a wrong answer is not timed."""
    expected = pair.data_of(run(pair.plain(text)))
    assert expected is not None
    before = sum(fallbacks.values())
    for _ in range(4):
        assert pair.data_of(run(pair.compiled(text))) == expected
    assert sum(fallbacks.values()) == before
