"""The sums on paper: what the target needs of each resource, where the bound is, and what to change there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

from airflow_provider_partnero.ledger.entries import KEPT_FOR
from airflow_provider_partnero.plugin.page.live_programmes import _MOST_PROGRAMMES
from airflow_provider_partnero.plugin.receiver.recording.batch_queue import LIMITS as BATCH
from airflow_provider_partnero.plugin.receiver.recording.writer import DeliveryWriter
from airflow_provider_partnero.plugin.receiver.signers.registry import CONNECTIONS, WEBHOOKS
from airflow_provider_partnero.triggers.lanes import _QUICK_POLLS, _SLOW_POLLS

from .partnero import PAGE
from .target import AIRFLOW, COSTS, AirflowDefaults, Target, UnitCosts

MOST_IDS = 2**31 - 1  # of asset_event.id, an INTEGER in Airflow
LONGEST_VARIABLE = 128 * 1024  # bytes of one environment variable, in Linux
CONNECTION_NAME = 14  # characters, with the comma
CONNECTION_READERS = 4  # threads of a receiver that read connections
DAY = 86_400


@dataclass(frozen=True, slots=True)
class Estimate:
    """One resource.

    :param formula: with the names of options and constants.
    :param needed: at the target.
    :param bound: what there is.
    :param holds: whether the target stays within it.
    :param change: what to change when it is reached.
    """

    resource: str
    formula: str
    needed: str
    bound: str
    holds: bool
    change: str

    def cells(self) -> tuple[str, ...]:
        """As a row of the page's table."""
        return self.resource, self.formula, self.needed, self.bound, "yes" if self.holds else "**no**", self.change


def triggerers(target: Target, airflow: AirflowDefaults = AIRFLOW) -> int:
    """How many are needed for the sensors."""
    return ceil(target.sensors / airflow.capacity)


def pairs(target: Target) -> float:
    """What is polled in an interval: (triggerer, programme) with a sensor, as Airflow deals sensors out."""
    number = triggerers(target)
    nowhere: float = (1 - 1 / number) ** (target.sensors / target.programmes)
    return target.programmes * number * (1 - nowhere)


def requests_a_minute(target: Target) -> float:
    """At Partnero, for polls; each page of a list is one."""
    return pairs(target) * ceil(target.webhooks / PAGE) * 60 / target.poke_interval


def deliveries_a_second(costs: UnitCosts, subjects: int) -> float:
    """That receivers record, however many they are, when each batch is full.

    :param subjects: connections and events in a batch.
    """
    return BATCH.most_in_batch / costs.turn.turn(BATCH.most_in_batch, subjects)


def rows(target: Target) -> float:
    """Of the ledger, once the first are deleted."""
    return target.deliveries_an_hour * 24 * KEPT_FOR.days


def estimates(target: Target, costs: UnitCosts = COSTS) -> Iterator[Estimate]:
    """All resources."""
    yield from _waiting(target, costs)
    yield from _receiving(target, costs)
    yield from _keeping(target, costs)
    yield from _auditing(target, costs)


def _waiting(target: Target, costs: UnitCosts) -> Iterator[Estimate]:
    number, polled = triggerers(target), pairs(target)
    polls = polled / number / target.poke_interval
    threads = polls * (target.latency + costs.request)
    most = min(_QUICK_POLLS / (target.latency + costs.request), 1 / costs.request)
    yield Estimate(
        "triggerers",
        "sensors / `[triggerer] capacity`",
        f"{number:,}",
        f"{AIRFLOW.capacity:,} sensors each",
        True,
        "more triggerers; a larger `capacity` where each has processor and memory left",
    )
    yield Estimate(
        "requests at Partnero",
        "pairs of triggerer and programme x pages / `poke_interval`",
        f"{requests_a_minute(target):,.0f} a minute; {target.programmes * 60 / target.poke_interval:,.0f} if each "
        "programme's sensors wait in one triggerer",
        "Partnero publishes none",
        True,
        "a longer `poke_interval`; from Airflow 3.2, a `queue` for each group of programmes, as below",
    )
    yield Estimate(
        "requests with one token",
        "triggerers with a sensor of the programme x pages / `poke_interval`",
        f"{polled / target.programmes * 60 / target.poke_interval:.1f} a minute",
        "Partnero publishes none",
        True,
        "the same",
    )
    yield Estimate(
        "poll threads",
        "polls a second x (latency + processor)",
        f"{threads:.1f} of one triggerer",
        f"{_QUICK_POLLS} quick ones, so {most:.0f} polls a second; {_SLOW_POLLS} slow ones beside them",
        threads < _QUICK_POLLS,
        f"more triggerers, or a `poke_interval` above {polled / number / most:.0f} s",
    )
    yield Estimate(
        "processor of a triggerer",
        f"polls a second x {1000 * costs.request:.1f} ms",
        f"{polls * costs.request:.0%}",
        "one core",
        polls * costs.request < 1,
        "more triggerers",
    )
    yield Estimate(
        "memory of a triggerer",
        f"sensors x {costs.trigger_bytes / 1000:.0f} kB, beside the process itself",
        f"{AIRFLOW.capacity * costs.trigger_bytes / 1e6:.0f} MB",
        "the machine",
        True,
        "a smaller `capacity`",
    )
    yield Estimate(
        "connections read",
        "one for each poll, since a token may change",
        f"{polled / target.poke_interval:,.0f} a second",
        "Airflow's database or the secrets backend",
        False,
        "a longer `poke_interval`; queues, as above",
    )
    yield Estimate(
        "processor of Airflow for sensors",
        f"sensors x {1000 * costs.sensor:.0f} ms, to start, defer, fire and end",
        f"{target.sensors * costs.sensor / 3600:.0f} hours of a core for all of them once",
        "workers and schedulers",
        True,
        "more of both; a sensor that waits costs them nothing",
    )


