"""``partnero-receiver drain``: one drain, with the receiver in this process."""

from __future__ import annotations

import os
import sys

from airflow_provider_partnero.airflow_compat import read_as_server
from airflow_provider_partnero.drain.loop import Drain, DrainResult
from airflow_provider_partnero.drain.storage import DeliveryStorage
from airflow_provider_partnero.plugin.receiver.settings import receiver_settings
from airflow_provider_partnero.standalone.in_process import InProcessReceiver
from airflow_provider_partnero.standalone.readiness import check_database, warm_up


def drain_once(source: str) -> DrainResult:
    """Drain what waits now; the progress goes to stderr.

    :param source: URL of the folder.
    :raises ValueError: the configuration is wrong, the database does not answer, or there is no such folder; nothing
        was done.
    """
    os.environ["AIRFLOW__PARTNERO__RECEIVER_ENABLED"] = "True"
    read_as_server()
    settings = receiver_settings()
    check_database()
    from airflow_provider_partnero.plugin.app import new_app

    receiver_app = new_app()
    warm_up()
    with InProcessReceiver(receiver_app) as receiver:
        try:
            return Drain(DeliveryStorage(source), receiver.hand_over, _say, settings.max_body).run()
        except FileNotFoundError as error:
            raise ValueError(str(error)) from None


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
