"""A reload of a server with two workers: all of them or none, whoever dies meanwhile."""

from __future__ import annotations

import asyncio
import os
import signal

from tests.app.conftest import Project

from .served import Server, server_of

NEW = {"box": {"new": "n"}}


async def one_that_is_not(pids: set[int], server: Server) -> int:
    """A worker that answers and is none of these."""
    async with asyncio.timeout(60):
        while True:
            answer = await server.query("{ pid }")
            if (pid := answer["data"]["pid"]) not in pids:
                found: int = pid
                return found


async def test_every_worker_serves_the_new_schema_when_the_command_is_answered(
    project: Project,
) -> None:
    async with server_of(project.config) as server:
        await server.pids(2)
        project.write_schema("new: String")
        for query, options in (
            ("?check=1", {}),
            ("?chek=true", {}),
            ("", {"json": {"check": True}}),
        ):
            status, said = await server.command("POST", f"/admin/reload{query}", **options)
            assert (status, [*said]) == (400, ["errors"])
        status, report = await server.command("POST", "/admin/reload?check=true")
        assert (status, report["result"]) == (200, "checked")
        assert (await server.query("{ box { new } }")).get("errors")
        status, report = await server.command("POST", "/admin/reload")
        assert (status, report["result"], report["workers"]) == (200, "reloaded", 2)
        answers = await asyncio.gather(*(server.query("{ box { new } }") for _ in range(24)))
        assert all(answer["data"] == NEW for answer in answers)


async def test_no_worker_serves_what_cannot_be_served(project: Project) -> None:
    async with server_of(project.config) as server:
        pids = await server.pids(2)
        project.write_schema("new: Missing")
        status, report = await server.command("POST", "/admin/reload")
        assert (status, report["result"]) == (422, "refused")
        assert "schema.graphql:5" in report["errors"][0]
        # A worker that dies is replaced by one that serves what was served before, not what the files say.
        dead = pids.pop()
        os.kill(dead, signal.SIGKILL)
        await one_that_is_not(pids | {dead}, server)
        answers = await asyncio.gather(*(server.query("{ box { old } }") for _ in range(16)))
        assert all(answer["data"] == {"box": {"old": "o"}} for answer in answers)
        assert server.process.returncode is None


async def test_the_others_serve_on_while_a_worker_cannot_start_again(project: Project) -> None:
    resolvers = project.folder / f"{project.resolvers}.py"
    async with server_of(project.config) as server:
        pids = await server.pids(2)
        right = resolvers.read_text()
        resolvers.write_text("raise RuntimeError('broken')")
        dead = pids.pop()
        os.kill(dead, signal.SIGKILL)
        await server.logged("could not start: 1 serve on")
        assert {(await server.query("{ pid }"))["data"]["pid"] for _ in range(4)} == pids
        resolvers.write_text(right)
        await one_that_is_not(pids | {dead}, server)
        assert server.process.returncode is None


async def test_a_worker_that_dies_while_the_others_prepare_does_not_stop_them(
    project: Project,
) -> None:
    async with server_of(project.config) as server:
        pids = await server.pids(2)
        _, told = await server.command("GET", "/admin/workers")
        (other,) = [one["pid"] for one in told["workers"].values() if not one["leads"]]
        # It builds for long enough to be killed in the middle.
        project.write_schema("new: String " + " ".join(f"f{n}: String" for n in range(4000)))
        reload = asyncio.create_task(server.command("POST", "/admin/reload"))
        await asyncio.sleep(0)
        os.kill(other, signal.SIGKILL)
        status, report = await reload
        assert (status, report["result"]) == (200, "reloaded")
        await one_that_is_not(pids, server)
        await server.until_served("{ box { new } }", NEW)


async def test_a_hang_up_reloads_and_so_do_changed_files(project: Project) -> None:
    project.write_config("[reload]\nwatch = true\npoll_interval_s = 0.1\n")
    async with server_of(project.config) as server:
        pids = await server.pids(2)
        server.process.send_signal(signal.SIGHUP)
        project.write_schema("new: String")
        await server.until_served("{ box { new } }", NEW)
        # As the kubelet does it: the folder that a symbolic link leads to is another.
        project.as_config_map("new: String, newer: String")
        server.process.send_signal(signal.SIGHUP)
        await server.until_served('{ __type(name: "Box") { fields { name } } }', project.fields)
        project.as_config_map("old2: String")
        await server.until_served('{ __type(name: "Box") { fields { name } } }', project.fields)
        assert await server.pids(2) == pids


