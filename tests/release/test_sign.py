"""`make sign` and `make verify-signature`: what they ask of cosign and of the engine, and that a failure ends them.

cosign and a registry are in no package archive that the tests use: both are played here, cosign and the engine by
programs that write down how they were called. What is real is the task: its order, its quoting, that no step's failure
is passed over, and the look-up of a tag.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
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


@pytest.fixture
def registry() -> Iterator[str]:
    """A registry on loopback that has 1.2.3, by the gateway's own look-up."""

    class Pushed(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class's name
            """Say nothing."""

        def do_HEAD(self) -> None:
            self.send_response(200 if self.path.endswith("/1.2.3") else 404)
            self.send_header("docker-content-digest", DIGEST.partition("@")[2])
            self.end_headers()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Pushed)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"127.0.0.1:{server.server_port}/team"
    server.shutdown()
    server.server_close()
    thread.join()


def make(
    programs: Path, *words: str, refuses: str = ""
) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """A task's end, and the calls of cosign."""
    done = subprocess.run(
        ["make", "--no-print-directory", f"REGISTRY={NAME.rpartition('/')[0]}", "TAG=1.2.3", *words, f"SBOM={programs.parent / 'sbom.json'}"],
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


def test_without_a_key_the_pipelines_identity_signs_and_is_verified(
    programs: Path, registry: str
) -> None:
    _, calls = make(programs, "sign")
    assert calls[0] == f"cosign sign --yes {DIGEST}"
    done, calls = make(
        programs, "verify-signature", "COSIGN_IDENTITY=https://ci.example/.*", "COSIGN_ISSUER=https://ci.example",
        f"REGISTRY={registry}",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    who = "--certificate-identity-regexp https://ci.example/.* --certificate-oidc-issuer https://ci.example"
    image = f"{registry}/gateway@{DIGEST.partition('@')[2]}"
    assert calls[-2:] == [
        f"cosign verify {who} {image}",
        f"cosign verify-attestation {who} --type cyclonedx {image}",
    ]
    assert done.stdout.strip() == image


def test_what_was_verified_is_what_is_released(programs: Path, registry: str) -> None:
    """By digest: a tag may be moved between the two."""
    file = programs.parent / "made" / "verified"
    key = "COSIGN_KEY=deploy/cosign.pub"
    done, _ = make(programs, "verify-signature", key, f"REGISTRY={registry}", f"VERIFIED={file}")
    assert done.returncode == 0, done.stderr
    assert file.read_text().strip() == DIGEST.partition("@")[2]
    for task in ("plan", "deploy-approved"):
        said = make(programs, "-n", task, "ENV=production", "REGION=a", f"VERIFIED={file}")[
            0
        ].stdout
        assert f'--image-digest "$(cat {file})"' in said
        assert "--image-digest" not in make(programs, "-n", task, "ENV=production")[0].stdout


@pytest.mark.parametrize("refuses", ["sign", "attest", "inspect"])
def test_a_step_that_fails_fails_the_task(programs: Path, refuses: str) -> None:
    done, calls = make(programs, "sign", refuses=refuses)
    assert done.returncode != 0
    assert len(calls) == {"inspect": 0, "sign": 1, "attest": 2}[refuses]


@pytest.mark.parametrize("refuses", ["verify", "verify-attestation"])
def test_an_image_that_is_not_signed_is_refused(
    programs: Path, registry: str, refuses: str
) -> None:
    file = programs.parent / "verified"
    done, calls = make(
        programs, "verify-signature", "COSIGN_KEY=deploy/cosign.pub", f"REGISTRY={registry}", f"VERIFIED={file}",
        refuses=refuses,
    )  # fmt: skip
    assert done.returncode != 0
    assert calls[-1].startswith(f"cosign {refuses} ")
    assert not file.exists()


def test_an_image_that_is_not_there_is_not_verified(programs: Path, registry: str) -> None:
    done, calls = make(
        programs,
        "verify-signature",
        "COSIGN_KEY=deploy/cosign.pub",
        f"REGISTRY={registry}",
        "TAG=9",
    )
    assert done.returncode != 0
    assert "does not exist" in done.stderr
    assert not calls


def test_the_base_image_is_pinned_by_the_registry_or_by_hand(
    programs: Path, registry: str, tmp_path: Path
) -> None:
    file = tmp_path / "base-image"
    name = f"{registry}/gateway:1.2.3"
    digest = DIGEST.partition("@")[2]
    done, _ = make(programs, "pin-base", f"BASE_IMAGE={name}", f"BASE_FILE={file}")
    assert done.returncode == 0, done.stderr
    assert file.read_text() == f"{name}@{digest}\n"
    # Again, from what is there; and where nothing can be asked.
    other = f"sha256:{'b' * 64}"
    make(programs, "pin-base", f"BASE_FILE={file}", f"BASE_DIGEST={other}")
    assert file.read_text() == f"{name}@{other}\n"
    for wrong in ("BASE_DIGEST=sha256:1", f"BASE_IMAGE={registry}/gateway:9"):
        done, _ = make(programs, "pin-base", f"BASE_FILE={file}", wrong)
        assert done.returncode != 0
        assert file.read_text() == f"{name}@{other}\n"
