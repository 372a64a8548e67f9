"""A reload in one process: what it serves, what it keeps, and what it refuses."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Mapping

import pytest
from graphql import DocumentNode, GraphQLSchema

import gateway.generated.functions as functions_module
import gateway.language.document as document_module
from gateway.app.gateway import create_app
from gateway.app.reload.background import Resting
from gateway.app.reload.effects import Effect
from gateway.app.reload.inputs import Inputs, Origin
from gateway.app.reload.shelf import BusyError
from gateway.cli.reload import lines_of
from gateway.language.limits import Limits
from gateway.language.validate import validate_document
from gateway.telemetry.metrics import Registry
from gateway.testing import GatewayClient
from tests.app.conftest import Live, Project
from tests.telemetry.test_operation_log import lines


async def test_another_schema_is_served_and_what_has_begun_ends_by_the_old_one(live: Live) -> None:
    waiting = asyncio.create_task(live.client.execute("{ waits }"))
    while "waits" not in live.told:
        await asyncio.sleep(0)
    live.project.write_schema("new: String")
    assert (await live.client.execute("{ box { new } }")).errors
    report = await live.reloader.reload()
    assert report.result == "reloaded"
    assert report.workers == 1
    assert (await live.client.execute("{ box { new } }")).data == {"box": {"new": "n"}}
    live.let_go()
    assert (await waiting).data == {"waits": "by the revision that it began with"}


async def test_a_broken_schema_leaves_the_old_one_and_is_told_with_file_and_line(
    live: Live, caplog: pytest.LogCaptureFixture
) -> None:
    live.project.write_schema("new: Missing")
    with caplog.at_level(logging.INFO, "gateway.reload"):
        report = await live.reloader.reload()
    assert report.result == "refused"
    (line,) = report.errors
    assert "schema.graphql:5" in line
    assert "Missing" in line
    assert "schema.graphql:5" in caplog.text
    assert (await live.client.execute("{ box { old } }")).data == {"box": {"old": "o"}}
    assert live.client.app.worker.is_ready
    live.project.write_schema("new: String")
    assert (await live.reloader.reload()).result == "reloaded"


async def test_a_disk_that_hangs_is_told_and_holds_no_later_reload_up(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    hangs = threading.Event()
    look = Origin.read

    def wait(origin: Origin, env: Mapping[str, str]) -> Inputs:
        hangs.wait()
        return look(origin, env)

    live.project.write_config("[reload]\nprepare_timeout_s = 0.001\n")
    assert (await live.reloader.reload()).result == "reloaded"
    monkeypatch.setattr(Origin, "read", wait)
    try:
        first = await live.reloader.reload()
        second = await live.reloader.reload()
    finally:
        hangs.set()
    assert [first.result, second.result] == ["refused", "refused"]
    assert first.may_pass
    assert second.may_pass
    assert "could not be read within 0.001 s" in first.errors[0]
    assert "still being read" in second.errors[0]
    live.project.write_config("")
    while (report := await live.reloader.reload()).result == "refused":
        await asyncio.sleep(0)
    assert report.result == "reloaded"


@pytest.mark.parametrize(
    ("more", "where"),
    [
        ("[limits]\nmax_depth = 'deep'\n", "gateway.toml:7"),
        ("[limits\n", "gateway.toml:6"),
        ("[plan_cache]\nwarm = ['nowhere']\n", "plan_cache.warm"),
    ],
)
async def test_a_broken_configuration_is_told_with_its_line(
    live: Live, more: str, where: str
) -> None:
    live.project.write_config(more)
    report = await live.reloader.reload()
    assert report.result == "refused"
    assert where in report.errors[0]
    assert (await live.client.execute("{ box { old } }")).data == {"box": {"old": "o"}}


async def test_the_audit_log_says_what_is_served(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEWAY_LOGS__AUDIT", str(project.folder / "audit.log"))
    client = GatewayClient(project.config)
    client.app = create_app(project.config)
    async with client:
        live = Live(project, client)
        project.write_config("[limits]\nmax_depth = 3\n")
        report = await live.reloader.reload()
    first, second = lines(project.folder / "audit.log")
    assert (first["event"], first["cause"], first["changed"]) == ("configuration", "start", [])
    assert (second["cause"], second["changed"]) == ("reload", ["limits.max_depth"])
    assert first["digest"] != second["digest"] == report.digest


async def test_files_that_have_not_changed_are_no_reload(live: Live) -> None:
    before = live.client.app.worker.serving()
    live.project.write_schema("")
    assert (await live.reloader.reload()).result == "unchanged"
    assert live.client.app.worker.serving() is before


async def test_a_check_serves_nothing_new(live: Live) -> None:
    before = live.client.app.worker.serving()
    live.project.write_schema("new: String")
    assert (await live.reloader.reload(check_only=True)).result == "checked"
    assert live.client.app.worker.serving() is before
    live.project.write_schema("new: Missing")
    assert (await live.reloader.reload(check_only=True)).result == "refused"


async def test_the_plans_that_are_in_use_are_warm_before_the_swap(live: Live) -> None:
    await live.client.execute("{ box { old } }")
    await live.client.execute("query Named { box { o: old } }", operation_name="Named")
    live.project.write_schema("new: String")
    report = await live.reloader.reload()
    assert report.plans == 2
    pipeline = live.client.app.worker.serving().pipeline
    misses = pipeline.plans.counters.misses
    await live.client.execute("{ box { old } }")
    await live.client.execute("query Named { box { o: old } }", operation_name="Named")
    assert pipeline.plans.counters.misses == misses


async def test_what_names_nothing_that_has_changed_is_neither_validated_nor_compiled_again(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents = [f"query Q{n} {{ box {{ a{n}: old }} }}" for n in range(5)]
    for document in [*documents, "{ pid }"]:
        await live.client.execute(document)
    validated: list[str] = []
    compiled: list[str] = []
    compile_text = functions_module.CompiledText

    def validate_noted(
        schema: GraphQLSchema, node: DocumentNode, text: str, limits: Limits
    ) -> None:
        validated.append(text)
        validate_document(schema, node, text, limits)

    def compile_noted(source: str, title: str, shown: str) -> functions_module.CompiledText:
        compiled.append(title)
        return compile_text(source, title, shown)

    monkeypatch.setattr(document_module, "validate_document", validate_noted)
    monkeypatch.setattr(functions_module, "CompiledText", compile_noted)
    live.project.write_schema("new: String")
    assert (await live.reloader.reload()).plans == 6
    assert (validated, compiled) == ([], [])
    assert (await live.client.execute(documents[0])).data == {"box": {"a0": "o"}}
    live.project.write_schema("new: String", old="String!")
    assert (await live.reloader.reload()).plans == 6
    assert sorted(validated) == documents
    assert compiled == []  # the functions of rows are made when they are needed
    assert (await live.client.execute(documents[0])).data == {"box": {"a0": "o"}}
    assert compiled == ["shapes"]
    validated.clear()
    live.project.write_config("[limits]\nmax_depth = 4\n")
    assert (await live.reloader.reload()).plans == 6
    assert len(validated) == 6  # by other limits


async def test_startup_functions_run_once_and_their_state_stays(live: Live) -> None:
    pool = live.client.app.state["pool"]
    live.project.write_schema("new: String")
    await live.reloader.reload()
    assert live.client.app.state["pool"] is pool
    assert live.told == ["startup"]


async def test_a_hot_setting_holds_from_the_reload_on_and_a_cold_one_is_told(live: Live) -> None:
    deep = "{ box { old } }"
    live.project.write_config(
        "[limits]\nmax_depth = 1\n[server]\nworkers = 7\n[subscription]\nmax_queue = 5\n"
    )
    report = await live.reloader.reload()
    assert report.result == "reloaded"
    assert (await live.client.execute(deep)).errors
    needs = {change.key: change.effect for change in report.changes}
    assert needs == {
        "limits.max_depth": Effect.HOT,
        "server.workers": Effect.SERVER,
        "subscription.max_queue": Effect.WORKERS,
    }
    # One process cannot replace its workers.
    assert set(report.waiting) == {"server.workers", "subscription.max_queue"}
    assert live.client.app.config.server.workers == 1


async def test_trusted_documents_that_a_reload_makes_invalid_are_named(
    project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    documents = project.folder / "documents"
    documents.mkdir()
    (documents / "Fresh.graphql").write_text("query Box { box { fresh } }")
    (documents / "Never.graphql").write_text("{ never }")  # no news
    project.write_schema("fresh: String")
    project.write_config('[persisted_documents]\nmanifest = "documents"\n')
    client = GatewayClient(project.config)
    client.app = app = create_app(project.config)
    async with client:
        assert app.reloader is not None
        assert "the trusted document Never cannot be compiled" in caplog.text
        project.write_schema("")
        for check_only in (True, False):
            report = await app.reloader.reload(check_only=check_only)
            (warning,) = report.as_json()["warnings"]
            assert warning.startswith("the trusted document Fresh cannot be compiled: ")
            assert "'fresh' on type 'Box'" in warning
        assert report.result == "reloaded"
        assert warning in lines_of(report.as_json())
    assert set(await create_app(project.config).check_start()) == {"Fresh", "Never"}


async def test_two_reloads_at_once_are_one(live: Live) -> None:
    live.project.write_schema("new: String")
    first = asyncio.create_task(live.reloader.reload())
    await asyncio.sleep(0)
    with pytest.raises(BusyError):
        await live.reloader.reload()
    assert (await first).result == "reloaded"


async def test_sources_whose_settings_are_equal_go_on(live: Live) -> None:
    source = live.client.app.worker.upstream._sources[""]
    live.project.write_schema("new: String")
    await live.reloader.reload()
    assert live.client.app.worker.upstream._sources[""] is source


async def test_counters_never_fall(live: Live) -> None:
    await live.client.execute("{ box { old } }")
    registry = Registry()
    registry.add(live.client.app.worker.serving().samples)
    before = registry.snapshot()["gateway_plan_cache_lookups"]
    live.project.write_schema("new: String")
    await live.reloader.reload()
    registry = Registry()
    registry.add(live.client.app.worker.serving().samples)
    after = dict(registry.snapshot()["gateway_plan_cache_lookups"])
    assert all(after[labels] >= value for labels, value in before)  # type: ignore[operator]


async def test_the_thread_that_makes_plans_rests_after_each(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    rests: list[int] = []
    monkeypatch.setattr(Resting, "rest", lambda _: rests.append(1))
    for name in ("a", "b"):
        await live.client.execute(f"{{ box {{ {name}: old }} }}")
    live.project.write_schema("new: String")
    assert (await live.reloader.reload()).plans == len(rests) == 2


async def test_the_loop_goes_on_while_it_is_built(live: Live) -> None:
    live.project.write_schema(" ".join(f"f{n}: String" for n in range(300)))
    reload = asyncio.create_task(live.reloader.reload())
    answered = 0
    while not reload.done():
        assert (await live.client.execute("{ box { old } }")).data == {"box": {"old": "o"}}
        answered += 1
        await asyncio.sleep(0)
    assert (await reload).result == "reloaded"
    assert answered > 1


async def test_views_are_those_of_the_new_schema_and_configuration(live: Live) -> None:
    """What the reload hides is unknown from then on, also to a document whose plan was in use."""
    document = "{ box { new old } }"
    config = (
        '[views.open]\nexclude_tags = ["own"]\n[authorization.default_views]\nanonymous = "open"\n'
    )
    live.project.write_schema("new: String")
    live.project.write_config(config)
    report = await live.reloader.reload()
    assert (report.result, report.waiting) == ("reloaded", [])
    assert (await live.client.execute(document)).data == {"box": {"new": "n", "old": "o"}}
    live.project.write_schema('new: String @tag(name: "own")')
    assert (await live.reloader.reload()).result == "reloaded"
    (error,) = (await live.client.execute(document)).errors
    assert error["message"] == "Cannot query field 'new' on type 'Box'."
    live.project.write_config("")
    assert (await live.reloader.reload()).result == "reloaded"
    assert (await live.client.execute(document)).data == {"box": {"new": "n", "old": "o"}}
