"""The week before the demo: how the programme got worse and better, and an audit of each day.

``webhooks_of_the_week`` is what was live then. The audits are real runs of the example DAG, made now with the clock of
that day; :mod:`.backdating` is what they need within Airflow's process.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_partnero.demo.airflow import AirflowProcess
from airflow_provider_partnero.demo.programme import BROKEN_PROGRAMME

if TYPE_CHECKING:
    from airflow_provider_partnero.sandbox import Sandbox

_Changes = dict[str, dict[str, Any]]

AUDIT = "partnero_webhook_audit"
_LATER_TASKS = "^(has_findings|alert)$"  # not run: nobody wants to be alerted today to what was wrong then
_BY_KEY = {webhook["key"]: webhook for webhook in BROKEN_PROGRAMME}
_SOUND = ("crmNewPartnr", "crmCustomers", "finCommissns", "datWarehouse")
_FINANCE_ON: _Changes = {"finCommissns": {"is_active": True}}
_IN_CLEAR: _Changes = {"crmCustomers": {"url": "http://crm.acme.example/partnero/customers"}}


def webhooks_of_the_week() -> Iterator[tuple[dict[str, Any], ...]]:
    """The webhooks of each of the seven days before today, the oldest first."""
    yield _day(_SOUND, _FINANCE_ON)
    yield _day([*_SOUND, "debugTuesday"], _FINANCE_ON)
    yield _day([*_SOUND, "debugTuesday", "datWarehous2", "oldBlogHook1"], _FINANCE_ON)
    yield _day([*_SOUND, "debugTuesday", "datWarehous2", "oldBlogHook1", "slackAlerts1"], _FINANCE_ON | _IN_CLEAR)
    yield _day([*_SOUND, "slackAlerts1"], _FINANCE_ON)
    yield _day([*_SOUND, "slackAlerts1"])
    yield _day([*_SOUND, "slackAlerts1"], _IN_CLEAR)


def live_through_the_week(airflow: AirflowProcess, sandbox: Sandbox, now: datetime, reports: Path) -> bool:
    """Audit the programme of each of the last seven days, and leave it as it is today; whether all audits succeeded.

    :param now: the moment to count back from; with a time zone.
    :param reports: folder for a report of each audit.
    """
    print("The week before, with an audit of each day ", end="", flush=True)
    start, good = time.monotonic(), True
    days = list(webhooks_of_the_week())
    for number, webhooks in enumerate(days):
        become(sandbox, webhooks)
        day = now - timedelta(days=len(days) - number)
        report = {"AIRFLOW_VAR_PARTNERO_REPORT_PATH": str(reports / f"{day:%Y-%m-%d}.html")}
        done = airflow.at(day, report, AUDIT, "--mark-success-pattern", _LATER_TASKS)
        good &= not done["failure"]
        print("." if not done["failure"] else "!", end="", flush=True)
    become(sandbox, BROKEN_PROGRAMME)
    print(f" {time.monotonic() - start:.0f} s", flush=True)
    return good


def become(sandbox: Sandbox, webhooks: Iterable[Mapping[str, Any]]) -> None:
    """Let the programme have these webhooks and no others."""
    wanted = {webhook["key"]: webhook for webhook in webhooks}
    for live in sandbox.webhooks():
        if live["key"] not in wanted:
            sandbox.delete_webhook(live["key"])
    sandbox.put_webhooks(wanted.values())


def _day(keys: Iterable[str], changes: _Changes | None = None) -> tuple[dict[str, Any], ...]:
    return tuple({**_BY_KEY[key], **(changes or {}).get(key, {})} for key in keys)
