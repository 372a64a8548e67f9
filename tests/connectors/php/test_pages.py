"""Every page of the table against real PHP: its own server, and FPM behind nginx."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from gateway.app.config import build_config
from gateway.testing import GatewayClient, Result
from tests.connectors.php.pages import PAGES, ROUTER, SCHEMA, TOLD, Page
from tests.connectors.scenario import LINK
from tests.support.php_server import (
    cli_server,
    fpm_behind_nginx,
    fpm_program,
    nginx_program,
    php_program,
)

NESTED = {
    "$->map(@) { id title }": "id title",
    "$.data.rows { id title }": "id title",
    "$->first { id title }": "id title",
    "tags: labels.name": "tags",
    "id stock: stats.stock": "id stock",
}


SENT = """
  sent(on: Boolean, off: Boolean, ids: [Int], name: String, near: Float): JSON
    @connect(source: "legacy", selection: "$", http: { METHOD: "/sent?t={$args.off}" WHERE })
"""
MEMBERS = "on: $args.on off: $args.off list: { ids: $args.ids } none: $(null) name: $args.name near: $args.near"
FORM = (
    'headers: [{ name: "content-type", value: "application/x-www-form-urlencoded" }]'
    f' body: "{MEMBERS}"'
)
ARGUMENTS = '(on: true, off: false, ids: [4, null, 6], name: "a b&é~", near: 3)'


def query_of(number: int, page: Page) -> str:
    """What asks for the members that the mapping gives."""
    if page.kind.strip("[]!") in ("Int", "String"):
        return f"{{ f{number} }}"
    if page.kind == "[Media]":
        asked = "__typename paid ... on Film { minutes } ... on Book { pages authors { name } }"
    elif page.kind == "[Hit]":
        asked = "__typename ... on Film { minutes } ... on Author { posts { stock } }"
    elif page.mapping == "$->echo(@)" and page.kind == "Author":
        asked = "name posts { title author { name } }"
    elif page.mapping == "$->echo(@)":
        asked = "stock sold parts { amount } author { name }"
    else:
        asked = NESTED.get(page.mapping, page.mapping)
    return f"{{ f{number} {{ {asked} }} }}"


def schema_of(url: str) -> str:
    fields = "\n".join(
        f'  f{number}: {page.kind} @connect(source: "legacy", http: {{ GET: "/{number}" }},'
        f" selection: {json.dumps(page.mapping)})"
        for number, page in enumerate(PAGES)
    )
    source = f'@source(name: "legacy", http: {{ baseURL: "{url}" }})'
    fields += SENT.replace("METHOD", "GET").replace("WHERE", f'queryParams: "{MEMBERS}"')
    form = SENT.replace("METHOD", "POST").replace("WHERE", FORM)
    roots = f"type Query {{\n{fields}\n}}\ntype Mutation {{\n{form}\n}}\n"
    return f"{LINK} {source}\n{SCHEMA}\n{roots}"


def router() -> str:
    cases = "\n".join(f"case '/{number}': {page.php} break;" for number, page in enumerate(PAGES))
    cases += "\ncase '/sent': json(['get' => $_GET, 'post' => $_POST]); break;"
    path = "parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH)"
    return ROUTER.replace("PAGES", f"switch ({path}) {{\n{cases}\n}}")


async def run_all(folder: Path, url: str) -> list[Result]:
    (folder / "schema.graphql").write_text(schema_of(url))
    settings = {
        "dialect": "php",
        "time_zone": "Europe/Berlin",
        "circuit_breaker": {"enabled": False},
    }
    tables = {"graph": {"schema": ["schema.graphql"]}, "sources": {"legacy": settings}}
    async with GatewayClient(build_config(tables), base=folder, env={}) as client:
        queries = [query_of(number, page) for number, page in enumerate(PAGES)]
        queries += [f"{{ sent{ARGUMENTS} }}", f"mutation {{ sent{ARGUMENTS} }}"]
        return [await client.execute(query) for query in queries]


@pytest.fixture(scope="module", params=["php -S", "FPM behind nginx"])
def results(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[Result]]:
    folder = tmp_path_factory.mktemp("php")
    script = folder / "router.php"
    script.write_text(router())
    server: AbstractContextManager[str]
    if request.param == "php -S":
        if php_program() is None:
            pytest.skip("php-cli is not installed")
        server = cli_server(folder, script)
    else:
        if fpm_program() is None or nginx_program() is None:
            pytest.skip("php-fpm and nginx are not installed")
        server = fpm_behind_nginx(folder, script)
    with server as url:
        yield asyncio.run(run_all(folder, url))


def without_told(answer: Any, path: tuple[Any, ...], told: list[tuple[Any, ...]]) -> Any:
    """The answer with null for TOLD, whose places are noted."""
    if answer is TOLD:
        told.append(path)
        return None
    if isinstance(answer, dict):
        return {name: without_told(value, (*path, name), told) for name, value in answer.items()}
    if isinstance(answer, list):
        return [without_told(value, (*path, at), told) for at, value in enumerate(answer)]
    return answer


@pytest.mark.parametrize(
    ("number", "page"), list(enumerate(PAGES)), ids=[page.name for page in PAGES]
)
def test_the_page_gives_the_value_or_tells(number: int, page: Page, results: list[Result]) -> None:
    result, told = results[number], list[tuple[Any, ...]]()
    expected = without_told(page.answer, (f"f{number}",), told)
    assert result.data == {f"f{number}": expected}
    if page.kind == "Strict":  # its members cannot be null: the error is theirs
        assert [error["path"][0] for error in result.errors] == [f"f{number}"]
        return
    assert sorted(map(str, (tuple(error["path"]) for error in result.errors))) == sorted(
        map(str, told)
    )
    assert all(error["extensions"]["code"] != "INTERNAL_SERVER_ERROR" for error in result.errors)


def test_php_gets_what_the_mapping_gave(results: list[Result]) -> None:
    """`$_GET` and `$_POST`, which know text alone."""
    ids = {"0": "4", "2": "6"}
    sent = {"on": "1", "off": "0", "list": {"ids": ids}, "name": "a b&é~", "near": "3"}
    in_query, in_form = results[len(PAGES) :]
    assert in_query.errors == in_form.errors == []
    assert in_query.data == {"sent": {"get": {"t": "0", **sent}, "post": []}}
    assert in_form.data == {"sent": {"get": {"t": "0"}, "post": sent}}


def test_there_are_pages_enough() -> None:
    assert len(PAGES) == len({page.name for page in PAGES}) >= 60
