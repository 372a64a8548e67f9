"""Whole releases against a fake Kubernetes API, with real Helm and kubectl: installs, upgrades, failures and the way
back, canaries, previews."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gateway.release import rollout
from gateway.release.cli import app
from gateway.release.helm import find_helm
from gateway.telemetry.chain import digest_of_line
from tests.platform.stage import NAMESPACE, PRODUCTION, REASONS, Stage, digest_of


def test_install_upgrade_and_back(running: Stage) -> None:
    assert (running.image("us-east"), running.image("eu-west")) == ("1.0.0", "1.0.0")
    assert running.deployment()["status"]["readyReplicas"] == 3

    planned = running.run("plan", *PRODUCTION, "--image-tag", "1.0.1")
    assert "~ Deployment/gateway" in planned
    assert f"{running.repository}:1.0.1 is {digest_of('1.0.1')}" in planned
    assert "pods now 3, then at least 3" in planned
    running.release("1.0.1")
    assert (running.image("us-east"), running.image("eu-west")) == ("1.0.1", "1.0.1")

    listed = running.run("history", "--env", "production", "--region", "eu-west")
    assert "superseded" in listed
    assert "ann: plan " in listed
    os.environ["GATEWAY_RELEASE_APPROVAL_TOKEN"] = running.token(planned)
    try:
        said = running.run("rollback", "1", "--env", "production", "--region", "eu-west", code=1)
    finally:
        del os.environ["GATEWAY_RELEASE_APPROVAL_TOKEN"]
    assert "another plan" in said
    assert running.image("eu-west") == "1.0.1"
    assert "healthy" in running.run("status", "--env", "production")
    assert [line[2] for line in running.audited()] == ["used", *["started", "healthy"] * 2] * 2
    assert "10 lines, each follows the one before it" in CliRunner().invoke(
        app, ["audit", "verify", "--audit-log", str(running.audit)]
    ).output.replace("\n", " ")


def test_an_approval_is_used_once(running: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where nothing came of it: the cluster is as the approval says, and it is spent."""
    options = [*PRODUCTION, "--image-tag", "1.0.1"]
    token = running.token(running.run("plan", *options))
    monkeypatch.setenv("GATEWAY_RELEASE_APPROVAL_TOKEN", token)
    with monkeypatch.context() as patch:
        patch.setattr(rollout, "roll_out", lambda *args: None)
        running.run("apply", *options)
    assert "used before; approve again" in running.run("apply", *options, code=1)
    assert running.image("us-east") == "1.0.0"


def test_the_cluster_keeps_the_head_of_the_audit_log(running: Stage) -> None:
    said = running.run("history", "--env", "production", "--region", "us-east")
    head = re.search(r"log[\s│]+([0-9a-f]{16})\b", said)
    assert head is not None
    lines = running.audit.read_bytes().splitlines(keepends=True)
    verify = ["audit", "verify", "--audit-log", str(running.audit), "--head", head[1]]
    assert CliRunner().invoke(app, verify).exit_code == 0
    begun = next(
        n for n, line in enumerate(lines) if digest_of_line(line.strip()).startswith(head[1])
    )
    assert json.loads(lines[begun])["outcome"] == "started"
    running.audit.write_bytes(b"".join(lines[:begun]))
    assert CliRunner().invoke(app, verify).exit_code == 1


def test_a_rollback_to_a_revision(running: Stage) -> None:
    running.release("1.0.1")
    options = ["rollback", "1", "--env", "production", "--region", "eu-west"]
    # Without a terminal and without a token the plan is shown, and nothing is done.
    planned = running.run(*options, code=1).split("error:")[0]
    assert running.image("eu-west") == "1.0.1"
    os.environ["GATEWAY_RELEASE_APPROVAL_TOKEN"] = running.token(planned)
    try:
        running.run(*options)
    finally:
        del os.environ["GATEWAY_RELEASE_APPROVAL_TOKEN"]
    assert (running.image("us-east"), running.image("eu-west")) == ("1.0.1", "1.0.0")
    assert running.audited()[-1] == ("rollback", "production/eu-west", "healthy")
    approved, started = map(json.loads, running.audit.read_text().splitlines()[-3:-1])
    assert started["digest"] == approved["digest"]
    assert started["images"] == [f"{running.repository}@{digest_of('1.0.0')}"]
    assert (started["exemptions"], started["from_revision"]) == (REASONS, 2)


