"""How a plan is made: what the arguments of ``plan`` and ``apply`` say about it."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_partnero.api.quoting import short_repr
from airflow_provider_partnero.operators.apply import Reconciliation
from airflow_provider_partnero.webhooks.protection import Protection

if TYPE_CHECKING:
    from airflow_provider_partnero.api.specs import WebhookSpec
    from airflow_provider_partnero.commands.connection import CommandConnection
    from airflow_provider_partnero.operators.surroundings import TaskLog
    from airflow_provider_partnero.webhooks.approvals import ApprovedPlan
    from airflow_provider_partnero.webhooks.plans import Prune

_PRUNE: Mapping[str, Prune] = {"false": False, "owned": "owned", "true": True}
_MOST_DELETES = 5
_DECLARATIONS = (".yaml", ".yml", ".json")


@dataclass(frozen=True, slots=True)
class PlanArguments:
    """The arguments that decide what is in a plan, with the defaults of ``PartneroReconcileWebhooksOperator``.

    :param conn_id: names the keys of webhooks that are declared without one.
    :param prune: which live webhooks to delete that are not declared.
    :param keep: patterns of webhooks to neither change nor delete.
    :param keep_receiver: keep the webhook of the connection's receiver.
    :param max_deletes: refuse a plan that deletes more.
    :param max_changes: refuse a plan that deletes and moves more; None: no limit.
    :param adopt: take over webhooks that are recognised by their name only.
    """

    conn_id: str
    prune: Prune = False
    keep: tuple[str, ...] = ()
    keep_receiver: bool = True
    max_deletes: int = _MOST_DELETES
    max_changes: int | None = None
    adopt: bool = True

    @classmethod
    def of(cls, options: Namespace) -> PlanArguments:
        """What the parsed arguments say."""
        return cls(
            conn_id=options.conn_id,
            prune=_PRUNE[options.prune or "false"],
            keep=separated(options.keep, "--keep"),
            keep_receiver=not options.no_keep_receiver,
            max_deletes=_MOST_DELETES if options.max_deletes is None else options.max_deletes,
            max_changes=options.max_changes,
            adopt=not options.no_adopt,
        )

    @classmethod
    def from_json(cls, plain: object) -> PlanArguments:
        """What :meth:`to_json` made.

        :raises ValueError: it is anything else.
        """
        if not isinstance(plain, dict) or {*plain} != {*cls.__slots__} or not _is_well_typed(plain):
            raise ValueError(f"options={short_repr(plain)}: are not those of a saved plan")
        return cls(**{**plain, "keep": tuple(plain["keep"])})

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, by the fields' names."""
        return {name: getattr(self, name) for name in self.__slots__} | {"keep": list(self.keep)}

    def reconciliation(
        self,
        connection: CommandConnection,
        specs: tuple[WebhookSpec, ...],
        log: TaskLog,
        approved: ApprovedPlan | None = None,
    ) -> Reconciliation:
        """What plans, and applies the plan."""
        return Reconciliation(
            hook=connection,
            specs=specs,
            log=log,
            prune=self.prune,
            max_deletes=self.max_deletes,
            max_changes=self.max_changes,
            protection=Protection(self.keep, self.conn_id if self.keep_receiver else None),
            approved=approved,
            adopt=self.adopt,
        )


def given(options: Namespace) -> list[str]:
    """The arguments that decide what is in a plan, as far as they are given."""
    names = ("prune", "keep", "no_keep_receiver", "max_deletes", "max_changes", "no_adopt")
    values = {name: getattr(options, name) for name in names}
    return [f"--{name.replace('_', '-')}" for name, value in values.items() if value is not None and value is not False]


def separated(texts: Iterable[str] | None, flag: str) -> tuple[str, ...]:
    """The entries of an argument that takes several, each of which may hold several after commas.

    :raises ValueError: it is given, and empty, as a shell's variable may be that is not set; or it has taken the
        declaration file for one of its entries.
    """
    entries = tuple(entry.strip() for text in texts or () for entry in text.split(",") if entry.strip())
    if texts is not None and not entries:
        raise ValueError(f"{flag}: is empty; leave it out, or name at least one")
    if file := next((entry for entry in entries if entry.lower().endswith(_DECLARATIONS)), None):
        raise ValueError(f"{flag}: {short_repr(file)} is taken for one of its entries; give FILE first")
    return entries


def _is_well_typed(plain: Mapping[str, Any]) -> bool:
    keep, most = plain["keep"], plain["max_changes"]
    return (
        isinstance(plain["conn_id"], str)
        and plain["prune"] in _PRUNE.values()
        and isinstance(keep, list)
        and all(isinstance(pattern, str) for pattern in keep)
        and isinstance(plain["keep_receiver"], bool)
        and type(plain["max_deletes"]) is int
        and (most is None or type(most) is int)
        and isinstance(plain["adopt"], bool)
    )
