"""What a release refuses, and whom it asks: real Helm and kubectl against a fake Kubernetes API. What the operator
types is what runs here: `gateway release …`."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.release.cli import app
from tests.platform.renders import CHART
from tests.platform.stage import EXEMPTED, EXEMPTIONS, NAMESPACE, PRODUCTION, REASONS, Stage


@pytest.mark.parametrize(
    ("options", "code"),
    [
        pytest.param(["--set", "replicas=0"], "ChartRefused", id="no replicas"),
        pytest.param(["--set", "autoscaling.minReplicas=0"], "ChartRefused", id="no replicas by the autoscaler"),
        pytest.param(["--set", "replicaCount=0"], "ChartRefused", id="a key that is none"),
        pytest.param(["--set", "image.tag=latest"], "ChartRefused", id="latest"),
        pytest.param(["--set", "image.tag=9.9.9"], "ImageMissing", id="no such image"),
        pytest.param(["--set", "namespace=default"], "ChartRefused", id="another namespace"),
        pytest.param(["--set", "ingress.enabled=false"], "ResourceDeleted", id="the ingress goes"),
        pytest.param(
            ["--set", "ingress.enabled=false", "--delete", "Ingress/other"], "ResourceDeleted", id="another is named"
        ),
        pytest.param(["--set", "networkPolicy.egress=[]"], "EgressRemoved", id="no source is reached"),
        pytest.param(["--set", "networkPolicy.egress=[{cidr: 0.0.0.0/1, ports: [443]}, {cidr: 128.0.0.0/1, ports: [443]}]"],
                     "PolicyBroken", id="everything is reached"),
        pytest.param(["--set", "networkPolicy.ingressNamespaces=[default]"], "IngressRemoved", id="the ingress controller is kept out"),
        pytest.param(["--set", "networkPolicy.ingressNamespaces=[edge]", "--delete", "ingress/ingress:http"], None, id="and that is meant"),
        pytest.param(["--set", "networkPolicy.monitoringNamespace=other"], "IngressRemoved", id="Prometheus is kept out"),
        pytest.param(["--set", "networkPolicy.ingressNamespaces=[]"], "PolicyBroken", id="every pod may call"),
        pytest.param(["--set", "config={sources: {b: {url: 'not a url'}}}"], "PolicyBroken", id="no URL"),
        pytest.param(["--set", "config={sources: {b: {url: 'http://127.0.0.1:8101'}}}"], "PolicyBroken", id="the pod itself"),
        pytest.param(["--set", "config={sources: {b: {headers: {authorization: Bearer-abc}}}}"], "SecretExposed",
                     id="a header with a secret"),
        pytest.param(["--set", "env.DB_URL=postgres://u:hunter2@db/x"], "SecretExposed", id="a variable with a secret"),
        pytest.param(["--set", "podAnnotations.note=Bearer abcdefgh1234"], "SecretExposed", id="an annotation with a secret"),
        pytest.param(["--set", 'globalHost=""'], "HostRemoved", id="no global name"),
        pytest.param(["--set", "domain=other.example.com"], "HostRemoved", id="another domain"),
        pytest.param(["--set", "ingress.className=internal"], "HostRemoved", id="another ingress"),
        pytest.param(["--set", 'ingress.tlsSecret=""'], "PolicyBroken", id="no TLS"),
        pytest.param(["--set", "disruptionBudget.maxUnavailable=100"], "PolicyBroken", id="all pods at once"),
        pytest.param(["--set", "podLabels={track: canary}"], "ChartRefused", id="labels of the selector"),
        pytest.param(["--set", "service.type=LoadBalancer"], "PolicyBroken", id="past the ingress"),
        pytest.param(["--set", "metrics.enabled=false"], "PolicyBroken", id="nothing is measured"),
        pytest.param(["--set", "env.GATEWAY_SERVER__PORT=9000"], "PolicyBroken", id="a variable of the chart's"),
        pytest.param(["--set", "autoscaling.enabled=false", "--delete", "HorizontalPodAutoscaler/gateway", "--set", "replicas=2"],
                     None, id="more than half stays, and the deletion is named"),
    ],
)  # fmt: skip
def test_what_destroys_is_refused(running: Stage, options: list[str], code: str | None) -> None:
    where = ["--env", "production", "--region", "eu-west"]
    tag = [] if any("image.tag" in option for option in options) else ["--image-tag", "1.0.0"]
    said = running.run("plan", *where, *tag, *options, code=3 if code else 0)
    assert (f"refused: {code}" in said) if code else ("refused" not in said)
    assert "hunter2" not in said
    if code:
        assert "It would have" in said
        running.run("apply", *where, *tag, *options, "--yes", code=3)
        assert running.audited()[-1] == ("refused", "production/eu-west", "refused")
    assert running.deployment()["spec"]["replicas"] == 3
    assert running.image() == "1.0.0"


@pytest.mark.parametrize(
    "options",
    [
        ["service.annotations={helm.sh/hook: test}", "service.type=LoadBalancer"],
        [
            "ingress.annotations={helm.sh/hook: post-install, a.example/b: c}",
            'ingress.tlsSecret=""',
        ],
        ["serviceAccount.annotations={helm.sh/hook: test}"],
        ["ingress.annotations={helm.sh/resource-policy: keep}"],
    ],
)
def test_nothing_is_made_beside_the_release(stage: Stage, options: list[str]) -> None:
    """Helm's hooks are in no plan, and neither a rollback nor an uninstall takes them away."""
    sets = [text for option in options for text in ("--set", option)]
    said = stage.run("plan", *PRODUCTION, "--image-tag", "1.0.0", "--first-install", *sets, code=3)
    assert "ChartRefused" in said
    assert "has the annotation helm.sh/" in said
    assert all(not cluster.objects for cluster in stage.clusters.values())


