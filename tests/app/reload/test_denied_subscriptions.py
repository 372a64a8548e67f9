"""Subscriptions to what a reload denies to their clients: they end at once, valid or not."""

from __future__ import annotations

import pytest

from gateway.app.gateway import create_app
from tests.app.conftest import Project
from tests.transport.served import served
from tests.transport.sockets import connected

from .test_subscriptions import BOXES, OWN, Serving, next_of


async def test_what_the_new_schema_denies_ends_at_once(project: Project) -> None:
    project.write_config("[reload]\nend_spread_s = 3600\n")
    project.write_schema("gone: String")
    async with served(create_app(project.config)) as server, connected(server) as client:
        serving = Serving(server, project)
        await client.subscribe('subscription { own(of: "a") { gone } }', "gone")
        await serving.until_open(1)
        await client.subscribe(BOXES, "denied")
        await serving.until_open(2)
        project.write_schema("")
        schema = project.folder / "schema.graphql"
        text = schema.read_text()
        schema.write_text(text.replace("Int = 1): Box", "Int = 1): Box @authenticated"))
        assert server.app.reloader is not None
        assert (await server.app.reloader.reload()).ending == 2
        heard = await client.hear()
        assert (heard["id"], heard["type"]) == ("denied", "error")
        assert "Unauthorized field or type" in heard["payload"][0]["message"]
        await serving.publish("boxes.a", {"gone": "1"})
        assert await client.hear() == next_of("gone", {"own": {"gone": "1"}})


@pytest.mark.parametrize(
    "query",
    [
        'subscription { boxes(of: "a") { old gone } }',  # not valid any more
        'subscription { boxes(of: "a") { old gone @include(if: false) } }',
        'subscription { own(of: "a") { ...F } } fragment F on Box { gone }',
    ],
)
async def test_what_is_not_valid_and_denied_ends_at_once(project: Project, query: str) -> None:
    project.write_config("[reload]\nend_spread_s = 3600\n")
    project.write_schema("gone: String")
    async with served(create_app(project.config)) as server, connected(server) as client:
        serving = Serving(server, project)
        await client.subscribe(query, "denied")
        await serving.until_open(1)
        project.write_schema("")
        schema = project.folder / "schema.graphql"
        text = schema.read_text()
        schema.write_text(text.replace(": Box, ", ": Box @authenticated, "))
        assert server.app.reloader is not None
        assert (await server.app.reloader.reload()).ending == 1
        heard = await client.hear()
        assert (heard["id"], heard["type"]) == ("denied", "error")
        assert "gone" in heard["payload"][0]["message"]


async def test_what_a_view_hides_ends_at_once(project: Project) -> None:
    config = """
[reload]
end_spread_s = 3600
[views.public]
exclude_tags = ["internal"]
[authorization.default_views]
anonymous = "public"
"""
    project.write_config(config)
    project.write_schema("more: String")
    async with served(create_app(project.config)) as server, connected(server) as client:
        serving = Serving(server, project)
        await client.subscribe('subscription { own(of: "a") { more } }', "hidden")
        await serving.until_open(1)
        assert (await serving.reload('more: String @tag(name: "internal")')).ending == 1
        heard = await client.hear()
        assert (heard["id"], heard["type"]) == ("hidden", "error")


async def test_a_policy_that_fails_ends_its_subscriptions_and_no_others(project: Project) -> None:
    project.write_config("[reload]\nend_spread_s = 3600\n")
    module = project.folder / f"{project.resolvers}.py"
    text = (
        module.read_text()
        + """
from gateway import policy_resolver

@policy_resolver
def decide(context, policies):
    raise RuntimeError("of the policy")
"""
    )
    module.write_text(text)
    async with served(create_app(project.config)) as server, connected(server) as client:
        serving = Serving(server, project)
        await client.subscribe(OWN, "own")
        await client.subscribe(BOXES, "boxes")
        await serving.until_open(2)
        schema = project.folder / "schema.graphql"
        files = schema.read_text()
        schema.write_text(
            files.replace("Int = 1): Box,", 'Int = 1): Box @policy(policies: [["p"]]),')
        )
        assert server.app.reloader is not None
        report = await server.app.reloader.reload()
        assert (report.moved, report.ending) == (1, 1)
        heard = await client.hear()
        assert (heard["id"], heard["type"]) == ("boxes", "error")
        assert "of the policy" not in str(heard)
        await serving.publish("boxes.a", {"old": "1"})
        assert await client.hear() == next_of("own", {"own": {"old": "1"}})
