"""The server: it starts and stops without waiting for requests, and leaves nothing behind."""

from __future__ import annotations

import logging
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
import requests

from airflow_provider_partnero.sandbox import Profile, Sandbox

from .conftest import FOREVER, PATIENCE, Api, Receiver, fetch, wait_for


def sandbox_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "partnero-sandbox"]


def test_it_answers_once_it_is_started_and_is_gone_once_it_is_stopped() -> None:
    threads_before = sandbox_threads()
    sandbox = Sandbox()
    sandbox.start()
    assert fetch(sandbox, "/test").status_code == 200
    sandbox.stop()
    assert sandbox_threads() == threads_before
    with pytest.raises(requests.ConnectionError, match="refused"):
        fetch(sandbox, "/test")


def test_it_stops_without_waiting_for_requests_and_deliveries(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    threads_before = sandbox_threads()
    with caplog.at_level(logging.INFO), ThreadPoolExecutor() as pool, Sandbox() as sandbox, Api(sandbox) as idle:
        sandbox.put_webhooks([{"url": receiver.url}])
        receiver.statuses = [None]
        sandbox.emit("partner.created", wait=False)
        wait_for(lambda: receiver.received)
        idle.get("/test")
        sandbox.fault(path="/test", delay=FOREVER)
        delayed = pool.submit(fetch, sandbox, "/test")
        wait_for(lambda: len(sandbox.requests()) == 2)
        sandbox.set_latency(FOREVER)
        waiting = [delayed, *(pool.submit(fetch, sandbox, path) for path in ("/webhooks", "/webhooks/x"))]
        wait_for(lambda: len(sandbox.requests()) == 4)
        sandbox.stop()
        assert all(isinstance(request.exception(), requests.ConnectionError) for request in waiting)
    assert [
        record for record in caplog.records if record.levelno >= logging.WARNING and record.name[:7] != "urllib3"
    ] == []
    assert sandbox_threads() == threads_before


def test_faults_leave_no_complaints_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING), Sandbox() as sandbox, Api(sandbox) as api:
        for fields in (
            {"drop": "before"},
            {"drop": "after"},
            {"body": "truncated"},
            {"body": "empty"},
            {"status": 204},
        ):
            sandbox.fault(**fields)
            with suppress(requests.RequestException):
                api.create()
    assert [record for record in caplog.records if record.name.startswith(("uvicorn", "asyncio"))] == []


def test_a_client_that_disconnects_before_the_answer_leaves_no_complaint_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING), Sandbox() as sandbox:
        sandbox.fault(delay=0.2)
        with socket.create_connection(("127.0.0.1", sandbox.port), timeout=PATIENCE) as connection:
            connection.sendall(b"GET /v1/test HTTP/1.1\r\nHost: x\r\n\r\n")
            wait_for(sandbox.requests)
        wait_for(lambda: sandbox.requests()[0].status)
    assert [record for record in caplog.records if record.name.startswith(("uvicorn", "asyncio"))] == []


def test_many_can_run_at_once_each_with_its_own_webhooks_and_token() -> None:
    with Sandbox("one") as one, Sandbox("two", profile=Profile(list_form="data")) as two:
        one.seed(2)
        assert one.port != two.port
        assert len(fetch(one, "/webhooks").json()["data"]) == 2
        assert fetch(two, "/webhooks").json() == {"data": []}
        refused = requests.get(f"{two.base_url}/test", headers={"Authorization": "Bearer one"}, timeout=PATIENCE)
        assert refused.status_code == 401


def test_a_taken_port_is_named() -> None:
    with Sandbox() as sandbox:
        with pytest.raises(OSError, match=f"cannot listen on port {sandbox.port} of 127.0.0.1: it is taken"):
            Sandbox(port=sandbox.port).start()
        assert fetch(sandbox, "/test").status_code == 200


def test_a_foreign_address_is_named() -> None:
    with pytest.raises(OSError, match=r"cannot listen on port 0 of 192\.0\.2\.1: "):
        Sandbox(host="192.0.2.1").start()


def test_a_port_is_free_again_after_a_stop_that_cut_connections() -> None:
    sandbox = Sandbox()
    sandbox.start()
    with Api(sandbox) as api:
        api.get("/test")
        sandbox.stop()
        with Sandbox(port=sandbox.port) as again:
            assert again.base_url == sandbox.base_url
            assert fetch(again, "/test").status_code == 200


def test_it_can_be_started_again_but_not_twice() -> None:
    sandbox = Sandbox()
    with sandbox:
        sandbox.seed(1)
        with pytest.raises(RuntimeError, match="running already"):
            sandbox.start()
    sandbox.stop()
    with sandbox:
        assert sandbox.webhooks() == []


def test_before_the_start_it_has_no_address() -> None:
    sandbox = Sandbox()
    for ask in (lambda: sandbox.base_url, lambda: sandbox.connection_json, sandbox.webhooks):
        with pytest.raises(RuntimeError, match="has not been started"):
            ask()


def test_a_wrong_argument_is_named() -> None:
    with pytest.raises(ValueError, match="port is 70000; allowed: 0 to 65535"):
        Sandbox(port=70_000)
    with pytest.raises(ValueError, match="token is ' '; allowed: anything but blank text"):
        Sandbox(" ")
    with pytest.raises(ValueError, match="host is ''; allowed: an address of this machine"):
        Sandbox(host="")


def test_its_addresses_are_those_it_answers_at() -> None:
    with Sandbox() as sandbox:
        assert sandbox.root_url == f"http://127.0.0.1:{sandbox.port}"
        assert sandbox.base_url == f"{sandbox.root_url}/v1"
        with socket.create_connection(("127.0.0.1", sandbox.port), timeout=PATIENCE):
            pass


@pytest.mark.skipif(not socket.has_ipv6, reason="this machine has no IPv6")
def test_it_listens_on_ipv6() -> None:
    try:
        sandbox = Sandbox(host="::1")
        sandbox.start()
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    try:
        assert sandbox.base_url == f"http://[::1]:{sandbox.port}/v1"
        assert fetch(sandbox, "/test").status_code == 200
        assert sandbox.webhooks() == []
    finally:
        sandbox.stop()


@pytest.mark.parametrize("token", ["demo", "t/o:k@e n%?#\"'"])
def test_airflow_reads_both_connection_strings_alike(token: str) -> None:
    from airflow.models.connection import Connection

    with Sandbox(token) as sandbox:
        for connection in (Connection.from_json(sandbox.connection_json), Connection(uri=sandbox.connection_uri)):
            assert (connection.conn_type, connection.password) == ("partnero", token)
            assert (connection.host, connection.port, connection.login or None) == (sandbox.base_url, None, None)
        assert fetch(sandbox, "/test").status_code == 200
