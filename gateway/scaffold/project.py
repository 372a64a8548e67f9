"""The files of a new project: templates of `files/`, filled in. It says what is written; nothing is overwritten."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit

from gateway.app.config import config_json_schema
from gateway.errors import ConfigError
from gateway.graph.builtin import COMMON, CONNECTORS
from gateway.scaffold.backend import Backend
from gateway.scaffold.infer import Inference, field_name, type_name

FILES = Path(__file__).parent / "files"
OF_REPOSITORIES = ("README.md", ".gitignore")
"""What is there when a repository has just been made."""
LOCAL = ("127.0.0.1", "localhost", "::1")
_HOLE = re.compile(r"( *)\{\{(\w+)\}\}")


def python_files(name: str) -> dict[str, str]:
    """A project whose fields are Python, by path."""
    values = {"name": name, "version": version("compiled-graphql-gateway")}
    return {**_filled("common", values), **_filled("python", values), **_for_editors()}


def http_files(
    name: str, backend: Backend, url: str, headers: Mapping[str, str], *, is_php: bool
) -> dict[str, str]:
    """A project whose first field comes from a backend, by path."""
    field = field_name(backend.name) or "items"
    found = Inference(is_php).infer(backend.value, type_name(backend.name))
    variables = {header: variable_of(header) for header in headers}
    values = {
        "name": name,
        "version": version("compiled-graphql-gateway"),
        "url": url,
        "base_url": backend.base_url,
        "path": backend.path,
        "field": field,
        "one": field_name(found.named) or "one",
        "named": found.named,
        "type": found.type,
        "types": found.types,
        "scalars": _scalars(found.scalars),
        "selection": found.selection,
        "query": f"{field} {found.query}".strip(),
        "function": re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", field).lower(),
        "below": backend.path.partition("?")[0].rstrip("/"),
        "source": _source(variables, is_php=is_php),
        "container_url": _in_container(backend.base_url),
        "exports": "".join(f"export {v}=…    # the backend's header\n" for v in variables.values()),
        "container_env": "".join(f"\n      {v}: ${{{v}}}" for v in variables.values()),
    }
    files = {**_filled("common", values), **_filled("http", values), **_for_editors()}
    sample = json.dumps(found.sample, indent=2, ensure_ascii=False)
    if variables:
        lines = "".join(
            f'os.environ.setdefault("{v}", "of the tests")\n' for v in variables.values()
        )
        files["tests/conftest.py"] = (
            f'"""The backend is played, so that its header is not needed."""\n\nimport os\n\n{lines}'
        )
    return {**files, f"tests/{field}.json": f"{sample}\n"}


def variable_of(header: str) -> str:
    """The environment variable that holds a header's value: no secret stands in a file."""
    return "API_" + re.sub(r"\W+", "_", header).upper()


def write_files(folder: Path, files: Mapping[str, str]) -> list[str]:
    """Write a project into a folder; what a fresh repository has is left as it is.

    Shape: what was left.
    Errors: ConfigError, and then nothing is written.
    """
    left = [path for path in OF_REPOSITORIES if (folder / path).is_file()]
    taken = [path for path in files if (folder / path).exists() and path not in left]
    if taken:
        more = f" and {len(taken) - 1} more" if len(taken) > 1 else ""
        hint = "give the name of a new folder: gateway init NAME"
        raise ConfigError(f"{folder / taken[0]} is there already{more}", hint=hint)
    try:
        for path in files.keys() - set(left):
            text, target = files[path], folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
    except OSError as exc:
        raise ConfigError(f"{exc.filename or folder} cannot be written: {exc.strerror}") from exc
    return left


def _for_editors() -> dict[str, str]:
    return {
        ".vscode/gateway.schema.json": json.dumps(config_json_schema(), indent=2) + "\n",
        ".vscode/directives.graphql": (CONNECTORS + COMMON).strip() + "\n",
    }


def _source(variables: Mapping[str, str], *, is_php: bool) -> str:
    """More lines of `[sources.api]`."""
    lines = []
    if is_php:
        lines.append(
            'dialect = "php"   # numbers and booleans as texts, [] for {}, serialize(), notices'
        )
    if variables:
        pairs = ", ".join(f'"{name}" = "${{{value}}}"' for name, value in variables.items())
        lines.append(f"headers = {{ {pairs} }}")
    return "".join(f"{line}\n" for line in lines)


def _scalars(names: Sequence[str]) -> str:
    """`[graph.scalars]`: what the scalars of the schema are."""
    if not names:
        return ""
    return "\n[graph.scalars]\n" + "".join(f'{name} = "{name}"\n' for name in names)


def _in_container(base_url: str) -> str:
    parts = urlsplit(base_url)
    if parts.hostname not in LOCAL:
        return base_url
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://host.docker.internal{port}"


def _filled(kind: str, values: Mapping[str, str]) -> dict[str, str]:
    """The templates of a folder by the path that they are written to."""

    def fill(hole: re.Match[str]) -> str:
        indent, value = hole[1], values[hole[2]]
        return indent + value.replace("\n", f"\n{indent}")

    files = {}
    for source in sorted((FILES / kind).rglob("*")):
        if source.is_file():
            path = source.relative_to(FILES / kind).as_posix()
            path = re.sub(r"(^|/)dot-", r"\1.", path).removesuffix(
                ".txt" if ".py" in path else "\0"
            )
            files[path] = _HOLE.sub(fill, source.read_text(encoding="utf-8"))
    return files
