"""The operator that reports on the audits of many programmes together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from airflow.sdk import BaseOperator

from airflow_provider_partnero.airflow_compat import AirflowFailException
from airflow_provider_partnero.api.quoting import short_repr
from airflow_provider_partnero.operators.arguments import as_texts
from airflow_provider_partnero.operators.base import IntroducedTasks, PartneroOperator, introduction
from airflow_provider_partnero.operators.fleet_membership import FLEET, as_fleet
from airflow_provider_partnero.operators.report_files import checked_suffix, write_report

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_partnero.webhooks.fleet import FleetReport
    from airflow_provider_partnero.webhooks.handover import Handover

_MOST_ROWS = 200  # programmes, and findings across them, in the log and in XCom
_FAIL_ON = ("error", "warning", "never")


class PartneroFleetReportOperator(IntroducedTasks, BaseOperator):
    """Report on the audits of many programmes together, and on what two of them have in common.

    It runs when all audits are over, whatever became of them (``trigger_rule="all_done"``). A programme that could not
    be audited has a row that says why, and fails the task; so do findings, as ``fail_on`` says. Before it fails it logs
    the table and writes the reports.

    Returns ``{"counts", "programmes", "programmes_left_out", "findings", "findings_left_out"}``, with at most 200
    programmes, the worst first, and 200 findings across programmes; the counts cover all.

    :param audits: what the mapped ``PartneroAuditWebhooksOperator`` with ``fleet=`` returned: its ``.output``; or a
        list of such outputs, of tasks that are not mapped. Templated.
    :param fleet: the connections that should have been audited: the list that the audit was mapped over. Templated.
    :param fail_on: fail the task at once on a finding of this severity or worse, in a programme or across:
        ``"error"``, ``"warning"``, ``"never"``. A programme that could not be audited always fails it. Templated.
    :param ignore: ids of rules across programmes not to check, such as ``["PW021"]``. Templated.
    :param report_path: where to write the report: a path or URL as for ``PartneroAuditWebhooksOperator``, or a list of
        them. Templated.
    """

    template_fields: Sequence[str] = ("audits", "fleet", "fail_on", "ignore", "report_path")
    ui_color: str = PartneroOperator.ui_color
    ui_fgcolor: str = PartneroOperator.ui_fgcolor

    def __init__(
        self,
        *,
        audits: Iterable[Mapping[str, Any]],
        fleet: Iterable[str] | str,
        fail_on: Literal["error", "warning", "never"] = "error",
        ignore: Iterable[str] | str = (),
        report_path: str | Iterable[str] | None = None,
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("doc_md", introduction(type(self)))
        kwargs.setdefault("trigger_rule", "all_done")
        super().__init__(**kwargs)
        self.audits = audits
        self.fleet = fleet
        self.fail_on = fail_on
        self.ignore = ignore
        self.report_path = report_path

    def execute(self, context: Context) -> dict[str, Any]:  # noqa: ARG002
        """Put the audits together, report, and fail as ``fail_on`` says."""
        try:
            paths = self._checked_paths()
            report = self._roll_up()
        except ValueError as error:
            raise AirflowFailException(str(error)) from error
        self._tell(report, paths)
        if report.fails(self.fail_on):
            from airflow_provider_partnero.webhooks.fleet_table import fleet_summary

            raise AirflowFailException(f"{fleet_summary(report)} (fail_on={self.fail_on!r}); the log lists them")
        return report.to_dict(max_rows=_MOST_ROWS)

    def _checked_paths(self) -> list[str]:
        """The paths of the reports, before anything is done."""
        if self.fail_on not in _FAIL_ON:
            raise ValueError(f"fail_on={short_repr(self.fail_on)}: must be one of {', '.join(map(repr, _FAIL_ON))}")
        paths = as_paths(self.report_path)
        for path in paths:
            checked_suffix(path)
        return paths

    def _roll_up(self) -> FleetReport:
        from airflow_provider_partnero.webhooks.fleet import roll_up

        # Airflow reads None for a task of a list that returned nothing; its connection is in the fleet.
        handovers = [_handover(audit) for audit in _as_audits(self.audits) if audit is not None]
        return roll_up(as_fleet(self.fleet), handovers, ignore=as_texts(self.ignore, argument="ignore"))

    def _tell(self, report: FleetReport, paths: Iterable[str]) -> None:
        from airflow_provider_partnero.webhooks.fleet_table import fleet_table
        from airflow_provider_partnero.webhooks.report.fleet import render_fleet

        self.log.info("%s", fleet_table(report, max_rows=_MOST_ROWS))
        now = datetime.now(UTC)
        for path in paths:
            text = render_fleet(report, suffix=checked_suffix(path), title="Partnero programmes", generated_at=now)
            write_report(path, text)
            self.log.info("Report written to %s", path)


def as_paths(value: str | Iterable[str] | None) -> list[str]:
    """Paths, from one, from a list, or from a list as text; a comma belongs to a path."""
    if value is None or (isinstance(value, str) and value.strip() in {"", "None"}):
        return []
    if isinstance(value, str) and not value.strip().startswith("["):
        return [value]
    return [path for path in as_texts(value, argument="report_path") if path]


def _as_audits(audits: object) -> Iterable[object]:
    """What the audits returned. Of a mapped task, Airflow reads one after the other."""
    if audits is None:  # nothing was returned
        return ()
    if isinstance(audits, Mapping):
        return (audits,)
    if isinstance(audits, str | bytes) or not isinstance(audits, Iterable):
        raise ValueError(f"audits={short_repr(audits)}: must be what the audits returned, such as audit.output")
    return audits


def _handover(audit: object) -> Handover:
    from airflow_provider_partnero.webhooks.handover import Handover

    if not isinstance(audit, Mapping) or FLEET not in audit:
        raise ValueError(f"audits: {short_repr(audit)} has no {FLEET!r}; give the audit fleet=[...]")
    return Handover.from_dict(audit[FLEET])