async def test_changed_python_replaces_the_workers_one_by_one(project: Project) -> None:
    """Of a module that the resolvers import: one worker has died meanwhile, and its successor runs the new."""
    helper = project.with_helper("one")
    async with server_of(project.config) as server:
        pids = await server.pids(2)
        helper.write_text('ANSWER = "another"')
        dead = pids.pop()
        os.kill(dead, signal.SIGKILL)
        pids.add(await one_that_is_not(pids | {dead}, server))
        await server.logged("Python has changed since the others have imported it")
        _, told = await server.command("GET", "/admin/workers")
        assert len({one["digest"] for one in told["workers"].values()}) == 2
        failed = 0
        status, report = await server.command("POST", "/admin/reload")
        assert (status, report["result"]) == (200, "restarting")
        async with asyncio.timeout(90):
            seen: set[int] = set()
            while len(seen - pids) < 2:
                answer = await server.query("{ pid box { old } }")
                failed += "data" not in answer
                seen.add(answer["data"]["pid"])
        assert failed == 0
        await server.until_served("{ box { old } }", {"box": {"old": "another"}})
        assert await server.end() == 0


async def test_broken_python_replaces_no_worker(project: Project) -> None:
    async with server_of(project.config) as server:
        pids = await server.pids(2)
        (project.folder / f"{project.resolvers}.py").write_text("import nothing_of_that_name\n")
        status, report = await server.command("POST", "/admin/reload")
        assert (status, report["result"]) == (422, "refused")
        assert "nothing_of_that_name" in report["errors"][0]
        assert await server.pids(2) == pids


RAISES = """
@on_startup
def fails(state):
    raise RuntimeError("no pool today")
"""


async def test_what_no_new_worker_can_start_with_is_refused_each_time(project: Project) -> None:
    resolvers = project.folder / f"{project.resolvers}.py"
    right = resolvers.read_text()
    async with server_of(project.config) as server:
        pids = await server.pids(2)
        _, told = await server.command("GET", "/admin/workers")
        served = {one["digest"] for one in told["workers"].values()}
        project.write_config('[pubsub]\nkind = "redis"\n')
        project.write_schema("new: String")  # what is hot waits for the rest
        for _ in range(2):  # never "unchanged"
            status, report = await server.command("POST", "/admin/reload")
            assert (status, report["result"]) == (422, "refused")
            assert "redis.url is not set" in report["errors"][0]
        project.write_schema("")
        project.write_config("")
        resolvers.write_text(right + RAISES)
        status, report = await server.command("POST", "/admin/reload")
        assert (status, report["result"]) == (422, "refused")
        assert "no pool today" in report["errors"][0]
        await server.logged("no pool today")
        _, told = await server.command("GET", "/admin/workers")
        assert {one["digest"] for one in told["workers"].values()} == served
        assert {one["pid"] for one in told["workers"].values()} == pids
        resolvers.write_text(right)
        project.write_schema("new: String")
        status, report = await server.command("POST", "/admin/reload")
        assert (status, report["result"]) == (200, "reloaded")
        assert await server.pids(2) == pids


async def test_a_new_worker_that_cannot_start_leaves_what_was_decided_before(
    project: Project,
) -> None:
    project.write_config("[subscription]\nmax_queue = 7\n")
    resolvers = project.folder / f"{project.resolvers}.py"
    async with server_of(project.config) as server:
        pids = await server.pids(2)
        resolvers.write_text(
            resolvers.read_text()
            + "\nimport os\nif os.environ.get('GATEWAY_SERVE_DIGEST'): os._exit(9)\n"
        )
        status, report = await server.command("POST", "/admin/reload")
        assert (status, report["result"]) == (422, "refused")
        assert "ended with 9 before it served" in report["errors"][0]
        dead = pids.pop()
        os.kill(dead, signal.SIGKILL)
        await one_that_is_not(pids | {dead}, server)
        assert (await server.query("{ box { old } }"))["data"] == {"box": {"old": "o"}}
        # Now it can start: every worker is replaced, by what could not be served before.
        resolvers.write_text(resolvers.read_text().replace("os._exit(9)", "pass"))
        status, report = await server.command("POST", "/admin/reload")
        assert (status, report["result"]) == (200, "restarting")
        # One that comes to a worker which is being replaced is told so.
        status, report = await server.command("POST", "/admin/reload")
        assert status in (200, 409, 503)
        assert report.get("result") != "unchanged"