@pytest.mark.parametrize(
    "options",
    [
        ["--set", "secrets.sealed.encryptedData.pw=hunter2hunter2"],
        ["--set", "secrets.env=[{name: hunter2 hunter2, secret: HUNTER2_hunter2, key: hunter2 x}]"],
        ["--set", 'secrets.external.data=[{key: a, remote: "hunter2\\nhunter2"}]'],
        ["--set", "image.tag=hunter2 hunter2' does not match it"],
        ["--set", 'config={server: {live_path: "/hunter2 \\"hunter2"}}'],
        ["--set", "env.DB_PASS=hunter2hunter2"],
        ["--set", "env.GATEWAY_REDIS__URL=hunter2hunter2"],
        ["--set", "env.GATEWAY_ERRORS__MASK=hunter2hunter2"],
    ],
)
def test_what_was_typed_is_repeated_nowhere(stage: Stage, options: list[str]) -> None:
    """Neither on the terminal nor in the audit log, which is a chain: nothing is taken out of it again."""
    where = ["--env", "staging", "--region", "eu-west", "--first-install"]
    said = stage.run("plan", *where, *options, code=3)
    assert "refused: " in said
    assert "hunter2" not in said + stage.audit.read_text()


def test_a_set_that_is_no_yaml_is_repeated_nowhere(stage: Stage) -> None:
    where = ["plan", "--env", "staging", "--region", "eu-west", "--first-install"]
    said = stage.run(*where, "--set", 'env.X={"x-api-key": "hunter2', code=1)
    assert "--set env.X: the value is not YAML" in said
    assert "hunter2" not in said


def test_a_new_configuration_is_shown_and_one_with_a_secret_is_not(stage: Stage) -> None:
    where = ["--env", "staging", "--region", "eu-west", "--first-install", "--image-tag", "1.0.0"]
    said = stage.run("plan", *where, "--set", "config={limits: {max_depth: 7}}")
    assert "+ ConfigMap/gateway-config" in said
    assert "max_depth = 7" in said
    said = stage.run(
        "plan",
        *where,
        "--set",
        "config={connectors: {config: {token: hunter2}}, limits: {max_depth: 7}}",
        code=3,
    )
    assert "max_depth" not in said
    assert "hunter2" not in said


def test_an_exemption_is_shown_and_written_down(running: Stage) -> None:
    """What production has although it must not: who reads the plan, the log or the cluster sees it and why."""
    options = ["--set", "env.GATEWAY_LIMITS__INTROSPECTION=true"]
    said = running.run("plan", *PRODUCTION, "--image-tag", "1.0.0", *options, code=3)
    assert "limits.introspection is true in production; where it is meant" in said
    why = "the schema of this API is published"
    given = [*EXEMPTIONS, {"setting": "limits.introspection", "reason": why}]
    exempted = f"exemptions={json.dumps(given)}"
    said = running.release("1.0.0", *options, "--set", exempted)
    assert f"exempted: limits.introspection, because: {why}" in said
    started = [json.loads(line) for line in running.audit.read_text().splitlines()][-2]
    assert (started["outcome"], started["exemptions"]) == (
        "started",
        {**REASONS, "limits.introspection": why},
    )
    annotations = running.deployment()["metadata"]["annotations"]
    assert why in annotations["gateway.release/exemptions"]


