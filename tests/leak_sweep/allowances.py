"""Which mark may be where, and why. Whatever is not here must be nowhere."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

from . import places
from .markers import CUSTOMERS, SECRETS, Kind


@dataclass(frozen=True)
class Allowance:
    """Some kinds of marks may be in some parts of a place.

    :param where: a pattern. Each of the kinds must be found there, or the allowance is not needed.
    :param reason: who decided that, and where it says so.
    """

    place: str
    where: str
    kinds: frozenset[Kind]
    reason: str

    def covers(self, place: str, where: str, kind: Kind) -> bool:
        """Whether a mark may be there."""
        return place == self.place and kind in self.kinds and fnmatchcase(where, self.where)


_KEPT = "Airflow keeps connections, encrypted"
_EVENT = "the asset event holds what is delivered, as `store` says (personal_data.md)"
_LOGGED = "at DEBUG, Airflow itself logs asset events whole (personal_data.md)"
_BOOKED = "the example's own task prints and returns key and amount (personal_data.md)"
_REPEATED = "LocalExecutor repeats the logs of tasks"
_WORDS = "an error quotes Partnero's own words (guarantees.md)"
_NAMED = "whoever sends it has put it where a connection or a webhook is named"
_MASKED = "`airflow dags test` logs at DEBUG what it is told to mask (guarantees.md)"
_BOTH = frozenset({Kind.KEY, Kind.AMOUNT})
_ECHOED = frozenset({Kind.ECHOED})
_MISPLACED = frozenset({Kind.MISPLACED})

ALLOWANCES = (
    Allowance(places.ENCRYPTED, "connection.password", frozenset({Kind.TOKEN}), _KEPT),
    Allowance(places.ENCRYPTED, "connection.extra", frozenset({Kind.SECRET}), _KEPT),
    Allowance(places.ENCRYPTED, "variable.val", frozenset({Kind.SECRET}), "the example hands it over to a Variable"),
    Allowance(places.ENCRYPTED, "partnero_delivery.kept", CUSTOMERS, "the ledger keeps what is delivered (ledger.md)"),
    Allowance(places.AIRFLOW_TABLES, "asset_event.extra", CUSTOMERS, _EVENT),
    Allowance(places.DATABASE, "*", CUSTOMERS, _EVENT),
    Allowance(places.AIRFLOW_TABLES, "xcom.value", _BOTH, _BOOKED),
    Allowance(places.TASK_LOGS, "*task_id=book*", _BOTH, _BOOKED),
    Allowance(places.TASK_LOGS, "*dag_id=provoked*", _ECHOED, _WORDS),
    Allowance(places.PART_LOGS, "*scheduler.log", _BOTH | _ECHOED, _REPEATED),
    Allowance(places.PART_LOGS, "*.log (asset event added)", CUSTOMERS, _LOGGED),
    Allowance(places.PART_LOGS, "*.log (on_asset_event_emitted)", CUSTOMERS, _LOGGED),
    Allowance(places.PART_LOGS, "*scheduler.log (supervisor)", CUSTOMERS, _LOGGED),
    Allowance(places.PART_LOGS, "*api-server.log", _MISPLACED, _NAMED),
    Allowance(places.PART_LOGS, "receiver.log", _MISPLACED, _NAMED),
    Allowance(places.OUTPUT, "*.err (asset event added)", CUSTOMERS, _LOGGED),
    Allowance(places.OUTPUT, "*.err (on_asset_event_emitted)", CUSTOMERS, _LOGGED),
    Allowance(places.OUTPUT, "*dags-test.out (MaskSecret)", SECRETS, _MASKED),
    Allowance(places.OUTPUT, "*deliveries-show*.out", CUSTOMERS, "`--data` asks for it (commands.md)"),
    Allowance(places.OUTPUT, "*.out", _ECHOED, _WORDS),
    Allowance(places.OUTPUT, "*.err", _ECHOED, _WORDS),
    Allowance(places.PAGES, "*hostile_*", _ECHOED, _WORDS),
    Allowance(places.PAGES, "*/payload", CUSTOMERS, "who may read assets may read payloads (personal_data.md)"),
    Allowance(places.AIRFLOW_PAGES, "*ssetEvents", CUSTOMERS, _EVENT),
    Allowance(places.AIRFLOW_PAGES, "*assets/events", CUSTOMERS, _EVENT),
    Allowance(places.AIRFLOW_PAGES, "*book*", _BOTH, _BOOKED),
    Allowance(places.AIRFLOW_PAGES, "*provoked*logs*", _ECHOED, _WORDS),
    Allowance(places.ERRORS, "*", _ECHOED, _WORDS),
    Allowance(places.OBJECTS, "*", _ECHOED, _WORDS),
    Allowance(places.ENVIRONMENTS, "python -m airflow_provider_partnero*", frozenset({Kind.TOKEN}), "PARTNERO_TOKEN"),
)
