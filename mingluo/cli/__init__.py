"""The command line, a file for each group of commands.

Exit codes: 0 done; 1 what was asked for is wrong (a refused file, a failed check) or could not be done; 2 the command
itself was misused.
"""

import typer

from mingluo.cli import (
    backtest,
    bench,
    estate,
    history,
    log,
    payloads,
    profiles,
    replay,
    rulebook,
    rules,
    settings,
    simulate,
    transmitters,
    up,
)

app = typer.Typer(
    name="mingluo",
    help="Mingluo (鸣锣, “sound the gong”) sees fire and electrical danger coming in people's homes, and tells those "
    "who can help.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("up")(up.up)
app.command("replay")(replay.replay)
app.command("simulate")(simulate.simulate)
app.command("settings")(settings.settings)
app.add_typer(payloads.app, name="payloads")
app.add_typer(profiles.app, name="profiles")
rules.app.command()(rulebook.apply)
rules.app.command()(rulebook.versions)
rules.app.command()(rulebook.rollback)
rules.app.command()(rulebook.rehearsal)
rules.app.command()(backtest.backtest)
app.add_typer(rules.app, name="rules")
app.add_typer(estate.app, name="estate")
app.add_typer(log.app, name="log")
app.add_typer(history.app, name="history")
app.add_typer(transmitters.app, name="transmitters")
app.add_typer(bench.app, name="bench")


def main() -> None:
    """Entry point of the `mingluo` command."""
    app()
