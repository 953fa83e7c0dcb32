"""``partnero-receiver drain``: one drain, with the receiver in this process."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable

from airflow_provider_partnero.airflow_compat import read_as_server
from airflow_provider_partnero.drain.loop import Drain, DrainResult
from airflow_provider_partnero.drain.storage import DeliveryStorage
from airflow_provider_partnero.plugin.receiver.settings import receiver_settings
from airflow_provider_partnero.standalone.in_process import InProcessReceiver
from airflow_provider_partnero.standalone.readiness import check_database, warm_up

_UNTIL_RUNS_ARE_SEEN = 12.0  # seconds; a writer looks after 10 whether its events have started their runs


def drain_once(source: str, report: Callable[[DrainResult], object]) -> DrainResult:
    """Drain what waits now; the progress goes to stderr.

    A receiver that serves looks after what it has recorded as long as it runs. So this one stays some seconds longer
    when it has recorded something, and otherwise lets go what waits for a DAG.

    :param source: URL of the folder.
    :param report: is told the result before that.
    :raises ValueError: the configuration is wrong, the database does not answer, or there is no such folder; nothing
        was done.
    """
    os.environ["AIRFLOW__PARTNERO__RECEIVER_ENABLED"] = "True"
    read_as_server()
    settings = receiver_settings()
    check_database()
    from airflow_provider_partnero.plugin.app import new_app
    from airflow_provider_partnero.plugin.receiver.recording.writer import DeliveryWriter

    receiver_app = new_app()
    warm_up()
    with InProcessReceiver(receiver_app) as receiver:
        try:
            result = Drain(DeliveryStorage(source), receiver.hand_over, _say, settings.max_body).run()
        except FileNotFoundError as error:
            raise ValueError(str(error)) from None
    report(result)
    if result.taken:
        time.sleep(_UNTIL_RUNS_ARE_SEEN)
    else:
        DeliveryWriter(keep_days=settings.keep_days).do_upkeep()
    return result


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
