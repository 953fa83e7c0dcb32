"""The view Report: only what a task told, only a report, only for those who may read what tasks tell."""

from __future__ import annotations

import html
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from airflow.sdk import DAG, ObjectStoragePath
from airflow.sdk.io import attach
from fsspec.implementations.memory import MemoryFileSystem  # type: ignore[import-untyped]

from airflow_provider_partnero.operators.partnero import PartneroAuditWebhooksOperator
from airflow_provider_partnero.plugin.page import report_file
from airflow_provider_partnero.sandbox import Sandbox
from airflow_provider_partnero.webhooks.report.whereabouts import XCOM_KEY
from tests.e2e.programme import webhook
from tests.unit.conftest import Airflow

from .site import Site
from .test_routes import text_of

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def sandbox(partnero_sandbox: Sandbox) -> Sandbox:
    partnero_sandbox.put_webhooks([webhook("good00"), webhook("plain0", name=HOSTILE, url="http://blog.example/x")])
    return partnero_sandbox


@pytest.fixture
def reported(airflow: Airflow, sandbox: Sandbox, tmp_path: Path) -> dict[str, str]:
    """The query of an audit that wrote ``report.html`` and then failed its task."""
    return _audited(airflow, tmp_path / "report.html")


def _audited(airflow: Airflow, path: Path | str) -> dict[str, str]:
    dag_id = f"report_{uuid4().hex}"
    with DAG(dag_id, schedule=None, start_date=datetime(2026, 1, 1), catchup=False) as dag:
        PartneroAuditWebhooksOperator(task_id="audit", report_path=str(path), fail_on="error")
    assert airflow.run(dag)["audit"][0].state == "failed"
    return {"dag_id": dag_id, "run_id": run_id_of(dag_id), "task_id": "audit", "map_index": "-1"}


def run_id_of(dag_id: str) -> str:
    """The id of the DAG's latest run."""
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        found = session.scalar(select(DagRun.run_id).where(DagRun.dag_id == dag_id).order_by(DagRun.id.desc()))
    assert found
    return found


def write_xcom(query: dict[str, str], told: Any, key: str = XCOM_KEY) -> None:
    """What somebody who may write XComs can do."""
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session
    from sqlalchemy import delete

    with create_session() as session:
        session.execute(delete(XComModel).where(XComModel.dag_id == query["dag_id"], XComModel.key == key))
        XComModel.set(
            key=key,
            value=told,
            dag_id=query["dag_id"],
            run_id=query["run_id"],
            task_id=query["task_id"],
            session=session,
        )


def _views(query: dict[str, str]) -> tuple[str, str]:
    return f"report?{urlencode(query)}", f"report/file?{urlencode(query)}"


def _file(site: Site, query: dict[str, str]) -> Any:
    return site.view(_views(query)[1])


def test_the_report_of_an_audit_that_failed_its_task_is_shown_in_a_frame_without_rights(
    site: Site, reported: dict[str, str], tmp_path: Path
) -> None:
    answer = site.view(_views(reported)[0])
    assert answer.status_code == 200
    assert f"Written to {tmp_path}/report.html" in text_of(answer)
    assert "Another audit" not in text_of(answer)
    [frame] = re.findall(r"<iframe [^>]+>", answer.text)
    assert " sandbox " in frame
    source = html.unescape(re.findall(r'src="([^"]+)"', frame)[0])
    file = site.client.get(source)
    assert (file.status_code, file.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert file.content == (tmp_path / "report.html").read_bytes()
    assert "frame-src 'self'" in answer.headers["content-security-policy"]


def test_nothing_in_a_report_runs_or_is_of_the_pages_site(site: Site, reported: dict[str, str], tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    page.write_text(page.read_text().replace("</body>", "<script>parent.alert(1)</script></body>"))
    file = _file(site, reported)
    assert "parent.alert(1)" in file.text
    policy = [part.strip() for part in file.headers["content-security-policy"].split(";")]
    assert policy[:2] == ["sandbox", "default-src 'none'"]
    assert not [part for part in policy if part.startswith(("script-src", "connect-src", "sandbox "))]
    assert file.headers["x-content-type-options"] == "nosniff"
    assert file.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("suffix", [".md", ".json"])
def test_a_report_for_programs_is_plain_text(
    site: Site, airflow: Airflow, sandbox: Sandbox, tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"report{suffix}"
    query = _audited(airflow, path)
    file = _file(site, query)
    assert file.headers["content-type"] == "text/plain; charset=utf-8"
    assert file.content == path.read_bytes()


def test_a_task_without_a_report_says_so(site: Site, reported: dict[str, str]) -> None:
    for changed in ({"task_id": "other"}, {"run_id": "other"}, {"map_index": "3"}):
        page, file = (site.view(view) for view in _views(reported | changed))
        assert (page.status_code, "has told of no report" in text_of(page)) == (200, True)
        assert "<iframe" not in page.text
        assert file.status_code == 404


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"dag_id": "", "run_id": "r", "task_id": "t"},
        {"dag_id": "d", "run_id": "r", "task_id": "t", "map_index": "x"},
        {"dag_id": "d", "run_id": "r", "task_id": "t", "map_index": "9" * 30},
        {"dag_id": "d" * 5_000, "run_id": "r", "task_id": "t"},
    ],
)
def test_what_names_no_task_is_not_found(site: Site, query: dict[str, str]) -> None:
    for view in _views(query):
        assert site.view(view).status_code == 404


