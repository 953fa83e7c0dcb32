"""The receiver beside Airflow's own endpoint for asset events, on one API server with one database."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import cycle
from pathlib import Path
from statistics import median

import requests

from airflow_provider_partnero.sandbox import Sandbox

from ...e2e.cluster import Cluster
from ...e2e.deliveries import PATH, envelopes
from ...e2e.mariadb import MariaDB
from ...e2e.postgres import Postgres
from ...e2e.programme import TOKEN, webhook
from ...e2e.waiting import HTTP_PATIENCE
from ..own_postgres import postgres_and_folder
from ..raw_http import request_bytes, send_all
from .tables import Finding, Subject, Table, in_turns

EVENT = "transaction.created"
DAGS = Path(__file__).parents[2] / "e2e" / "dags_receiver"
OWN_PATH = "/api/v2/assets/events"
OURS, OWN = "this provider's receiver", f"`POST {OWN_PATH}`"


@dataclass(frozen=True, slots=True)
class Size:
    """How much is sent.

    :param ours: deliveries a round to the receiver.
    :param own: requests a round to Airflow's own endpoint.
    :param clients: how many send at once. With 64, Airflow's own endpoint does not answer for minutes.
    """

    rounds: int = 3
    ours: int = 2_000
    own: int = 400
    clients: int = 16


@dataclass(frozen=True, slots=True)
class Receiving:
    """One round.

    :param rate: requests a second.
    :param cpu: milliseconds of the server for each.
    :param middle: milliseconds until the answer, in the middle.
    :param answers: which statuses came.
    """

    rate: float
    cpu: float
    middle: float
    answers: str


@dataclass(frozen=True, slots=True)
class Conduct:
    """What else was seen.

    :param doubled: asset events of a delivery that is sent twice.
    :param forged: the answer to one whose proof is wrong, or missing.
    :param events: asset events of that one.
    """

    doubled: int
    forged: int
    events: int


def measured(size: Size = Size()) -> Subject:
    """Measure both on a server of their own, on PostgreSQL; no scheduler runs."""
    with (
        postgres_and_folder() as (postgres, folder),
        Sandbox(token=TOKEN) as sandbox,
        server(folder / "airflow", sandbox, postgres) as cluster,
    ):
        return compared(cluster, size)


@contextmanager
def server(folder: Path, sandbox: Sandbox, database: Path | Postgres | MariaDB) -> Iterator[Cluster]:
    """An Airflow with receiver whose DAGs are parsed, and of which one API server runs."""
    with servers(folder, sandbox, database) as cluster:
        sandbox.put_webhooks([webhook("loadKey", events=[EVENT], url=cluster.address + PATH)])
        cluster.start("api-server")
        cluster.wait_until_up()
        yield cluster


def servers(folder: Path, sandbox: Sandbox, database: Path | Postgres | MariaDB) -> Cluster:
    """An Airflow with receiver whose DAGs are parsed; none of its parts runs yet."""
    cluster = Cluster(folder, sandbox, database, dags=DAGS)
    cluster.environment |= {
        "AIRFLOW__PARTNERO__RECEIVER_ENABLED": "True",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO",
        # Else Airflow makes a token for every request that has none.
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "False",
    }
    cluster.airflow("dags", "reserialize")
    return cluster


def keys(prefix: str, number: int) -> list[str]:
    """Subjects of deliveries."""
    return [f"{prefix}-{position}" for position in range(number)]


def own_requests(cluster: Cluster, addresses: list[str], prefix: str, number: int) -> list[tuple[str, bytes]]:
    """Requests to Airflow's own endpoint, with extras like those of deliveries."""
    headers = cluster.login() | {"Content-Type": "application/json"}
    bodies = [json.dumps(_event(cluster, key)) for key in keys(prefix, number)]
    return [
        (address, request_bytes(address, OWN_PATH, headers, body.encode()))
        for address, body in zip(cycle(addresses), bodies, strict=False)
    ]


def receiver_requests(cluster: Cluster, addresses: list[str], prefix: str, number: int) -> list[tuple[str, bytes]]:
    """Deliveries to the receiver."""
    made = envelopes(cluster.sandbox, EVENT, keys(prefix, number))
    return [
        (address, request_bytes(address, PATH, dict(one.headers), one.body))
        for address, one in zip(cycle(addresses), made, strict=False)
    ]


def _event(cluster: Cluster, key: str) -> dict[str, object]:
    [(asset_id,)] = cluster.rows("select id from asset where uri = ?", f"partnero://partnero_default/{EVENT}")
    return {"asset_id": asset_id, "extra": {"data": {"key": key}}}


