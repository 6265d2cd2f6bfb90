"""`mingluo settings`: what can be set, from the settings' own definition."""

import typer

from mingluo.settings import describe_settings


def settings() -> None:
    """Print every setting with its environment variable, its default and what it does, as Markdown."""
    typer.echo(describe_settings(), nl=False)
