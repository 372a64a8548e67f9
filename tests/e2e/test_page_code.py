"""Python and curl that stand on the pages: each block is run as it stands, or another test says that it runs it.

A block that is part of something (a resolver without its imports) is put into a module with what its page takes for
granted, below a schema that has its fields.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from demo.backends import Backends
from gateway.testing import GatewayClient
from tests.cli.command import run_gateway
from tests.support.pages import DOCS, code_blocks
from tests.transport.served import served

ROOT = DOCS.parent
CODE = ("python", "sh", "js", "graphql", "http", "yaml")
# Who runs the blocks of a page in a language. TOML is read by tests/docs/test_docs.py on every page.
RUN_BY = {
    ("authentication.md", "graphql"): "tests/e2e/test_page_code.py",
    ("authentication.md", "python"): "tests/e2e/test_page_code.py",
    ("caching.md", "graphql"): "tests/e2e/test_page_code.py",
    ("clients.md", "sh"): "tests/e2e/test_page_code.py",
    ("clients.md", "python"): "tests/e2e/test_page_code.py",
    ("clients.md", "js"): "tests/e2e/test_clients.py",
    ("coming-from.md", "graphql"): "tests/docs/test_coming_from.py",
    ("coming-from.md", "python"): "tests/docs/test_coming_from.py",
    ("connectors.md", "graphql"): "tests/connectors/test_docs.py",
    ("connectors.md", "http"): "tests/connectors/test_docs.py",
    ("cost.md", "graphql"): "tests/e2e/test_page_code.py",
    ("embedding.md", "graphql"): "tests/transport/test_embedding.py",
    ("embedding.md", "python"): "tests/transport/test_embedding.py",
    ("execution.md", "python"): "tests/e2e/test_page_code.py",
    ("flags.md", "graphql"): "tests/e2e/test_page_code.py",
    ("flags.md", "python"): "tests/e2e/test_page_code.py",
    ("federation.md", "graphql"): "tests/graph/test_federation.py",
    ("federation.md", "python"): "tests/graph/test_federation.py",
    ("getting-started.md", "graphql"): "tests/cli/test_getting_started.py",
    ("getting-started.md", "python"): "tests/cli/test_getting_started.py",
    ("getting-started.md", "sh"): "tests/cli/test_getting_started.py",
    ("hooks.md", "python"): "tests/hooks/test_sources.py",
    ("incremental.md", "sh"): "tests/e2e/test_page_code.py",
    ("integrations.md", "python"): "tests/e2e/test_page_code.py",
    ("logging.md", "python"): "tests/e2e/test_page_code.py",
    ("migration.md", "graphql"): "tests/connectors/test_docs.py",
    ("migration.md", "http"): "tests/connectors/test_docs.py",
    ("migration.md", "python"): "tests/e2e/test_page_code.py",
    ("partners.md", "graphql"): "tests/e2e/test_page_code.py",
    ("php.md", "graphql"): "tests/connectors/test_docs.py",
    ("php.md", "http"): "tests/connectors/test_docs.py",
    ("resilience.md", "python"): "tests/e2e/test_page_code.py",
    ("resolvers.md", "graphql"): "tests/e2e/test_page_code.py",
    ("resolvers.md", "python"): "tests/e2e/test_page_code.py",
    ("subscriptions.md", "python"): "tests/e2e/test_page_code.py",
    ("subscriptions.md", "sh"): "tests/e2e/test_page_code.py",
    ("testing.md", "graphql"): "tests/testing/test_page.py",
    ("testing.md", "python"): "tests/testing/test_page.py",
    ("testing.md", "yaml"): "tests/testing/test_page.py",
}
# Commands that a test cannot run whole, and why; tests/docs/test_docs.py holds their names and options.
NOT_RUN = {
    ("administration.md", "sh"): "it has a key of the reader's: tests/app asks the same port",
    ("coming-from.md", "sh"): "they serve until they are ended: tests/cli/test_dev.py starts them",
    ("embedding.md", "sh"): "it serves until it is ended: tests/transport/test_embedding.py serves the same application",
    ("experiments.md", "python"): "a line of a resolver: tests/flags/test_experiments.py tracks the like",
    ("experiments.md", "sh"): "it reads what the reader's clients did: tests/flags/test_report.py has its own",
    ("flags.md", "sh"): "pip asks the index",
    ("integrations.md", "sh"): "it asks an application of the reader's: tests/integrations/test_apps.py has its own",
    ("integrations-for-maintainers.md", "sh"): "it fetches suites and runs for minutes",
    ("migration.md", "sh"): "they switch a server of the reader's: tests/override/test_switches.py switches one",
    ("mocking.md", "sh"): "it serves until it is ended: tests/cli/test_cli_mock.py starts it",
    ("operations.md", "sh"): "a cluster answers them",
    ("operations.md", "yaml"): "values of the chart: tests/platform/test_chart.py renders exemptions",
    ("partners.md", "sh"): "they read what the reader's clients use: tests/cli/test_against.py has its own",
    ("performance.md", "sh"): "they measure for minutes",
    ("profiling.md", "sh"): "two have files and a host of the reader's: tests/e2e/test_profile.py runs their like",
    ("testing.md", "sh"): "pip asks the index: tests/cli/test_suites.py runs gateway test on the page's suite",
}  # fmt: skip


def test_each_block_is_run_by_a_test_or_says_why_not() -> None:
    found = {
        (page.name, language)
        for page in DOCS.glob("*.md")
        for language, _ in code_blocks(page.name)
        if language in CODE
    }
    assert found == RUN_BY.keys() | NOT_RUN.keys()
    assert not RUN_BY.keys() & NOT_RUN.keys()
    for (page, _), test in RUN_BY.items():
        assert page in (ROOT / test).read_text(encoding="utf-8") or page == "clients.md", test


NAMES = "from gateway import *\nfrom gateway import ClientError, Upload, batch_resolver, context_factory, policy_resolver, resolver, scalar, schema_directive, subscription\n"


@dataclass(frozen=True, slots=True)
class Page:
    """What a page takes for granted, and what its code gives.

    Attributes:
        sdl: A schema with the fields that its resolvers are for.
        given: Functions that its blocks call.
        query, data: An operation, and its data.
        headers: Of the request.
    """

    sdl: str
    query: str
    data: Any
    given: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    skips: tuple[str, ...] = ()


PAGES = {
    "resolvers.md": Page(
        "type Query { video(id: ID!): Video viewer: String title: String @upper price(of: Money): Money }\n"
        "type Video { id: ID! url: String link: String comments(first: Int = 10, after: String): [String!] }\n"
        "directive @upper on FIELD_DEFINITION\nscalar Money",
        '{ video(id: "v1") { url link comments } viewer title price(of: "3.5 EUR") }',
        {
            "video": {"url": "https://videos.example/v1", "link": "/videos/v1", "comments": ["well"]},
            "viewer": "me",
            "title": "OF A VIDEO",
            "price": "3.50 EUR",
        },
        "async def load_comments(ids, first):\n    return {id: ['well'][:first] for id in ids}\n\n"
        "@resolver('Query.title', vary=())\ndef title(parent, context):\n    return 'of a video'\n\n"
        "@resolver('Query.price', vary=())\ndef price(parent, context, of=None):\n    return of\n",
        {"authorization": "me"},
        ("async def test_video",),  # the client of a test: the same lines stand in docs/testing.md
    ),
    "resilience.md": Page(
        "type Query { viewer: String video: Video } type Video { id: ID! url: String }",
        "{ viewer video { url } }",
        {"viewer": "7", "video": {"url": "https://videos.example/v1"}},
        "@resolver('Query.video', vary=())\ndef video(parent, context):\n    return {'id': 'v1'}\n",
        {"x-user": "7"},
    ),
    "subscriptions.md": Page(
        "type Query { viewer: String } input In { videoId: ID! text: String! }\n"
        "type Mutation { addComment(input: In!): Added } type Added { comment: Comment } type Comment { text: String }\n"
        "type Subscription { commentAdded(videoId: ID!): Comment viewerCount(videoId: ID!): Int }",
        'mutation { addComment(input: { videoId: "v1", text: "well" }) { comment { text } } }',
        {"addComment": {"comment": {"text": "well"}}},
        "from contextlib import aclosing\n\n"
        "async def find_user(token):\n    return token\n\n"
        "async def save_comment(input):\n    return {'text': input['text']}\n\n"
        "@resolver('Query.viewer', vary=())\ndef viewer(parent, context):\n    return context.state['user']\n",
        {"authorization": "me"},
    ),
    "logging.md": Page(
        "type Query { product: Product } type Product { id: ID! price: Int }",
        "{ product { id price } }",
        {"product": {"id": "p1", "price": None}},
        "@resolver('Query.product', vary=())\ndef product(parent, context):\n    return {'id': 'p1'}\n",
    ),
}  # fmt: skip


def module_of(page: str, folder: Path) -> str:
    """The page's Python blocks as one module."""
    name = f"page_code_{page.removesuffix('.md').replace('-', '_')}"
    known = PAGES[page]
    blocks = [text for language, text in code_blocks(page) if language == "python"]
    kept = [text for text in blocks if not any(words in text for words in known.skips)]
    assert kept
    (folder / f"{name}.py").write_text("\n\n".join([NAMES, known.given, *kept]))
    return name