def compared(cluster: Cluster, size: Size) -> Subject:
    """Measure both on a running server."""
    makers = {OURS: (receiver_requests, size.ours), OWN: (own_requests, size.own)}
    turns = iter(range(10**6))

    def once(name: str) -> Receiving:
        make, number = makers[name]
        work = make(cluster, [cluster.address], f"turn-{next(turns)}", number)
        before = cluster.cpu_seconds()
        taken, timings = send_all(work, size.clients)
        cpu = 1000 * (cluster.cpu_seconds() - before) / number
        answers = Counter(one.status for one in timings)
        return Receiving(number / taken, cpu, 1000 * median(one.seconds for one in timings), _words(answers))

    for make, _ in makers.values():  # warms the server up
        send_all(make(cluster, [cluster.address], "warm", 2 * size.clients), size.clients)
    speeds = in_turns({name: partial(once, name) for name in makers}, size.rounds)
    return told(size, speeds, {OURS: conduct_of_ours(cluster), OWN: conduct_of_own(cluster)})


def conduct_of_ours(cluster: Cluster) -> Conduct:
    """One delivery twice, and one with a wrong signature."""
    twice, forged = envelopes(cluster.sandbox, EVENT, ["twice-ours", "forged-ours"])
    for _ in range(2):
        requests.post(cluster.address + PATH, twice.body, headers=dict(twice.headers), timeout=HTTP_PATIENCE)
    wrong = dict(forged.headers) | {"Signature": "0" * 64}
    answer = requests.post(cluster.address + PATH, forged.body, headers=wrong, timeout=HTTP_PATIENCE)
    return Conduct(_events(cluster, "twice-ours"), answer.status_code, _events(cluster, "forged-ours"))


def conduct_of_own(cluster: Cluster) -> Conduct:
    """The same body twice, and one that nobody has proven, from somebody who has a token for the API."""
    url, login = cluster.address + OWN_PATH, cluster.login()
    for _ in range(2):
        requests.post(url, json=_event(cluster, "twice-own"), headers=login, timeout=HTTP_PATIENCE)
    answer = requests.post(url, json=_event(cluster, "forged-own"), headers=login, timeout=HTTP_PATIENCE)
    return Conduct(_events(cluster, "twice-own"), answer.status_code, _events(cluster, "forged-own"))


def _events(cluster: Cluster, key: str) -> int:
    [(number,)] = cluster.rows("select count(*) from asset_event where cast(extra as text) like ?", f'%"{key}"%')
    return int(number)


def _words(answers: Counter[int]) -> str:
    return ", ".join(f"{number:,} x {status}" for status, number in sorted(answers.items()))


def told(size: Size, speeds: dict[str, Receiving], conducts: dict[str, Conduct]) -> Subject:
    """What was measured and seen, as tables."""
    base = speeds[OURS]
    speed = tuple(
        (
            name,
            f"{one.rate:.0f}",
            f"{one.rate / base.rate:.2f}",
            f"{one.cpu:.1f} ms",
            f"{one.cpu / base.cpu:.2f}" if base.cpu else "-",
            f"{one.middle:.0f} ms",
            one.answers,
        )
        for name, one in speeds.items()
    )
    head = ("", "a second", "times ours", "CPU each", "times ours", "p50", "answers of a round")
    conduct = tuple((name, str(one.doubled), str(one.forged), str(one.events)) for name, one in conducts.items())
    return Subject(
        "Receiving deliveries",
        "One API server on PostgreSQL, without a scheduler. The receiver proves each delivery, keeps it in its "
        "ledger and "
        f"makes an asset event; Airflow's own endpoint makes an asset event. {size.clients} clients send at "
        f"once. Partnero "
        "cannot log in to Airflow, so something of yours must stand before Airflow's own endpoint, and prove "
        "deliveries.",
        (
            ("", Table(head, speed)),
            (
                "One delivery sent twice, and a forged one: to the receiver with a wrong signature, to Airflow's own "
                "endpoint by somebody who has a token for its API.",
                Table(("", "events of the doubled", "answer to the forged", "events of the forged"), conduct),
            ),
        ),
        "Airflow's own endpoint needs no plugin, takes events of any system, and answers with the event's id.",
        (
            Finding(
                "receive deliveries: a second, CPU each",
                {
                    "ours": f"{base.rate:.0f}, {base.cpu:.1f} ms",
                    "airflow": f"{speeds[OWN].rate:.0f}, {speeds[OWN].cpu:.1f} ms",
                },
            ),
            Finding(
                "a delivery that comes twice, a forged one: events",
                {
                    "ours": f"{conducts[OURS].doubled}, {conducts[OURS].events}",
                    "airflow": f"{conducts[OWN].doubled}, {conducts[OWN].events}",
                },
            ),
        ),
    )
