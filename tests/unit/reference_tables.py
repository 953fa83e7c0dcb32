"""The tables of the reference that are made from the code: ``python -m tests.unit.reference_tables`` writes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from airflow_provider_partnero import get_provider_info
from airflow_provider_partnero.api import errors
from airflow_provider_partnero.commands.arguments import Argument
from airflow_provider_partnero.commands.definitions import COMMANDS
from airflow_provider_partnero.webhooks.rules import RULES
from airflow_provider_partnero.webhooks.rules.across import RULES_ACROSS

DOCS = Path(__file__).parents[2] / "airflow_provider_partnero" / "docs"


@dataclass(frozen=True, slots=True)
class Table:
    """A table of a page, between two comments that bear its name."""

    page: str
    name: str
    head: tuple[str, ...]
    rows: Callable[[], Iterator[tuple[str, ...]]]

    def __str__(self) -> str:
        lines = [self.head, tuple("---" for _ in self.head), *self.rows()]
        return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)

    def written(self) -> str:
        """The table as the page has it."""
        return self._around()[1]

    def write(self) -> None:
        """Replace the page's table."""
        before, _, after = self._around()
        (DOCS / self.page).write_text(f"{before}{self}{after}", encoding="utf-8")

    def _around(self) -> tuple[str, str, str]:
        text = (DOCS / self.page).read_text(encoding="utf-8")
        before, start, rest = text.partition(f"<!-- {self.name} -->\n")
        table, end, after = rest.partition(f"<!-- end of {self.name} -->")
        assert start, f"{self.page} has no place for the table of {self.name}"
        assert end, f"the place for the table of {self.name} in {self.page} has no end"
        return before + start, table, end + after


def _rules() -> Iterator[tuple[str, ...]]:
    for rule in RULES:
        yield rule.id, str(rule.severity), rule.title, rule.remedy
    for across in RULES_ACROSS:
        yield across.id, str(across.severity), across.title, across.remedy


def _options() -> Iterator[tuple[str, ...]]:
    for name, option in get_provider_info()["config"]["partnero"]["options"].items():
        default = f"`{option['default']}`" if option["default"] else "empty"
        yield f"`{name}`", default, f"`{option['example']}`", option["description"].replace("``", "`")


def _arguments() -> Iterator[tuple[str, ...]]:
    """The arguments, each with all commands that take it and explain it alike."""
    takers: dict[tuple[str, str], list[str]] = {}
    for command in COMMANDS:
        for one in command.subcommands or (command,):
            called = f"`{command.name} {one.name}`" if command.subcommands else f"`{command.name}`"
            for argument in one.arguments:
                takers.setdefault(_told(argument), []).append(called)
    for (usage, words), commands in takers.items():
        yield f"`{usage}`", ", ".join(commands), words


def _told(argument: Argument) -> tuple[str, str]:
    """How an argument is typed, and what it does."""
    value = argument.options.get("metavar") or ",".join(argument.options.get("choices") or ())
    flags = [flag for flag in argument.flags if flag.startswith("-")]
    return " ".join(filter(None, [*flags, value])), argument.options["help"]


# An example of each error, by what it stands for.
_ERRORS: Mapping[str, Exception] = {
    "bad argument": ValueError(),
    "400, 405 and every other 4xx; a redirect": errors.PartneroAPIError(400, ""),
    "401, 403": errors.PartneroAuthenticationError(401, ""),
    "404": errors.PartneroNotFoundError(404, ""),
    "409; a key that belongs to another webhook": errors.PartneroConflictError(409, ""),
    "422": errors.PartneroValidationError(422, ""),
    "408, 425": errors.PartneroAPIError(408, ""),
    "429 with `Retry-After` or JSON": errors.PartneroRateLimitError(429, ""),
    "429 with neither": errors.PartneroRateLimitError(429, "", has_json=False),
    "5xx": errors.PartneroServerError(503, ""),
    "could not connect": errors.PartneroConnectionError("", sent=False),
    "sent, and no whole answer": errors.PartneroConnectionError(""),
    "an answer that is not the API's JSON": errors.PartneroResponseError(),
    "three readings of the list disagree": errors.PartneroInconsistentReadError(),
    "a create may have happened": errors.PartneroAmbiguousError(""),
    "the same, and no further try can tell": errors.PartneroAmbiguousError("", ["key"]),
    "equal webhooks beside the one that was made": errors.PartneroDuplicateError("", ["key"]),
}
_REACTIONS = {
    errors.Reaction.RETRY: "again",
    errors.Reaction.LOOK: "look, then again",
    errors.Reaction.AMBIGUOUS: "it may have happened: `PartneroAmbiguousError`",
    errors.Reaction.RAISE: "raised",
}
_OUTLOOKS = {
    errors.Outlook.PASSING: "Airflow's retries; a sensor goes on waiting",
    errors.Outlook.OPEN: "Airflow's retries; a sensor fails",
    errors.Outlook.FINAL: "the task fails at once",
}


def _errors() -> Iterator[tuple[str, ...]]:
    for cause, error in _ERRORS.items():
        failure = errors.failure_of(error)
        reactions = (_REACTIONS[failure.reaction(request)] for request in errors.Request)
        yield cause, f"`{type(error).__name__}`", *reactions, _OUTLOOKS[failure.outlook]


TABLES = (
    Table("rules.md", "rules", ("rule", "severity", "finds", "what to do"), _rules),
    Table("configuration.md", "options", ("option", "default", "such as", "what it means"), _options),
    Table("commands.md", "arguments", ("argument", "of", "what it does"), _arguments),
    Table(
        "errors.md",
        "errors",
        ("what happens", "error", "GET, PUT, DELETE", "create with a key", "create without", "and then, in a task"),
        _errors,
    ),
)

if __name__ == "__main__":
    for table in TABLES:
        table.write()
