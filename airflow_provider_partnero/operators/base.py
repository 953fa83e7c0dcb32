"""What all operators share: the connection, and which errors fail the task at once."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from inspect import cleandoc
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from airflow_provider_partnero.airflow_compat import AirflowFailException
from airflow_provider_partnero.api.errors import is_final
from airflow_provider_partnero.hooks.advice import advice_on

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_partnero.hooks.partnero import PartneroHook


class IntroducedTasks:
    """Shows an operator's docstring on the pages of its mapped tasks, as ``__init__`` does for the others."""

    @classmethod
    def partial(cls, **kwargs: Any) -> Any:
        """Airflow's own, with the introduction: what ``__init__`` sets is not known before a mapped task runs."""
        parent: Any = super()
        return parent.partial(**{"doc_md": introduction(cls), **kwargs})


class PartneroOperator(IntroducedTasks, BaseOperator):
    """An operator with a connection of type ``partnero``. A subclass does its work in :meth:`act`."""

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
        """Run :meth:`act`; an error that a retry cannot fix fails the task at once."""
        with failing_at_once(self.partnero_conn_id):
            return self.act(context)

    @abstractmethod
    def act(self, context: Context) -> Any:
        """Do what this operator is for, and return its result."""


@contextmanager
def failing_at_once(partnero_conn_id: str) -> Iterator[None]:
    """Turn a final error into an ``AirflowFailException`` with the error as its cause; let other errors through.

    :param partnero_conn_id: the connection, which the message names if it is to blame.
    """
    try:
        yield
    except Exception as error:
        advice = advice_on(error, partnero_conn_id)
        if is_final(error):
            raise AirflowFailException(advice) from error
        if advice != str(error):
            error.add_note(advice)
        raise


def introduction(operator: type) -> str:
    """The operator's docstring up to the parameters, for the task's page in the UI."""
    return cleandoc(operator.__doc__ or "").partition("\n:param")[0].strip()
