"""`make sign` and `make verify-signature`: what they ask of cosign and of the engine, and that a failure ends them.

cosign and a registry are in no package archive that the tests use: both are played here by programs that write down how
they were called. What is real is the task: its order, its quoting, and that no step's failure is passed over.
"""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
NAME = "registry.example.com/team/gateway"
DIGEST = f"{NAME}@sha256:{'a' * 64}"
SBOM = '{"bomFormat": "CycloneDX"}'


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    called = shlex.quote(str(tmp_path / "called"))
    for name, does in (
        ("cosign", f"[ \"$1\" != \"$REFUSES\" ] || exit 1\n[ \"$1\" != attest ] || grep -q CycloneDX {shlex.quote(str(tmp_path / 'sbom.json'))}"),
        ("docker", f"case $1 in run) printf '%s' {shlex.quote(SBOM)};; inspect) [ \"$REFUSES\" != inspect ] || exit 1; echo {DIGEST};; esac"),
    ):  # fmt: skip
        program = folder / name
        program.write_text(f'#!/bin/sh\nset -e\necho {name} "$@" >> {called}\n{does}\n')
        program.chmod(0o755)
    return folder


def make(
    programs: Path, *words: str, refuses: str = ""
) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """A task's end, and the calls of cosign."""
    done = subprocess.run(
        ["make", *words, f"REGISTRY={NAME.rpartition('/')[0]}", "TAG=1.2.3", f"SBOM={programs.parent / 'sbom.json'}"],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "REFUSES": refuses},
    )  # fmt: skip
    called = programs.parent / "called"
    lines = called.read_text().splitlines() if called.exists() else []
    return done, [line for line in lines if line.startswith("cosign ")]


def test_the_digest_is_signed_and_what_is_inside_attested(programs: Path) -> None:
    done, calls = make(programs, "sign", "COSIGN_KEY=env://COSIGN_PRIVATE_KEY")
    assert done.returncode == 0, done.stderr
    sbom = programs.parent / "sbom.json"
    assert sbom.read_text() == SBOM
    key = "--yes --key env://COSIGN_PRIVATE_KEY"
    assert calls == [
        f"cosign sign {key} {DIGEST}",
        f"cosign attest {key} --type cyclonedx --predicate {sbom} {DIGEST}",
    ]


def test_without_a_key_the_pipelines_identity_signs_and_is_verified(programs: Path) -> None:
    _, calls = make(programs, "sign")
    assert calls[0] == f"cosign sign --yes {DIGEST}"
    done, calls = make(
        programs, "verify-signature", "COSIGN_IDENTITY=https://ci.example/.*", "COSIGN_ISSUER=https://ci.example"
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    who = "--certificate-identity-regexp https://ci.example/.* --certificate-oidc-issuer https://ci.example"
    assert calls[-2:] == [
        f"cosign verify {who} {NAME}:1.2.3",
        f"cosign verify-attestation {who} --type cyclonedx {NAME}:1.2.3",
    ]


@pytest.mark.parametrize("refuses", ["sign", "attest", "inspect"])
def test_a_step_that_fails_fails_the_task(programs: Path, refuses: str) -> None:
    done, calls = make(programs, "sign", refuses=refuses)
    assert done.returncode != 0
    assert len(calls) == {"inspect": 0, "sign": 1, "attest": 2}[refuses]


@pytest.mark.parametrize("refuses", ["verify", "verify-attestation"])
def test_an_image_that_is_not_signed_is_refused(programs: Path, refuses: str) -> None:
    done, _ = make(programs, "verify-signature", "COSIGN_KEY=deploy/cosign.pub", refuses=refuses)
    assert done.returncode != 0
