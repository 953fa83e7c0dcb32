"""Every call, operator, sensor and trigger against every failure, in one process of Airflow; what it leaves is written.

It knows no mark: the token comes from the connection, as in a task. So whatever a frame holds has leaked into it.
"""

from __future__ import annotations

import asyncio
import logging
import pickle
import sys
import threading
import time
import traceback
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from airflow_provider_partnero.airflow_compat import read_as_server
from airflow_provider_partnero.api.clock import Clock
from airflow_provider_partnero.hooks.partnero import PartneroHook
from airflow_provider_partnero.operators.partnero import (
    PartneroAuditWebhooksOperator,
    PartneroCreateWebhookOperator,
    PartneroDeleteWebhookOperator,
    PartneroGetWebhookOperator,
    PartneroListWebhooksOperator,
    PartneroProbeReceiverOperator,
    PartneroReconcileWebhooksOperator,
    PartneroRegisterReceiverOperator,
    PartneroUnregisterReceiverOperator,
    PartneroUpdateWebhookOperator,
)
from airflow_provider_partnero.sensors.partnero import PartneroWebhookActiveSensor
from airflow_provider_partnero.triggers.partnero import PartneroWebhookActiveTrigger, PartneroWebhooksChangedTrigger

WANTED: dict[str, Any] = {"name": "Wanted", "url": "https://a.example/x", "events": ["partner.created"]}
BASE = "https://receiver.example"
TELLS_LATER = "tells_later"
FINAL = ("refused", "invalid", "half_error", "moved", TELLS_LATER, "default")  # what operators make errors of
SLOW = "dripping"  # each of its answers takes its time, so few ask for one

Call = Callable[[PartneroHook], object]
CALLS: dict[str, Call] = {
    "list": lambda hook: hook.list_webhooks(),
    "iterate": lambda hook: list(hook.iter_webhooks(consistent=True)),
    "get": lambda hook: hook.get_webhook("a"),
    "find": lambda hook: hook.find_webhook(**WANTED, key="a", by_content=True),
    "create": lambda hook: hook.create_webhook(**WANTED),
    "create under a key": lambda hook: hook.create_webhook(**WANTED, key="wanted"),
    "update": lambda hook: hook.update_webhook("a", name="B"),
    "delete": lambda hook: hook.delete_webhook("a"),
    "ping": lambda hook: hook.ping(),
    "programme": lambda hook: hook.get_program(),
    "export": lambda hook: hook.export(),
    "test": lambda hook: print(hook.test_connection()),
}
OPERATORS: dict[str, tuple[type[Any], dict[str, Any]]] = {
    "op_list": (PartneroListWebhooksOperator, {}),
    "op_get": (PartneroGetWebhookOperator, {"webhook_key": "a"}),
    "op_create": (PartneroCreateWebhookOperator, WANTED),
    "op_update": (PartneroUpdateWebhookOperator, {"webhook_key": "a", "name": "B"}),
    "op_delete": (PartneroDeleteWebhookOperator, {"webhook_key": "a"}),
    "op_audit": (PartneroAuditWebhooksOperator, {}),
    "op_reconcile": (PartneroReconcileWebhooksOperator, {"webhooks": [WANTED | {"name": "A"}]}),
    "op_register": (PartneroRegisterReceiverOperator, {"events": ["partner.created"], "base_url": BASE}),
    "op_unregister": (PartneroUnregisterReceiverOperator, {"base_url": BASE}),
    "op_probe": (PartneroProbeReceiverOperator, {"base_url": "http://127.0.0.1:9"}),
    "op_sensor": (PartneroWebhookActiveSensor, {"webhook_key": "a", "timeout": 1, "poke_interval": 1}),
}


def main(folder: str, *conn_ids: str) -> None:
    """Write what is left of each failure into the folder.

    :param conn_ids: of the connections; each ends with the name of its failure.
    """
    read_as_server()
    logging.getLogger("airflow_provider_partnero").setLevel(logging.DEBUG)
    logging.getLogger("urllib3").setLevel(logging.DEBUG)
    PartneroHook.clock = _hasty_clock()
    with Path(folder, "errors.txt").open("w") as errors, Path(folder, "objects.bin").open("wb") as objects:
        for conn_id in conn_ids:
            names = ("list",) if conn_id.endswith(SLOW) else (*CALLS, *(OPERATORS if conn_id.endswith(FINAL) else ()))
            for name in names:
                hook = PartneroHook(conn_id, deadline=5, max_attempts=2)
                if conn_id.endswith(TELLS_LATER):
                    hook.list_webhooks()  # a client can hide only the secrets that it has read
                error = _error_of(name, hook, objects)
                print(f"{conn_id}: {name} ends with {type(error).__name__}", file=errors)
                for text in _told_by(error):
                    print(text, file=errors)
                _write_objects(objects, hook, error)
        asyncio.run(_trigger(conn_ids, objects))


def _hasty_clock() -> Clock:
    skipped = 0.0

    def wait(seconds: float, _stopped: threading.Event) -> None:
        nonlocal skipped
        skipped += seconds

    return Clock(now=lambda: time.monotonic() + skipped, wait=wait)


def _error_of(name: str, hook: PartneroHook, objects: Any) -> BaseException | None:
    try:
        if name in CALLS:
            result = CALLS[name](hook)
        else:
            kind, arguments = OPERATORS[name]
            operator = kind(task_id=name, partnero_conn_id=hook.partnero_conn_id, **arguments)
            vars(operator)["hook"] = hook
            _write_objects(objects, operator)
            result = operator.execute(_context(name))
        objects.write(f"{result!r}\n".encode())  # pickled, a webhook holds its secret, as it must
    except BaseException as error:
        return error
    return None


def _context(task_id: str) -> Any:
    pushed: dict[str, Any] = {}
    ti = SimpleNamespace(
        dag_id="inside",
        task_id=task_id,
        run_id="run",
        map_index=-1,
        try_number=1,
        xcom_push=lambda key, value: pushed.update({key: value}),
        get_first_reschedule_date=lambda _context: None,
    )
    return {
        "ti": ti,
        "outlet_events": defaultdict(lambda: SimpleNamespace(extra={})),
        "params": {},
        "dag_run": SimpleNamespace(run_id="run"),
    }


def _told_by(error: BaseException | None) -> Iterator[str]:
    """Its words, its arguments, and all tracebacks that lead to it, with the locals of their frames."""
    seen: set[int] = set()
    left = [error]
    while left:
        one = left.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        yield f"{one}\n{one!r}\n{one.args!r}\n{vars(one)!r}"
        yield "".join(traceback.TracebackException.from_exception(one, capture_locals=True).format())
        left += [one.__cause__, one.__context__]


def _write_objects(file: Any, *objects: object) -> None:
    for one in objects:
        file.write(f"\n{one!r}\n{one}\n".encode("utf-8", "replace"))
        with suppress(Exception):  # what cannot be pickled leaves nothing
            file.write(pickle.dumps(one))


async def _trigger(conn_ids: tuple[str, ...], objects: Any) -> None:
    """Each trigger, until it has fired or polled once."""
    for conn_id in conn_ids:
        triggers = (
            PartneroWebhookActiveTrigger("a", conn_id, poke_interval=0.2),
            PartneroWebhooksChangedTrigger(conn_id, poke_interval=10),
        )
        for trigger in triggers:
            _write_objects(objects, trigger, trigger.serialize())
            with suppress(TimeoutError):
                async with asyncio.timeout(0.3):
                    async for event in trigger.run():
                        _write_objects(objects, event)
                        break


if __name__ == "__main__":
    main(*sys.argv[1:])
