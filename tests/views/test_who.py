"""Who sees which view: by key, by application, by kind of client; and what a reload changes of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from graphql import build_client_schema, get_introspection_query

from gateway.app.gateway import create_app
from gateway.auth.api_keys import ApiKey, ApiKeys, digest_of_key, make_key, utc_now, write_api_keys
from gateway.auth.principal import Principal
from gateway.auth.settings import ClientSettings, DefaultViewSettings
from gateway.client.request import ClientRequest
from gateway.errors import ConfigError
from gateway.pipeline.view_choice import ViewChoice
from gateway.testing import GatewayClient

CHOICE = ViewChoice(
    {"acme": ClientSettings(view="partner"), "shop": ClientSettings()},
    DefaultViewSettings(anonymous="public", client="partners"),
)


@pytest.mark.parametrize(
    ("principal", "view"),
    [
        (Principal(), "public"),
        (Principal(id="ann", kind="user"), None),
        (Principal(id="ann", kind="user", client="acme"), "partner"),
        (Principal(id="acme", kind="client", client="acme"), "partner"),
        (Principal(id="acme", kind="client", client="acme", view="own"), "own"),
        (Principal(id="shop", kind="client", client="shop"), "partners"),
    ],
)
def test_the_most_particular_rule_says_the_view(principal: Principal, view: str | None) -> None:
    client = ClientRequest({}, client_name="acme", principal=principal)
    assert CHOICE.of(client) == view


def test_the_name_that_a_client_gives_itself_decides_nothing() -> None:
    assert CHOICE.of(ClientRequest({}, client_name="acme")) == "public"


CONFIG = """
[graph]
schema = "schema.graphql"
resolvers = "who_resolvers"

[views.public]
include_tags = ["open"]

[views.partner]
exclude_tags = ["internal"]

[authorization.default_views]
anonymous = "public"

[batching]
enabled = true

[authentication.api_keys]
file = "keys.json"
"""
RESOLVERS = """
from gateway import resolver, subscription


@resolver("Query.open", vary=())
@resolver("Query.partner", vary=())
@resolver("Query.internal", vary=())
def value(parent, context):
    return 1


@subscription("Subscription.ticks")
@subscription("Subscription.inner")
async def ticks(root, context):
    yield 1
"""
SDL = """
type Query { open: Int @tag(name: "open") partner: Int internal: Int @tag(name: "internal") }
type Subscription { ticks: Int @tag(name: "open") inner: Int }
"""


def save(folder: Path, *views: str | None) -> tuple[Path, list[str]]:
    keys, texts = [], []
    for view in views:
        text, id_ = make_key("gw", "live")
        digest = digest_of_key(text)
        keys.append(ApiKey(id=id_, client="acme", digest=digest, created=utc_now(), view=view))
        texts.append(text)
    (folder / "keys.json").write_bytes(write_api_keys(ApiKeys(tuple(keys))))
    (folder / "schema.graphql").write_text(SDL)
    (folder / "who_resolvers.py").write_text(RESOLVERS)
    (folder / "gateway.toml").write_text(CONFIG)
    return folder / "gateway.toml", texts


async def fields_of(client: GatewayClient, headers: dict[str, str]) -> list[str]:
    result = await client.execute(get_introspection_query(), headers=headers)
    query = build_client_schema(result.data).query_type
    assert query is not None
    return list(query.fields)


async def test_each_key_sees_its_view(tmp_path: Path) -> None:
    path, keys = save(tmp_path, "partner", None)
    async with GatewayClient(path) as client:
        assert await fields_of(client, {}) == ["open"]
        assert await fields_of(client, {"x-api-key": keys[0]}) == ["open", "partner"]
        assert await fields_of(client, {"x-api-key": keys[1]}) == ["open", "partner", "internal"]
        batch = [{"query": "{ open }"}, {"query": "{ partner }"}]
        response = await client.http.post(client.app.path, json=batch)
        assert ["errors" in one for one in response.json()] == [False, True]


def test_a_key_with_an_unknown_view_is_refused(tmp_path: Path) -> None:
    path, _ = save(tmp_path, "other")
    with pytest.raises(ConfigError, match=r"its .view. is not configured anywhere"):
        GatewayClient(path)


async def test_a_key_whose_view_a_reload_took_away_does_not_see_everything(tmp_path: Path) -> None:
    path, keys = save(tmp_path, "partner")
    client = GatewayClient(path)
    client.app = create_app(path)
    async with client:
        text = CONFIG[: CONFIG.index("[views.public]")] + CONFIG[CONFIG.index("[batching]") :]
        path.write_text(text)
        assert client.app.reloader is not None
        assert (await client.app.reloader.reload()).result == "reloaded"
        found = await client.execute("{ partner internal }", headers={"x-api-key": keys[0]})
        assert found.data is None
        assert found.errors[0]["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