def test_a_rollback_needs_no_registry(running: Stage) -> None:
    running.release("1.0.1")
    running.around.is_registry_away = True
    options = ["rollback", "1", "--env", "production", "--region", "eu-west"]
    planned = running.run(*options, code=1).split("error:")[0]
    assert "not held against the way back: ImageUnasked" in " ".join(planned.split())
    os.environ["GATEWAY_RELEASE_APPROVAL_TOKEN"] = running.token(planned)
    try:
        running.run(*options)
    finally:
        del os.environ["GATEWAY_RELEASE_APPROVAL_TOKEN"]
    assert running.image("eu-west") == "1.0.0"
    forward = ["--image-tag", "1.0.1", "--image-digest", digest_of("1.0.1")]
    assert "ImageUnasked" in running.run("plan", *PRODUCTION, *forward, code=3)


def test_what_the_canary_has_not_is_named(running: Stage) -> None:
    options = ["plan", *PRODUCTION, "--image-tag", "1.0.1", "--set", "workers=2"]
    assert "straight to every pod: workers" in running.run(*options, "--canary", "10%")
    assert "straight to every pod" not in running.run(*options)


def test_the_image_is_the_one_that_was_planned(
    running: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tag is looked up once, and what it then named is released: moved before the approval it is another plan, moved
    after it changes nothing. The way back is by digest too."""
    asked: list[str] = []
    query = running.around.prometheus

    def move(region: str, text: str) -> float:
        running.around.moved["1.0.1"] = "2.0.0"
        asked.append(region)
        return query(region, text)

    monkeypatch.setattr(running.around, "prometheus", move)
    running.release("1.0.1")
    assert asked
    assert (running.image("us-east"), running.image("eu-west")) == ("1.0.1", "1.0.1")
    running.around.moved["1.0.0"] = "2.0.0"
    options = ["rollback", "1", "--env", "production", "--region", "eu-west"]
    planned = running.run(*options, code=1).split("error:")[0]
    os.environ["GATEWAY_RELEASE_APPROVAL_TOKEN"] = running.token(planned)
    try:
        running.run(*options)
        assert running.image("eu-west") == "1.0.0"
        planned = running.run("plan", *PRODUCTION, "--image-tag", "1.0.0")
        os.environ["GATEWAY_RELEASE_APPROVAL_TOKEN"] = running.token(planned)
        running.around.moved["1.0.0"] = "1.0.1"
        said = running.run("apply", *PRODUCTION, "--image-tag", "1.0.0", code=1)
    finally:
        del os.environ["GATEWAY_RELEASE_APPROVAL_TOKEN"]
    assert "another plan" in said
    assert running.image("us-east") == "1.0.1"


def test_a_digest_is_released_whatever_its_tag_is_now(running: Stage) -> None:
    running.around.moved["1.0.1"] = "2.0.0"
    said = running.release("1.0.1", "--image-digest", digest_of("1.0.1"))
    assert running.image() == "1.0.1"
    told = f"another image: {running.repository}:1.0.1 is {digest_of('2.0.0')}; what is released is the digest beside it"
    assert said.count(told) == 2
    # Also where nothing changes: whoever names a tag believes that it is out.
    said = running.run(
        "plan", *PRODUCTION, "--image-tag", "1.0.1", "--image-digest", digest_of("1.0.1")
    )
    assert said.count("no change") == said.count(told) == 2
    # A tag alone is not the digest of the release before.
    running.release("1.0.1")
    assert running.image() == "2.0.0"
    audited = json.loads(running.audit.read_text().splitlines()[-1 - 3])
    assert audited["images"] == [f"{running.repository}@{digest_of('2.0.0')}"]
    for wrong in ("", "1.0.1", "sha256:1"):
        said = running.run(
            "plan", *PRODUCTION, "--image-tag", "1.0.1", "--image-digest", wrong, code=1
        )
        assert "64 hex digits" in said


def test_a_bad_image_rolls_its_region_back_and_stops(running: Stage) -> None:
    running.clusters["us-east"].broken_images.add(f"{running.repository}@{digest_of('2.0.0')}")
    said = running.release("2.0.0", code=1)
    assert "0 of 3 pods ready" in said
    assert "Rolled back to revision 1 and is ready." in said
    assert "Not touched: production/eu-west." in said
    assert (running.image("us-east"), running.image("eu-west")) == ("1.0.0", "1.0.0")
    assert running.deployment("us-east")["status"]["readyReplicas"] == 3
    assert running.audited()[-4:] == [
        ("apply", "production/us-east", "started"),
        ("apply", "production/us-east", "failed"),
        ("rollback", "production/us-east", "started"),
        ("rollback", "production/us-east", "ready"),
    ]


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        ({"error_ratio": {"eu-west": 0.2}}, "20.00% of requests fail"),
        ({"error_ratio": {"eu-west": math.nan}}, "nan% of requests fail"),
        ({"failed_ratio": {"eu-west": 1.0}}, "100.00% of operations are answered with errors"),
        ({"failed_ratio": {"eu-west": math.nan}}, "nan% of operations are answered with errors"),
        ({"smoke_fails": {"eu-west"}}, "a smoke query failed: 502"),
    ],
)
def test_the_second_region_fails_and_only_it_goes_back(
    running: Stage, trouble: dict[str, Any], words: str
) -> None:
    for name, value in trouble.items():
        setattr(running.around, name, value)
    said = running.release("1.0.1", code=1)
    assert words in said
    assert "Not touched" not in said
    assert (running.image("us-east"), running.image("eu-west")) == ("1.0.1", "1.0.0")


def test_a_full_disk_holds_no_rollback_up(running: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing begins without the audit log; what has begun is brought to its end without it."""
    running.around.error_ratio["us-east"] = 0.5
    query = running.around.prometheus

    def spoil(region: str, text: str) -> float:
        running.audit.unlink(missing_ok=True)
        running.audit.mkdir(exist_ok=True)
        return query(region, text)

    monkeypatch.setattr(running.around, "prometheus", spoil)
    said = running.release("1.0.1", code=1)
    assert "apply failed is NOT in the audit log" in said
    assert "Rolled back to revision 1 and is ready." in said
    assert running.image("us-east") == "1.0.0"
    assert "nothing is done without it" in running.run(
        "plan", *PRODUCTION, "--set", "replicas=0", code=1
    )


def test_a_change_by_hand_is_shown(running: Stage) -> None:
    deployment = running.deployment()
    deployment["spec"]["template"]["spec"]["containers"][0]["image"] = "gateway:by-hand"
    said = running.run("plan", "--env", "production", "--region", "eu-west", "--image-tag", "1.0.1")
    assert "changed by hand: pods run gateway:by-hand" in said


def test_a_failed_first_install_is_taken_away(stage: Stage) -> None:
    stage.around.smoke_fails.add("us-east")
    said = stage.release("1.0.0", "--first-install", code=1)
    assert "has been uninstalled" in said
    assert stage.clusters["us-east"].get("Deployment", NAMESPACE, "gateway") is None
    assert not stage.clusters["eu-west"].objects


def test_a_canary_that_is_fine_becomes_the_release(running: Stage) -> None:
    said = running.release("1.0.1", "--canary", "10%")
    assert "canary for 10 % of the traffic" in said
    assert (running.image("us-east"), running.image("eu-west")) == ("1.0.1", "1.0.1")
    assert running.deployment("us-east", "gateway-canary") is None
    assert any('track="canary"' in query for query in running.around.queries)


def test_a_canary_that_is_worse_never_reaches_the_rest(running: Stage) -> None:
    running.around.canary_error_ratio = 0.009
    said = running.release("1.0.1", "--canary", "10%", code=1)
    assert "errors 0.90% against 0.10% of stable" in said
    assert (running.image("us-east"), running.image("eu-west")) == ("1.0.0", "1.0.0")
    assert running.deployment("us-east", "gateway-canary") is None


def test_a_canary_whose_answers_are_200_with_errors_never_reaches_the_rest(running: Stage) -> None:
    running.around.canary_failed_ratio = 0.9
    said = running.release("1.0.1", "--canary", "10%", code=1)
    assert "operations with errors 90.00% against 0.10% of stable" in said
    assert (running.image("us-east"), running.image("eu-west")) == ("1.0.0", "1.0.0")


def test_a_region_is_asked_its_smoke_queries(running: Stage) -> None:
    where = ["smoke", "--env", "production", "--region", "eu-west"]
    assert "ok: { videos { id } }" in running.run(*where)
    running.around.smoke_fails.add("eu-west")
    assert "failed: { videos { id } }" in running.run(*where, code=1)


def test_a_canary_by_the_weights_of_a_route(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    routes = [
        "--set",
        "gatewayApi.enabled=true",
        "--set",
        "gatewayApi.parentRefs=[{name: public, namespace: ingress, sectionName: https}]",
    ]
    stage.release("1.0.0", "--first-install", *routes)
    query = stage.around.prometheus
    seen: list[dict[str, int]] = []

    def look(region: str, text: str) -> float:
        if 'track="canary"' in text and region == "us-east":
            route = stage.clusters[region].get("HTTPRoute", NAMESPACE, "gateway")
            assert route is not None
            refs = route["spec"]["rules"][0]["backendRefs"]
            seen.append({ref["name"]: ref["weight"] for ref in refs})
            assert stage.deployment(region, "gateway-canary")["spec"]["replicas"] == 1
            assert stage.image(region) == "1.0.0"
        return query(region, text)

    monkeypatch.setattr(stage.around, "prometheus", look)
    stage.release("1.0.1", "--canary", "5%", *routes)
    assert seen
    assert all(weights == {"gateway": 95, "gateway-canary": 5} for weights in seen)
    assert stage.image("us-east") == "1.0.1"
    route = stage.clusters["us-east"].get("HTTPRoute", NAMESPACE, "gateway")
    assert route is not None
    assert [ref["name"] for ref in route["spec"]["rules"][0]["backendRefs"]] == ["gateway"]


def test_the_life_of_a_preview(stage: Stage) -> None:
    staging = stage.clusters["staging"]
    where = ["--env", "staging", "--region", "eu-west"]
    stage.run("apply", *where, "--image-tag", "1.0.0", "--first-install", "--yes")
    whole = [
        "--set", "demo.enabled=true",
        "--set", f"demo.image.repository={stage.repository}",
        "--set", "demo.image.tag=1.0.1",
    ]  # fmt: skip
    stage.run("apply", *where, "--preview", "pr-7", "--image-tag", "1.0.1", "--yes", *whole)
    stage.run("apply", *where, "--preview", "pr-8", "--image-tag", "1.0.1", "--yes")
    found = staging.get("Deployment", "gateway-pr-7", "gateway")
    assert found is not None
    assert found["spec"]["replicas"] == 1
    # Whole: with the backends beside it, in the images of the same commit.
    containers = found["spec"]["template"]["spec"]["containers"]
    assert {part["name"]: stage.version(part["image"]) for part in containers} == {
        "gateway": "1.0.1",
        "demo-catalog": "1.0.1",
        "demo-monolith": "1.0.1",
        "demo-search": "1.0.1",
    }
    assert "nothing to clean up" in stage.run("cleanup", "--region", "eu-west", "--yes")
    # pr-8 was made long ago.
    old = staging.get("Deployment", "gateway-pr-8", "gateway")
    assert old is not None
    old["metadata"]["creationTimestamp"] = "2020-01-01T00:00:00Z"
    assert "pr-8" in stage.run("cleanup", "--region", "eu-west", "--yes")
    assert staging.get("Deployment", "gateway-pr-8", "gateway") is None
    stage.run("cleanup", "--region", "eu-west", "--preview", "pr-7", "--yes")
    assert {place[2] for place in staging.objects} == {"", "gateway-staging"}
    # A release of staging itself is not confused by previews beside it, and is never cleaned up.
    assert "no change" in stage.run("plan", *where, "--image-tag", "1.0.0")


def test_the_same_by_the_helm_command(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a `helm` on PATH the release works by it: everything that it is asked for, once."""
    if shutil.which("helm") is None:
        command = tmp_path / "bin" / "helm"
        command.parent.mkdir()
        command.write_text(
            f'#!/bin/sh\nexec {sys.executable} {Path(__file__).with_name("helm_command.py")} "$@"\n'
        )
        command.chmod(0o755)
        monkeypatch.setenv("PATH", f"{command.parent}{os.pathsep}{os.environ['PATH']}")
    assert "HelmCli" in repr(find_helm())
    stage.release("1.0.0", "--first-install")
    stage.release("1.0.1")
    assert (stage.image("us-east"), stage.image("eu-west")) == ("1.0.1", "1.0.1")
    assert "at '/replicas'" in stage.run("plan", *PRODUCTION, "--set", "replicas=0", code=3)
    stage.around.smoke_fails.add("eu-west")
    said = stage.release("2.0.0", code=1)
    assert "Rolled back to revision 2 and is ready." in said
    assert (stage.image("us-east"), stage.image("eu-west")) == ("2.0.0", "1.0.1")
    assert "Rollback to 2" in stage.run("history", "--env", "production", "--region", "eu-west")
    preview = [
        "--env",
        "staging",
        "--region",
        "eu-west",
        "--preview",
        "pr-7",
        "--image-tag",
        "1.0.0",
    ]
    stage.around.smoke_fails.clear()
    stage.run("apply", *preview, "--yes")
    stage.run("cleanup", "--region", "eu-west", "--preview", "pr-7", "--yes")
    assert not stage.clusters["staging"].objects
