"""What all operators of Partnero share."""

from __future__ import annotations

from abc import abstractmethod
from functools import cached_property
from inspect import cleandoc
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from airflow_provider_partnero.operators.failures import failing_at_once

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_partnero.hooks.partnero import PartneroHook


class PartneroOperator(BaseOperator):
    """What all operators of Partnero share: the connection, and when to fail at once."""

    ui_color: str = "#e8e4fb"
    ui_fgcolor: str = "#2b1e66"

    def __init__(self, *, partnero_conn_id: str = "partnero_default", **kwargs: Any) -> None:
        kwargs.setdefault("doc_md", introduction(type(self)))
        super().__init__(**kwargs)
        self.partnero_conn_id = partnero_conn_id

    @cached_property
    def hook(self) -> PartneroHook:
        """The hook of this task's connection."""
        from airflow_provider_partnero.hooks.partnero import PartneroHook

        return PartneroHook(self.partnero_conn_id)

    def execute(self, context: Context) -> Any:
        """Do the one thing; errors that a retry cannot mend fail the task at once."""
        with failing_at_once():
            return self.act(context)

    @abstractmethod
    def act(self, context: Context) -> Any:
        """What this operator does."""


def introduction(operator: type) -> str:
    """What the operator does, for the task's page in the UI: its docstring up to the parameters."""
    return cleandoc(operator.__doc__ or "").partition("\n:param")[0].strip()
