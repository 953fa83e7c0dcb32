"""The routes of the page. Each asks for Airflow's login and the right to read the connection, and ends in time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from airflow.utils.session import create_session
from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import RedirectResponse

from airflow_provider_partnero.airflow_compat import knows_browsers
from airflow_provider_partnero.api.errors import PartneroError
from airflow_provider_partnero.ledger.audit_points import RecordedPoint, latest_audit
from airflow_provider_partnero.ledger.overview import LastDelivery, last_deliveries
from airflow_provider_partnero.ledger.patience import limit_statements
from airflow_provider_partnero.plugin.page.access import (
    LOGIN,
    READS_CONNECTION,
    READS_TASK_OUTPUT,
    SAME_ORIGIN,
    User,
    readable,
    readable_dags,
)
from airflow_provider_partnero.plugin.page.connection_choice import listed_connections
from airflow_provider_partnero.plugin.page.database import PageDatabase
from airflow_provider_partnero.plugin.page.event_coverage import build_event_coverage
from airflow_provider_partnero.plugin.page.form_body import read_body
from airflow_provider_partnero.plugin.page.health import build_health
from airflow_provider_partnero.plugin.page.live_programmes import LiveProgrammes, words_of
from airflow_provider_partnero.plugin.page.plan_preview import LARGEST_FORM, SAMPLE, PlanForm, preview
from airflow_provider_partnero.plugin.page.receiver_state import receiver_state
from airflow_provider_partnero.plugin.page.rendering import render, render_view, root_path, static_file
from airflow_provider_partnero.plugin.page.snapshot import READ_SECONDS
from airflow_provider_partnero.plugin.page.task_output import named_task, returned_plan
from airflow_provider_partnero.plugin.page.webhook_table import WebhookSearch, build_webhook_table
from airflow_provider_partnero.plugin.receiver.signers.daemon_threads import DaemonThreads
from airflow_provider_partnero.webhooks.history import PastAudit
from airflow_provider_partnero.webhooks.page_paths import page_path

if TYPE_CHECKING:
    from airflow_provider_partnero.plugin.receiver.settings import ReceiverSettings

T = TypeVar("T")

_DATABASE_SECONDS = 5.0
_DRAWING_SECONDS = 20.0
_VIEW = [READS_CONNECTION]


class Sources:
    """What the routes share. Belongs to one event loop.

    :param settings: of the receiver, or what is wrong with them.
    """

    def __init__(self, settings: ReceiverSettings | ValueError, programmes: LiveProgrammes | None = None) -> None:
        self.settings = settings
        self.programmes = programmes or LiveProgrammes()
        self._database = PageDatabase(4, "partnero-page")
        self._planning = DaemonThreads(2, "partnero-page-plan")  # a slow Partnero holds up no reading of the database
        self._drawing = DaemonThreads(2, "partnero-page-drawing")

    async def recorded(self, ask: Callable[[], T]) -> tuple[T | None, str]:
        """What Airflow's database says; or None, and in a sentence why it says nothing."""
        return await self._database.ask(ask, _DATABASE_SECONDS)

    async def planned(self, work: Callable[[], T]) -> T:
        """What the work returns, which asks Partnero; see :meth:`DaemonThreads.run`."""
        return await self._planning.run(work, READ_SECONDS + 5)

    async def drawn(self, draw: Callable[[], Response]) -> Response:
        """The page, made in a thread: thousands of webhooks take a while, in which Airflow answers others.

        :raises HTTPException: 503, so many look that it cannot be made in time.
        """
        try:
            return await self._drawing.run(draw, _DRAWING_SECONDS)
        except TimeoutError:
            raise HTTPException(503, "Too many pages are asked for at once. Try again in a minute.") from None


def page_router(settings: ReceiverSettings | ValueError, programmes: LiveProgrammes | None = None) -> APIRouter:
    """The routes below ``/partnero/page``.

    :param settings: of the receiver, or what is wrong with them.
    :param programmes: reads the programmes; None: as Airflow's connections say.
    """
    router = APIRouter(prefix="/page")
    sources = Sources(settings, programmes)
    _add_start(router, sources)
    _add_views(router, sources)
    _add_plan(router, sources)
    return router


def _add_start(router: APIRouter, sources: Sources) -> None:
    @router.get("", dependencies=[LOGIN])
    async def choose(request: Request, user: User, connection: str = "") -> Response:
        """The connections that may be looked at; the page itself where there is one, or one is chosen."""
        if connection:
            return RedirectResponse(root_path(request) + page_path(connection), 303)

        def look() -> tuple[list[str], int]:
            listed = listed_connections()
            return (mine := readable(user, listed)), len(listed) - len(mine)

        found, problem = await sources.recorded(look)
        mine, hidden = found or ([], 0)
        if len(mine) == 1:
            return RedirectResponse(root_path(request) + page_path(mine[0]), 303)
        return render(request, "choose.j2", conn_ids=mine, hidden=hidden, problem=problem, title="Partnero")

    # Where Airflow knows nobody by a cookie, a browser asks for these without a login. They tell nothing of anybody.
    @router.get("/static/{name}", dependencies=[LOGIN] if knows_browsers() else [])
    async def static(name: str) -> Response:
        """The page's own style, script and icons."""
        return static_file(name)


