"""A code host: headers, pages, entities by a batch, rows of many issues by `groupBy`, its errors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.connectors.scenario import Scenario, execute, use_path
from tests.support.backend import Answer, Asked

SDL = Path(__file__).with_name("code_host.graphql").read_text(encoding="utf-8")
JSON = ("content-type", "application/vnd.code+json; charset=utf-8")
TABLES = {"connectors": {"config": {"api_version": "2022-11-28"}}}
REPOSITORY = {
    "id": 4711,
    "name": "gate way",
    "full_name": "ann/gate way",
    "owner": {"login": "ann", "id": 1, "type": "User"},
    "private": False,
    "fork": False,
    "stargazers_count": 42,
    "open_issues_count": 2,
    "default_branch": "main",
    "topics": ["graphql", "asgi"],
    "created_at": "2020-01-02T03:04:05Z",
    "license": {"key": "mit", "name": "MIT License", "spdx_id": "MIT"},
    "html_url": "https://code.example/ann/gateway",
    "clone_url": "https://code.example/ann/gateway.git",
    "description": None,
}
ISSUES = {
    "total_count": 3,
    "incomplete_results": False,
    "items": [
        {
            "id": 10,
            "number": 1,
            "title": "It breaks",
            "state": "open",
            "user": {"login": "bob"},
            "labels": [{"name": "bug", "color": "ff0000", "id": 9}],
            "comments": 2,
        },
        {
            "id": 11,
            "number": 2,
            "title": "Mend it",
            "state": "closed",
            "user": {"login": "ann"},
            "labels": [],
            "comments": 0,
            "pull_request": {"merged_at": "2020-02-02T00:00:00Z"},
        },
    ],
}
COMMENTS = [
    {"issue_id": 10, "body": "Me too", "user": {"login": "cy"}},
    {"issue_id": 10, "body": "Fixed", "user": {"login": "ann"}},
]
NAMES = {"ann": "Ann", "bob": "Bob"}
NEXT = '<https://code.example/search?page=2>; rel="next"'


def answer(asked: Asked) -> Any:
    path = asked.target.partition("?")[0]
    if path == "/api/repos/ann/gate%20way":
        return Answer(REPOSITORY, 200, (JSON,))
    if path == "/api/search/issues":
        return Answer(ISSUES, 200, (JSON, ("link", NEXT)))
    if path == "/api/comments":
        return COMMENTS
    if path == "/api/users/lookup":
        logins = json.loads(asked.body)["logins"]
        users = [{"id": 1, "login": login, "display_name": NAMES[login], "followers": 3} for login in sorted(logins) if login in NAMES]  # fmt: skip
        return {"users": users}
    if path.endswith("/languages"):
        return {"Python": 9000, "Shell": 12}
    if path == "/api/user/starred/ann/gw":
        return Answer(b"", 204, ())
    error = {"message": "Not Found", "documentation_url": "https://code.example/docs"}
    return Answer(error, 404, (JSON, ("x-ratelimit-remaining", "59")))


def scenario(query: str, headers: dict[str, str] | None = None) -> Scenario:
    return Scenario(SDL, query, answer, None, (), headers=headers, tables=TABLES)


@pytest.fixture(params=["compiled", "graphql-core"], autouse=True)
def _path(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    use_path(request.param, monkeypatch)


async def test_a_repository(tmp_path: Path) -> None:
    query = """{ repository(owner: "ann", name: "gate way") {
      id fullName name description isPrivate isFork stars openIssues defaultBranch topics createdAt
      license { name spdx } urls { web git } owner { login id name } } }"""
    result, asked = await execute(scenario(query, {"x-code-token": "Bearer t"}), tmp_path)
    assert result.errors == []
    assert result.data["repository"] == {
        "id": "4711",
        "fullName": "ann/gate way",
        "name": "gate way",
        "description": None,
        "isPrivate": False,
        "isFork": False,
        "stars": 42,
        "openIssues": 2,
        "defaultBranch": "main",
        "topics": ["graphql", "asgi"],
        "createdAt": "2020-01-02T03:04:05Z",
        "license": {"name": "MIT License", "spdx": "MIT"},
        "urls": {
            "web": "https://code.example/ann/gateway",
            "git": "https://code.example/ann/gateway.git",
        },
        "owner": {"login": "ann", "id": "1", "name": "Ann"},
    }
    assert [request.line for request in asked] == [
        "GET /api/repos/ann/gate%20way",
        'POST /api/users/lookup {"logins":["ann"]}',
    ]
    sent = [dict(request.headers) for request in asked]
    assert all(headers["authorization"] == "Bearer t" for headers in sent)
    assert all(headers["accept"] == "application/vnd.code+json" for headers in sent)
    assert all(headers["x-api-version"] == "2022-11-28" for headers in sent)


async def test_a_page_of_issues_with_their_people(tmp_path: Path) -> None:
    query = """{ search(query: "is:issue é", sort: CREATED, perPage: 50) {
      total isComplete next issues { number title state commentCount labels { name color } pull { mergedAt }
        author { name followers avatar } comments { body author { login name } } } } }"""
    result, asked = await execute(scenario(query), tmp_path)
    assert result.errors == []
    assert sorted(request.line for request in asked) == [
        "GET /api/comments?issue=10&issue=11",
        "GET /api/search/issues?q=is%3Aissue%20%C3%A9&sort=created&page=1&per_page=50",
        'POST /api/users/lookup {"logins":["bob","ann"]}',
        'POST /api/users/lookup {"logins":["cy","ann"]}',
    ]
    first, second = result.data["search"].pop("issues")
    assert result.data["search"] == {"total": 3, "isComplete": True, "next": NEXT}
    assert first == {
        "number": 1,
        "title": "It breaks",
        "state": "OPEN",
        "commentCount": 2,
        "labels": [{"name": "bug", "color": "ff0000"}],
        "pull": None,
        "author": {"name": "Bob", "followers": 3, "avatar": None},
        "comments": [
            {"body": "Me too", "author": {"login": "cy", "name": None}},
            {"body": "Fixed", "author": {"login": "ann", "name": "Ann"}},
        ],
    }
    assert second["state"] == "CLOSED"
    assert second["pull"] == {"mergedAt": "2020-02-02T00:00:00Z"}
    assert second["comments"] == []


async def test_languages_by_a_nested_key(tmp_path: Path) -> None:
    query = '{ repository(owner: "ann", name: "gate way") { languages { name bytes } } }'
    result, asked = await execute(scenario(query), tmp_path)
    assert result.errors == []
    assert result.data["repository"]["languages"] == [
        {"name": "Python", "bytes": 9000},
        {"name": "Shell", "bytes": 12},
    ]
    assert asked[1].line == "GET /api/repos/ann/gate%20way/languages"


async def test_its_errors(tmp_path: Path) -> None:
    query = '{ repository(owner: "no", name: "such") { name } }'
    result, asked = await execute(scenario(query), tmp_path)
    assert result.data == {"repository": None}
    (error,) = result.errors
    assert error["message"] == "Not Found"
    assert error["path"] == ["repository"]
    assert error["extensions"] == {
        "code": "NOT_FOUND",
        "source": "code",
        "http": {"status": 404},
        "docs": "https://code.example/docs",
        "remaining": "59",
    }
    assert "authorization" not in dict(asked[0].headers)


async def test_a_mutation_without_an_answer(tmp_path: Path) -> None:
    query = 'mutation { done: star(owner: "ann", name: "gw") not: star(owner: "a", name: "b") }'
    result, asked = await execute(scenario(query), tmp_path)
    assert result.data == {"done": True, "not": None}
    assert [error["extensions"]["code"] for error in result.errors] == ["NOT_FOUND"]
    assert [(request.line, dict(request.headers)["content-length"]) for request in asked] == [
        ("PUT /api/user/starred/ann/gw", "0"),
        ("PUT /api/user/starred/a/b", "0"),
    ]
