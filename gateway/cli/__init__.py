"""The command line, one file a command. A mistake of the operator is a line and exit code 2; findings are exit code 1."""


def main() -> None:
    """Run the command line."""
    from gateway.cli.app import app

    app()