def _receiving(target: Target, costs: UnitCosts) -> Iterator[Estimate]:
    many, one = deliveries_a_second(costs, BATCH.most_in_batch), deliveries_a_second(costs, 1)
    needed = target.deliveries_a_second
    yield Estimate(
        "the receivers' turn",
        f"{BATCH.most_in_batch} / seconds of a transaction of {BATCH.most_in_batch}, one at a time in a database",
        f"{needed:.0f} deliveries a second",
        f"{many:.0f} if each is of another programme, {one:,.0f} if all are of one",
        many > needed,
        "a faster database; several Airflows, each with its programmes; a drain, which levels bursts out",
    )
    asked = target.receivers * target.programmes * ceil(target.webhooks / PAGE) / WEBHOOKS.known_for * 60
    yield Estimate(
        "requests for secrets",
        f"receivers x programmes x pages / {WEBHOOKS.known_for:.0f} s",
        f"{asked:,.0f} a minute",
        "Partnero publishes none",
        True,
        "`signing_secrets` in the connections: Partnero is asked for none",
    )
    read = target.programmes / CONNECTIONS.known_for
    yield Estimate(
        "connections read by a receiver",
        f"programmes / {CONNECTIONS.known_for:.0f} s, in {CONNECTION_READERS} threads",
        f"{read:.0f} a second",
        f"{1000 * CONNECTION_READERS / read:.0f} ms for each",
        True,
        "receivers that are each given some of the programmes by nginx",
    )
    length = target.programmes * CONNECTION_NAME
    yield Estimate(
        "`receiver_connections`",
        f"programmes x {CONNECTION_NAME} characters",
        f"{length / 1000:.0f} kB",
        f"{LONGEST_VARIABLE / 1000:.0f} kB in an environment variable, none in `airflow.cfg`",
        length < LONGEST_VARIABLE,
        "write it into `airflow.cfg`",
    )
    yield Estimate(
        "runs",
        "one for each DAG and loop of a scheduler, with all that has come since",
        f"up to {min(needed, target.programmes):.0f} a second with a DAG for each programme",
        f"{AIRFLOW.runs_a_loop} in a loop of each scheduler (`max_dagruns_to_create_per_loop`)",
        False,
        "one DAG on the assets of many programmes, with `|` between them: one run takes hundreds of events",
    )


def _keeping(target: Target, costs: UnitCosts) -> Iterator[Estimate]:
    day = target.deliveries_an_hour * 24
    yield Estimate(
        "rows of the ledger",
        f"deliveries a day x {KEPT_FOR.days} days",
        f"{rows(target) / 1e9:.1f} thousand million, {rows(target) * costs.entry_bytes / 1e12:.1f} TB",
        "the database's disk",
        True,
        "`store = ids` and a shorter `keep_days` make rows small; the rows stay, for a delivery may be sent again",
    )
    at_once = DeliveryWriter()._forgotten_at_once
    yield Estimate(
        "deletion of old rows",
        f"{at_once:,} a second for each receiver (`upkeep_every` = {BATCH.upkeep_every:g} s)",
        f"{target.deliveries_a_second:.0f} a second",
        f"{at_once * target.receivers / BATCH.upkeep_every:,.0f} a second, within the turn",
        at_once * target.receivers > target.deliveries_a_second,
        "more receivers",
    )
    yield Estimate(
        "ids of asset events",
        "2^31 / deliveries a day: Airflow's column is a 32 bit integer",
        f"{day / 1e6:.0f} million a day",
        f"used up after {MOST_IDS / day:.0f} days",
        False,
        "several Airflows. Deleting old events gives no ids back. Deliveries that no DAG listens to take none",
    )
    yield Estimate(
        "rows of asset events",
        "deliveries, until `airflow db clean`",
        f"{day * costs.event_bytes / 1e9:.0f} GB a day",
        "the database's disk",
        True,
        "`airflow db clean` every night",
    )


def _auditing(target: Target, costs: UnitCosts) -> Iterator[Estimate]:
    yield Estimate(
        "tasks of a fleet's audit",
        "programmes",
        f"{target.programmes:,}",
        f"{AIRFLOW.map_length:,} (`[core] max_map_length`)",
        target.programmes <= AIRFLOW.map_length,
        "a DAG for each thousand programmes, or a larger `max_map_length`",
    )
    small = costs.audit_bytes * target.webhooks / 500
    yield Estimate(
        "XComs of a fleet's audit",
        f"programmes x webhooks x {costs.audit_bytes / 500:.0f} bytes",
        f"{target.programmes * small / 1e6:.0f} MB a run",
        "the database's disk",
        True,
        "`airflow db clean`",
    )
    yield Estimate(
        "memory of the page",
        f"{_MOST_PROGRAMMES} programmes x webhooks x {costs.page_bytes / 10_000:.0f} bytes, in each API server",
        f"{_MOST_PROGRAMMES * target.webhooks * costs.page_bytes / 1e10:.1f} MB; "
        f"{_MOST_PROGRAMMES * costs.page_bytes / 1e6:.0f} MB if each has 10,000 webhooks",
        "the machine",
        True,
        "nothing",
    )
