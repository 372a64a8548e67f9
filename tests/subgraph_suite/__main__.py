"""The public tests of subgraphs against this gateway: `python -m tests.subgraph_suite`.

The tests, the two subgraphs beside ours and the parts of a router come from npm into a folder of their own; nothing of
them is committed. In the place of Apollo's router one is made of `@graphql-tools/federation`, and the supergraph is
composed by `@theguild/federation-composition`: both are free software, and no Docker is needed.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
SUITE = "@apollo/federation-subgraph-compatibility-tests"
PACKAGES = [
    f"{SUITE}@1.2.1",
    "@graphql-tools/federation@4.5.2",
    "@theguild/federation-composition@^0.21",
    "graphql-yoga@^5",
]
PORTS = {"products": 4001, "users": 4002, "inventory": 4003}
URLS = {name: f"http://localhost:{port}/" for name, port in PORTS.items()}
CONFIG = """
[graph]
schema = "products.graphql"
resolvers = "products"

[server]
port = 4001
host = "127.0.0.1"
path = "/"

[federation]
enabled = true

[logs]
access = "off"
"""


def install(folder: Path) -> Path:
    """The packages in a folder, and where the suite is. Its downloads of binaries are left out."""
    (folder / "package.json").write_text('{"private": true}')
    options = ["--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
    subprocess.run(["npm", "install", *options, *PACKAGES], cwd=folder, check=True, timeout=600)
    return folder / "node_modules" / SUITE


@contextmanager
def process(command: list[str], cwd: Path, url: str, env: Mapping[str, str]) -> Iterator[None]:
    """A server for the time of a block, from when it answers on."""
    log = cwd / f"server-{url.rpartition(':')[2].strip('/')}.log"
    with log.open("wb") as output:
        started = subprocess.Popen(
            command, cwd=cwd, env={**os.environ, **env}, stdout=output, stderr=output
        )
        try:
            wait_until_it_answers(url, started, log)
            yield
        finally:
            started.terminate()
            started.wait(30)


def wait_until_it_answers(url: str, started: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + 60
    while started.poll() is None and time.monotonic() < until:
        try:
            if httpx.post(url, json={"query": "{ __typename }"}, trust_env=False).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise SystemExit(log.read_text())


def results(suite: Path, folder: Path) -> Any:
    """What jest says of the suite."""
    out = folder / "results.json"
    jest = folder / "node_modules" / "jest" / "bin" / "jest.js"
    # What is compiled already: jest's own settings, and no compiler.
    options = ["--rootDir", str(suite / "dist" / "tests"), "--runInBand", "--json", "--outputFile", str(out)]  # fmt: skip
    options += ["--testPathIgnorePatterns", "^$", "--haste", '{"retainAllFiles": true}', "--silent"]
    env = {**os.environ, "PRODUCTS_URL": URLS["products"]}
    subprocess.run(
        ["node", str(jest), *options], cwd=suite, env=env, check=False, timeout=600, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )  # fmt: skip
    return json.loads(out.read_text())


def main() -> None:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="subgraph-suite-")))
        suite = install(folder)
        project = folder / "project"
        project.mkdir()
        shutil.copy(suite / "products.graphql", project)
        shutil.copy(HERE / "products.py", project)
        shutil.copy(HERE / "router.mjs", folder)
        (project / "gateway.toml").write_text(CONFIG)
        ours = [sys.executable, "-m", "gateway", "serve"]
        stack.enter_context(process(ours, project, URLS["products"], {"PYTHONPATH": str(ROOT)}))
        for name in ("users", "inventory"):
            where = suite / "dist" / "subgraphs" / name
            stack.enter_context(process(["node", "index.js"], where, URLS[name], {}))
        router = {"SUBGRAPHS": json.dumps(URLS)}
        stack.enter_context(
            process(["node", "router.mjs"], folder, "http://localhost:4000/", router)
        )
        found = results(suite, folder)
    for file in found["testResults"]:
        for test in file["assertionResults"]:
            print(f"{test['status']:7} {Path(file['name']).stem}: {test['title']}")
            for message in test["failureMessages"]:
                print("        " + "\n        ".join(message.splitlines()[:12]))
    print(f"{found['numPassedTests']} of {found['numTotalTests']} passed")


if __name__ == "__main__":
    main()
