"""What the clients of a view are answered: the rest of the schema does not exist for them."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import aclosing
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from graphql import (
    build_client_schema,
    build_schema,
    get_introspection_query,
    lexicographic_sort_schema,
    parse,
    print_schema,
    validate,
)
from graphql.execution.values import get_variable_values

from gateway.app.config import load_config
from gateway.auth.settings import AuthorizationSettings
from gateway.pipeline.explain import ExplainSettings, signed
from gateway.testing import GatewayClient
from tests.views.shop import SEEN, save_shop

EXPECTED = build_schema(SEEN)


def sorted_sdl(schema: Any) -> str:
    return print_schema(lexicographic_sort_schema(schema))


async def test_introspection_is_that_of_the_view(client: GatewayClient) -> None:
    query = get_introspection_query(input_value_deprecation=True)
    result = await client.execute(query)
    found = build_client_schema(result.data)
    assert sorted_sdl(found) == sorted_sdl(EXPECTED)


@pytest.mark.parametrize(
    "document",
    [
        "{ secretCount }",
        "{ secretCoun }",
        "{ secretPlan { id } }",
        "{ video { secretCost title } }",
        "{ video { secretRank } node(id: 1) { secretRank } }",
        "{ node(id: 1) { ... on SecretPlan { id } } }",
        "{ node(id: 1) { ... on SecretPlam { id } } }",
        "fragment f on SecretPlan { id } { node(id: 1) { ...f } }",
        "{ hits(secretMode: SECRET_ON) { __typename } }",
        "{ hits(secretmode: 1) { __typename } }",
        "{ echo(filter: {secretFlag: false}) }",
        "{ echo(filter: {secretFlog: false}) }",
        "{ echo(color: SECRET_GREEN) }",
        "{ echo(color: SECRET_GREE) }",
        'query($m: SecretMode) { echo(secretNote: "x") hits(secretMode: $m) { __typename } }',
        "query($c: Color = SECRET_GREEN) { echo(color: $c) }",
        "{ plain @loud(secretLevel: 2) }",
        "mutation { secretErase(id: 1) }",
        "subscription { secretChanged }",
        "{ _service { sdl } }",
    ],
)
async def test_what_is_hidden_is_unknown_word_for_word(
    client: GatewayClient, document: str
) -> None:
    """As the reference says it of the schema that the view shows."""
    result = await client.execute(document)
    expected = [error.message for error in validate(EXPECTED, parse(document))]
    assert [error["message"] for error in result.errors] == expected != []


async def test_type_of_a_hidden_name_is_null(client: GatewayClient) -> None:
    query = 'query($n: String!) { __type(name: $n) { name } p: __type(name: "Hit") { possibleTypes { name } } }'
    result = await client.execute(query, {"n": "SecretPlan"})
    assert result.data["__type"] is None
    assert result.data["p"]["possibleTypes"] == [{"name": "Video"}, {"name": "Person"}]


async def test_an_object_of_a_hidden_type_is_an_error_without_its_name(
    client: GatewayClient,
) -> None:
    result = await client.execute(
        '{ hits { __typename ... on Person { name } } node(id: "s1") { id } }'
    )
    assert result.data == {
        "hits": [{"__typename": "Video"}, None, {"__typename": "Person", "name": "Ann"}],
        "node": None,
    }
    assert [error["path"] for error in result.errors] == [["hits", 1], ["node"]]
    assert "ecret" not in json.dumps(result.errors)


async def test_hidden_values_of_an_enum_are_errors_without_their_names(
    client: GatewayClient,
) -> None:
    result = await client.execute("{ color colors }")
    assert result.data == {"color": None, "colors": ["RED", None, "BLUE"]}
    assert "secret" not in json.dumps(result.errors).lower()
    assert len(result.errors) == 2


async def test_names_stay_hidden_where_errors_are_not_masked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    async with GatewayClient(save_shop(tmp_path, "unmasked_shop", masked=False)) as client:
        result = await client.execute('{ color hits { __typename } node(id: "s1") { id } }')
    assert len(result.errors) == 3
    assert "secret" not in json.dumps(result.errors).lower()


async def test_defaults_of_what_is_hidden_count(client: GatewayClient) -> None:
    """The client cannot know them; the resolver gets what the schema says."""
    result = await client.execute('{ echo(filter: {text: "a"}) }')
    expected = (
        "[('color', 'S__GREEN'), ('s_Flag', True), ('s_Mode', 'S__OFF'), ('text', 'a')] None noted"
    )
    assert result.data == {"echo": expected}
    query = "query($f: Filter) { echo(filter: $f) }"
    result = await client.execute(query, {"f": {"text": "a"}})
    assert result.data == {"echo": expected}


@pytest.mark.parametrize(
    "filter_",
    [
        {"secretFlag": True},
        {"secretflag": True},
        {"secretMode": "SECRET_ON"},
        {"color": "SECRET_GREEN"},
        {"color": "SECRET_GRE"},
        {"within": [{"secretMode": None}]},
    ],
)
async def test_variables_are_refused_in_the_words_of_the_view(
    client: GatewayClient, filter_: dict[str, Any]
) -> None:
    query = "query($f: Filter) { echo(filter: $f) }"
    result = await client.execute(query, {"f": filter_})
    definitions: Any = parse(query).definitions[0]
    expected: Any = get_variable_values(EXPECTED, definitions.variable_definitions, {"f": filter_})
    assert [error["message"] for error in result.errors] == [one.message for one in expected]
    assert result.errors[0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_what_runs_on_graphql_core_hides_too(shop: Path) -> None:
    config = load_config(shop)
    config = replace(config, limits=replace(config.limits, max_work=500))
    query = '{ hits { __typename } color __schema { types { name } } __type(name: "SecretPlan") { name } }'
    async with GatewayClient(config, base=shop.parent) as client:
        found = client.app.worker.serving().pipeline.plans.lookup(query, None, view="public")
        result = await client.execute(query)
    assert found.value.executor == "fallback"
    assert result.data["hits"] == [{"__typename": "Video"}, None, {"__typename": "Person"}]
    assert (result.data["color"], result.data["__type"]) == (None, None)
    assert "secret" not in json.dumps([result.data, result.errors]).lower()


async def test_parts_that_come_later_hide_too(shop: Path) -> None:
    config = load_config(shop)
    config = replace(config, incremental=replace(config.incremental, enabled=True))
    query = "{ plain ... @defer { hits { __typename } color } }"
    accept = {"accept": "multipart/mixed"}
    async with GatewayClient(config, base=shop.parent) as client:
        response = await client.http.post(client.app.path, json={"query": query}, headers=accept)
    assert b'"hits":[{"__typename":"Video"},null,{"__typename":"Person"}]' in response.content
    assert b"secret" not in response.content.lower()


async def test_subscriptions_hide_what_an_event_brings(client: GatewayClient) -> None:
    async with aclosing(client.subscribe("subscription { changed { __typename } }")) as results:
        found = [result async for result in results]
    assert [one.data["changed"] for one in found] == [
        {"__typename": "Video"},
        None,
        {"__typename": "Person"},
    ]
    assert "secret" not in json.dumps([one.errors for one in found]).lower()


async def test_batches_get_and_documents_by_hash_see_the_view(client: GatewayClient) -> None:
    text = "{ secretCount }"
    message = validate(EXPECTED, parse(text))[0].message
    path = client.app.path
    by_get = await client.http.get(
        path, params={"query": text}, headers={"apollo-require-preflight": "1"}
    )
    extensions = {"persistedQuery": {"version": 1, "sha256Hash": sha256(text.encode()).hexdigest()}}
    by_hash = await client.http.post(path, json={"query": text, "extensions": extensions})
    for response in (by_get, by_hash):
        assert response.json()["errors"][0]["message"] == message
    again = await client.http.post(path, json={"extensions": extensions})
    assert again.json()["errors"][0]["message"] == "PersistedQueryNotFound"


async def test_plans_are_shared_between_views_where_they_are_the_same(
    client: GatewayClient,
) -> None:
    plans = client.app.worker.serving().pipeline.plans
    own = plans.lookup("{ plain(n: 1) video { title } }", None)
    seen = plans.lookup("{ plain(n: 2) video { title } }", None, view="public")
    assert seen.value is own.value
    assert seen.literals is not None
    assert (
        plans.lookup("{ plain(n: 3) video { title } }", None, view="public").how == "hit_normalized"
    )
    assert len(plans) == 1
    assert plans.lookup("{ hits { __typename } }", None, view="public").value.view is not None
    assert plans.lookup("{ hits { __typename } }", None).value.view is None
    assert len(plans) == 3
    for _ in plans.let_all_go():
        pass
    assert (len(plans), plans.size_bytes, plans._texts, plans._shapes) == (0, 0, {}, {})
    await asyncio.sleep(0)


async def test_plans_and_timings_are_for_clients_of_the_whole_schema(
    shop: Path, tmp_path: Path
) -> None:
    """They name what is called, whatever of it a view hides; what the operator has signed is shown."""
    config = load_config(shop)
    explain = ExplainSettings(plan_header=True, trace_header="always")
    shown = replace(config, explain=explain)
    headers = {"x-gateway-plan": "dry-run", "x-gateway-trace": "true"}
    async with GatewayClient(shown, base=tmp_path) as client:
        found = await client.execute("{ video { title } }", headers=headers)
    assert (found.data, found.extensions) == ({"video": {"title": "Cats"}}, {})
    whole = replace(shown, authorization=AuthorizationSettings())
    async with GatewayClient(whole, base=tmp_path) as client:
        found = await client.execute("{ video { title } }", headers=headers)
    assert "plan" in found.extensions
    secret = "a secret of the operator"
    signing = replace(config, explain=ExplainSettings(trace_header="signed"))
    stamp = signed(secret, int(time.time()))
    env = {"GATEWAY_TRACE_SECRET": secret}
    async with GatewayClient(signing, base=tmp_path, env=env) as client:
        found = await client.execute("{ video { title } }", headers={"x-gateway-trace": stamp})
    assert "trace" in found.extensions
