"""A canary of a server with two workers: all of them serve it, and all of them end it."""

from __future__ import annotations

import asyncio
import os
import signal

from tests.app.conftest import Project

from .served import server_of
from .test_canary import CLIENTS, CONFIG, headers_of, is_in
from .test_workers import one_that_is_not


async def test_all_workers_decide_alike_and_one_that_dies_is_replaced_by_one_that_takes_part(
    project: Project,
) -> None:
    project.write_config(CONFIG + "window_s = 3600\n")
    async with server_of(project.config) as server:
        pids = await server.pids(2)
        project.write_schema("new: String", old="Int")
        status, report = await server.command("POST", "/admin/reload?canary=50")
        assert (status, report["result"], report["workers"]) == (200, "trying", 2)

        async def ask_all(query: str) -> dict[str, str]:
            async def one(who: str) -> str:
                body, headers = {"query": query}, headers_of(who)
                async with server.http.post(server.url, json=body, headers=headers) as answer:
                    return await answer.text()

            return dict(zip(CLIENTS, await asyncio.gather(*map(one, CLIENTS)), strict=True))

        dead = pids.pop()
        os.kill(dead, signal.SIGKILL)
        await one_that_is_not(pids | {dead}, server)
        for _ in range(2):
            fields = await ask_all('{ __type(name: "Box") { fields { name } } }')
            inside = {who for who, text in fields.items() if '"new"' in text}
            assert inside == {who for who in CLIENTS if is_in(report["digest"], who, 50)}
        async with asyncio.timeout(90):
            while not any("is returned" in line for line in server.log):
                await ask_all("{ box { old } }")
        await server.until_served("{ box { old } }", {"box": {"old": "o"}})
