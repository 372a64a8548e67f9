"""The image: linted, built for real without a Docker engine, looked into, started from its root
filesystem as the cluster would start it, asked, and stopped."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from demo.__main__ import QUERY
from demo.backends import start_backends
from tests.platform.processes import answers, free_port, program, started, wait_until
from tests.platform.renders import ROOT

pytestmark = pytest.mark.timeout(900)


def run(*command: str, **options: Any) -> str:
    """A program that must succeed; what it printed."""
    done: subprocess.CompletedProcess[str] = subprocess.run(
        [program(command[0]), *command[1:]], capture_output=True, text=True, check=False, **options
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


@dataclass
class Image:
    """A built image: its configuration, and its root filesystem as a folder."""

    config: dict[str, Any]
    root: Path

    def command(self, *override: str, env: dict[str, str]) -> list[str]:
        """The command that a container engine would run: a new PID namespace whose first process is the
        entrypoint, a read-only root, an empty /tmp, the image's user, folder and environment."""
        user = self.config["User"]
        process = [*self.config["Entrypoint"], *(override or self.config["Cmd"])]
        variables = [*self.config["Env"], *(f"{name}={value}" for name, value in env.items())]
        script = (
            'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" '
            '&& mount -t tmpfs tmpfs "$1/tmp" -o mode=1777 && mount -t proc proc "$1/proc" '
            '&& mount --bind /dev "$1/dev" && root="$1" && shift '
            f'&& exec chroot --userspec={user} "$root" env -i -C {self.config["WorkingDir"]} "$@"'
        )
        return [
            program("unshare"), "--mount", "--pid", "--fork", "--kill-child",
            "sh", "-c", script, "sh", str(self.root), *variables, *process,
        ]  # fmt: skip


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    """The image over a base made of Debian packages: no registry of images is needed."""
    folder = tmp_path_factory.mktemp("image")
    buildah = [
        "buildah",
        "--root",
        str(folder / "root"),
        "--runroot",
        str(folder / "run"),
        "--storage-driver",
        "vfs",
    ]
    env = {**os.environ, "BUILDAH_ISOLATION": "chroot"}
    base = folder / "base.tar"
    run(
        "mmdebstrap", "--mode=root", "--variant=apt", "--include=python3,python3-venv,ca-certificates",
        "bookworm", str(base),
    )  # fmt: skip
    container = run(*buildah, "from", "scratch").strip()
    run(*buildah, "add", "-q", container, str(base), "/")
    run(*buildah, "commit", "-q", "--format", "docker", container, "localhost/base")
    run(*buildah, "rm", container)
    base.unlink()
    built = run(
        *buildah, "bud", "-q", "--format", "docker", "--layers=false", *pip_options(folder),
        "--build-arg", "PYTHON_IMAGE=localhost/base", "--build-arg", "VERSION=1.2.3",
        "--build-arg", "REVISION=abc", "-t", "localhost/gateway", str(ROOT),
        env=env,
    ).split()[-1]  # fmt: skip
    config = json.loads(run(*buildah, "inspect", "--type", "image", built))["Docker"]["config"]
    container = run(*buildah, "from", "localhost/gateway").strip()
    yield Image(config, Path(run(*buildah, "mount", container).strip()))
    run(*buildah, "umount", container)
    shutil.rmtree(folder)


def pip_options(folder: Path) -> list[str]:
    """Mounts that give pip inside the build what pip has out here: its settings, and folders they name."""
    listed = run(sys.executable, "-m", "pip", "config", "list")
    settings = dict(re.findall(r"^(?:global|:env:)\.([\w-]+)='(.*)'$", listed, re.MULTILINE))
    lines = [f"{name} = {value}" for name, value in settings.items()]
    (folder / "pip.conf").write_text("\n".join(["[global]", *lines]) + "\n")
    mounts = {"/etc/pip.conf": str(folder / "pip.conf")}
    for value in " ".join(settings.values()).split():
        path = Path(value.removeprefix("file://"))
        # A file or folder of this machine; with the whole tree of a folder, since an index links upwards.
        for place in (path, path.parent if path.is_dir() else path):
            if path.is_absolute() and place.exists() and len(place.parts) > 2:
                mounts[str(place)] = str(place)
    return [
        part
        for inside, outside in mounts.items()
        for part in ("--volume", f"{outside}:{inside}:ro")
    ]


def test_hadolint() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    run(str(hadolint), str(ROOT / "Dockerfile"))


def test_what_the_image_says_of_itself(image: Image) -> None:
    config = image.config
    assert config["User"] == "10001:10001"
    assert config["Entrypoint"] == ["/usr/bin/tini", "--"]
    assert config["WorkingDir"] == "/app"
    assert config["ExposedPorts"] == {"8000/tcp": {}, "9464/tcp": {}}
    assert config["StopSignal"] == "SIGTERM"
    assert config["Healthcheck"]["Test"][0] == "CMD"
    labels = {name.rpartition(".")[2]: value for name, value in config["Labels"].items()}
    assert (labels["version"], labels["revision"], labels["licenses"]) == ("1.2.3", "abc", "MIT")
    assert labels["title"]


