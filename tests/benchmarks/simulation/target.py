"""The size that is asked about, and what a unit of it costs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Target:
    """How much there is of everything.

    :param webhooks: of one programme.
    :param poke_interval: seconds between two polls.
    :param receivers: processes that receive deliveries.
    :param latency: seconds that Partnero takes for an answer, in the middle.
    """

    programmes: int = 10_000
    sensors: int = 100_000
    deliveries_an_hour: int = 1_000_000
    webhooks: int = 10
    poke_interval: float = 60.0
    receivers: int = 8
    latency: float = 0.1

    @property
    def deliveries_a_second(self) -> float:
        """On average."""
        return self.deliveries_an_hour / 3600


@dataclass(frozen=True, slots=True)
class AirflowDefaults:
    """Options of Airflow 3.3 that bound something here.

    :param capacity: ``[triggerer] capacity``.
    :param takes_at_once: ``[triggerer] max_trigger_to_select_per_loop``.
    :param dead_after: seconds, ``[triggerer] triggerer_health_check_threshold``.
    :param map_length: ``[core] max_map_length``.
    :param runs_a_loop: ``[scheduler] max_dagruns_to_create_per_loop``.
    """

    capacity: int = 1_000
    takes_at_once: int = 50
    dead_after: float = 30.0
    map_length: int = 1_024
    runs_a_loop: int = 10


@dataclass(frozen=True, slots=True)
class TurnCosts:
    """Seconds that a transaction of the receiver holds the turn.

    :param transaction: for itself.
    :param subject: for each connection and event in it.
    :param delivery: for each delivery in it.
    """

    transaction: float
    subject: float
    delivery: float

    def turn(self, deliveries: int, subjects: int) -> float:
        """Seconds of one transaction."""
        return self.transaction + subjects * self.subject + deliveries * self.delivery


@dataclass(frozen=True, slots=True)
class UnitCosts:
    """What was measured on a machine of two cores (AMD EPYC) that did nothing else.

    :param request: seconds of the processor, in the triggerer, for a request of a poll, by ``poll_costs``.
    :param trigger_bytes: of memory for a waiting trigger with a poll of its own.
    :param turn: by ``turn_costs``, on PostgreSQL with 10,000 programmes, which did not wait for its disk.
    :param prepared: seconds of the processor for a delivery before the turn, by ``turn_costs``.
    :param entry_bytes: a row of ``partnero_delivery`` with its indexes, for a body of half a kilobyte.
    :param event_bytes: a row of ``asset_event`` with its indexes, for the same.
    :param sensor: seconds of the processor, in all parts of Airflow, to start a sensor, defer, fire and end it.
    :param page_bytes: of memory for a programme of 10,000 webhooks on Partnero's page.
    :param audit_bytes: of XCom for a programme of 500 webhooks in a fleet's audit.
    """

    request: float = 0.0037
    trigger_bytes: int = 43_000
    turn: TurnCosts = TurnCosts(transaction=0.0165, subject=0.0004, delivery=0.0003)
    prepared: float = 0.0001
    entry_bytes: int = 1_075
    event_bytes: int = 744
    sensor: float = 0.108
    page_bytes: int = 5_300_000
    audit_bytes: int = 75_000


TARGET = Target()
AIRFLOW = AirflowDefaults()
COSTS = UnitCosts()