@pytest.mark.parametrize("page", PAGES)
async def test_the_resolvers_of_a_page(page: str, tmp_path: Path) -> None:
    known = PAGES[page]
    (tmp_path / "s.graphql").write_text(known.sdl)
    name = module_of(page, tmp_path)
    (tmp_path / "gateway.toml").write_text(
        f'[graph]\nschema = "s.graphql"\nresolvers = "{name}"\n[logs]\naccess = "off"\n'
    )
    async with GatewayClient(tmp_path / "gateway.toml", headers=known.headers) as client:
        result = await client.execute(known.query)
    assert (result.errors, result.data) == ([], known.data)


async def test_authentication_in_python(tmp_path: Path) -> None:
    """Its schema, its policies, and the session of a monolith."""
    blocks = [text for language, text in code_blocks("authentication.md") if language == "python"]
    (sdl,) = [text for language, text in code_blocks("authentication.md") if language == "graphql"]
    given = "async def load_user(id):\n    return {'name': id}\n\n@resolver('Query.salaries', vary=())\ndef salaries(parent, context):\n    return []\n\n@resolver('Query.session', vary=())\ndef session(parent, context):\n    return context.state['user']\n"
    (tmp_path / "page_code_authentication.py").write_text("\n\n".join([NAMES, given, *blocks]))
    whole = (
        sdl.replace("me: User", "session: JSON\n  me: User")
        + "type User { name: String }\nscalar JSON\n"
    )
    (tmp_path / "s.graphql").write_text(
        'extend schema @link(url: "https://specs.apollo.dev/connect/v0.3", import: ["@source"])\n'
        '  @source(name: "legacy", http: { baseURL: "http://legacy.test" })\n' + whole
    )
    (tmp_path / "gateway.toml").write_text(
        '[graph]\nschema = "s.graphql"\nresolvers = "page_code_authentication"\n[logs]\naccess = "off"\n'
        "[authentication.api_keys]\n"
        f'file = "{tmp_path / "keys.json"}"\n'
    )
    (tmp_path / "keys.json").write_text('{"keys": []}')
    monolith = {"GET /session.php": lambda call: {"id": call.headers["cookie"]}}
    async with GatewayClient(tmp_path / "gateway.toml", sources={"legacy": monolith}) as client:
        result = await client.execute("{ session }", headers={"cookie": "s=7"})
        denied = await client.execute("{ me { name } }", headers={"cookie": "s=7"})
    assert (result.errors, result.data) == ([], {"session": {"id": "s=7"}})
    assert denied.errors[0]["extensions"]["code"] == "UNAUTHORIZED_FIELD_OR_TYPE"


