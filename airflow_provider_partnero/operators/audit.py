"""The audit operator: reads all webhooks and reports what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from airflow_provider_partnero.airflow_compat import AirflowFailException
from airflow_provider_partnero.api.quoting import short_repr
from airflow_provider_partnero.operators.arguments import OptionalArgument, as_events, as_texts, check_early
from airflow_provider_partnero.operators.audit_events import audit_outlet, emit_audit
from airflow_provider_partnero.operators.base import PartneroOperator
from airflow_provider_partnero.operators.declaration import declared_webhooks
from airflow_provider_partnero.operators.expected_events import AWAITED_FIELD, as_expected, awaited, is_settled, look_up
from airflow_provider_partnero.operators.fleet_membership import FleetMembership, as_fleet
from airflow_provider_partnero.operators.keys import under_live_keys
from airflow_provider_partnero.operators.links import PartneroPageLink, PartneroReportLink, page_url
from airflow_provider_partnero.operators.quiet_hours import QuietHours, as_quiet_hours
from airflow_provider_partnero.operators.report_files import checked_suffix, write_report
from airflow_provider_partnero.webhooks.texts import counted

if TYPE_CHECKING:
    from airflow.providers.openlineage.extractors import OperatorLineage
    from airflow.sdk import Context

    from airflow_provider_partnero.webhooks.audit import AuditReport
    from airflow_provider_partnero.webhooks.comparison import Comparison
    from airflow_provider_partnero.webhooks.silence import ExpectedEvent

_MOST_FINDINGS = 100  # in XCom and in the asset event; the report file has all of them, and the counts cover all
_MOST_ROWS_LOGGED = 200
_FAIL_ON = ("error", "warning", "never")


class PartneroAuditWebhooksOperator(PartneroOperator):
    """Audit all webhooks of the programme and report what is wrong with them.

    Returns ``{"counts": {"webhooks", "active", "inactive", "errors", "warnings", "by_rule"}, "findings": [{"rule",
    "severity", "key", "name", "words", "fingerprint", "since", "is_new"}], "findings_left_out", "changes":
    {"previous_audit", "new", "gone", "still_there", "unknown", "no_longer_checked", "notes", "gone_findings"}}``, with
    at most 100 findings of each kind; the numbers cover all. Logs the findings, what to do about them, and what has
    changed. If the audit does not fail the task, it emits an event on ``partnero_audit_asset(conn_id)`` with the counts
    and the findings' fingerprints; else an XCom has the same, for Partnero's page. None of these ever holds a signing
    secret. Its links lead to the report at ``report_path``, also if the audit failed the task, and to Partnero's page.

    What has changed is told from the latest audit of the same connection and programme that is known: from that event
    (Airflow 3.2 and later), or from the file at ``report_path`` before it is replaced. Without either, or if it cannot
    be read, the report says so, and nothing fails.

    :param fail_on: fail the task at once on a finding of this severity or worse: ``"error"``, ``"warning"``,
        ``"never"``. Templated.
    :param ignore: ids of rules not to check, such as ``["PW001"]``. Templated.
    :param allowed_hosts: patterns of the hosts that may receive events, such as ``["*.example.com"]``; None: any.
        Templated.
    :param required_events: events that some active webhook must subscribe to. Templated.
    :param expect_events: for events that come by themselves from time to time, how long each may stay away, from a
        minute to 90 days: ``{"transaction.created": timedelta(hours=24)}``, or a number of seconds. When each last came
        is read from its asset's events, from Airflow 3.2 on; before, a note says that it is not checked. The
        durations are templated.
    :param quiet_hours: cron expressions of the minutes that do not count, such as ``"* 0-6 * * *"`` or
        ``"* * * * sat,sun"``, in the DAG's time zone. Templated.
    :param declared: the webhooks that must exist, as for ``PartneroReconcileWebhooksOperator``: a list of mappings or
        the path of a ``.yaml``, ``.yml`` or ``.json`` file; None: not compared. Templated.
    :param report_path: where to write the whole report: a path or a URL for Airflow's ``ObjectStoragePath`` that ends
        in ``.json``, ``.md`` or ``.html``. Templated.
    :param fleet: connections of all programmes that ``PartneroFleetReportOperator`` reports on together, this one
        included: hand on to it, under ``"fleet"``, the worst findings and digests of URLs and signing secrets, or why
        the audit failed. Templated.
    :param partnero_conn_id: connection of type ``partnero``. Templated.
    """

    template_fields: Sequence[str] = (
        "fail_on",
        "ignore",
        "allowed_hosts",
        "required_events",
        "expect_events",
        "quiet_hours",
        "declared",
        "report_path",
        "fleet",
        "partnero_conn_id",
    )
    template_fields_renderers = {"declared": "yaml"}  # noqa: RUF012
    operator_extra_links = (PartneroReportLink(), PartneroPageLink())
    now: Callable[[], datetime] = staticmethod(lambda: datetime.now(UTC))  # a test sets its own

    def __init__(
        self,
        *,
        fail_on: Literal["error", "warning", "never"] = "error",
        ignore: Iterable[str] | str = (),
        allowed_hosts: Iterable[str] | str | None = None,
        required_events: Iterable[str] | str = (),
        expect_events: Mapping[str, timedelta | float | str] | str | None = None,
        quiet_hours: Iterable[str] | str = (),
        declared: Sequence[Mapping[str, Any]] | str | None = None,
        report_path: str | None = None,
        fleet: Iterable[str] | str | None = None,
        partnero_conn_id: str = "partnero_default",
        **kwargs: Any,
    ) -> None:
        super().__init__(partnero_conn_id=partnero_conn_id, **kwargs)
        check_early(required_events, _as_required, argument="required_events")
        if is_settled(expect_events):
            self._given_expectations = OptionalArgument.of("expect_events", expect_events, as_expected)
        else:
            self._given_expectations = OptionalArgument("expect_events", as_expected, is_given=True)
        check_early(quiet_hours, as_quiet_hours, argument="quiet_hours")
        self.fail_on = fail_on
        self.ignore = ignore
        self.allowed_hosts = allowed_hosts
        self.required_events = required_events
        self.expect_events = expect_events
        self.quiet_hours = quiet_hours
        self.declared = declared
        self.report_path = report_path
        self.fleet = fleet
        self.outlets = [*self.outlets, audit_outlet(partnero_conn_id)]
        self.has_report = False  # at ``report_path``, of this try
        self._audited: tuple[AuditReport, Comparison] | None = None

    def act(self, context: Context) -> dict[str, Any]:
        """Audit, and hand on to the fleet's report what became of it."""
        membership = FleetMembership(as_fleet(self.fleet), self.partnero_conn_id, context)
        with membership.telling():
            membership.check_connection()
            return self._audit(context, membership)

    def _audit(self, context: Context, membership: FleetMembership) -> dict[str, Any]:
        """Check the arguments, audit the webhooks, report, and fail as ``fail_on`` says."""
        from airflow_provider_partnero.webhooks.audit import AuditOptions, audit
        from airflow_provider_partnero.webhooks.history import failed_audit_key
        from airflow_provider_partnero.webhooks.table import in_lines

        self._check_arguments()
        ignore = as_texts(self.ignore, argument="ignore")
        allowed_hosts = _as_hosts(self.allowed_hosts)
        required_events = _as_required(self.required_events, argument="required_events")
        declared = None if self.declared is None else declared_webhooks(self.declared, self, context)
        expected, quiet = self._expectations(context)
        AuditOptions(ignore, allowed_hosts, required_events, declared)  # refuses what is wrong before anything is sent
        webhooks = list(self.hook.iter_webhooks(consistent=True))
        now = self.now()
        expect_events, notes = look_up(expected, quiet, self.partnero_conn_id, now)
        report = audit(
            webhooks,
            ignore=ignore,
            allowed_hosts=allowed_hosts,
            required_events=required_events,
            declared=None if declared is None else under_live_keys(self.partnero_conn_id, declared, webhooks),
            program=self.hook.find_program(),
            expect_events=expect_events,
        )
        comparison = self._compared(report, now, notes)
        self._audited = report, comparison
        self.log.info("%s\n\n%s", report.to_table(max_rows=_MOST_ROWS_LOGGED), in_lines(comparison.summary))
        if url := page_url(self.partnero_conn_id):
            self.log.info("Look at it: %s", url)
        self._write_report(report, comparison, context)
        handed_on = membership.hand_on(report, webhooks, self.hook)
        told = self._told(report, comparison, expect_events)
        emit_audit(self, self.partnero_conn_id, context, told)
        if report.fails(self.fail_on):
            context["ti"].xcom_push(failed_audit_key(self.partnero_conn_id), told)  # a failed task emits no event
            counts = report.counts
            raise AirflowFailException(
                f"the audit found {counted(counts['errors'], 'error')} and {counted(counts['warnings'], 'warning')} "
                f"in {counted(counts['webhooks'], 'webhook')} (fail_on={self.fail_on!r}); the log lists them. "
                f"{comparison.headline}"
            )
        return _returned(report, comparison) | handed_on

    def _check_arguments(self) -> None:
        if self.fail_on not in _FAIL_ON:
            raise ValueError(f"fail_on={short_repr(self.fail_on)}: must be one of {', '.join(map(repr, _FAIL_ON))}")
        if self.report_path:
            checked_suffix(self.report_path)

    def _expectations(self, context: Context) -> tuple[dict[str, timedelta], QuietHours]:
        """How long each event may stay away, and which time does not count."""
        expected = self._given_expectations.value(self.expect_events) or {}
        crons = as_quiet_hours(self.quiet_hours, argument="quiet_hours")
        return expected, QuietHours(crons, context["dag"].timezone if crons else UTC)

    def _compared(self, report: AuditReport, now: datetime, notes: Sequence[str]) -> Comparison:
        from airflow_provider_partnero.operators.past_audits import past_audits
        from airflow_provider_partnero.webhooks.comparison import compare

        known, problems = past_audits(self.partnero_conn_id, self.report_path)
        return compare(report, known, at=now, conn_id=self.partnero_conn_id, problems=[*notes, *problems])

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> OperatorLineage[Any, Any] | None:  # noqa: ARG002
        """The audit's numbers for OpenLineage, also if they failed the task; None if there was no audit."""
        from airflow_provider_partnero.operators.audit_facet import audit_lineage

        return audit_lineage(self.partnero_conn_id, *self._audited) if self._audited else None

    def _write_report(self, report: AuditReport, comparison: Comparison, context: Context) -> None:
        if not self.report_path:
            return
        from airflow_provider_partnero.webhooks.history import written
        from airflow_provider_partnero.webhooks.report import render_report
        from airflow_provider_partnero.webhooks.report.whereabouts import XCOM_KEY, ReportWhereabouts

        text = render_report(
            report,
            suffix=checked_suffix(self.report_path),
            title="Partnero webhooks",
            generated_at=comparison.at,
            conn_id=self.partnero_conn_id,
            comparison=comparison,
        )
        write_report(self.report_path, text)
        self.log.info("Report written to %s", self.report_path)
        whereabouts = ReportWhereabouts(self.partnero_conn_id, self.report_path, written(comparison.at))
        context["ti"].xcom_push(XCOM_KEY, whereabouts.to_dict())
        self.has_report = True

    def _told(self, report: AuditReport, comparison: Comparison, expected: Sequence[ExpectedEvent]) -> dict[str, Any]:
        """The extra of the asset event."""
        from airflow_provider_partnero.webhooks.comparison import remember
        from airflow_provider_partnero.webhooks.history import EXTRA_FIELD

        extra = {
            "counts": report.counts,
            "findings": [finding.fingerprint for finding in report.findings[:_MOST_FINDINGS]],
            EXTRA_FIELD: remember(report, comparison, self.partnero_conn_id, _MOST_FINDINGS).to_dict(),
        }
        if never := awaited(expected):
            extra[AWAITED_FIELD] = never
        return extra


def _returned(report: AuditReport, comparison: Comparison) -> dict[str, Any]:
    from airflow_provider_partnero.webhooks.comparison import told_findings

    return {
        **report.to_dict(max_findings=_MOST_FINDINGS),
        "findings": told_findings(report, comparison, _MOST_FINDINGS),
        "changes": comparison.to_dict(max_gone=_MOST_FINDINGS),
    }


def _as_hosts(hosts: Iterable[str] | str | None) -> tuple[str, ...] | None:
    """The patterns; None if any host is allowed. A template that renders to nothing allows neither all nor none."""
    if hosts is None:
        return None
    texts = as_texts(hosts, argument="allowed_hosts")
    if "None" in texts or (isinstance(hosts, str) and not texts):
        raise ValueError(
            f"allowed_hosts={short_repr(hosts)}: must be patterns of hosts such as '*.example.com', neither empty nor "
            "'None', which is what a template renders for a value that is not there"
        )
    return texts


def _as_required(events: Iterable[str] | str, *, argument: str) -> tuple[str, ...]:
    """The events, of which there may be none."""
    texts = as_texts(events, argument=argument)
    return as_events(texts, argument=argument) if texts else ()
