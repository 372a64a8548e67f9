"""`gateway migrate finish` takes out what a move has left behind, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.cli.app import app

BEFORE = """extend schema @link(url: "https://specs.apollo.dev/connect/v0.3", import: ["@source", "@connect"])
  @source(name: "php", http: { baseURL: "http://php.test" })
  @source(name: "rest", http: { baseURL: "http://rest.test" })

type Query {
  # how often
  stats: Int
    @connect(
      source: "php"
      http: { GET: "/stats.php" }
      selection: "$.n"
    )
    @connect(source: "rest", http: { GET: "/stats" }, selection: "$.count") # the new one
    @override(from: "php", label: "stats")
    @shadow(percent: 5)
  one: Int @connect(source: "php", http: { GET: "/a" }, selection: "$") @connect(source: "rest", http: { GET: "/b" }, selection: "$") @override(from: "php", label: "percent(20)") # both
}
"""
STATS = """  # how often
  stats: Int
    @connect(source: "rest", http: { GET: "/stats" }, selection: "$.count") # the new one
"""
ONE = """  one: Int @connect(source: "rest", http: { GET: "/b" }, selection: "$") # both
"""


def project(folder: Path, sdl: str = BEFORE, rule: str = "true") -> Path:
    """A project with this schema; its file."""
    file = folder / "schema.graphql"
    file.write_bytes(sdl.encode())
    (folder / "gateway.toml").write_text(
        f'graph = {{ schema = "schema.graphql" }}\n[override.labels]\nstats = {rule}\n'
    )
    return file


def finish(folder: Path, *words: str) -> tuple[int, str]:
    """Exit code and output of the command."""
    command = ["migrate", "finish", *words, "--config", str(folder / "gateway.toml")]
    ended = CliRunner().invoke(app, command)
    return ended.exit_code, ended.output


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_old_connector_goes_and_the_rest_stays_as_it_was_written(
    tmp_path: Path, end: str
) -> None:
    file = project(tmp_path, BEFORE.replace("\n", end))
    code, said = finish(tmp_path, "Query.stats")
    assert (code, said.splitlines()) == (
        0,
        [
            "Query.stats is not asked of php any more: /stats.php",
            "override.labels.stats may go, if no other @override has it",
        ],
    )
    head, _, rest = BEFORE.partition("  # how often")
    expected = head + STATS + rest[rest.index("  one:") :]
    assert file.read_bytes().decode() == expected.replace("\n", end)
    code, said = finish(tmp_path, "Query.one", "--force")
    assert code == 0
    assert "no connector names the source php any more" in said
    assert file.read_bytes().decode() == (head + STATS + ONE + "}\n").replace("\n", end)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["gateway.toml", "schema.graphql"]


@pytest.mark.parametrize(
    ("words", "rule", "code", "said"),
    [
        (["Query.one"], "true", 1, "percent(20) is on for 20 % of the clients; --force moves the"),
        (["Query.stats"], '"percent(99.9)"', 1, "stats is on for 99.9 % of the clients"),
        (["Query.none"], "true", 2, "no @override moves Query.none; there are: Query.stats, Query"),
    ],
)
def test_what_is_not_moved_whole_is_not_finished(
    tmp_path: Path, words: list[str], rule: str, code: int, said: str
) -> None:
    file = project(tmp_path, rule=rule)
    ended, output = finish(tmp_path, *words)
    assert ended == code
    assert said in output
    assert file.read_text() == BEFORE


def test_reads_are_not_finished_before_the_writes_that_move_with_them(tmp_path: Path) -> None:
    write = """type Mutation { add: Int @connect(source: "php", http: { POST: "/a" }, selection: "$")
        @connect(source: "rest", http: { POST: "/a" }, selection: "$") @override(from: "php", label: "stats") }"""
    file = project(tmp_path, BEFORE + write)
    code, said = finish(tmp_path, "Query.stats")
    assert code == 1
    assert "OverrideOnMutation" in said
    assert file.read_text() == BEFORE + write
    assert finish(tmp_path, "Mutation.add")[0] == 0
    assert finish(tmp_path, "Query.stats")[0] == 0


def test_a_look_writes_nothing(tmp_path: Path) -> None:
    file = project(tmp_path)
    code, said = finish(tmp_path, "Query.stats", "--diff")
    assert code == 0
    assert '-    @override(from: "php", label: "stats")' in said
    assert file.read_text() == BEFORE


@pytest.mark.parametrize(
    ("switches", "rule", "code", "said"),
    [
        ('{"stats": false}', "true", 1, "stats is on for 0 % of the clients by"),
        ('{"*": false}', "true", 1, "stats is on for 0 % of the clients by"),
        ('{"stats": "percent(50)"}', "true", 1, "stats is on for 50 % of the clients by"),
        ('{"stats": true}', "false", 0, "gateway migrate switch stats end"),
        ("{}", "false", 1, "stats is on for 0 % of the clients;"),
    ],
)
def test_the_switch_of_a_label_counts_more_than_the_configuration(
    tmp_path: Path, switches: str, rule: str, code: int, said: str
) -> None:
    file = project(tmp_path, rule=rule)
    with (tmp_path / "gateway.toml").open("a") as config:
        config.write('[override]\nswitches = "switches.json"\n')
    (tmp_path / "switches.json").write_text(switches)
    ended = finish(tmp_path, "Query.stats")
    assert ended[0] == code
    assert said in " ".join(ended[1].split())
    assert (file.read_text() == BEFORE) is bool(code)


def test_an_extension_of_which_nothing_is_left_goes_whole(tmp_path: Path) -> None:
    sides = {
        name: f'''@connect(source: "{name}", http: {{ GET: "/v", queryParams: "id: $batch.id" }}, selection: "id t")'''
        for name in ("php", "rest")
    }
    head = BEFORE.partition("type Query")[0]
    kept = 'type Query { v: [V] @connect(source: "rest", http: { GET: "/l" }, selection: "id") }\n'
    owner = f"type V {sides['rest']} {{ id: ID! t: String }}\n"
    moved = owner.replace("{ id: ID!", '@override(from: "php", label: "stats") { id: ID!')
    file = project(tmp_path, f"{head}{kept}{moved}extend type V {sides['php']}\n")
    code, said = finish(tmp_path, "V")
    assert (code, "no connector names the source php" in said) == (0, True)
    assert file.read_text() == head + kept + owner
