"""What it costs to know who asks: `python -m benchmarks.identity [--pairs 20] [--requests 1000] [--only-parts]`.

in process    a token and a key that are known, a token that is not, the decisions of an operation
whole         posts-and-users with varied traffic of 1,000 principals: the same server with identity and without, in
              pairs whose order alternates, both sent the same bytes; CPU time of the server alone
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import cycle
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey, Key, RSAKey
from rich.console import Console
from rich.table import Table

from benchmarks.load import data, upstream
from benchmarks.load.process import CPUS
from benchmarks.load.served import PEER, served_gateway
from benchmarks.load.traffic import varied_requests
from benchmarks.stats import median_of_ratios
from gateway.auth.api_keys import ApiKey, ApiKeys, digest_of_key, make_key, utc_now, write_api_keys
from gateway.auth.authenticator import Authenticator
from gateway.auth.decisions import Guard, Rule
from gateway.auth.principal import Principal
from gateway.auth.settings import (
    ApiKeySettings,
    AuthenticationSettings,
    AuthorizationSettings,
    JwksSettings,
    JwtSettings,
)

ISSUER, AUDIENCE = "https://issuer.example", "gateway"
PRINCIPALS = 1_000
CONNECTIONS = 8
GUARDED = ("  email: String\n", '  email: String @requiresScopes(scopes: [["email"]])\n')
IDENTITY = """
[authentication.api_keys]
file = "keys.json"
[[authentication.jwt.jwks]]
file = "jwks.json"
issuers = ["https://issuer.example"]
audiences = ["gateway"]
"""


def token_of(key: Key, algorithm: str, number: int) -> str:
    """A token of one of the users."""
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": f"user-{number}", "scope": "email"}
    head = {"alg": algorithm, "kid": key.kid}
    return jwt.encode(head, {**claims, "exp": int(time.time()) + 86_400}, key)


class Credentials:
    """A folder with a key set and API keys, and the headers of those who have them."""

    def __init__(self, folder: Path) -> None:
        self.keys: dict[str, Key] = {
            "RS256": RSAKey.generate_key(2048, {"kid": "r"}),
            "ES256": ECKey.generate_key("P-256", {"kid": "e"}),
        }
        published = {"keys": [key.as_dict(private=False) for key in self.keys.values()]}
        (folder / "jwks.json").write_text(json.dumps(published))
        made = [make_key("gw", "live") for _ in range(PRINCIPALS)]
        kept = tuple(
            ApiKey(id=id_, client=f"client-{number}", digest=digest_of_key(text), created=utc_now(), scopes=("email",))
            for number, (text, id_) in enumerate(made)
        )  # fmt: skip
        (folder / "keys.json").write_bytes(write_api_keys(ApiKeys(kept)))
        self.by_key = [f"x-api-key: {text}" for text, _ in made]
        self.by_token = [
            f"authorization: Bearer {token_of(self.keys['ES256'], 'ES256', number)}"
            for number in range(PRINCIPALS)
        ]


def cost_us(call: Callable[[int], Any], calls: int, rounds: int = 9) -> float:
    """CPU µs of one call: the median of some rounds."""
    found = []
    for _ in range(rounds):
        begin = time.process_time()
        for number in range(calls):
            call(number)
        found.append((time.process_time() - begin) / calls * 1e6)
    return statistics.median(found)


def parts(folder: Path, credentials: Credentials) -> Iterator[tuple[str, float, float]]:
    """Each cost in process: what it is of, CPU µs, and its target."""
    settings = AuthenticationSettings(
        jwt=JwtSettings(jwks=(JwksSettings(file="jwks.json", issuers=(ISSUER,), audiences=(AUDIENCE,)),)),
        api_keys=ApiKeySettings(file="keys.json"),
    )  # fmt: skip
    auth = Authenticator(settings, AuthorizationSettings(), folder)
    for name, lines, target in (
        ("a token that is known", credentials.by_token, 3.0),
        ("an API key that is known", credentials.by_key, 4.0),
    ):
        headers = [dict([line.split(": ", 1)]) for line in lines]

        def authenticate(number: int, headers: list[dict[str, str]] = headers) -> None:
            auth.authenticate(headers[number % PRINCIPALS], "192.0.2.7")

        cost_us(authenticate, PRINCIPALS, 1)
        yield name, cost_us(authenticate, 50_000), target
    for algorithm, target in (("RS256", 80.0), ("ES256", 0.0)):
        tokens = [token_of(credentials.keys[algorithm], algorithm, n) for n in range(200)]
        verifier = auth.tokens
        assert verifier is not None

        def verify(
            number: int, tokens: list[str] = tokens, verify: Callable[[str], Any] = verifier.verify
        ) -> None:
            verify(tokens[number])

        yield f"a token that is new, {algorithm}", cost_us(verify, len(tokens)), target
    guard = Guard([Rule("authenticated"), Rule("scopes", frozenset([frozenset(["email"])]))])
    known = [
        Principal(id=str(n), kind="user", scopes=frozenset(["email"])) for n in range(PRINCIPALS)
    ]
    yield (
        "the decisions of an operation",
        cost_us(lambda number: guard.decide(known[number % PRINCIPALS]), 50_000),
        1.0,
    )


@contextmanager
def gateway(
    folder: Path, port_of_upstream: int, *, is_identified: bool
) -> Iterator[tuple[int, int]]:
    """A server in a process of its own, pinned; its port and its process."""
    schema = (PEER / "schema.graphql").read_text()
    assert GUARDED[0] in schema
    guarded = schema.replace(*GUARDED) if is_identified else None
    more = IDENTITY if is_identified else ""
    with served_gateway(folder, port_of_upstream, schema=guarded, more=more) as served:
        yield served


def cpu_s(pid: int) -> float:
    """CPU time of a process's threads, by the kernel's scheduler: finer than its ticks."""
    tasks = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9


async def load(port: int, requests: Iterator[bytes], count: int) -> None:
    """Ask so often over a few connections. Errors: RuntimeError for an answer that is not whole and right."""
    left = iter(range(count))

    async def ask() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in left:
            writer.write(next(requests))
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            body = await reader.readexactly(length)
            if not head.startswith(b"HTTP/1.1 200") or body.count(b'"email":"') != 100:
                raise RuntimeError((head + body)[:500].decode())
        writer.close()
        await writer.wait_closed()

    await asyncio.gather(*(ask() for _ in range(CONNECTIONS)))


def identified(lines: list[str]) -> Iterator[bytes]:
    """Varied requests, of one principal after the other."""
    body = json.dumps({"query": data.POSTS_AND_USERS}).encode()
    for line, request in zip(
        cycle(lines), varied_requests(body, "/graphql", "localhost"), strict=False
    ):
        head, _, rest = request.partition(b"\r\n")
        yield head + b"\r\n" + line.encode() + b"\r\n" + rest


def whole(
    root: Path, credentials: Path, lines: list[str], pairs: int, count: int
) -> list[list[float]]:
    """CPU µs of one request without identity and with it, pair by pair."""
    found: list[list[float]] = [[], []]
    with ExitStack() as stack:
        source = stack.enter_context(upstream.started("fast", CPUS.upstream))
        servers = []
        for number, is_identified in enumerate((False, True)):
            folder = root / f"{'on' if is_identified else 'off'}-{len(os.listdir(root))}"
            folder.mkdir()
            for name in ("jwks.json", "keys.json"):
                (folder / name).write_bytes((credentials / name).read_bytes())
            servers.append(
                stack.enter_context(gateway(folder, source, is_identified=is_identified))
            )
            asyncio.run(load(servers[number][0], identified(lines), PRINCIPALS))
        requests = identified(lines)
        for turn in range(pairs):
            for side in (0, 1) if turn % 2 else (1, 0):
                port, pid = servers[side]
                begin = cpu_s(pid)
                asyncio.run(load(port, requests, count))
                found[side].append((cpu_s(pid) - begin) / count * 1e6)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.identity", description=__doc__)
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--requests", type=int, default=1_000, help="of one half of a pair")
    parser.add_argument("--only-parts", action="store_true", help="the costs in process alone")
    options = parser.parse_args()
    console = Console(width=120)
    with tempfile.TemporaryDirectory(prefix="bench-identity-") as name:
        root = Path(name)
        made = root / "credentials"
        made.mkdir()
        credentials = Credentials(made)
        table = Table("in process", "CPU µs", "target", title_justify="left")
        for what, cost, target in parts(made, credentials):
            table.add_row(what, f"{cost:.2f}", f"≤ {target:g}" if target else "")
        console.print(table)
        if options.only_parts:
            return 0
        table = Table("whole request", "without µs", "with µs", "ratio [95 %]", "≤ 1.05")
        for what, lines in (("by token", credentials.by_token), ("by API key", credentials.by_key)):
            without, with_it = whole(root, made, lines, options.pairs, options.requests)
            ratio = median_of_ratios(with_it, without)
            medians = (f"{statistics.median(series):.0f}" for series in (without, with_it))
            table.add_row(what, *medians, str(ratio), ratio.verdict(1.05))
        console.print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
