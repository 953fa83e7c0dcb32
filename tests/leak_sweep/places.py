"""Where marks are looked for. Each place has controls: harmless words that must be there, or it was not read."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import requests
from cryptography.fernet import Fernet

from .home import SAID, Home
from .pages import OURS, Page
from .processes import Watched

TASK_LOGS = "logs of tasks"
PART_LOGS = "logs of Airflow's parts and of the receiver"
OUTPUT = "output of commands"
REPORTS = "reports, plans, declarations"
REASONS = "reasons that the drain leaves"
DATABASE = "database file, as it is"
AIRFLOW_TABLES = "tables of Airflow"
LEDGER_TABLES = "tables of the ledger"
ENCRYPTED = "what tables hold encrypted"
FILES = "all other files"
PAGES = "Partnero's page"
AIRFLOW_PAGES = "Airflow's own API"
ANSWERS = "answers to deliveries"
ARGUMENTS = "arguments of processes"
ENVIRONMENTS = "environments of processes"
ERRORS = "errors, with the locals of all frames"
OBJECTS = "hooks, operators, triggers, errors: repr and pickle"

INSIDE = "inside"
_IS_ENCRYPTED = b"gAAAA"


@dataclass(frozen=True)
class Piece:
    """Some bytes, and where in the place they are."""

    where: str
    content: bytes


@dataclass(frozen=True)
class Place:
    """A kind of place.

    :param controls: each must be in one of its pieces.
    """

    name: str
    controls: tuple[bytes, ...]
    pieces: tuple[Piece, ...]


# At DEBUG, Airflow itself writes lines that hold what it hands on. They are searched apart from the rest of their log.
LINES = {
    "MaskSecret": b"msg=MaskSecret(",
    "asset event added": b" asset event added ",
    "on_asset_event_emitted": b"Calling 'on_asset_event_emitted' with",
    "supervisor": b" [supervisor] loc=supervisor.py",
}


def log_pieces(where: str, content: bytes) -> Iterator[Piece]:
    """A log without the lines that Airflow writes at DEBUG, and these."""
    rest: list[bytes] = []
    apart: dict[str, list[bytes]] = {}
    for line in content.splitlines():
        name = next((name for name, words in LINES.items() if words in line), None)
        (rest if name is None else apart.setdefault(name, [])).append(line)
    yield Piece(where, b"\n".join(rest))
    for name, lines in apart.items():
        yield Piece(f"{where} ({name})", b"\n".join(lines))


def file_places(home: Home) -> Iterator[Place]:
    """Every file of the run, but for the DAGs and what was put there to be drained."""
    found: dict[str, list[Piece]] = {name: [] for name in _FILE_CONTROLS}
    for path in sorted(path for path in home.folder.rglob("*") if path.is_file()):
        relative = path.relative_to(home.folder)
        if name := _name_of(relative):
            read = log_pieces if name in {PART_LOGS, OUTPUT} else _whole
            found[name].extend(read(str(relative), path.read_bytes()))
    for name, pieces in found.items():
        yield Place(name, _FILE_CONTROLS[name], tuple(pieces))


def _whole(where: str, content: bytes) -> Iterator[Piece]:
    yield Piece(where, content)


_FILE_CONTROLS = {
    TASK_LOGS: (b"crmNewPartnr", b"a failure after the hook was used"),
    PART_LOGS: (b"provoked", b"partnero_default"),
    OUTPUT: (b"crmNewPartnr", b"hostile_refused"),
    REPORTS: (b"crmNewPartnr",),
    REASONS: (b"401",),
    DATABASE: (b"provoked", b"crmNewPartnr"),
    FILES: (b"admin",),
    ERRORS: (b"hostile_refused", b"PartneroAPIError"),
    OBJECTS: (b"PartneroWebhookActiveTrigger", b"PartneroValidationError"),
}


def _name_of(relative: Path) -> str | None:
    first, name = relative.parts[0], relative.name
    if "dags" in relative.parts:
        return None
    if first == "raw":
        return REASONS if name.endswith(".reason.json") else None
    by_folder = {SAID: OUTPUT, "reports": REPORTS}
    if first in by_folder:
        return by_folder[first]
    if first == INSIDE:
        return OBJECTS if name == "objects.bin" else ERRORS
    if any(part.startswith("dag_id=") for part in relative.parts):
        return TASK_LOGS
    if name.startswith("airflow.db"):
        return DATABASE
    return PART_LOGS if name.endswith(".log") else FILES


def table_places(home: Home) -> Iterator[Place]:
    """Every column of every table; what is encrypted in them with Airflow's key is decrypted, too."""
    ours: list[Piece] = []
    airflows: list[Piece] = []
    decrypted: list[Piece] = []
    fernet = Fernet(home.cluster.environment["AIRFLOW__CORE__FERNET_KEY"])
    with closing(sqlite3.connect(home.cluster.home / "airflow.db")) as link:
        link.text_factory = bytes
        tables = [name.decode() for (name,) in link.execute("select name from sqlite_master where type = 'table'")]
        for table in tables:
            cursor = link.execute(f'select * from "{table}"')
            names = [column[0] for column in cursor.description]
            for name, column in zip(names, zip(*cursor.fetchall(), strict=True), strict=False):
                values = [_as_bytes(value) for value in column if value is not None]
                where = f"{table}.{name}"
                pieces = ours if table.startswith("partnero_") else airflows
                pieces.append(Piece(where, b"\n".join(values)))
                tokens = [value.strip(b'"') for value in values if value.strip(b'"').startswith(_IS_ENCRYPTED)]
                decrypted.append(Piece(where, b"\n".join(map(fernet.decrypt, tokens))))
    yield Place(AIRFLOW_TABLES, (b"provoked", b"crmNewPartnr", b"hostile_refused"), tuple(airflows))
    yield Place(LEDGER_TABLES, (b"transaction.created", b"partnero_default"), tuple(ours))
    yield Place(ENCRYPTED, (b"transaction.created", b"partnero_conn_id"), tuple(decrypted))


def _as_bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


def page_places(pages: Iterable[Page], answers: Iterable[requests.Response]) -> Iterator[Place]:
    """What browsers, and senders of deliveries, are told."""
    named = [(page.answer.request.path_url, Piece(page.name, page.content)) for page in pages]
    ours = tuple(piece for path, piece in named if path.startswith(OURS))
    others = tuple(piece for path, piece in named if not path.startswith(OURS))
    yield Place(PAGES, (b"crmNewPartnr", b"hostile_refused", b"viewer"), ours)
    yield Place(AIRFLOW_PAGES, (b"provoked", b"transaction.created"), others)
    told = tuple(Piece(f"{one.status_code}", Page("sender", one).content) for one in answers)
    yield Place(ANSWERS, (b"accepted", b"unauthorized", b"alive"), told)


def process_places(watched: Watched) -> Iterator[Place]:
    """What could be seen of processes."""
    arguments = tuple(Piece(_program(one), one) for one in sorted(watched.arguments))
    environments = tuple(Piece(_program(watched.environments[one]), one) for one in sorted(watched.environments))
    yield Place(ARGUMENTS, (b"api-server", b"triggerer", b"doctor", b"partnero-receiver"), arguments)
    yield Place(ENVIRONMENTS, (b"AIRFLOW_HOME", b"PARTNERO_TOKEN"), environments)


def _program(arguments: bytes) -> str:
    """The program's name, and how it was called, without where it lies."""
    words = [word.rpartition("/")[2] for word in arguments.decode(errors="replace").split("\0") if word]
    return " ".join(words[:4])
