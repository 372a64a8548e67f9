"""The command line: `gateway init | dev | serve | check | reload | test | schema | plan | profile | map | keys |
audit | cache | migrate | usage | partner | documents | release`.
"""

from __future__ import annotations

from typing import Annotated

import typer

from gateway.cli.audit import app as audit_app
from gateway.cli.cache import app as cache_app
from gateway.cli.check import check
from gateway.cli.dev.command import dev
from gateway.cli.documents import app as documents_app
from gateway.cli.init import init
from gateway.cli.keys import app as keys_app
from gateway.cli.map import map_json
from gateway.cli.migrate import app as migrate_app
from gateway.cli.options import say_version
from gateway.cli.partner import app as partner_app
from gateway.cli.plan import plan
from gateway.cli.profile import profile
from gateway.cli.reload import reload
from gateway.cli.schema import print_api_schema
from gateway.cli.serve import serve
from gateway.cli.test import run_suites
from gateway.cli.usage import usage
from gateway.release.cli import app as release_app

app = typer.Typer(
    name="gateway",
    help="A GraphQL gateway that compiles each operation to one Python function.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            "-V",
            callback=say_version,
            is_eager=True,
            help="Print the version and end.",
        ),
    ] = False,
) -> None:
    """A GraphQL gateway that compiles each operation to one Python function."""


app.command()(init)
app.command()(dev)
app.command()(serve)
app.command()(check)
app.command()(reload)
app.command(name="test")(run_suites)
app.command(name="schema")(print_api_schema)
app.command()(plan)
app.command()(profile)
app.command(name="map")(map_json)
app.command()(usage)
app.add_typer(keys_app, name="keys")
app.add_typer(partner_app, name="partner")
app.add_typer(documents_app, name="documents")
app.add_typer(audit_app, name="audit")
app.add_typer(cache_app, name="cache")
app.add_typer(migrate_app, name="migrate")
app.add_typer(release_app, name="release")