def test_scaled_up_pods_are_not_taken_away(running: Stage) -> None:
    running.clusters["eu-west"].scale(NAMESPACE, "gateway", 20)
    options = ["--env", "production", "--region", "eu-west", "--image-tag", "1.0.0", "--set", "autoscaling.enabled=false",
               "--delete", "HorizontalPodAutoscaler/gateway"]  # fmt: skip
    said = running.run("plan", *options, "--set", "replicas=9", code=3)
    assert "20 pods would become 9" in said
    running.run("plan", *options, "--set", "replicas=10")


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ([], "EnvironmentMissing"),
        (["--env", "production"], "RegionMissing"),
        (["--env", "production", "--region", ""], "RegionMissing"),
        (["--env", "production", "--region", "us-east,eu-west"], "RegionMany"),
        (["--env", "production", "--region", "all"], "RegionMany"),
        (["--env", "production", "--region", "us-east", "--region", "eu-west"], "RegionMany"),
        (["--env", "production", "--env", "staging", "--region", "eu-west"], "EnvironmentMany"),
        (["--env", "prod", "--region", "eu-west"], "EnvironmentUnknown"),
        (["--env", "production", "--region", "ap-southeast"], "RegionUnknown"),
        (["--env", "production", "--region", "eu-west", "--then", "eu-west"], "RegionTwice"),
        (["--env", "production", "--then", "eu-west"], "RegionMissing"),
        (["--env", "production", "--region", "eu-west", "--then", "us-east"], "RegionOrder"),
    ],
)
def test_places_are_named_one_by_one(stage: Stage, options: list[str], code: str) -> None:
    said = stage.run("apply", *options, "--image-tag", "1.0.0", "--first-install", "--yes", code=3)
    assert code in said
    assert "Nothing was changed." in said
    assert all(not cluster.objects for cluster in stage.clusters.values())
    assert stage.audited()[-1][2] == "refused"


