"""Every refusal, by a table: what is planned, what runs, what must be said. The good release passes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.release.guards import check_canary, check_names, check_release, images_stay, pods_after
from gateway.release.model import DeployedRelease, Facts, Live, Object
from tests.release.objects import (
    EU,
    autoscaler,
    budget,
    deployment,
    facts,
    ingress,
    metadata,
    release,
    service,
    wall,
)

REGIONS = ("ap-southeast", "eu-west", "us-east")


def codes(planned: list[Object], known: Facts, **allowed: object) -> list[str]:
    return [refusal.code for refusal in check_release(planned, EU, known, **allowed)]  # type: ignore[arg-type]


def moved(item: Object, **labels: str) -> Object:
    return {
        **item,
        "metadata": {**item["metadata"], "labels": {**item["metadata"]["labels"], **labels}},
    }


def elsewhere(item: Object, namespace: str) -> Object:
    return {**item, "metadata": {**item["metadata"], "namespace": namespace}}


def test_the_release_that_runs_may_be_made_again() -> None:
    assert codes(release(), facts()) == []


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ([], "RegionMissing"),
        ([""], "RegionMissing"),
        (["", ""], "RegionMissing"),
        (["eu-west,us-east"], "RegionMany"),
        (["eu-west us-east"], "RegionMany"),
        (["all"], "RegionMany"),
        (["ALL"], "RegionMany"),
        (["*"], "RegionMany"),
        (["eu-*"], "RegionMany"),
        (["eu-west", ""], "RegionUnknown"),
        (["eu"], "RegionUnknown"),
        (["EU-WEST"], "RegionUnknown"),
        (["eu-west", "eu-west"], "RegionTwice"),
    ],
)
def test_regions_are_named_one_by_one(given: list[str], code: str) -> None:
    assert [refusal.code for refusal in check_names("region", given, REGIONS)] == [code]


def test_every_known_name_passes() -> None:
    assert list(check_names("region", REGIONS, REGIONS)) == []


@pytest.mark.parametrize(
    ("planned", "live", "code"),
    [
        pytest.param(deployment(0), None, "ReplicasZero", id="zero"),
        pytest.param(deployment(1), None, "ReplicasHalved", id="a quarter"),
        pytest.param(deployment(4), Live(9, 9), "ReplicasHalved", id="scaled up by hand since"),
        pytest.param(
            deployment(4), Live(9, 0), "ReplicasHalved", id="pods count though none is ready"
        ),
        pytest.param(deployment(2), None, None, id="half is allowed"),
        pytest.param(deployment(4), Live(8, 8), None, id="half of the live ones"),
        pytest.param(deployment(40), None, None, id="more"),
    ],
)
def test_pods_are_never_taken_away_by_more_than_half(
    planned: Object, live: Live | None, code: str | None
) -> None:
    found = [c for c in codes(release(planned), facts(live=live)) if c.startswith("Replicas")]
    assert found == ([code] if code else [])


@pytest.mark.parametrize(
    ("before", "after", "live", "pods"),
    [
        pytest.param(autoscaler(4), autoscaler(2), 12, 12, id="the autoscaler keeps what it has"),
        pytest.param(autoscaler(4), autoscaler(4, 5), 12, 5, id="a lower maximum takes pods"),
        pytest.param(autoscaler(4), None, 12, 4, id="switched off: back to replicas"),
        pytest.param(None, autoscaler(4), 12, 1, id="switched on: replicas falls to its default"),
    ],
)
def test_pods_right_after_applying(
    before: Object | None, after: Object | None, live: int, pods: int
) -> None:
    running = release(deployment(None if before else 12), *filter(None, [before]))
    planned = release(deployment(None if after else 4), *filter(None, [after]))
    known = facts(running, Live(live, live))
    assert pods_after(planned, known)[0] == pods
    assert ("ReplicasHalved" in codes(planned, known)) is (pods * 2 < live)


def test_a_first_install_is_judged_by_its_own_size() -> None:
    nothing = Facts()
    assert codes(release(), nothing) == ["NothingRuns"]
    assert codes(release(), nothing, first_install=True) == []
    assert "ReplicasZero" in codes(release(deployment(0)), nothing, first_install=True)


@pytest.mark.parametrize(
    ("missing", "allowed", "code"),
    [
        ("Deployment", ["Deployment/gateway"], "ServingDeleted"),
        ("Service", ["Service/gateway"], "ServingDeleted"),
        ("Ingress", [], "ResourceDeleted"),
        ("Ingress", ["Ingress/other"], "ResourceDeleted"),
        ("Ingress", ["Ingress/gateway"], None),
    ],
)
def test_nothing_is_deleted_unnamed_and_what_serves_never(
    missing: str, allowed: list[str], code: str | None
) -> None:
    planned = [item for item in release() if item["kind"] != missing]
    found = [c for c in codes(planned, facts(), delete=allowed) if c.endswith("Deleted")]
    assert found == ([code] if code else [])


def test_an_ended_canary_may_go() -> None:
    canary = {**deployment(1), "metadata": metadata("gateway-canary")}
    assert codes(release(), facts([*release(), canary, service("gateway-canary")])) == []


@pytest.mark.parametrize(
    ("known", "code"),
    [
        (facts([elsewhere(item, "default") for item in release()]), "NamespaceChanged"),
        (facts(elsewhere=("default",)), "NamespaceChanged"),
        (facts([moved(item, region="us-east") for item in release()]), "WrongCluster"),
        (facts([moved(item, environment="staging") for item in release()]), "WrongCluster"),
        (facts(live=Live(4, 4, True, "production", "us-east")), "WrongCluster"),
        (facts(images={"gateway:1": "does not exist"}), "ImageMissing"),
        (facts(status="pending-upgrade"), "ReleasePending"),
        (facts(status="failed"), None),
        (facts(images={"gateway:1": None}), None),
    ],
)
def test_facts_that_refuse(known: Facts, code: str | None) -> None:
    assert codes(release(), known) == ([code] if code else [])


def test_a_selector_cannot_change() -> None:
    other = deployment()
    other["spec"]["selector"] = {"matchLabels": {"app": "other"}}
    assert codes(release(other), facts()) == ["SelectorChanged"]


@pytest.mark.parametrize(
    ("planned", "words"),
    [
        ([moved(item, region="us-east") for item in release()], "label region is 'us-east'"),
        ([elsewhere(item, "default") for item in release()], "namespace 'default'"),
        (release(deployment(image="gateway:latest")), "has no tag that stays"),
        (release(deployment(image="gateway")), "has no tag that stays"),
        (release(deployment(image="localhost:5000/gateway")), "has no tag that stays"),
        (release(deployment(resources={})), "has no cpu requests"),
        (release(deployment(securityContext={})), "can write its root filesystem"),
        (release(deployment(env=[{"name": "API_TOKEN", "value": "x"}])), "stands in plain text"),
        (release(deployment(lifecycle={}, env=[{"name": "GATEWAY_SERVER__DRAIN_TIMEOUT_S", "value": "50"}])), "killed before 50 s"),
        ([deployment(), service(), wall()], "no PodDisruptionBudget"),
        ([deployment(), service(), budget()], "no NetworkPolicy"),
        (release(deployment(1)), "1 replica(s) in production"),
        (release(None, {"kind": "Secret", "metadata": metadata("x")}), "does not belong in a release"),
        ([service(), ingress()], "there is no Deployment"),
    ],
)  # fmt: skip
def test_policies_refuse(planned: list[Object], words: str) -> None:
    codes = ("PolicyBroken", "SecretExposed")
    found = [r for r in check_release(planned, EU, facts()) if r.code in codes]
    assert any(words in refusal.reason for refusal in found), found


def test_a_digest_is_a_pin() -> None:
    pinned = "localhost:5000/gateway@sha256:" + "0" * 64
    assert codes(release(deployment(image=pinned)), facts()) == []


def test_every_refusal_says_what_would_have_happened() -> None:
    known = facts(
        elsewhere=("default",), images={"x:1": "does not exist"}, status="pending-upgrade"
    )
    for refusal in check_release([deployment(0)], EU, known):
        assert refusal.consequence, refusal
        assert "It would have" in str(refusal)


def test_a_canary_leaves_stable_pods_alone() -> None:
    known = facts()
    assert list(check_canary(release(), EU, known)) == []
    touched = release(deployment(image="registry.example.com/gateway:2"))
    assert [r.code for r in check_canary(touched, EU, known)] == ["CanaryTouchesStable"]
    assert [r.code for r in check_canary(release(), EU, Facts())] == ["CanaryAlone"]


def test_a_preview_is_new_by_nature() -> None:
    preview = replace(EU, environment="staging", preview="pr-1")
    found = check_release(
        release(), preview, Facts(DeployedRelease(1, "deployed", ())), first_install=False
    )
    assert "NothingRuns" not in [refusal.code for refusal in found]
    found = check_release(release(), preview, Facts())
    assert "NothingRuns" not in [refusal.code for refusal in found]


@pytest.mark.parametrize(
    ("running", "environment", "code"),
    [
        ("gateway:0", "production", "ImageMovable"),
        (
            "gateway:1",
            "production",
            None,
        ),  # it runs already: what an older release named by its tag
        ("gateway:0", "dev", None),
    ],
)
def test_an_image_is_named_by_digest(running: str, environment: str, code: str | None) -> None:
    planned, known = (
        release(deployment(image="gateway:1")),
        facts(release(deployment(image=running))),
    )
    where = replace(EU, environment=environment, check_images=environment != "dev")
    found = [refusal.code for refusal in images_stay(planned, where, known)]
    assert found == ([code] if code else [])


@pytest.mark.parametrize(
    ("port", "named", "expected"),
    [
        (80, (), []),
        (8080, (), ["PortRemoved"]),
        (8080, ("port/gateway:80",), []),
        (8080, ("port/gateway:8080",), ["PortRemoved"]),
    ],
)
def test_a_port_that_others_come_by_stays(
    port: int, named: tuple[str, ...], expected: list[str]
) -> None:
    before, after = release(), release()
    for objects, number in ((before, 80), (after, port)):
        next(item for item in objects if item["kind"] == "Service")["spec"] = {
            "ports": [{"name": "http", "port": number}]
        }
    assert codes(after, facts(before), delete=named) == expected
