"""What ``doctor`` looks at where there is Airflow: its version, and the receiver of Partnero's deliveries."""

from __future__ import annotations

import json
import platform
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_partnero import __version__
from airflow_provider_partnero.airflow_compat import (
    airflow_version,
    conf,
    read_as_server,
)
from airflow_provider_partnero.api.arguments import checked_base_url
from airflow_provider_partnero.commands.diagnosis import Diagnosis, within
from airflow_provider_partnero.commands.ledger_checks import diagnose_ledger
from airflow_provider_partnero.plugin.receiver.fresh import GoneError
from airflow_provider_partnero.plugin.receiver.settings import ReceiverSettings, receiver_settings
from airflow_provider_partnero.plugin.receiver.signers.connection import SigningConnection, read_connection
from airflow_provider_partnero.webhooks.protection import is_receiver, receiver_url
from airflow_provider_partnero.webhooks.texts import counted, listed, quoted

if TYPE_CHECKING:
    from airflow_provider_partnero.api import Webhook

_SECTION = "partnero"
_SWITCH = "AIRFLOW__PARTNERO__RECEIVER_ENABLED"
_SECONDS = 20.0  # that the database, or the receiver, may take
_TIMEOUT = (3.0, 5.0)  # to connect to the receiver, and of its silence
_REFUSALS = {(400, "malformed"), (401, "unauthorized")}  # of what is no delivery, by a receiver that is on
_UNKNOWN = (404, "unknown")
_UNAVAILABLE = (503, "unavailable")
_NOVELTIES = (
    ((3, 1), "approvals in its UI and Partnero's page in its navigation"),
    ((3, 2), "'airflow partnero', the fields of the connection's form and alarms for events that stay away (PW016)"),
    ((3, 3), "polls that sensors share, PartneroRetryPolicy and triggers that remember across restarts"),
)


def diagnose_version() -> Diagnosis:
    """Airflow's version, and what it lacks."""
    version = airflow_version()
    where = f"{version} on Python {platform.python_version()}, airflow-provider-partnero {__version__}"
    if lacks := lacking(version):
        return Diagnosis("warn", "airflow", f"{where}; lacks {listed(lacks)}", "do without, or upgrade Airflow to 3.3")
    return Diagnosis("ok", "airflow", where)


def lacking(version: str) -> list[str]:
    """What of this provider a version of Airflow is too old for, with the version that has it."""
    numbers = tuple(map(int, re.findall(r"\d+", version)[:2]))
    return [f"{what} (from {'.'.join(map(str, since))})" for since, what in _NOVELTIES if numbers < since]


def diagnose_receiver(conn_id: str, url: str | None, webhooks: Sequence[Webhook] | None) -> Iterator[Diagnosis]:
    """Whether the receiver is on, set up, reachable, has its tables and can read the secrets.

    :param url: where Partnero reaches the receiver; None: what the configuration says.
    :param webhooks: all webhooks; None: they cannot be read.
    """
    read_as_server()
    receiver = _Receiver(conn_id, url, webhooks)
    is_wanted = receiver.is_on or bool(receiver.registered)
    address = receiver.address() if is_wanted or url else None
    yield receiver.switch(answers=address is not None and address.verdict == "ok")
    if address is not None:
        yield address
    if not is_wanted:
        return
    yield receiver.settings()
    connection = receiver.connection()
    yield receiver.registration(connection)
    yield receiver.secrets(connection)
    yield from diagnose_ledger(conn_id)