def test_the_schema_of_the_page_about_caching(tmp_path: Path) -> None:
    (sdl,) = [text for language, text in code_blocks("caching.md") if language == "graphql"]
    (tmp_path / "s.graphql").write_text(
        'extend schema @link(url: "https://specs.apollo.dev/connect/v0.3", import: ["@source", "@connect"])\n'
        '  @source(name: "catalog", http: { baseURL: "http://catalog.test" })\n' + sdl
    )
    found = run_gateway("check", "s.graphql", cwd=tmp_path)
    assert "0 errors" in found.stdout + found.stderr, found


def test_the_schema_of_the_page_about_cost(tmp_path: Path) -> None:
    (sdl,) = [text for language, text in code_blocks("cost.md") if language == "graphql"]
    rest = (
        "type Video { id: ID! } type SearchPage { edges: [Video] } input Page { first: Int }\n"
        "input SearchInput { page: Page } extend type Query { report: Report }\n"
    )
    (tmp_path / "s.graphql").write_text(sdl + rest)
    found = run_gateway("check", "s.graphql", "--mock", cwd=tmp_path)
    assert "0 errors, 0 warnings" in found.stdout + found.stderr, found


def test_the_view_of_the_page_about_partners(tmp_path: Path) -> None:
    sdl, shown = [text for language, text in code_blocks("partners.md") if language == "graphql"]
    tables = [text for language, text in code_blocks("partners.md") if language == "toml"]
    (tmp_path / "schema.graphql").write_text(sdl)
    (tmp_path / "gateway.toml").write_text(f'[graph]\nschema = "schema.graphql"\n{tables[0]}')
    found = run_gateway("schema", "--view", "partner", cwd=tmp_path)
    assert (found.returncode, found.stdout.strip()) == (0, shown.strip()), found


