"""The admin port: who may command, what a command may be, and what the audit log says of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Literal

import httpx
import msgspec
import pytest
import pytest_asyncio

from gateway.admin.app import AdminApp
from gateway.admin.commands import Command, CommandError, Commands, Done
from gateway.admin.settings import AdminSettings
from gateway.observe.refusals import Refusals

KEY, NEXT = "k" * 32, "n" * 40


class Flags(msgspec.Struct, forbid_unknown_fields=True):
    """What a command takes that needs nothing."""

    check: Literal["true", "false"] = "false"


class Admin:
    """The port's application, and what it has written."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []
        self.commanded: list[Command] = []
        self.commands = Commands()
        self.commands.add("POST", "/level", self._follow, body=str)
        self.commands.add("POST", "/flag", self._flag, body=Flags, query=Flags)
        self.commands.add("GET", "/level", self._show)
        settings = AdminSettings(keys={"ops": KEY, "next": NEXT, "unset": ""}, max_body_bytes=100)
        self.refusals = Refusals(self._write)
        app = AdminApp(settings, self.commands, self._write, self.refusals.note)
        transport = httpx.ASGITransport(app)
        self.client = httpx.AsyncClient(transport=transport, base_url="http://admin")

    def _write(self, event: str, line: dict[str, Any]) -> None:
        self.lines.append({"event": event, **line})

    async def _follow(self, command: Command) -> Done:
        self.commanded.append(command)
        if command.body == "break":
            raise RuntimeError("secret detail")
        if command.body == "hang":
            await asyncio.Event().wait()
        if command.body == "refuse":
            raise CommandError("no such level")
        return Done({"level": command.body}, 202, {"level": command.body})

    async def _flag(self, command: Command) -> Done:
        self.commanded.append(command)
        return Done([command.body.check, command.query.check])

    async def _show(self, command: Command) -> Done:
        return Done({"by": command.by})


@pytest_asyncio.fixture
async def admin() -> AsyncIterator[Admin]:
    made = Admin()
    async with made.client:
        yield made


@pytest.mark.parametrize("header", [f"Bearer {KEY}", KEY, f"bearer {KEY}"])
async def test_a_command_comes_with_a_key_and_is_audited_by_its_name(
    admin: Admin, header: str
) -> None:
    answer = await admin.client.post("/level/", json="debug", headers={"authorization": header})
    assert (answer.status_code, answer.json()) == (202, {"level": "debug"})
    assert admin.lines == [
        {"event": "admin", "by": "ops", "command": "POST /level/", "status": 202, "address": "127.0.0.1",
         "level": "debug"}
    ]  # fmt: skip


@pytest.mark.parametrize("header", [None, "", "Bearer", f"Bearer {KEY}x", f"Basic {KEY}", KEY[:-1]])
async def test_without_a_key_nothing_is_done_and_that_is_audited(
    admin: Admin, header: str | None
) -> None:
    headers = {} if header is None else {"authorization": header}
    answer = await admin.client.post("/level", json="debug", headers=headers)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert not admin.commanded
    (line,) = admin.lines
    assert (line["event"], line["reason"]) == (
        "unauthenticated",
        "Admin port: no key of [admin] keys.",
    )
    # Whatever is asked for: many of them are one line more, and what they send stands in none.
    for number in range(50):
        assert (await admin.client.get(f"/{number}/" + "x" * 9_000, headers=headers)).is_error
    admin.refusals.close()
    assert [line["count"] for line in admin.lines] == [1, 50]
    assert len(str(admin.lines)) < 1_000


async def test_a_long_path_is_cut_in_the_audit_log(admin: Admin) -> None:
    headers = {"authorization": f"Bearer {KEY}"}
    await admin.client.post("/" + "x" * 9_000, headers=headers)
    assert len(admin.lines[0]["command"]) < 300


