"""A local Partnero: the webhooks API on FastAPI, with faults on demand. For tests, demos and DAGs without an account.

>>> from airflow_provider_partnero.sandbox import Sandbox
>>> with Sandbox() as sandbox:  # doctest: +SKIP
...     sandbox.seed(25)
...     sandbox.fault(method="POST", path=r"^/webhooks$", status=503, times=2)
...     print(sandbox.connection_json)

From a shell: ``python -m airflow_provider_partnero.sandbox``. In pytest: the fixture ``partnero_sandbox``.

It behaves as Partnero documents; what no source says is a switch of :class:`Profile`.
Importing this package loads neither FastAPI nor uvicorn nor httpx: the first name that needs them does.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_provider_partnero.sandbox.control_client import SandboxControl
    from airflow_provider_partnero.sandbox.deliveries import Delivery
    from airflow_provider_partnero.sandbox.faults import Fault, Mutation
    from airflow_provider_partnero.sandbox.profiles import Profile
    from airflow_provider_partnero.sandbox.request_log import LoggedRequest
    from airflow_provider_partnero.sandbox.server import Sandbox
    from airflow_provider_partnero.sandbox.wire import Wire

__all__ = ["Delivery", "Fault", "LoggedRequest", "Mutation", "Profile", "Sandbox", "SandboxControl", "Wire"]

_HOMES = {
    "Delivery": "deliveries",
    "Fault": "faults",
    "LoggedRequest": "request_log",
    "Mutation": "faults",
    "Profile": "profiles",
    "Sandbox": "server",
    "SandboxControl": "control_client",
    "Wire": "wire",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