async def test_the_page_about_flags(tmp_path: Path) -> None:
    """Its file, its mapping, its label and its resolver, as one project."""
    blocks = [*code_blocks("flags.md")]
    mapped, moved = [text for language, text in blocks if language == "graphql"]
    greeting, provider = [text for language, text in blocks if language == "python"]
    exec(
        provider.split("\n\n\n")[1], {"FlagdProvider": None}
    )  # the package is of the reader's choice
    tables = next(text for language, text in blocks if language == "toml")
    flags = json.loads(next(text for language, text in blocks if language == "json"))
    boolean = {"state": "ENABLED", "variants": {"on": True, "off": False}, "defaultVariant": "on"}
    tone = {"state": "ENABLED", "variants": {"i": "informal", "f": "formal"}, "defaultVariant": "i"}
    flags["flags"] |= {"new-stats": boolean, "tone": tone}
    (tmp_path / "flags.json").write_text(json.dumps(flags))
    (tmp_path / "page_code_flags.py").write_text(greeting)
    old = moved.replace('"php", …', '"php", http: { GET: "/old" }, selection: "views"')
    new = old.replace('"rest", …', '"rest", http: { GET: "/new" }, selection: "views"')
    sources = "".join(
        f'  @source(name: "{name}", http: {{ baseURL: "http://{name}.test" }})\n'
        for name in ("search", "php", "rest")
    )
    (tmp_path / "s.graphql").write_text(
        'extend schema @link(url: "https://specs.apollo.dev/connect/v0.3", '
        'import: ["@source", "@connect"])\n@link(url: "https://specs.apollo.dev/federation/v2.9", '
        f'import: ["@override"])\n{sources}type Query {{ greeting: String {mapped} {new} }}\n'
        "type Hit { id: ID! title: String } type Stats { views: Int }\n"
    )
    defaults = '[flags.defaults]\ntone = "formal"\nnew-stats = false\n'
    tables = tables.replace("[flags.defaults]", defaults.rstrip(), 1)
    (tmp_path / "gateway.toml").write_text(
        f'[graph]\nschema = "s.graphql"\nresolvers = "page_code_flags"\n[logs]\naccess = "off"\n{tables}'
    )
    played: Any = {
        "search": {"GET /search": lambda call: [{"id": "1", "title": call.query["sort"]}]},
        "php": {"GET /old": {"views": 1}},
        "rest": {"GET /new": {"views": 2}},
    }
    client = GatewayClient(tmp_path / "gateway.toml", sources=played)
    async with client:
        result = await client.execute(
            '{ greeting stats(video: "v1") { views } search(text: "a") { title } }'
        )
    assert result.errors == []
    assert result.data["greeting"] == "hey"
    assert result.data["stats"] == {"views": 2}
    assert result.data["search"][0]["title"] in ("by-date", "by-score")


