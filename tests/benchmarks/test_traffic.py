"""Requests of varied traffic have nothing in common that a server could remember, and each is a whole request."""

from __future__ import annotations

import subprocess
import sys
from itertools import islice

import orjson
import pytest

from benchmarks import publish
from benchmarks.load.contestants import REPOSITORY
from benchmarks.load.traffic import (
    COUNTER,
    DRAWN,
    Kind,
    popular_pages,
    varied_requests,
    wrk_script,
)
from benchmarks.micro.cases import CASES
from benchmarks.micro.sample import GUARDED
from gateway.transport.http.reader import RequestReader
from tests.benchmarks.results import usual

BODY = orjson.dumps({"query": "{ posts { id } }"})
BODY_OF_PAGE = orjson.dumps({"query": f"{{ post(id: {COUNTER}) {{ id }} }}"})


def test_each_varied_request_has_a_trace_an_id_and_a_body_of_its_own() -> None:
    heads, bodies = [], []
    for sent in islice(varied_requests(BODY, "/graphql", "localhost"), 50):
        reader = RequestReader(16_384)
        reader.feed(sent)
        head = reader.next_head()
        assert head is not None
        heads.append(head.headers)
        bodies.append(reader.next_body())
        assert reader.next_body() == b""
    for name in ("traceparent", "x-request-id"):
        assert len({head[name] for head in heads}) == 50
    assert len(set(bodies)) == 50
    assert {orjson.loads(body or b"")["query"] for body in bodies} == {"{ posts { id } }"}


def test_a_counter_in_the_query_is_the_request_s_own() -> None:
    body = orjson.dumps({"query": f"{{ post(id: {COUNTER}) {{ id }} }}"})
    first, second = islice(varied_requests(body, "/graphql", "localhost"), 2)
    assert b"{ post(id: 1) { id } }" in first
    assert b"{ post(id: 2) { id } }" in second
    assert COUNTER.encode() not in first + second


@pytest.mark.parametrize(("kind", "makes", "encodes"), [("varied", "varied", False), ("identical", "plain", False), ("encoded", "varied", True)])  # fmt: skip
def test_a_kind_of_traffic_is_what_its_script_sends(kind: Kind, makes: str, encodes: bool) -> None:
    script = wrk_script(BODY, "/graphql", kind, first=1, turns=0)
    assert f"local make = {makes}\n" in script
    assert ("accept-encoding" in script) is encodes
    assert ("extensions" in script) is (kind != "identical")


def test_popular_pages_are_drawn_by_zipf_s_law() -> None:
    drawn = popular_pages(1000)
    assert (len(drawn), min(drawn), max(drawn) <= 1000) == (DRAWN, 1, True)
    parts = [drawn.count(page) / DRAWN for page in (1, 2, 10)]
    assert parts == pytest.approx([0.134, 0.067, 0.0134], abs=0.01)
    script = wrk_script(BODY_OF_PAGE, "/graphql", "varied", first=1, turns=0, pages=1000)
    assert f"local drawn = {{ {drawn[0]}, {drawn[1]}, {drawn[2]}" in script
    assert "local drawn = {  }\n" in wrk_script(BODY, "/graphql", "varied", first=1, turns=0)


def test_figures_of_an_interpreter_that_nobody_deploys_are_not_published() -> None:
    made = usual()
    made.machine["build"] = "not optimized"
    with pytest.raises(ValueError, match="enable-optimizations"):
        publish.publish(made)


@pytest.mark.parametrize("number", range(len(CASES), len(GUARDED)))
def test_the_guard_s_requests_are_answered_by_the_application(number: int) -> None:
    """Each checks its first answers: a wrong one is not timed."""
    command = [sys.executable, "-m", "benchmarks.micro.sample", str(number), "1"]
    subprocess.run(command, check=True, cwd=REPOSITORY, timeout=120)
