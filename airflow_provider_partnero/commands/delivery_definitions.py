"""What ``deliveries`` takes, and how it explains itself."""

from __future__ import annotations

from airflow_provider_partnero.commands.arguments import Command, argument, count, flag, text

OUTCOMES = ("accepted", "paused", "unrouted", "failed", "forgotten")
_NEEDS = "It needs Airflow and its database: run it where the API server or the scheduler runs."

_IDS = text(
    "ids",
    nargs="*",
    metavar="ID",
    help="deliveries, by the beginning of their ids: at least 8 digits",
)
_FILTERS = (
    text("--event", metavar="EVENT", help="only deliveries of this event, such as transaction.created"),
    text("--conn-id", metavar="ID", help="only deliveries to this connection (default: any)"),
    text("--key", metavar="KEY", help="only deliveries of the webhook with this key"),
    text("--since", metavar="TIME", help="only what was recorded since: 24h or 7d ago, or a time in ISO 8601 (UTC)"),
    text("--until", metavar="TIME", help="only what was recorded before: 24h or 7d ago, or a time in ISO 8601 (UTC)"),
    argument(
        "--outcome",
        choices=OUTCOMES,
        help="only what was accepted; what waits for a paused DAG (paused) or for any (unrouted); what a run that took "
        "it has failed on (failed); or what was forgotten",
    ),
)
_YES = flag("--yes", "do not ask")

_LIST = Command(
    name="list",
    help="list what was delivered, newest first",
    words=f"Lists genuine deliveries and what became of them, newest first; never what they held.\n{_NEEDS}",
    examples=(
        "PROG deliveries list --outcome unrouted",
        "PROG deliveries list --event transaction.created --since 24h --json",
    ),
    arguments=(
        *_FILTERS,
        argument("--limit", type=count, metavar="N", default=50, help="how many to list (default: 50)"),
        flag("--json", "print the list as JSON"),
    ),
    is_connected=False,
)
_SHOW = Command(
    name="show",
    help="show one delivery, and the runs that took it",
    words=f"Shows one delivery, and the runs that took it; what it held only with --data.\n{_NEEDS}",
    examples=("PROG deliveries show 3f2a9c1d", "PROG deliveries show 3f2a9c1d --data"),
    arguments=(
        text("id", metavar="ID", help="the beginning of the delivery's id: at least 8 digits"),
        text("--conn-id", metavar="ID", help="only a delivery to this connection (default: any)"),
        flag("--data", "print what is kept of it, too; it may hold personal data"),
        flag("--json", "print it as JSON"),
    ),
    is_connected=False,
)
_REPLAY = Command(
    name="replay",
    help="send deliveries again that reached no DAG, or whose run failed",
    words=f"""\
Sends deliveries again: those that no DAG listened to, those that wait for a DAG, and those that a run has failed
on, as far as they meet the filters. It shows how many there are, and asks. A replay is marked as one. Stopped
half-way, it can be repeated: nothing is sent twice.
{_NEEDS}""",
    examples=(
        "PROG deliveries replay --outcome failed --since 24h",
        "PROG deliveries replay 3f2a9c1d --yes",
        "PROG deliveries replay 3f2a9c1d --again",
    ),
    arguments=(_IDS, *_FILTERS, flag("--again", "send the named deliveries although a DAG took them"), _YES),
    is_connected=False,
)
_FORGET = Command(
    name="forget",
    help="delete what is known of deliveries, such as those of one person",
    words=f"""\
Deletes what the ledger and Airflow's asset events hold of deliveries, as far as they meet the filters. It shows how
many there are, and asks. What was done with them stays: XComs, logs, and whatever the runs have written elsewhere.
{_NEEDS}""",
    examples=("PROG deliveries forget --data-match data.partner.key=p_1", "PROG deliveries forget 3f2a9c1d --yes"),
    arguments=(
        _IDS,
        *_FILTERS,
        text(
            "--data-match",
            metavar="PATH=VALUE",
            help="only what holds this value at this path, such as data.partner.key=p_1; compared as texts",
        ),
        _YES,
    ),
    is_connected=False,
)

DELIVERIES = Command(
    name="deliveries",
    help="list, show, replay and forget what Partnero has delivered",
    words="What Partnero has delivered to the receiver of this Airflow, and what became of it.",
    examples=("PROG deliveries list", "PROG deliveries replay --outcome failed --since 24h"),
    is_connected=False,
    subcommands=(_LIST, _SHOW, _REPLAY, _FORGET),
)
