"""The drain of raw deliveries as a task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.sdk import BaseOperator

from airflow_provider_partnero.airflow_compat import AirflowFailException, conf
from airflow_provider_partnero.drain.storage import checked_source
from airflow_provider_partnero.operators.arguments import check_early
from airflow_provider_partnero.operators.base import IntroducedTasks, failing_at_once, introduction
from airflow_provider_partnero.operators.receiver import receiver_base_url

if TYPE_CHECKING:
    from airflow.sdk import Context

_MOST_KB = 10_240  # as the receiver's own option allows


class DeliveriesLeftError(Exception):
    """Deliveries are left in the storage, because the receiver did not take them now."""


class PartneroDrainDeliveriesOperator(IntroducedTasks, BaseOperator):
    """Hand raw deliveries, which an edge function left in an object storage, to the receiver.

    Each is posted to the receiver with its own headers and bytes. What the receiver takes is deleted; what it refuses
    is moved to the folder ``refused``, with the reason beside it. If it does not take some now, they stay where they
    are and the task fails, to be tried again. Nothing is lost or recorded twice, however often the task is killed.

    Returns ``{"taken", "set_aside", "left", "gone", "answers": {"<status>": <number>}}``.

    :param source: URL of the folder, as ``ObjectStoragePath`` takes it, such as
        ``s3://aws_default@bucket/deliveries``. Templated.
    :param receiver_base_url: URL of the receiver, without ``/partnero/webhooks/<connection id>``. None:
        ``[partnero] receiver_base_url``, else ``[api] base_url``. Templated.
    :param deferrable: if nothing is there, wait for something in the triggerer, without a worker slot; False: end.
        ``execution_timeout`` bounds the wait.
    :param poke_interval: seconds between two looks while waiting, at least 0.
    """

    template_fields: Sequence[str] = ("source", "receiver_base_url")
    ui_color: str = "#e8e4fb"
    ui_fgcolor: str = "#2b1e66"

    def __init__(
        self,
        *,
        source: str,
        receiver_base_url: str | None = None,
        deferrable: bool = False,
        poke_interval: float = 60.0,
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("doc_md", introduction(type(self)))
        super().__init__(**kwargs)
        check_early(source, checked_source, argument="source")
        self.source = source
        self.receiver_base_url = receiver_base_url
        self.deferrable = deferrable
        self.poke_interval = poke_interval

    def execute(self, context: Context) -> dict[str, Any]:  # noqa: ARG002
        """Drain what is there; if nothing is, wait for it or end."""
        from airflow_provider_partnero.drain.storage import DeliveryStorage

        with failing_at_once(""):
            source = checked_source(self.source, argument="source")
            if self.deferrable and not DeliveryStorage(source).waiting():
                self._wait(source)
            return self._drain(source)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG002
        """Drain what the triggerer has seen."""
        if "failure" in event:
            raise AirflowFailException(event["failure"])
        with failing_at_once(""):
            return self._drain(checked_source(self.source, argument="source"))

    def _wait(self, source: str) -> NoReturn:
        from airflow_provider_partnero.triggers.raw_deliveries import PartneroRawDeliveriesTrigger

        self.defer(
            trigger=PartneroRawDeliveriesTrigger(source, self.poke_interval),
            timeout=self.execution_timeout,
            method_name="execute_complete",
        )

    def _drain(self, source: str) -> dict[str, Any]:
        from airflow_provider_partnero.drain.loop import Drain
        from airflow_provider_partnero.drain.over_http import HttpReceiver
        from airflow_provider_partnero.drain.storage import DeliveryStorage

        base_url = receiver_base_url(self.receiver_base_url, argument="receiver_base_url")
        max_body = min(conf.getint("partnero", "max_body_kb", fallback=256), _MOST_KB) * 1024
        with HttpReceiver(base_url) as receiver:
            result = Drain(DeliveryStorage(source), receiver.hand_over, self.log.warning, max_body).run()
        self.log.info("%s", result)
        if result.left:
            raise DeliveriesLeftError(f"{result}: the receiver at {base_url} did not take all of them now")
        return result.as_dict()
