"""The pipelines: they call tasks of the Makefile that exist, and nothing else; tasks pass on what is missing."""

from __future__ import annotations

import re
import subprocess
from typing import Any

import pytest
import yaml

from gateway.release.values import load_targets
from tests.platform.renders import CHART, ROOT

JENKINSFILE = (ROOT / "Jenkinsfile").read_text()
WORKFLOW = yaml.safe_load((ROOT / ".github" / "workflows" / "release.yml").read_text())


def steps_of_workflow() -> list[str]:
    return [
        step["run"] for job in WORKFLOW["jobs"].values() for step in job["steps"] if "run" in step
    ]


def steps_of_jenkins() -> list[str]:
    return re.findall(r"""\bsh '(.*?)'(?= }|\n|$)""", JENKINSFILE)


def tasks(step: str) -> list[str]:
    """The tasks that a `make …` names, variables left out."""
    words = step.removesuffix(" || true").split()
    assert words[0] == "make", step
    return [word for word in words[1:] if re.fullmatch(r"[a-z-]+", word)]


def make(*arguments: str) -> str:
    done = subprocess.run(
        ["make", "--no-print-directory", "-n", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("step", [*steps_of_jenkins(), *steps_of_workflow()])
def test_every_step_is_a_task_that_exists(step: str) -> None:
    for task in tasks(re.sub(r"\$\{\{.*?\}\}", "", step)) or ["lint"]:
        make(task)


def test_both_pipelines_do_the_same() -> None:
    jenkins = {task for step in steps_of_jenkins() for task in tasks(step)}
    matrix = set(WORKFLOW["jobs"]["check"]["strategy"]["matrix"]["task"])
    github = {
        task for step in steps_of_workflow() for task in tasks(re.sub(r"\$\{\{.*?\}\}", "", step))
    }
    assert jenkins == github | matrix
    assert jenkins >= {
        "lint",
        "test",
        "chart-check",
        "schema-check",
        "image",
        "sign",
        "verify-signature",
        "preview",
        "deploy",
        "deploy-approved",
    }


def test_production_comes_after_staging_and_a_person() -> None:
    stages = re.findall(r"stage\('([^']+)'\)", JENKINSFILE)
    order = [
        "Check",
        "Image",
        "Staging",
        "Production plan",
        "Approval",
        "Production, region by region",
    ]
    assert [stage for stage in stages if stage in order] == order
    assert "input(" in JENKINSFILE
    jobs: dict[str, Any] = WORKFLOW["jobs"]
    assert jobs["production"]["environment"] == "production"
    needs = {name: job.get("needs") for name, job in jobs.items()}
    assert (needs["production"], needs["approval"], needs["plan"]) == (
        "approval",
        "plan",
        "staging",
    )
    # The token is made where a person approves; the deploy step checks it and makes none.
    with_key = [name for name, job in jobs.items() if "RELEASE_APPROVAL_KEY" in str(job)]
    assert with_key == ["approval", "production"]
    minting = [name for name, job in jobs.items() if "make approve" in str(job)]
    assert minting == ["approval"]
    assert (
        JENKINSFILE.index("input(")
        < JENKINSFILE.index("make approve")
        < JENKINSFILE.index("deploy-approved")
    )
    assert "release approve" not in make("deploy-approved", "ENV=production", "REGION=a", "TAG=1")


def test_credentials_are_those_of_the_place_alone() -> None:
    """A pull request runs its own Makefile: what its jobs hold opens nothing but previews."""
    of_pull_requests = {
        name: job
        for name, job in WORKFLOW["jobs"].items()
        if "pull_request" in str(job.get("if", "")) and "secrets." in str(job)
    } | {"preview": WORKFLOW["jobs"]["preview"]}
    assert {job["environment"] for job in of_pull_requests.values()} == {"preview-build", "preview"}
    for name in ("preview-image", "preview-clean"):
        assert "head.repo.full_name == github.repository" in WORKFLOW["jobs"][name]["if"]
    environments = [j["environment"] for j in WORKFLOW["jobs"].values() if "secrets." in str(j)]
    assert len([name for name in environments if name == "preview"]) == 2
    others = [name for name in environments if name != "preview"]
    assert len(others) == len(set(others))
    stages = dict(
        zip(
            re.findall(r"stage\('([^']+)'\)", JENKINSFILE),
            re.split(r"stage\('[^']+'\)", JENKINSFILE)[1:],
            strict=True,
        )
    )
    used = {
        name: set(re.findall(r"credentialsId: '([^']+)'", text)) for name, text in stages.items()
    }
    assert used["Preview"] == used["Preview clean-up"] == {"preview-kubeconfig"}
    assert used["Staging"] == {"staging-kubeconfig"}
    assert used["Production plan"] == {"production-plan-kubeconfig"}
    assert used["Approval"] == {"release-approval-key"}
    for name in ("Image", "Preview"):
        assert "!env.CHANGE_FORK" in stages[name]
    for name, ids in used.items():
        if any("production" in item or "approval" in item for item in ids):
            assert "branch 'main'" in stages[name], name


def test_the_image_is_pinned_and_signed_before_anybody_approves() -> None:
    stages = re.findall(r"stage\('([^']+)'\)", JENKINSFILE)
    assert stages.index("Image") < stages.index("Sign") < stages.index("Staging")
    for text in (JENKINSFILE, str(WORKFLOW)):
        builds = re.findall(r"make login image push[^'\"}]*", text)
        assert builds
        assert all("PINNED=1" in build for build in builds)
        assert text.index("make sign") < text.index("verify-signature") < text.index("make approve")
    made = subprocess.run(
        ["make", "image", "PINNED=1", "BASE_IMAGE=python:3", "ENGINE=false"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert made.returncode != 0
    assert "names no digest" in made.stderr
    assert "FROM ${PYTHON_IMAGE}" in (ROOT / "Dockerfile").read_text()


def test_what_was_verified_is_planned_approved_and_deployed() -> None:
    """By the digest that `verify-signature` wrote; between jobs the file goes along with the plan."""
    for steps in (steps_of_jenkins(), steps_of_workflow()):
        about_production = [
            step for step in steps if "verify-signature" in step or "ENV=production" in step
        ]
        by_digest = [step for step in about_production if "VERIFIED=var/verified-image" in step]
        assert [re.sub(r"make (login )?([a-z-]+).*", r"\2", step) for step in by_digest] == [
            "verify-signature", "plan", "deploy-approved",
        ]  # fmt: skip
    uploads = [step["with"] for step in WORKFLOW["jobs"]["plan"]["steps"] if "upload" in str(step)]
    assert uploads[0]["path"].split() == ["var/release-plan", "var/verified-image"]
    downloads = [
        step["with"] for step in WORKFLOW["jobs"]["production"]["steps"] if "download" in str(step)
    ]
    assert [item["name"] for item in downloads] == ["plan", "approval"]


def test_actions_are_named_by_commit() -> None:
    """A tag of theirs can be moved to other code, which would run with what the job holds."""
    lines = (ROOT / ".github" / "workflows" / "release.yml").read_text().splitlines()
    uses = [line.strip().removeprefix("- ") for line in lines if re.search(r"\buses\s*:", line)]
    assert len(uses) == len(
        [1 for job in WORKFLOW["jobs"].values() for step in job["steps"] if "uses" in step]
    )
    for line in uses:
        assert re.fullmatch(r"uses: [\w.-]+/[\w./-]+@[0-9a-f]{40}  # v\d+\.\d+\.\d+", line), line
    assert sorted(path.name for path in (ROOT / ".github" / "workflows").iterdir()) == [
        "release.yml"
    ]


@pytest.mark.parametrize("text", [JENKINSFILE, str(WORKFLOW["env"])])
def test_the_rollout_has_the_stated_order(text: str) -> None:
    first = re.search(r"FIRST['\"]?\s*[=:]\s*'([\w-]+)'", text)
    following = re.search(r"NEXT['\"]?\s*[=:]\s*'([\w -]+)'", text)
    assert first
    assert following
    assert (first[1], *following[1].split()) == load_targets(CHART).order


def test_the_jenkinsfile_is_balanced() -> None:
    """No Jenkins is here to read it; what can be told without one."""
    text = re.sub(r"//.*|'[^']*'|\"[^\"]*\"", "", JENKINSFILE)
    for opening, closing in ("{}", "()", "[]"):
        assert text.count(opening) == text.count(closing)


def test_a_missing_name_reaches_the_release_as_empty() -> None:
    assert '--env "" --region ""' in make("deploy", "TAG=1")
    said = make("deploy", "ENV=production", "REGION=a", "THEN=b c", "TAG=1", "CANARY=10%")
    assert '--env "production" --region "a" --then b --then c' in said
    assert re.search(r'--image-tag "1" +--canary 10%', said)
    assert "--yes" not in said
    assert '--preview ""' in make("preview", "TAG=1")
