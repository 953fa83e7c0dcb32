"""The routes of the view Report: what an audit's task has written, and told of.

Each asks for Airflow's login, the right to read the connection, and the right to read the XComs of the task's DAG.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from fastapi import APIRouter, HTTPException, Request, Response

from airflow_provider_partnero.plugin.page.access import READS_CONNECTION, READS_TASK_OUTPUT
from airflow_provider_partnero.plugin.page.database import PageDatabase
from airflow_provider_partnero.plugin.page.rendering import render_view
from airflow_provider_partnero.plugin.page.report_file import (
    STORAGE_SECONDS,
    ReportFile,
    ReportMissingError,
    read_report,
    report_response,
)
from airflow_provider_partnero.plugin.page.task_output import TaskPlace, named_task, told_report
from airflow_provider_partnero.plugin.receiver.signers.daemon_threads import DaemonThreads
from airflow_provider_partnero.webhooks.report.whereabouts import ReportWhereabouts

_DATABASE_SECONDS = 5.0
_OUTPUT = [READS_CONNECTION, READS_TASK_OUTPUT]


def output_router() -> APIRouter:
    """The routes below ``/partnero/page`` that are about one task."""
    router = APIRouter(prefix="/page")
    reports = _Reports()

    @router.get("/{connection_id:path}/report", dependencies=_OUTPUT)
    async def report(request: Request, connection_id: str) -> Response:
        """The report of a task, in a frame."""
        place = named_task(request)
        found = await reports.look(place, connection_id)
        return render_view(
            request,
            "report",
            connection_id,
            problem=found.problem,
            place=place,
            found=found,
            file=f"{request.url.path}/file?{request.url.query}",
        )

    @router.get("/{connection_id:path}/report/file", dependencies=_OUTPUT)
    async def report_file(request: Request, connection_id: str) -> Response:
        """The report itself."""
        found = await reports.look(named_task(request), connection_id)
        if found.report is None:
            raise HTTPException(404, found.problem or "This task has told of no report.")
        return report_response(found.report)

    return router


@dataclass(frozen=True, slots=True)
class TaskReport:
    """The report of one task, as far as there is one.

    :param where: where the task told that it is; None if it told nothing.
    :param problem: why it cannot be shown, in a sentence; empty if it can be, or if there is none.
    """

    where: ReportWhereabouts | None = None
    report: ReportFile | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class _Reports:
    """Finds and reads reports, on threads that nothing else needs: a storage may hang."""

    _database: PageDatabase = field(default_factory=lambda: PageDatabase(2, "partnero-output"))
    _reading: DaemonThreads = field(default_factory=lambda: DaemonThreads(2, "partnero-reports"))

    async def look(self, place: TaskPlace, conn_id: str) -> TaskReport:
        """The task's report of this connection. It takes 15 seconds at most."""
        where = None
        try:
            where = await self._whereabouts(place, conn_id)
            return TaskReport(where, await self._read(where) if where else None)
        except ReportMissingError as error:
            return TaskReport(where, problem=str(error))

    async def _whereabouts(self, place: TaskPlace, conn_id: str) -> ReportWhereabouts | None:
        """Where the task has told that its report is; None if it has told nothing.

        :raises ReportMissingError: that cannot be known, or it is a report of another connection.
        """
        told, problem = await self._database.ask(lambda: told_report(place), _DATABASE_SECONDS)
        if problem:
            raise ReportMissingError(problem)
        if isinstance(told, ValueError):
            raise ReportMissingError(f"What the task told of its report cannot be read: {told}.")
        if told and told.conn_id != conn_id:
            raise ReportMissingError("The report of this task is of another connection.")
        return told

    async def _read(self, where: ReportWhereabouts) -> ReportFile:
        """The report at a place.

        :raises ReportMissingError: it cannot be read, or not in time.
        """
        try:
            return await self._reading.run(lambda: read_report(where), STORAGE_SECONDS)
        except TimeoutError:
            raise ReportMissingError(f"The storage has not answered within {STORAGE_SECONDS:g} s.") from None
