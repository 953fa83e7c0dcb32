"""What the commands are called, what they take and how they explain themselves: for Airflow's parser and for ours."""

from __future__ import annotations

from airflow_provider_partnero.commands.arguments import (
    DEFAULT_CONNECTION,
    EXIT_CODES,
    Argument,
    Command,
    argument,
    count,
    flag,
    text,
    texts,
)
from airflow_provider_partnero.commands.delivery_definitions import DELIVERIES

__all__ = ["COMMANDS", "DEFAULT_CONNECTION", "EXIT_CODES", "Argument", "Command"]

_PLANNING = (
    argument(
        "--prune",
        choices=("false", "owned", "true"),
        help="delete live webhooks that are not declared: those that an earlier apply or reconcile created (owned), or "
        "all (true) (default: false)",
    ),
    texts("--keep", "PATTERN", "never change or delete webhooks whose name, key or host matches, such as 'zapier*'"),
    flag("--no-keep-receiver", "treat the webhook of this connection's receiver like any other"),
    argument("--max-deletes", type=count, metavar="N", help="refuse a plan that deletes more webhooks (default: 5)"),
    argument(
        "--max-changes",
        type=count,
        metavar="N",
        help="refuse a plan that deletes webhooks or changes their URLs more often (default: no limit)",
    ),
    flag("--no-adopt", "refuse a plan that takes over webhooks that are recognised by their name only"),
)

_EXPORT = Command(
    name="export",
    help="write the live webhooks as a declaration file",
    words="Writes the live webhooks as a declaration in YAML, without secrets: a plan with it finds nothing to do.",
    examples=("PROG export --out webhooks.yaml", "PROG export | less"),
    arguments=(
        text("--out", metavar="FILE", help="write to this file, which ends in .yaml or .yml (default: stdout)"),
        flag("--force", "overwrite the file"),
    ),
)
_PLAN = Command(
    name="plan",
    help="show what would have to be written to match a declaration file",
    words="Compares the live webhooks with a declaration file and shows what apply would write. It writes nothing.",
    examples=(
        "PROG plan webhooks.yaml",
        "PROG plan webhooks.yaml --prune owned --keep 'zapier*' --out plan.json",
        "PROG plan webhooks.yaml --markdown > comment.md",
    ),
    arguments=(
        text("file", metavar="FILE", help="the declaration: .yaml, .yml or .json; give it first"),
        *_PLANNING,
        text("--out", metavar="PLAN.json", help="save the plan, so that apply writes just this one"),
        flag("--json", "print the plan as JSON"),
        flag("--markdown", "print the plan as Markdown, for a comment of a pull request"),
    ),
)
_APPLY = Command(
    name="apply",
    help="write what a saved plan says, or what a declaration file asks for",
    words="""\
Applies a plan that was saved with plan --out: if anything else would be written now, nothing is. A saved plan
that was stopped half-way can be applied again; the rest is done. Given a declaration file, it shows the plan
and asks; where there is no terminal to ask on, it wants --yes.""",
    examples=("PROG apply plan.json", "PROG apply webhooks.yaml", "PROG apply webhooks.yaml --prune owned --yes"),
    arguments=(
        text("file", metavar="FILE", help="a saved plan, or a declaration (.yaml, .yml or .json); give it first"),
        *_PLANNING,
        flag("--yes", "do not ask"),
        flag("--wait-until-active", "wait up to 10 minutes until all webhooks declared active are active"),
    ),
)
_AUDIT = Command(
    name="audit",
    help="find what is wrong with the live webhooks",
    words="Checks all live webhooks. With a declaration file, also whether they are as declared.",
    examples=(
        "PROG audit",
        "PROG audit webhooks.yaml --fail-on warning --report audit.html --report audit.sarif",
        "PROG audit --required-events transaction.created --allowed-hosts '*.example.com'",
        "PROG audit webhooks.yaml --sarif > audit.sarif",
    ),
    arguments=(
        text("file", nargs="?", metavar="FILE", help="the declaration: .yaml, .yml or .json; give it first"),
        argument(
            "--fail-on",
            choices=("error", "warning", "never"),
            default="error",
            help="exit with 2 on a finding of this severity or worse (default: error)",
        ),
        texts("--ignore", "RULE", "rules not to check, such as PW001"),
        texts("--allowed-hosts", "PATTERN", "hosts that may receive events, such as '*.example.com' (default: any)"),
        texts("--required-events", "EVENT", "events that some active webhook must subscribe to"),
        flag("--json", "print the report as JSON"),
        flag("--markdown", "print the report as Markdown"),
        flag("--sarif", "print the findings as SARIF 2.1.0, for code scanning"),
        flag("--junit", "print the findings as JUnit XML"),
        text("--html", metavar="FILE", help="write the report as a page to this file; needs Jinja2"),
        text(
            "--report",
            action="append",
            metavar="FILE",
            help="write the report to a file that ends in .json, .md, .html, .sarif or .xml (JUnit); may be repeated",
        ),
    ),
)
_DOCTOR = Command(
    name="doctor",
    help="check token, clock, receiver and Airflow",
    words="""\
Checks the token, the clock, the receiver of Partnero's deliveries, and what this Airflow lacks. Each line says
ok, warn or fail, and what to do. Run it where the API server runs; without Airflow, it checks what it can.""",
    examples=("PROG doctor", "PROG doctor --receiver-url https://airflow.example.com"),
    arguments=(
        text(
            "--receiver-url",
            metavar="URL",
            help="where Partnero reaches the receiver (default: what Airflow's option receiver_base_url says)",
        ),
    ),
)
_SCHEMA = Command(
    name="schema",
    help="print the JSON Schema of declaration files",
    words="Prints the JSON Schema of declaration files, with which editors complete and check them.",
    examples=("PROG schema > partnero-webhooks.schema.json",),
    is_connected=False,
)

COMMANDS = (_EXPORT, _PLAN, _APPLY, _AUDIT, _DOCTOR, _SCHEMA, DELIVERIES)
