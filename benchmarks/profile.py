"""Where an operation's time or memory goes, beside the plan and the code that the gateway made for it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from html import escape
from pathlib import Path

from benchmarks.load import upstream
from benchmarks.load.contestants import (
    GATEWAY_CONFIG,
    NOTHING_SHARED,
    REPOSITORY,
    Contestant,
    gateway,
)
from benchmarks.load.measure import ask, one_pass
from benchmarks.load.process import CPUS, started
from benchmarks.load.scenarios import COUNTER, SCENARIOS, Scenario
from benchmarks.report.page import STYLE
from benchmarks.results import Pass
from gateway.profile import flame


@dataclass(frozen=True, slots=True)
class Subject:
    """What is profiled.

    Attributes:
        options: Of the gateway's command line: which configuration, which schema.
        cwd: Where it is started.
        own_upstream: The suite's upstream is started; else the schema's own backends must be there.
    """

    scenario: Scenario
    options: Sequence[str]
    cwd: Path = REPOSITORY
    own_upstream: bool = True
    env: dict[str, str] = field(default_factory=lambda: dict(NOTHING_SHARED))


class NotProfiledError(Exception):
    """The operation or the profiler failed; the text says how."""


def of_scenario(name: str) -> Subject:
    return Subject(SCENARIOS[name], ["--config", str(GATEWAY_CONFIG)])


def of_schema(query: str, schema: Sequence[Path], config: Path | None) -> Subject:
    """A schema of one's own, with its own backends; `query` may be `@FILE`."""
    text = Path(query[1:]).read_text() if query.startswith("@") else query
    options = ["--config", str(config.resolve())] if config else []
    for path in schema:
        options += ["--schema", str(path.resolve())]
    scenario = Scenario("own schema", "", text, None)
    return Subject(scenario, options, Path.cwd(), own_upstream=False, env={})


def plan_text(subject: Subject) -> str:
    """`gateway plan --source`. Errors: NotProfiledError."""
    ran = subprocess.run(
        [sys.executable, "-m", "gateway", "plan", *subject.options, "--source",
         subject.scenario.query.replace(COUNTER, "1")],
        cwd=subject.cwd, env={**os.environ, "UPSTREAM": "http://127.0.0.1:1", **subject.env},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if ran.returncode != 0:
        raise NotProfiledError(ran.stderr.strip() or ran.stdout.strip())
    return ran.stdout


def sample(subject: Subject, seconds: int, *, native: bool) -> tuple[str, Pass]:
    """py-spy's collapsed stacks of a loaded gateway, and what a request cost without py-spy.

    Errors: NotProfiledError.
    """
    program = shutil.which(
        "py-spy", path=f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}"
    )
    if program is None:
        raise NotProfiledError("py-spy is not installed (make bench-tools)")
    with ExitStack() as stack:
        port = stack.enter_context(upstream.started(subject.scenario.upstream, CPUS.upstream))
        server = stack.enter_context(
            started(_contestant(subject), subject.scenario.name, port, CPUS.server)
        )
        answer = ask(server, subject.scenario)
        if isinstance(answer, dict) and answer.get("errors"):
            raise NotProfiledError(f"the operation has errors: {str(answer['errors'])[:500]}")
        one_pass(server, subject.scenario, port, 1)
        measured = one_pass(server, subject.scenario, port, 2)
        file = (
            Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-profile-"))) / "raw"
        )
        spy = subprocess.Popen(
            [program, "record", *(["--native"] if native else []), "--rate", "500", "--duration", str(seconds),
             "--format", "raw", "--output", str(file), "--pid", str(server.pid)],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )  # fmt: skip
        one_pass(server, subject.scenario, port, seconds + 1)
        _, problem = spy.communicate(timeout=60)
        if spy.returncode != 0 or not file.exists():
            raise NotProfiledError(f"py-spy: {problem.decode().strip()}")
        return file.read_text(), measured


def _contestant(subject: Subject) -> Contestant:
    command = [sys.executable, "-m", "gateway", "serve", *subject.options, "--port", "{port}"]
    return replace(gateway(**subject.env), command=command, cwd=subject.cwd)


def render(subject: Subject, raw: str, measured: Pass, plan: str) -> str:
    """The page: flame graph, heaviest functions, plan and generated code."""
    stacks = flame.read_stacks(raw)
    own, whole = flame.heaviest(stacks)
    legend = "".join(
        f'<span><i class="{css}"></i>{text}</span>'
        for css, text in (
            ("made", "generated for this operation"),
            ("own", "the gateway"),
            ("lib", "libraries in Python"),
            ("low", "native code"),
        )
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f"<title>Profile of {escape(subject.scenario.name)}</title><style>{STYLE.read_text()}</style></head><body>"
        f"<h1>{escape(subject.scenario.name)}</h1><p>{measured.cpu_us:,.0f} CPU µs per request,"
        f" {measured.requests_per_s:,.0f} requests/s, {measured.upstream_calls:.2f} upstream calls per request."
        f" Outermost call on top; hover for the share.</p>"
        f'<p class="legend">{legend}</p>{flame.render(flame.build(stacks))}'
        f'<div class="pair"><div><h3>Plan and generated code</h3><pre class="code">{escape(plan)}</pre></div>'
        f"<div><h3>Own time</h3>{_table(own)}<h3>With what they call</h3>{_table(whole)}</div></div></body></html>\n"
    )


def _table(rows: Sequence[tuple[str, float]]) -> str:
    body = "".join(f"<tr><td>{escape(n)}</td><td>{share:.1%}</td></tr>" for n, share in rows if share >= 0.003)  # fmt: skip
    return f'<table class="shares"><tbody>{body}</tbody></table>'
