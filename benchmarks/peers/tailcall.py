"""Starts Tailcall: `python -m benchmarks.peers.tailcall PORT UPSTREAM PROGRAM...`, the binary or what loads it.

Its configuration holds the port and the upstream, so it is written here, then this process becomes the server.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from pathlib import Path

SCHEMA = Path(__file__).parent / "schema.graphql"
BATCHED = '@http(url: "{upstream}/{path}", query: [{{key: "id", value: "{{{{.value.{key}}}}}"}}], batchKey: ["id"])'
FETCHED = {
    "posts: [Post]": "/posts",
    "post(id: Int!): Post": "/posts/{{.args.id}}",
    "items: [Item]": "/items",
    "tree: Level1": "/tree",
    "records: [Record]": "/records",
}


def configuration(port: int, upstream: str) -> str:
    """The schema with Tailcall's directives."""
    text = SCHEMA.read_text()
    text = re.sub(r"^#.*\n", "", text)
    text = text.replace("greeting: String", 'greeting: String @expr(body: "hello")')
    for field, path in FETCHED.items():
        text = text.replace(f"  {field}\n", f'  {field} @http(url: "{upstream}{path}")\n')
    for field, path, key in (("user: User", "users", "userId"), ("stats: Stats", "stats", "id")):
        text = text.replace(field, f"{field} {BATCHED.format(upstream=upstream, path=path, key=key)}")  # fmt: skip
    body = '\\"postId\\": {{.args.postId}}, \\"text\\": \\"{{.args.text}}\\"'
    comment = f'@http(url: "{upstream}/comments", method: POST, body: "{{{body}}}")'
    text = text.replace("text: String!): Comment", f"text: String!): Comment {comment}")
    server = f'@server(port: {port}, hostname: "127.0.0.1", workers: 1)'
    upstreams = "@upstream(batch: {delay: 1, maxSize: 1000}, httpCache: 0)"
    return f"schema {server} {upstreams} {{ query: Query mutation: Mutation }}\n\n{text}"


def main() -> None:
    port, upstream, *program = sys.argv[1:]
    folder = tempfile.mkdtemp(prefix="bench-tailcall-")
    config = Path(folder) / "config.graphql"
    config.write_text(configuration(int(port), upstream))
    os.execv(program[0], [*program, "start", str(config)])


if __name__ == "__main__":
    main()
