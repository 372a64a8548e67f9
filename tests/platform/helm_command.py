"""`helm` for machines without it: the SDK behind the part of helm's command line that a release uses.

It takes the options of helm 3.15 and later that `HelmCli` gives, and refuses any other.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from typing import Any

import yaml
from helm_python import Chart, Config, HelmError


def main() -> int:
    options = read_options()
    try:
        print(COMMANDS[options.command](options))
    except HelmError as exc:
        print(f"Error: {exc.detail}", file=sys.stderr)
        return 1
    return 0


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="helm", allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True)

    def command(name: str, *positional: str, **options: Any) -> None:
        sub = commands.add_parser(name, allow_abbrev=False)
        for argument in positional:
            sub.add_argument(argument)
        sub.add_argument("--namespace", "-n", required=True)
        if name != "template":
            sub.add_argument("--kube-context", required=True)
        for option, settings in options.items():
            sub.add_argument(f"--{option.replace('_', '-')}", **settings)

    flag: dict[str, Any] = {"action": "store_true"}
    output: dict[str, Any] = {"choices": ["json"], "required": True}
    values: dict[str, Any] = {"choices": ["-"], "required": True}
    command("template", "name", "chart", values=values)
    command("status", "name", revision={"type": int}, output=output)
    command("history", "name", max={"type": int}, output=output)
    command("list", all_namespaces=flag, filter={}, output=output)
    command(
        "upgrade", "name", "chart", install=flag, create_namespace=flag, values=values,
        history_max={"type": int}, description={}, output=output,
    )  # fmt: skip
    command("rollback", "name", "revision")
    command("uninstall", "name")
    return parser.parse_args()


def config(options: argparse.Namespace) -> Config:
    return Config(
        kubeconfig_path=os.environ["KUBECONFIG"], kube_context=options.kube_context,
        namespace=options.namespace, burst_limit=100, qps=50,
    )  # fmt: skip


def template(options: argparse.Namespace) -> str:
    values = yaml.safe_load(sys.stdin)
    with Chart.load(options.chart) as chart:
        chart.validate_schema(values)
        files = chart.render(values, name=options.name, namespace=options.namespace)
    return "\n".join(
        f"---\n# Source: {name}\n{text}"
        for name, text in sorted(files.items())
        if name.endswith(".yaml")
    )


def status(options: argparse.Namespace) -> str:
    with config(options) as helm:
        found = helm.status(options.name, revision=options.revision)
        values = helm.get_values(options.name, revision=options.revision)
    return json.dumps(
        {
            "name": options.name,
            "info": {"status": found["status"]},
            "config": values,
            "manifest": found["manifest"],
            "version": found["revision"],
        }
    )


def history(options: argparse.Namespace) -> str:
    with config(options) as helm:
        found = helm.history(options.name, max_revisions=options.max)
        return json.dumps(
            [
                {
                    "revision": item["revision"],
                    "updated": item["deployed_at"],
                    "status": item["status"],
                    "chart": f"{item['chart_name']}-{item['chart_version']}",
                    "description": helm.get_all(options.name, revision=item["revision"])["info"][
                        "description"
                    ],
                }
                for item in found
            ]
        )


def listed(options: argparse.Namespace) -> str:
    with config(options) as helm:
        found = helm.list(
            all_namespaces=options.all_namespaces,
            name_filter=options.filter,
        )
    return json.dumps([{"name": item["name"], "namespace": item["namespace"]} for item in found])


def upgrade(options: argparse.Namespace) -> str:
    values = yaml.safe_load(sys.stdin)
    with config(options) as helm:
        try:
            helm.history(options.name)
        except HelmError:
            found = helm.install(
                options.chart, options.name, values, description=options.description,
                create_namespace=options.create_namespace,
            )  # fmt: skip
        else:
            found = helm.upgrade(
                options.chart, options.name, values, description=options.description,
                max_history=options.history_max,
            )  # fmt: skip
    return json.dumps({"name": options.name, "version": found["revision"]})


def rollback(options: argparse.Namespace) -> str:
    with config(options) as helm:
        helm.rollback(options.name, version=int(options.revision))
    return "Rollback was a success! Happy Helming!"


def uninstall(options: argparse.Namespace) -> str:
    with config(options) as helm:
        helm.uninstall(options.name)
    return f'release "{options.name}" uninstalled'


COMMANDS = {
    "template": template,
    "status": status,
    "history": history,
    "list": listed,
    "upgrade": upgrade,
    "rollback": rollback,
    "uninstall": uninstall,
}

if __name__ == "__main__":
    sys.exit(main())