def _add_views(router: APIRouter, sources: Sources) -> None:
    @router.get("/{connection_id:path}/health", dependencies=_VIEW)
    async def health(request: Request, connection_id: str, user: User, refresh: str = "") -> Response:
        """Whether the programme is well."""
        reading = await sources.programmes.get(connection_id, anew=bool(refresh))
        (last, problem), (told, audit_problem) = await asyncio.gather(
            sources.recorded(lambda: _last(connection_id)),
            sources.recorded(lambda: _last_audit_and_run(connection_id, user)),
        )
        latest, audit, is_readable = told or (None, None, False)

        def draw() -> Response:
            receiver = receiver_state(sources.settings, connection_id, reading.snapshot)
            return render_view(
                request,
                "health",
                connection_id,
                reading=reading,
                problem=problem or audit_problem,
                health=build_health(reading, audit, last or (), receiver),
                audit=latest,
                is_run_readable=is_readable,
            )

        return await sources.drawn(draw)

    @router.get("/{connection_id:path}/webhooks", dependencies=_VIEW)
    async def webhooks(request: Request, connection_id: str, refresh: str = "") -> Response:
        """The programme's webhooks."""
        reading = await sources.programmes.get(connection_id, anew=bool(refresh))
        told, problem = await sources.recorded(lambda: _last_audit(connection_id))
        search = WebhookSearch.of(request.query_params)

        def draw() -> Response:
            audit = told[1] if told else None
            undeclared = audit.undeclared if audit else None
            table = build_webhook_table(reading.snapshot, search, undeclared) if reading.snapshot else None
            return render_view(request, "webhooks", connection_id, reading=reading, table=table, problem=problem)

        return await sources.drawn(draw)

    @router.get("/{connection_id:path}/coverage", dependencies=_VIEW)
    async def coverage(request: Request, connection_id: str, refresh: str = "") -> Response:
        """Which webhook gets which event."""
        reading = await sources.programmes.get(connection_id, anew=bool(refresh))
        told, problem = await sources.recorded(lambda: _last_audit(connection_id))

        def draw() -> Response:
            audit = told[1] if told else None
            found = build_event_coverage(reading.snapshot, audit) if reading.snapshot else None
            return render_view(request, "coverage", connection_id, reading=reading, coverage=found, problem=problem)

        return await sources.drawn(draw)


def _add_plan(router: APIRouter, sources: Sources) -> None:
    @router.get("/{connection_id:path}/plan", dependencies=[*_VIEW, READS_TASK_OUTPUT])
    async def plan(request: Request, connection_id: str) -> Response:
        """The form for a declaration; above it the plan that a task returned, if the query names one."""
        found, problem = None, ""
        if "dag_id" in request.query_params:
            task = named_task(request)
            found, problem = await sources.recorded(lambda: returned_plan(task))
            problem = problem or ("" if found else "This task has returned no plan.")
        return render_view(request, "plan", connection_id, form=PlanForm(), plan=found, problem=problem, sample=SAMPLE)

    @router.post("/{connection_id:path}/plan", dependencies=[*_VIEW, SAME_ORIGIN])
    async def previewed(request: Request, connection_id: str) -> Response:
        """What a declaration would change; nothing is written."""
        form, found, problem = PlanForm(), None, ""
        try:
            form = PlanForm.of(await read_body(request, LARGEST_FORM))
            connection = await sources.programmes.connection(connection_id)
            found = await sources.planned(lambda: preview(connection, form))
        except HTTPException:
            raise
        except PartneroError as error:
            problem = words_of(error)
        except (ValueError, LookupError) as error:
            problem = f"{str(error)[:1].upper()}{str(error)[1:]}"
        except Exception as error:  # noqa: BLE001 - as a GoneError or a time-out is
            problem = words_of(error)
        return render_view(request, "plan", connection_id, form=form, plan=found, problem=problem, sample=SAMPLE)


def _last(conn_id: str) -> Sequence[LastDelivery]:
    with create_session() as session:
        limit_statements(session)
        return last_deliveries(session, [conn_id])


def _last_audit(conn_id: str) -> tuple[RecordedPoint | None, PastAudit | None]:
    with create_session() as session:
        limit_statements(session)
        return latest_audit(session, conn_id) or (None, None)


def _last_audit_and_run(conn_id: str, user: Any) -> tuple[RecordedPoint | None, PastAudit | None, bool]:
    """The latest audit, and whether somebody may see its run."""
    latest, audit = _last_audit(conn_id)
    run = latest.run if latest else None
    return latest, audit, run is not None and bool(readable_dags(user, {run.dag_id}))