def test_the_query_never_says_where_a_report_is(site: Site, reported: dict[str, str], tmp_path: Path) -> None:
    other = tmp_path / "other.html"
    other.write_text((tmp_path / "report.html").read_text().replace("Partnero webhooks", "Another one"))
    (tmp_path / "report.html").unlink()
    for name in ("path", "report_path", "where"):
        assert "Another one" not in _file(site, reported | {name: str(other)}).text


def test_somebody_without_the_right_to_xcoms_of_the_dag_sees_neither_report_nor_plan(
    site: Site, reported: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
    from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager

    asked: list[Any] = []

    def refuse(self: Any, *, method: str, user: Any, access_entity: Any = None, details: Any = None) -> bool:
        asked.append((method, access_entity, details.id))
        return False

    monkeypatch.setattr(SimpleAuthManager, "is_authorized_dag", refuse)
    for view in (*_views(reported), f"plan?{urlencode(reported)}"):
        answer = site.view(view)
        assert (answer.status_code, "may read the XComs" in text_of(answer)) == (403, True), view
    assert asked == [("GET", DagAccessEntity.XCOM, reported["dag_id"])] * 3
    assert site.view("plan").status_code == 200


@pytest.mark.parametrize(
    "content",
    [
        b"root:x:0:0:",
        b'{"password": "hunter2"}',
        b"\xff\xfe",
        b"",
        b'<meta name="partnero-audit" content=\'{"version":1}\'>hunter2',
    ],
)
@pytest.mark.parametrize("suffix", [".html", ".md", ".json"])
def test_a_file_that_is_no_report_is_not_shown_wherever_a_task_says_it_is(
    site: Site, reported: dict[str, str], tmp_path: Path, content: bytes, suffix: str
) -> None:
    secret = tmp_path / f"secret{suffix}"
    secret.write_bytes(content)
    missing = tmp_path / f"missing{suffix}"
    words = []
    for path in (secret, missing):
        write_xcom(reported, {"conn_id": "partnero_default", "path": str(path)})
        page, file = (site.view(view) for view in _views(reported))
        assert (page.status_code, file.status_code) == (200, 404)
        assert "hunter2" not in page.text + file.text
        words.append(text_of(page).replace(str(path), "PATH"))
    assert words[0] == words[1]  # so that nobody learns which files the API server has
    assert "No report of this connection can be read there" in words[0]


@pytest.mark.parametrize(
    "path",
    [
        "http://127.0.0.1:1/report.html",
        "https://127.0.0.1:1/report.html",
        "zip://a.zip/report.html",
        "simplecache::http://127.0.0.1:1/report.html",
        "ftp://127.0.0.1/report.html",
        "data:text/html,report.html",
        "gs://nowhere/report.html",
        "reference://report.html",
    ],
)
def test_only_airflows_own_file_systems_are_asked(
    site: Site, reported: dict[str, str], path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import socket

    def connect(self: Any, address: Any) -> None:
        raise AssertionError(f"connected to {address}")

    monkeypatch.setattr(socket.socket, "connect", connect)
    write_xcom(reported, {"conn_id": "partnero_default", "path": path})
    page = site.view(_views(reported)[0])
    assert (page.status_code, "<iframe" in page.text) == (200, False)
    assert re.search("The storage cannot be read|No report of this connection", text_of(page))


@pytest.mark.parametrize(
    "told",
    [
        "text",
        [],
        7,
        {},
        {"conn_id": "partnero_default"},
        {"conn_id": "partnero_default", "path": ["/etc/passwd"]},
        {"conn_id": "partnero_default", "path": "/etc/passwd"},
        {"conn_id": "partnero_default", "path": "\x00.html"},
        {"conn_id": "partnero_default", "path": "x" * 10_000 + ".html"},
        {"conn_id": "partnero_default", "path": HOSTILE},
    ],
)
def test_whatever_a_task_tells_never_breaks_the_page(site: Site, reported: dict[str, str], told: Any) -> None:
    write_xcom(reported, told)
    page, file = (site.view(view) for view in _views(reported))
    assert (page.status_code, file.status_code) == (200, 404)
    assert "cannot be read" in text_of(page)
    assert HOSTILE not in page.text + file.text


def test_a_report_of_another_connection_is_not_shown(site: Site, reported: dict[str, str], tmp_path: Path) -> None:
    write_xcom(reported, {"conn_id": "other", "path": str(tmp_path / "report.html")})
    assert "is of another connection" in text_of(site.view(_views(reported)[0]))
    other = site.view(_views(reported)[1], "other")
    assert other.status_code == 404  # the file itself says which connection it is of


def test_a_report_that_a_later_audit_has_replaced_is_shown_as_that_ones(
    site: Site, reported: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, airflow: Airflow
) -> None:
    later = datetime(2031, 5, 6, 7, 8, 9, tzinfo=UTC)
    monkeypatch.setattr(PartneroAuditWebhooksOperator, "now", staticmethod(lambda: later))
    _audited(airflow, tmp_path / "report.html")
    shown = text_of(site.view(_views(reported)[0]))
    assert "Another audit has written there since: this is its report, of 2031-05-06T07:08:09+00:00." in shown


@pytest.mark.parametrize("extra_bytes", [0, 1])
def test_a_report_has_a_largest_size_which_is_known_before_it_is_read(
    site: Site, reported: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, extra_bytes: int
) -> None:
    size = (tmp_path / "report.html").stat().st_size
    monkeypatch.setattr(report_file, "LARGEST", size - extra_bytes)
    page, file = (site.view(view) for view in _views(reported))
    assert ("is larger than" in text_of(page), file.status_code) == ((True, 404) if extra_bytes else (False, 200))


def test_a_storage_that_hides_a_files_size_is_not_read_beyond_the_largest() -> None:
    class Drip:
        asked: tuple[int, int] | None = None

        def info(self, path: str) -> dict[str, Any]:
            return {"name": path, "size": None, "type": "file"}

        def cat_file(self, path: str, start: int, end: int) -> bytes:
            self.asked = (start, end)
            return b"x" * (end - start)

    drip = Drip()
    with pytest.raises(report_file.ReportMissingError, match="larger than"):
        report_file._bytes_of(drip, "x.html")
    assert drip.asked == (0, report_file.LARGEST + 1)


def test_a_pipe_and_a_folder_are_no_reports_and_hold_nobody_up(
    site: Site, reported: dict[str, str], tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "pipe.html")
    (tmp_path / "folder.html").mkdir()
    for name in ("pipe.html", "folder.html"):
        write_xcom(reported, {"conn_id": "partnero_default", "path": str(tmp_path / name)})
        assert "No report of this connection" in text_of(site.view(_views(reported)[0]))


@contextmanager
def _object_storage(protocol: str, storage: Any) -> Iterator[None]:
    from airflow.sdk.io.store import _STORE_CACHE

    def forget() -> dict[str, Any]:
        return {alias: _STORE_CACHE.pop(alias) for alias in list(_STORE_CACHE) if alias.startswith(protocol)}

    others = forget()  # of tests before, which attach() would return
    attach(protocol, fs=storage)
    yield
    forget()
    _STORE_CACHE.update(others)


def test_a_report_in_an_object_storage_is_shown(site: Site, airflow: Airflow, sandbox: Sandbox) -> None:
    with _object_storage("memory", MemoryFileSystem()):
        query = _audited(airflow, "memory://bucket/audits/report.html")
        file = _file(site, query)
        assert file.content == ObjectStoragePath("memory://bucket/audits/report.html").read_bytes()


def test_a_storage_that_hangs_is_given_up_and_holds_up_nothing_else(
    site: Site, reported: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import threading

    from airflow_provider_partnero.plugin.page import output_routes

    ends = threading.Event()

    class Hanging(MemoryFileSystem):  # type: ignore[misc]
        def info(self, path: str, **_: Any) -> Any:
            ends.wait()
            raise FileNotFoundError(path)

    monkeypatch.setattr(output_routes, "STORAGE_SECONDS", 0.05)
    try:
        with _object_storage("memory", Hanging()):
            write_xcom(reported, {"conn_id": "partnero_default", "path": "memory://bucket/report.html"})
            for _ in range(5):
                assert "has not answered within" in text_of(site.view(_views(reported)[0]))
            assert site.view("plan").status_code == 200
            assert site.view("health").status_code == 200
    finally:
        ends.set()