async def test_a_command_that_the_end_of_its_worker_cuts_off_says_so(admin: Admin) -> None:
    headers = {"authorization": f"Bearer {KEY}"}
    asking = asyncio.create_task(admin.client.post("/level", json="hang", headers=headers))
    while not admin.commanded:
        await asyncio.sleep(0)
    asking.cancel()  # as the server does it with what is under way when its time is up
    answer = await asking
    assert answer.status_code == 503
    assert "this worker ends" in answer.json()["errors"][0]["message"]
    assert admin.lines[-1]["status"] == 503


async def test_what_shows_something_is_not_audited(admin: Admin) -> None:
    answer = await admin.client.get("/level", headers={"authorization": NEXT})
    assert answer.json() == {"by": "next"}
    assert admin.lines == []


@pytest.mark.parametrize(
    ("method", "path", "content", "status", "message"),
    [
        ("POST", "/none", b"1", 404, "there are /flag, /level"),
        ("PUT", "/level", b"1", 405, "/level takes GET, POST"),
        ("POST", "/level", b"{", 400, "the body is not JSON"),
        ("POST", "/level", b"1", 400, "Expected `str`, got `int`"),
        ("POST", "/level", b"", 400, "the command needs a body"),
        (
            "POST",
            "/level?a=1",
            b'"x"',
            400,
            "the URL's parameters: Object contains unknown field `a`",
        ),
        ("GET", "/level?a=1", b"", 400, "the URL's parameters: Object contains unknown field `a`"),
        ("GET", "/level", b"{}", 400, "the command takes no body"),
        ("GET", "/level", b"null", 400, "the command takes no body"),
        ("POST", "/flag", b"null", 400, "Expected `object`, got `null`"),
        ("POST", "/flag", b"[]", 400, "Expected `object`, got `array`"),
        ("POST", "/flag", b"0", 400, "Expected `object`, got `int`"),
        ("POST", "/flag", b'""', 400, "Expected `object`, got `str`"),
        ("POST", "/flag", b"false", 400, "Expected `object`, got `bool`"),
        ("POST", "/flag", b'{"chek": "true"}', 400, "Object contains unknown field `chek`"),
        ("POST", "/flag?check=1", b"", 400, "the URL's parameters: Invalid enum value '1'"),
        ("POST", "/flag?check=TRUE", b"", 400, "the URL's parameters: Invalid enum value 'TRUE'"),
        ("POST", "/flag?check", b"", 400, "the URL's parameters: Invalid enum value ''"),
        ("POST", "/flag?check=true&check=false", b"", 400, "a parameter of the URL is given more"),
        ("POST", "/flag", b"[" * 40 + b"]" * 40, 400, "the body is nested deeper than 32"),
        ("POST", "/level", b'"' + b"x" * 200 + b'"', 413, "more than 100 bytes"),
        ("POST", "/level", b'"refuse"', 400, "no such level"),
        ("POST", "/level", b'"break"', 500, "the command failed; the log says why"),
    ],
)
async def test_what_cannot_be_followed_says_why(
    admin: Admin, method: str, path: str, content: bytes, status: int, message: str
) -> None:
    headers = {"authorization": KEY}
    answer = await admin.client.request(method, path, content=content, headers=headers)
    assert answer.status_code == status
    assert answer.json()["errors"][0]["message"].startswith(message)
    assert [line["status"] for line in admin.lines] == ([] if method == "GET" else [status])


@pytest.mark.parametrize(
    ("query", "content", "taken"),
    [
        ("", b"", ["false", "false"]),
        ("", b"{}", ["false", "false"]),
        ("?check=true", b"", ["false", "true"]),
        ("?check=false", b'{"check": "true"}', ["true", "false"]),
    ],
)
async def test_a_command_gets_what_it_takes(
    admin: Admin, query: str, content: bytes, taken: list[str]
) -> None:
    answer = await admin.client.post(
        f"/flag{query}", content=content, headers={"authorization": KEY}
    )
    assert answer.json() == taken


@pytest.mark.parametrize("key", ["short", "ü" * 40, "k" * 31 + "\n"])
def test_a_weak_key_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="fewer than 32 characters"):
        AdminSettings(keys={"ops": key})
