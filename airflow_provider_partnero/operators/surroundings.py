"""What a reconciliation needs of its surroundings: a task of Airflow, or a command where there is no Airflow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from airflow_provider_partnero.api import PartneroClient, Program, Webhook


class TaskLog(Protocol):
    """The methods that we use of an operator's ``log``, whose class differs between Airflow versions."""

    def info(self, event: Any, *args: Any) -> Any: ...  # noqa: D102
    def error(self, event: Any, *args: Any) -> Any: ...  # noqa: D102


class ConnectedProgramme(Protocol):
    """The webhooks of one connection: a hook, or what stands for one where there is no Airflow."""

    @property
    def partnero_conn_id(self) -> str: ...  # noqa: D102
    def get_conn(self) -> PartneroClient: ...  # noqa: D102
    def iter_webhooks(self, *, consistent: bool) -> Iterator[Webhook]: ...  # noqa: D102
    def find_program(self) -> Program | None: ...  # noqa: D102