@dataclass(frozen=True, slots=True)
class _Receiver:
    conn_id: str
    url: str | None
    webhooks: Sequence[Webhook] | None

    @property
    def is_on(self) -> bool:
        return bool(conf.getboolean(_SECTION, "receiver_enabled", fallback=False))

    @property
    def registered(self) -> list[Webhook]:
        return [webhook for webhook in self.webhooks or () if is_receiver(webhook.url, self.conn_id)]

    def switch(self, *, answers: bool) -> Diagnosis:
        """
        :param answers: whether a receiver answers at its address.
        """
        if self.is_on:
            return Diagnosis("ok", "receiver", "is on")
        if self.webhooks is None:
            words = "is off here; whether a webhook delivers to one is not known, since the webhooks cannot be read"
            return Diagnosis("warn", "receiver", words, "mend what keeps them from being read, and look again")
        if not self.registered:
            return Diagnosis("ok", "receiver", "is off, and no webhook delivers to it")
        if answers:
            return Diagnosis("ok", "receiver", "is off here, and one answers at its address")
        words = f"is off here, but {_named(self.registered)} delivers to it"
        remedy = f"start partnero-receiver, or set {_SWITCH}=True for the API server, or delete the webhook"
        return Diagnosis("fail", "receiver", words, remedy)

    def settings(self) -> Diagnosis:
        try:
            return judged_settings(receiver_settings(), self.conn_id)
        except Exception as error:  # noqa: BLE001 - Airflow's configuration has errors of its own
            remedy = "correct it and start what receives again: until then it takes no deliveries"
            return Diagnosis("fail", "settings", str(error).partition("\n")[0], remedy)

    def address(self) -> Diagnosis:
        base_url = self.url or conf.get(_SECTION, "receiver_base_url", fallback="")
        base_url = base_url or conf.get("api", "base_url", fallback="") or ""
        if not base_url:
            remedy = "set [partnero] receiver_base_url to where Partnero reaches the receiver"
            return Diagnosis("warn", "address", "is not configured, so it was not tried", remedy)
        try:
            address = receiver_url(checked_base_url(base_url), self.conn_id)
        except ValueError as error:
            return Diagnosis("fail", "address", str(error), "correct [partnero] receiver_base_url, or --receiver-url")
        try:
            status, words = within(_SECONDS, lambda: _answer_of(address))
        except OSError as error:
            why = f"{quoted(address, 120)} does not answer from here ({type(error).__name__})"
            return Diagnosis(
                "fail", "address", why, "is the receiver up (in the API server, or apart), and its URL right?"
            )
        return _judged(address, status, words)

    def connection(self) -> SigningConnection | Diagnosis:
        """The connection as the receiver reads it, or the line about why it cannot."""
        try:
            return within(_SECONDS, lambda: read_connection(self.conn_id))
        except GoneError as error:
            words = f"the receiver cannot use the Airflow connection {quoted(self.conn_id)}: {error}"
            remedy = "add it, or correct its type (airflow connections add ... --conn-type partnero)"
            return Diagnosis("fail", "secrets", words, remedy)
        except LookupError as error:
            words = f"the receiver cannot read the Airflow connection {quoted(self.conn_id)}: {error}"
        except (ValueError, TimeoutError) as error:
            words = str(error)
        return Diagnosis("fail", "secrets", words, "correct the connection, or where Airflow keeps it")

    def registration(self, connection: SigningConnection | Diagnosis) -> Diagnosis:
        if self.webhooks is None:
            return Diagnosis("warn", "delivery", "not looked at, since the webhooks cannot be read")
        if not self.registered:
            if isinstance(connection, SigningConnection) and connection.signing_secrets:
                return Diagnosis("ok", "delivery", "no webhook has its URL; those of signing_secrets may deliver to it")
            words = f"no webhook delivers to the receiver of connection {quoted(self.conn_id)}, so none may sign"
            remedy = "create it with PartneroRegisterReceiverOperator, or put signing_secrets into the connection"
            return Diagnosis("fail", "delivery", words, remedy)
        if not any(webhook.is_active for webhook in self.registered):
            return Diagnosis("fail", "delivery", f"{_named(self.registered)} is inactive", "activate it")
        return Diagnosis("ok", "delivery", f"{_named(self.registered)} delivers to it")

    def secrets(self, connection: SigningConnection | Diagnosis) -> Diagnosis:
        if isinstance(connection, Diagnosis):
            return connection
        if kept := connection.signing_secrets:
            return Diagnosis("ok", "secrets", f"the connection has {counted(len(kept), 'signing secret')}")
        without = [webhook for webhook in self.registered if not webhook.signature]
        if self.webhooks is None or without:
            words = f"{_named(without)} has none" if without else "cannot be read from Partnero"
            remedy = "put them into the connection's extra as signing_secrets"
            return Diagnosis("fail", "secrets", words, remedy)
        return Diagnosis("ok", "secrets", "can be read from Partnero")


def judged_settings(settings: ReceiverSettings, conn_id: str) -> Diagnosis:
    """The line about the section ``[partnero]``."""
    if conn_id not in settings.connections:
        allowed = listed([quoted(one) for one in sorted(settings.connections)])
        words = f"deliveries to {quoted(conn_id)} are refused: [partnero] receiver_connections has {allowed} only"
        return Diagnosis("fail", "settings", words, "add it there, and start what receives again")
    words = (
        f"a delivery has {settings.max_body // 1024:,} KiB at most; its data is kept as {quoted(str(settings.store))}, "
        f"unless the connection says otherwise, for {counted(settings.keep_days, 'day')}"
    )
    return Diagnosis("ok", "settings", words)


def _judged(address: str, status: int, words: str) -> Diagnosis:
    """What the answer to a delivery tells that is none, and that nobody signed."""
    shown = quoted(address, 120)
    if (status, words) in _REFUSALS:
        return Diagnosis("ok", "address", f"{shown} answers from here (Partnero's way to it may differ)")
    if (status, words) == _UNKNOWN:
        remedy = f"set {_SWITCH}=True for the API server, if it is to receive; has receiver_connections the connection?"
        return Diagnosis("fail", "address", f"{shown} answers that there is no receiver", remedy)
    if (status, words) == _UNAVAILABLE:
        remedy = "its log says what is wrong: a setting, the connection, or Airflow's database"
        return Diagnosis("fail", "address", f"{shown} answers that it takes no deliveries now", remedy)
    remedy = "what stands before it must pass on POST, without a login; a function in front of a drain need not"
    return Diagnosis("fail", "address", f"{shown} answers {status}, which is not the receiver", remedy)


def _answer_of(address: str) -> tuple[int, str]:
    """The receiver's answer to a delivery that is none, which changes nothing: the status, and what its body says."""
    import requests

    with requests.post(address, json={}, timeout=_TIMEOUT, allow_redirects=False, stream=True) as answer:
        start = next(answer.iter_content(1024), b"")
    try:
        return answer.status_code, str(json.loads(start)["status"])
    except (ValueError, TypeError, LookupError):
        return answer.status_code, ""


def _named(webhooks: Sequence[Webhook]) -> str:
    return listed([quoted(webhook.name) for webhook in webhooks])
