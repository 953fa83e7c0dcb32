"""Waiting for a webhook to become active."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from airflow.sdk import BaseSensorOperator, PokeReturnValue

from airflow_provider_partnero.airflow_compat import (
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
    AirflowTaskTimeout,
    conf,
)
from airflow_provider_partnero.api.arguments import CALL_SECONDS, checked_key
from airflow_provider_partnero.api.errors import PartneroError, PartneroNotFoundError, is_passing
from airflow_provider_partnero.api.quoting import short_repr
from airflow_provider_partnero.hooks.advice import advice_on
from airflow_provider_partnero.operators.arguments import check_early
from airflow_provider_partnero.operators.base import IntroducedTasks, introduction
from airflow_provider_partnero.operators.links import PartneroWebhookLink

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_partnero.api import Webhook
    from airflow_provider_partnero.hooks.partnero import PartneroHook


_LEAST_POKE = 1.0  # seconds; Airflow pokes once more when the time is just up


class PartneroWebhookActiveSensor(IntroducedTasks, BaseSensorOperator):
    """Wait until a webhook is active, in poke, reschedule or deferrable mode.

    Goes on waiting during an outage (no answer, 5xx, 429); fails at once if the token is refused. Succeeds with the
    webhook in XCom: ``{"key", "name", "url", "is_active", "events"}``. On Airflow 3.3 and later, all deferred sensors
    with the same connection and ``poke_interval`` share one poll in each triggerer. Source: the specification, "Fetch a
    webhook".

    :param webhook_key: the webhook's key. Templated.
    :param if_missing: if no webhook has the key, ``"fail"`` at once, or ``"wait"`` until one is created.
    :param deferrable: wait in the triggerer, without a worker slot; default: ``[operators] default_deferrable``.
    :param partnero_conn_id: connection of type ``partnero``. Templated.
    :param poke_interval: seconds between two pokes. ``timeout``, ``mode``, ``soft_fail`` and the other arguments work
        as in every sensor, with two exceptions. ``exponential_backoff`` has no effect in the triggerer.
        ``execution_timeout`` includes the time there. No poke outlasts ``timeout``, whatever the server does.
    """

    template_fields: Sequence[str] = ("webhook_key", "partnero_conn_id")
    operator_extra_links = (PartneroWebhookLink(),)
    ui_color: str = "#e8e4fb"
    ui_fgcolor: str = "#2b1e66"

    def __init__(
        self,
        *,
        webhook_key: str,
        if_missing: Literal["fail", "wait"] = "fail",
        deferrable: bool | None = None,
        partnero_conn_id: str = "partnero_default",
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("doc_md", introduction(type(self)))
        super().__init__(**kwargs)
        if if_missing not in {"fail", "wait"}:
            raise ValueError(f"if_missing={short_repr(if_missing)}: must be 'fail' or 'wait'")
        check_early(webhook_key, checked_key, argument="webhook_key")
        self.webhook_key = webhook_key
        self.if_missing = if_missing
        self.deferrable = (
            conf.getboolean("operators", "default_deferrable", fallback=False) if deferrable is None else deferrable
        )
        self.partnero_conn_id = partnero_conn_id
        self._ends: float | None = None  # when ``timeout`` has passed, by time.monotonic

    @property
    def linked_key(self) -> str:
        """The key of the webhook that the task's link leads to."""
        return self.webhook_key

    @cached_property
    def hook(self) -> PartneroHook:
        """The hook of this task's connection."""
        from airflow_provider_partnero.hooks.partnero import PartneroHook

        return PartneroHook(self.partnero_conn_id)

    def execute(self, context: Context) -> Any:
        """Poke once, then wait in the worker or in the triggerer."""
        self._ends = time.monotonic() + self.timeout - self._waited_before(context)
        if not self.deferrable:
            return super().execute(context)
        started = time.monotonic()
        first = self._first_poke(context)
        if not first:
            self._wait_in_triggerer(time.monotonic() - started)
        return first.xcom_value

    def _waited_before(self, context: Context) -> float:
        """Seconds since the first of the processes that have poked for this try, in reschedule mode."""
        if self.deferrable or not self.reschedule:
            return 0.0
        first = context["ti"].get_first_reschedule_date(context)
        return (datetime.now(UTC) - first).total_seconds() if first else 0.0

    def _hook_until_timeout(self) -> PartneroHook:
        """A hook whose calls end when ``timeout`` does, or before."""
        from airflow_provider_partnero.hooks.partnero import PartneroHook

        if self._ends is None or (left := self._ends - time.monotonic()) >= CALL_SECONDS:
            return self.hook
        return PartneroHook(self.partnero_conn_id, deadline=max(left, _LEAST_POKE))

    def _first_poke(self, context: Context) -> PokeReturnValue:
        """Poke; unexpected errors, such as a missing connection, follow the same options as in the other modes."""
        try:
            return self.poke(context)
        except (AirflowFailException, AirflowSkipException):
            raise
        except Exception as error:
            if self.silent_fail:
                self.log.exception("The first poke failed; waiting goes on because of silent_fail")
                return PokeReturnValue(is_done=False)
            if self.never_fail:
                raise AirflowSkipException(f"Skipped because of never_fail: {error}") from error
            raise

    def poke(self, context: Context) -> PokeReturnValue:  # noqa: ARG002
        """Ask for the webhook once."""
        try:
            key = checked_key(self.webhook_key, argument="webhook_key")
            webhook = self._hook_until_timeout().get_webhook(key)
        except PartneroNotFoundError as error:
            if self.if_missing == "fail":
                self._fail(str(error), error)
            self.log.info("No webhook %r yet", self.webhook_key)
            return PokeReturnValue(is_done=False)
        except (PartneroError, ValueError) as error:
            if not is_passing(error):
                self._fail(advice_on(error, self.partnero_conn_id), error)
            self.log.warning(
                "No answer about webhook %r, waiting goes on: %s",
                self.webhook_key,
                advice_on(error, self.partnero_conn_id),
            )
            return PokeReturnValue(is_done=False)
        self.log.info("Webhook %r is %s", webhook.key, _state(webhook))
        return PokeReturnValue(is_done=webhook.is_active, xcom_value=webhook.to_dict() if webhook.is_active else None)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG002
        """Finish with the event of the triggerer (see :class:`PartneroWebhookActiveTrigger`)."""
        if "webhook" not in event:
            self._fail(event["failure"])
        webhook: dict[str, Any] = event["webhook"]
        self.log.info("Webhook %r is active", webhook["key"])
        return webhook

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """Let a time-out in the triggerer end as in the worker: skipped, failed, or to be retried."""
        try:
            return super().resume_execution(next_method, next_kwargs, context)
        except AirflowSensorTimeout as error:
            if self.soft_fail or self.never_fail:  # Airflow itself does this from 3.1 on
                raise AirflowSkipException(f"Skipped because of soft_fail or never_fail: {error}") from error
            if self._longest_wait() < self.timeout:
                raise AirflowTaskTimeout(f"execution_timeout={self.execution_timeout} has passed") from error
            raise

    def _longest_wait(self) -> float:
        """Seconds that both time-outs allow. While a task is deferred, Airflow 3 itself minds ``timeout`` only."""
        return min(self.timeout, self.execution_timeout.total_seconds() if self.execution_timeout else self.timeout)

    def _fail(self, message: str, cause: BaseException | None = None) -> NoReturn:
        if self.soft_fail or self.never_fail:
            raise AirflowSkipException(f"Skipped because of soft_fail or never_fail: {message}") from cause
        raise AirflowFailException(message) from cause

    def _wait_in_triggerer(self, waited: float) -> NoReturn:
        from airflow_provider_partnero.triggers.partnero import PartneroWebhookActiveTrigger

        self.defer(
            trigger=PartneroWebhookActiveTrigger(
                webhook_key=self.webhook_key,
                partnero_conn_id=self.partnero_conn_id,
                poke_interval=self.poke_interval,
                if_missing=self.if_missing,
            ),
            timeout=timedelta(seconds=max(_LEAST_POKE, self._longest_wait() - waited)),
            method_name="execute_complete",
        )


def _state(webhook: Webhook) -> str:
    oddities = f" ({', '.join(webhook.oddities)})" if webhook.oddities else ""
    return f"{'active' if webhook.is_active else 'not active yet'}{oddities}"