def test_what_is_in_it_and_what_is_not(image: Image) -> None:
    found = {
        name
        for folder in ("usr/bin", "usr/local/bin", "opt/gateway/bin", "usr/sbin")
        for name in (os.listdir(image.root / folder) if (image.root / folder).is_dir() else ())
    }
    unwanted = re.compile(
        r"^(gcc|cc|g\+\+|c\+\+|clang|make|cargo|rustc|go|npm|npx|node|git|pip[\d.]*)(-[\d.]+)?$"
    )
    assert [name for name in sorted(found) if unwanted.match(name)] == []
    app = image.root / "app"
    assert sorted(os.listdir(app)) == ["gateway.toml", "resolvers", "schema"]
    assert not list((image.root / "opt/gateway").glob("lib/python3*/site-packages/pip"))
    inventory = (image.root / "opt/gateway/inventory.txt").read_text()
    assert "graphql-core==" in inventory
    sbom = json.loads((image.root / "opt/gateway/sbom.cdx.json").read_text())
    assert (sbom["bomFormat"], sbom["specVersion"]) == ("CycloneDX", "1.6")
    listed = {f"{part['name']}=={part['version']}" for part in sbom["components"]}
    assert set(inventory.split()) <= listed
    # Nothing of the image belongs to the user that it runs as, so nothing can be changed by it.
    owned = [
        path
        for path in (image.root / "opt", app)
        for path in path.rglob("*")
        if path.stat().st_uid == 10001
    ]
    assert owned == []


def test_graphiql_is_inside_as_it_is_outside(image: Image) -> None:
    """Every file of the package that is not Python came along: GraphiQL's page among them."""
    inside = next((image.root / "opt/gateway").glob("lib/python3*/site-packages/gateway"))
    for path in (ROOT / "gateway").rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            assert (inside / path.relative_to(ROOT / "gateway")).is_file(), path


def test_it_starts_answers_and_stops(image: Image, tmp_path: Path) -> None:
    port = free_port()
    with start_backends(tmp_path / "data") as backends:
        env = {**backends.environment, "GATEWAY_SERVER__PORT": str(port)}
        url = f"http://127.0.0.1:{port}"
        with started(*image.command(env=env), log=tmp_path / "gateway.log") as process:
            wait_until(lambda: answers(f"{url}/health/ready"), "the gateway", 60)
            answer = httpx.post(f"{url}/graphql", json={"query": QUERY}, timeout=30)
            assert answer.status_code == 200
            body = answer.json()
            assert "errors" not in body
            assert body["data"]["videos"]["edges"][0]["node"]["channel"]["name"]

            inside = sorted(children(process.pid))
            users = {
                Path(f"/proc/{pid}/status").read_text().split("Uid:")[1].split()[0]
                for pid in inside
            }
            assert users == {"10001"}
            health = [*image.config["Healthcheck"]["Test"][1:]]
            checked = subprocess.run(
                image.command(*health, env=env), check=False, capture_output=True
            )
            assert checked.returncode == 0, checked.stderr
            dead = {**env, "GATEWAY_SERVER__PORT": str(free_port())}
            assert subprocess.run(
                image.command(*health, env=dead), check=False, capture_output=True
            ).returncode
            write = image.command("python", "-c", "open('/app/x', 'w')", env={})
            assert (
                b"Read-only file system"
                in subprocess.run(write, check=False, capture_output=True).stderr
            )

            # tini is the first process of its namespace; it hands SIGTERM on, and all are gone in time.
            tini = min(pid for pid in inside if Path(f"/proc/{pid}/comm").read_text() == "tini\n")
            os.kill(tini, signal.SIGTERM)
            took = wait_until(lambda: process.poll() is not None, "the end", 20)
            assert took < 10
            assert not any(Path(f"/proc/{pid}").exists() for pid in inside)


def test_requests_in_flight_finish_after_sigterm(image: Image, tmp_path: Path) -> None:
    port = free_port()
    with start_backends(tmp_path / "data", env={"DEMO_CATALOG_LATENCY_MS": "1500"}) as backends:
        env = {**backends.environment, "GATEWAY_SERVER__PORT": str(port)}
        url = f"http://127.0.0.1:{port}"
        with started(*image.command(env=env), log=tmp_path / "gateway.log") as process:
            wait_until(lambda: answers(f"{url}/health/ready"), "the gateway", 60)
            found: list[httpx.Response] = []
            before = backends.stats("catalog")
            asking = threading.Thread(
                target=lambda: found.append(
                    httpx.post(f"{url}/graphql", json={"query": QUERY}, timeout=30)
                )
            )
            asking.start()
            wait_until(lambda: backends.stats("catalog") != before, "the call upstream")
            tini = min(
                p for p in children(process.pid) if Path(f"/proc/{p}/comm").read_text() == "tini\n"
            )
            os.kill(tini, signal.SIGTERM)
            asking.join()
            assert found[0].status_code == 200
            assert "errors" not in found[0].json()


def children(pid: int) -> set[int]:
    """The processes below one, as this side of the namespace counts them, shells of the start left out."""
    found: set[int] = set()
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        found |= {int(child)} | children(int(child))
    return found
