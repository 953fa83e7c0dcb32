"""The probe operator: sends what Partnero would send, and names the hop where it ends."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow_provider_partnero.airflow_compat import AirflowFailException, conf
from airflow_provider_partnero.api.arguments import checked_url
from airflow_provider_partnero.api.clock import Clock
from airflow_provider_partnero.api.errors import PartneroError
from airflow_provider_partnero.api.quoting import short_repr
from airflow_provider_partnero.operators.arguments import OptionalArgument, as_optional_text, check_early
from airflow_provider_partnero.operators.base import PartneroOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_partnero.api import Webhook
    from airflow_provider_partnero.operators.hops import WayLimits
    from airflow_provider_partnero.webhooks.probe import Hop

_SECTION = "partnero"
_MOST_DAYS = 365
_MOST_BODY_KB = 10_240


class ProbeFailedError(PartneroError):
    """A delivery does not arrive, for a reason that may pass; the message names the hop."""


class PartneroProbeReceiverOperator(PartneroOperator):
    """Send what Partnero would send to this Airflow's receiver, and name the hop where the way ends.

    It finds the receiver's webhook at Partnero, signs with its secret, and goes the way of a delivery: name,
    connection, certificate, proxy, signature, size, tables. The receiver proves the probe and records nothing; it
    starts no DAG.

    Returns ``{"url", "ok", "hops": [{"hop", "ok", "seconds", "problem", "remedy"}], "warnings",
    "certificate_expires_at"}``. If a hop is broken, the task fails, and the same is in the XCom ``probe``: at once, or
    with Airflow's retries if it may pass (no connection, a time-out, 429, 5xx). The way takes two minutes at most.

    :param base_url: URL at which Partnero reaches the API server, as in ``PartneroRegisterReceiverOperator``. None:
        that of the webhook; if there are several, ``[partnero] receiver_base_url`` says which. Templated.
    :param warn_days: warn of a certificate that expires within as many days, from 0 to 365. Templated.
    :param partnero_conn_id: connection of type ``partnero``; also the last part of the receiver's URL. Templated.
    """

    template_fields: Sequence[str] = ("base_url", "warn_days", "partnero_conn_id")
    # A test sets its own:
    now: Callable[[], datetime] = staticmethod(lambda: datetime.now(UTC))
    clock = Clock()
    limits: WayLimits | None = None

    def __init__(self, *, base_url: str | None = None, warn_days: int | str = 14, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        check_early(warn_days, _as_days, argument="warn_days")
        self.base_url = base_url
        self._given_base_url = OptionalArgument.of("base_url", base_url, _as_base_url)
        self.warn_days = warn_days

    def act(self, context: Context) -> dict[str, Any]:
        """Choose the webhook, probe, and fail if a hop is broken."""
        from airflow_provider_partnero.operators.hops import Way, WayLimits
        from airflow_provider_partnero.operators.journey import Journey
        from airflow_provider_partnero.webhooks.probe import Hop
        from airflow_provider_partnero.webhooks.probe_targets import probe_target

        base_url = self._given_base_url.value(self.base_url)
        warn_days = _as_days(self.warn_days, argument="warn_days")
        max_body = _max_body()
        configured = as_optional_text(conf.get(_SECTION, "receiver_base_url", fallback=""))
        started = self.clock.now()
        target = probe_target(self.hook.iter_webhooks(consistent=True), self.partnero_conn_id, base_url, configured)
        if isinstance(target, Hop):
            return self._told({"url": None, "ok": False, "hops": [target.to_dict()], "warnings": []}, target, context)
        destination = target.destination
        way = Way.to(destination.url, destination.host or "", self.limits or WayLimits(), self.clock)
        found = Hop("webhook", seconds=self.clock.now() - started)
        journey = Journey(way, [found], target.warnings())
        now = self.now()
        journey.go(target.webhooks, self._secret_of, max_body, now)
        journey.warn_of_expiry(now, warn_days)
        return self._told(journey.to_dict(destination.shown), journey.hops[-1], context)

    def _secret_of(self, webhook: Webhook) -> str | None:
        return webhook.signature or self.hook.get_webhook(webhook.key).signature

    def _told(self, result: dict[str, Any], last: Hop, context: Context) -> dict[str, Any]:
        for warning in result["warnings"]:
            self.log.warning("%s", warning)
        delivery = f"A delivery to {result['url']}" if result["url"] else "A delivery"
        if not last.problem:
            self.log.info("%s arrives: %s", delivery, ", ".join(hop["hop"] for hop in result["hops"]))
            return result
        context["ti"].xcom_push(key="probe", value=result)
        words = f"{delivery} ends at the hop {last.name!r}: {last.problem}. {last.remedy}"
        if last.is_passing:
            raise ProbeFailedError(words)
        raise AirflowFailException(words)


def _as_base_url(value: object, *, argument: str) -> str:
    url = checked_url(value, argument=argument)
    if {"@", "?", "#"} & set(url):
        from airflow_provider_partnero.api.redaction import redact_url

        raise ValueError(f"{argument}={short_repr(redact_url(url))}: must be a URL without user, '?' and '#'")
    return url


def _as_days(value: object, *, argument: str) -> int:
    text = str(value).strip()
    if isinstance(value, bool) or not (text.isascii() and text.isdecimal() and int(text[:9]) <= _MOST_DAYS):
        raise ValueError(f"{argument}={short_repr(value)}: must be a whole number of days from 0 to {_MOST_DAYS}")
    return int(text)


def _max_body() -> int:
    """Bytes that the receiver takes, as it is configured here."""
    text = conf.get(_SECTION, "max_body_kb", fallback="256").strip()
    if not (text.isascii() and text.isdecimal() and 1 <= int(text[:9]) <= _MOST_BODY_KB):
        raise ValueError(f"[{_SECTION}] max_body_kb = {short_repr(text)}: must be from 1 to {_MOST_BODY_KB:,}")
    return int(text) * 1024
