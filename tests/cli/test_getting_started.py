"""docs/getting-started.md, pasted: its commands in order, its files, and the answer that it shows."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

from tests.cli.backend import answering
from tests.cli.command import run_gateway
from tests.cli.test_dev import Dev
from tests.cli.test_init import ANSWERS
from tests.support.pages import code_blocks, save_files
from tests.testing.test_clients import run_pytest


def test_the_page_works_as_written(tmp_path: Path) -> None:
    blocks = list(code_blocks("getting-started.md"))
    commands = [line for language, text in blocks if language == "sh" for line in text.splitlines()]
    assert commands[:3] == [
        "pip install compiled-graphql-gateway",
        "gateway init blog",
        "gateway dev blog",
    ]
    assert run_gateway("init", "blog", cwd=tmp_path).returncode == 0
    dev = Dev(tmp_path, "blog", "--port", "0")
    try:
        url = dev.url()
        assert save_files("getting-started.md", tmp_path) == [
            "blog/schema.graphql",
            "blog/resolvers.py",
        ]
        dev.until("served after")
        (curl,) = [line for line in commands if line.startswith("curl")]
        curl = curl.replace("http://127.0.0.1:8000/graphql", url)
        (shown,) = [json.loads(text) for language, text in blocks if language == "json"]
        # The two files may have been taken one after the other.
        for _ in range(20):
            answer = subprocess.run(["sh", "-c", curl], capture_output=True, text=True, check=True)
            if "data" in (found := json.loads(answer.stdout)) and found == shown:
                break
            dev.until("served after")
        assert found == shown
    finally:
        dev.end()
    for command in commands[commands.index("cd blog") + 1 :]:
        name, *rest = re.findall(r"'[^']*'|\S+", command)
        assert name == "gateway"
        found_ = run_gateway(*(word.strip("'") for word in rest), cwd=tmp_path / "blog")
        assert found_.returncode == 0, found_
    tests = run_pytest(tmp_path / "blog")
    assert "2 passed" in tests.stdout


def test_the_commands_of_the_page_for_backends_work(tmp_path: Path) -> None:
    texts = [text for language, text in code_blocks("getting-started.md") if language == "sh"]
    inits = [text.split() for text in texts if text.startswith("gateway init ")]
    assert len(inits) == 2
    paths = {"/posts.json": ANSWERS["/v1/posts.json?limit=2"], "/users.php": ANSWERS["/users.php"]}
    with answering(paths) as url:
        for words in inits:
            arguments = [word.replace("http://127.0.0.1:9001", url) for word in words[1:]]
            found = run_gateway(*arguments, cwd=tmp_path)
            assert found.returncode == 0, found
            assert (
                run_gateway("check", f"{arguments[1]}/gateway.toml", cwd=tmp_path).returncode == 0
            )
            shutil.rmtree(tmp_path / arguments[1])