@pytest.mark.parametrize("page", ["execution.md", "integrations.md", "migration.md"])
def test_what_stands_in_for_a_frameworks_own_can_be_imported(page: str) -> None:
    for language, text in code_blocks(page):
        if language == "python" and not ("graphene" in text and not has("graphene")):
            (line,) = re.findall(
                r"^from gateway\S* import (?:\([^)]*\)|[^(\n]+$)", text, re.MULTILINE
            )
            exec(line, {})


def has(name: str) -> bool:
    """Whether a package is there."""
    try:
        __import__(name)
    except ImportError:
        return False
    return True


async def answer_of(command: str, url: str, folder: Path, *, until: str) -> str:
    """What a command of a page prints, up to a text: an answer that goes on is left then."""
    process = await asyncio.create_subprocess_exec(
        "sh", "-c", command.replace("http://127.0.0.1:8000/graphql", url), cwd=folder,
        stdout=asyncio.subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    said = ""
    try:
        async with asyncio.timeout(60):
            while until not in said and (piece := await process.stdout.read(4096)):
                said += piece.decode()
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):  # it ends by itself
                os.killpg(process.pid, 15)
        await process.communicate()
    return said


EXPECTED = {
    "clients.md": ('{"data":{"video":{"title":', '{"data":{"__typename":"Query"}}', '"viewerCount"'),
    "incremental.md": ('"stats":{"views":',),
    "subscriptions.md": (":\n\n",),
}  # fmt: skip


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("page", EXPECTED)
async def test_the_commands_of_a_page_are_answered(
    page: str, backends: Backends, tmp_path: Path
) -> None:
    texts = [text for language, text in code_blocks(page) if language == "sh" and "-F " not in text]
    commands = [
        each for text in texts for each in re.findall(r"^curl(?:.*\\\n)*.*$", text, re.MULTILINE)
    ]
    environment = {
        "GATEWAY_SUBSCRIPTION__HEARTBEAT_S": "0.2",
        "GATEWAY_LOGS__ACCESS": "off",
        "GATEWAY_INCREMENTAL__ENABLED": "true",
    }
    client = GatewayClient(
        ROOT / "gateway.toml", sources=backends.urls, env={**os.environ, **environment}
    )
    async with served(client.app) as server:
        assert len(commands) == len(EXPECTED[page])
        for command, expected in zip(commands, EXPECTED[page], strict=True):
            assert expected in await answer_of(command, server.url, tmp_path, until=expected)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
async def test_the_upload_of_the_page_for_clients(tmp_path: Path) -> None:
    (command,) = [
        text for language, text in code_blocks("clients.md") if language == "sh" and "-F " in text
    ]
    (code,) = [text for language, text in code_blocks("clients.md") if language == "python"]
    more = "\n\n@resolver('Query.keep')\ndef kept(parent, context):\n    return None\n"
    (tmp_path / "page_code_clients.py").write_text(code + more)
    (tmp_path / "picture.png").write_bytes(b"\x89PNG of a test")
    (tmp_path / "s.graphql").write_text(
        "scalar Upload type Query { keep: String } type Mutation { keep(file: Upload!): String }"
    )
    (tmp_path / "gateway.toml").write_text(
        '[graph]\nschema = "s.graphql"\nresolvers = "page_code_clients"\n[uploads]\nenabled = true\n[logs]\naccess = "off"\n'
    )
    store: dict[str, Any] = {"PUT https://store.example/{id}": {}}
    client = GatewayClient(tmp_path / "gateway.toml", sources={"": store})
    async with served(client.app) as server:
        said = await answer_of(command, server.url, tmp_path, until="}}")
    assert said == '{"data":{"keep":"picture.png, 14 bytes of image/png"}}'