def test_production_is_never_silent(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    options = [*PRODUCTION, "--image-tag", "1.0.0", "--first-install"]
    said = stage.run("apply", *options, "--yes", stdin="production\n", code=1)
    assert "typed, or GATEWAY_RELEASE_APPROVAL_TOKEN" in said
    other = stage.run(
        "plan",
        "--env",
        "production",
        "--region",
        "us-east",
        "--image-tag",
        "1.0.0",
        "--first-install",
    )
    monkeypatch.setenv("GATEWAY_RELEASE_APPROVAL_TOKEN", stage.token(other))
    assert "another plan" in stage.run("apply", *options, "--yes", code=1)
    assert not stage.clusters["us-east"].objects


def test_a_fresh_cluster_is_not_taken_for_the_one_that_runs(stage: Stage) -> None:
    assert "NothingRuns" in stage.run("plan", *PRODUCTION, "--image-tag", "1.0.0", code=3)


def test_swapped_contexts_are_noticed(running: Stage) -> None:
    text = running.targets.read_text()
    swapped = text.replace("production-us-east", "X").replace(
        "production-eu-west", "production-us-east"
    )
    running.targets.write_text(swapped.replace("context: X", "context: production-eu-west"))
    said = running.run(
        "plan", "--env", "production", "--region", "eu-west", "--image-tag", "1.0.1", code=3
    )
    assert "WrongCluster" in said
    assert "us-east" in said


def test_a_change_between_plan_and_approval_is_noticed(
    running: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned = running.run("plan", *PRODUCTION, "--image-tag", "2.0.0")
    monkeypatch.setenv("GATEWAY_RELEASE_APPROVAL_TOKEN", running.token(planned))
    said = running.run("apply", *PRODUCTION, "--image-tag", "1.0.1", code=1)
    assert "what was approved has changed" in said
    assert running.image("us-east") == "1.0.0"


@pytest.mark.parametrize(("approved", "given"), [([], ["10%"]), (["10%"], []), (["10%"], ["20%"])])
def test_how_it_is_released_is_approved_too(
    running: Stage, monkeypatch: pytest.MonkeyPatch, approved: list[str], given: list[str]
) -> None:
    options = [*PRODUCTION, "--image-tag", "1.0.1"]
    planned = running.run("plan", *options, *(["--canary", *approved] if approved else []))
    monkeypatch.setenv("GATEWAY_RELEASE_APPROVAL_TOKEN", running.token(planned))
    said = running.run("apply", *options, *(["--canary", *given] if given else []), code=1)
    assert "what was approved has changed" in said
    assert running.image("us-east") == "1.0.0"


def test_what_it_is_judged_by_is_approved_too(
    running: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = [*PRODUCTION, "--image-tag", "1.0.1"]
    monkeypatch.setenv(
        "GATEWAY_RELEASE_APPROVAL_TOKEN", running.token(running.run("plan", *options))
    )
    weaker = running.targets.read_text().replace("badSamplesAllowed: 1", "badSamplesAllowed: 2")
    running.targets.write_text(weaker)
    assert "what was approved has changed" in running.run("apply", *options, code=1)


def test_there_is_no_revision_0(running: Stage) -> None:
    said = running.run("rollback", "0", "--env", "production", "--region", "eu-west", code=1)
    assert "no revision 0" in said


def test_a_token_that_is_written_in_another_way_is_none(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Used once means its text: the log knows no second one."""
    options = [*PRODUCTION, "--image-tag", "1.0.0", "--first-install"]
    token = stage.token(stage.run("plan", *options))
    monkeypatch.setenv("GATEWAY_RELEASE_APPROVAL_TOKEN", "0" + token)
    assert "the approval token is malformed" in stage.run("apply", *options, code=1)
    assert all(not cluster.objects for cluster in stage.clusters.values())


def test_no_change_needs_no_approval(running: Stage) -> None:
    said = running.run("apply", *PRODUCTION, "--image-tag", "1.0.0")
    assert said.count("no change") == 2


def test_staging_asks_once(stage: Stage) -> None:
    where = [
        "apply",
        "--env",
        "staging",
        "--region",
        "eu-west",
        "--image-tag",
        "1.0.0",
        "--first-install",
    ]
    assert "nothing was done" in stage.run(*where, stdin="n\n", code=1)
    stage.run(*where, stdin="y\n")
    assert stage.clusters["staging"].get("Deployment", "gateway-staging", "gateway")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--image-tag", ""], "which image?"),
        (["--image-tag", "1.0.0", "--preview", ""], "write pr-123"),
        (["--image-tag", "1.0.0", "--preview", "main"], "write pr-123"),
        (["--image-tag", "1.0.0", "--canary", ""], "write a share"),
        (["--image-tag", "1.0.0", "--canary", "100%"], "write a share"),
    ],
)
def test_a_variable_that_is_not_set_is_not_a_wish(
    stage: Stage, options: list[str], words: str
) -> None:
    """A pipeline that loses its preview's name must not release staging itself instead."""
    where = ["apply", "--env", "staging", "--region", "eu-west", "--first-install", "--yes"]
    assert words in stage.run(*where, *options, code=1)
    assert not stage.clusters["staging"].objects


def test_serving_loads_nothing_of_this() -> None:
    script = "import sys, gateway.cli.app; print([m for m in sys.modules if m.startswith('gateway.release.')], 'yaml' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[] False"


@pytest.mark.parametrize(("typed", "code"), [("y", 1), ("Production", 1), ("production", 0)])
def test_a_person_at_a_terminal_types_the_name(stage: Stage, typed: str, code: int) -> None:
    ours, theirs = pty.openpty()
    command = [
        sys.executable, "-m", "gateway", "release", "apply", *PRODUCTION, "--first-install", "--image-tag", "1.0.0",
        "--set", f"image.repository={stage.repository}", "--set", EXEMPTED, "--chart", str(CHART), "--targets", str(stage.targets),
        "--audit-log", str(stage.audit), "--yes",
    ]  # fmt: skip
    with subprocess.Popen(
        command, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        os.close(theirs)
        os.write(ours, typed.encode() + b"\n")
        said, _ = process.communicate(timeout=60)
    os.close(ours)
    assert process.returncode == code, said
    assert "Type the environment's name (production)" in said
    assert bool(stage.clusters["us-east"].objects) is (code == 0)


def test_no_chart_is_said(tmp_path: Path) -> None:
    result = CliRunner().invoke(
        app, ["plan", "--env", "dev", "--region", "eu-west", "--chart", str(tmp_path)]
    )
    assert result.exit_code == 1
    assert "there is no chart at" in result.output
    assert "--chart PATH" in result.output
