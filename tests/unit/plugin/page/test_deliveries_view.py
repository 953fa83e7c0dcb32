"""The view Deliveries, as people with different rights see it."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from starlette.testclient import TestClient

from airflow_provider_partnero.plugin.page import past_routes
from tests.unit.ledger.conftest import HEARD, LATE, Programme, job, listening, programme, sql

from .visitors import PAGE, SAME_ORIGIN, cookie, page_served

__all__ = ["listening", "programme"]

HOSTILE = "<script>alert(1)</script>\u202e\"'&=cmd"


@pytest.fixture(scope="module")
def client(listening: Programme) -> Iterator[TestClient]:
    with page_served() as served:
        yield served


def _get(client: TestClient, who: str, path: str = "/deliveries") -> Any:
    return client.get(PAGE + path, headers=cookie(who))


def _words(page: Any) -> str:
    """What a page says, without its markup."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page.text)).split())


def _choices(page: Any) -> list[str]:
    return re.findall(r'name="delivery" value="([^"]+)"', page.text)


def _replay(client: TestClient, who: str, chosen: list[str], **more: str) -> Any:
    return _post(client, who, chosen, SAME_ORIGIN, **more)


def _post(client: TestClient, who: str, chosen: list[str], headers: dict[str, str], **more: str) -> Any:
    data = {"delivery": chosen, **more}
    return client.post(f"{PAGE}/deliveries/replay", data=data, headers=cookie(who) | headers)


class TestWhoMayWhat:
    def test_nothing_is_shown_without_a_login_or_the_right_to_read_the_connection(
        self, client: TestClient, programme: Programme
    ) -> None:
        programme.deliver(job(1, data={"secret": "customer"}))
        [digest] = [row[0] for row in sql("select delivery_id from partnero_delivery")]
        for path in ("/deliveries", f"/deliveries/{digest}/payload"):
            assert client.get(PAGE + path).status_code == 401
            refused = _get(client, "nobody", path)
            assert refused.status_code == 403
            assert HEARD not in refused.text
        assert client.post(f"{PAGE}/deliveries/replay", headers=SAME_ORIGIN).status_code == 401

    def test_a_payload_is_for_those_who_may_read_assets(self, client: TestClient, programme: Programme) -> None:
        programme.deliver(job(1, data={"secret": "customer"}))
        [digest] = [row[0] for row in sql("select delivery_id from partnero_delivery")]
        for who in ("reader", "editor"):
            page = _get(client, who)
            assert "for those who may read assets" in _words(page)
            assert "<details" not in page.text
            assert _get(client, who, f"/deliveries/{digest}/payload").status_code == 403
        page = _get(client, "seer")
        assert f'data-payload="{PAGE}/deliveries/{digest}/payload"' in page.text
        assert "customer" not in page.text, "it is fetched when it is unfolded"
        payload = _get(client, "seer", f"/deliveries/{digest}/payload")
        assert payload.headers["content-type"] == "text/plain; charset=utf-8"
        assert payload.headers["x-content-type-options"] == "nosniff"
        assert '"secret": "customer"' in payload.text

    def test_runs_are_for_those_who_may_read_their_dags(self, client: TestClient, programme: Programme) -> None:
        programme.deliver(job(1))
        programme.run()
        programme.fail("one")
        page = _get(client, "seer")
        assert 'href="/dags/one/runs/asset__0" data-airflow' in page.text
        assert "one failed other queued" in _words(page)
        page = _get(client, "reader")
        assert "/dags/" not in page.text
        assert "2 that you may not see" in _words(page)

    def test_only_those_who_may_edit_the_connection_may_send_again_and_only_from_the_page(
        self, client: TestClient, programme: Programme
    ) -> None:
        programme.deliver(job(1))
        programme.run()
        programme.fail("one")
        assert _choices(_get(client, "seer")) == []
        chosen = _choices(_get(client, "editor"))
        assert _replay(client, "seer", chosen).status_code == 403
        for headers in ({}, {"sec-fetch-site": "cross-site"}, {"origin": "https://elsewhere.example"}):
            assert _post(client, "editor", chosen, headers).status_code == 403
        assert sql("select count(*) from asset_event") == [(1,)]
        assert _replay(client, "editor", chosen).status_code == 303
        assert sql("select count(*) from asset_event") == [(2,)]


class TestTheList:
    def test_an_empty_ledger_says_so(self, client: TestClient, programme: Programme) -> None:
        page = _get(client, "owner")
        assert page.status_code == 200
        assert "Nothing has been delivered to this connection yet" in _words(page)

    def test_each_delivery_has_its_outcome_in_words(self, client: TestClient, programme: Programme) -> None:
        programme.deliver(job(1), job(2, LATE))
        programme.run()
        programme.fail("one")
        words = _words(_get(client, "owner"))
        assert "2 deliveries" in words
        for outcome in ("a run failed", "no DAG listens", "one failed", "other queued"):
            assert outcome in words

    def test_events_and_outcomes_narrow_the_list(self, client: TestClient, programme: Programme) -> None:
        programme.deliver(job(1), job(2, LATE), job(3))
        assert len(_choices(_get(client, "owner", f"/deliveries?event={HEARD}"))) == 2
        assert len(_choices(_get(client, "owner", "/deliveries?outcome=unrouted"))) == 1
        page = _get(client, "owner", "/deliveries?outcome=failed")
        assert "None is like that." in _words(page)
        assert f'<option value="{LATE}">' in page.text, "every event that came can be chosen"

    def test_older_pages_are_reached_by_links(self, client: TestClient, programme: Programme) -> None:
        programme.deliver(*(job(number) for number in range(60)))
        first = _get(client, "owner")
        assert "The latest 50 of 60 deliveries" in _words(first)
        [older] = re.findall(r'href="([^"]+)" rel="next"', first.text)
        second = client.get(html.unescape(older), headers=cookie("owner"))
        assert len(_choices(second)) == 10
        assert {*_choices(first)}.isdisjoint(_choices(second))
        assert ">Newest</a>" in second.text

    @pytest.mark.parametrize("query", ["before=x", "results=x", "before=2026-13-01T00:00:00.000000-ab"])
    def test_a_query_that_makes_no_sense_is_refused_in_words(self, client: TestClient, query: str) -> None:
        page = _get(client, "owner", f"/deliveries?{query}")
        assert page.status_code == 400
        assert query.partition("=")[0] + "=" in _words(page)

    def test_hostile_events_and_payloads_are_shown_and_do_nothing(
        self, client: TestClient, programme: Programme
    ) -> None:
        programme.deliver(job(1, data={"name": HOSTILE}))
        sql("update partnero_delivery set event = :event, webhook_key = :event", event=HOSTILE)
        page = _get(client, "owner")
        assert "<script>alert" not in page.text
        assert "\u202e" not in re.sub(r'<(option|input)[^>]*value="[^"]*"', "", page.text)
        [digest] = [row[0] for row in sql("select delivery_id from partnero_delivery")]
        payload = _get(client, "owner", f"/deliveries/{digest}/payload")
        assert "<U+202E>" in payload.text
        assert "default-src 'none'" in payload.headers["content-security-policy"]

    def test_a_database_without_the_ledger_is_said_to_have_none(self, client: TestClient, programme: Programme) -> None:
        sql("alter table partnero_delivery rename to partnero_delivery_away")
        try:
            page = _get(client, "owner")
        finally:
            sql("alter table partnero_delivery_away rename to partnero_delivery")
        assert page.status_code == 200
        assert "the tables of the receiver are not in Airflow's database" in _words(page)
        assert programme.outcomes() == []

    def test_a_database_that_does_not_answer_is_not_waited_for(
        self, client: TestClient, monkeypatch: pytest.MonkeyPatch, programme: Programme
    ) -> None:
        import threading

        gate = threading.Event()
        monkeypatch.setattr(past_routes, "_READ_SECONDS", 0.05)
        monkeypatch.setattr(past_routes, "_read_list", lambda *_: gate.wait(30))
        try:
            page = _get(client, "owner")
        finally:
            gate.set()
        assert page.status_code == 200
        assert "has not answered within 0.05 s" in _words(page)
        assert programme.outcomes() == []


class TestPayload:
    def test_what_is_not_there_kept_or_readable_is_said_so(self, client: TestClient, programme: Programme) -> None:
        programme.deliver(job(1), job(2), job(3, conn_id="other"))
        first, second, elsewhere = [
            row[0] for row in sql("select delivery_id from partnero_delivery order by recorded_at")
        ]
        sql("update partnero_delivery set kept = null where delivery_id = :id", id=first)
        sql("update partnero_delivery set kept = x'6741414141' where delivery_id = :id", id=second)
        assert _get(client, "owner", f"/deliveries/{first}/payload").text == "Nothing of it is kept."
        assert "[core] fernet_key is empty here" in _get(client, "owner", f"/deliveries/{second}/payload").text
        assert _get(client, "owner", f"/deliveries/{elsewhere}/payload").status_code == 404
        assert _get(client, "owner", "/deliveries/nonsense/payload").status_code == 404

    def test_a_large_payload_is_cut_and_says_so(self, client: TestClient, programme: Programme) -> None:
        programme.deliver(job(1, data={"text": "x" * 250_000, "list": [[0]] * 30_000}))
        [digest] = [row[0] for row in sql("select delivery_id from partnero_delivery")]
        text = _get(client, "owner", f"/deliveries/{digest}/payload").text
        assert len(text) < 401_000
        assert re.search(r"\.\.\. and [\d,]+ more characters$", text)


class TestReplay:
    def test_what_became_of_each_is_told_and_a_reload_sends_nothing(
        self, client: TestClient, programme: Programme
    ) -> None:
        programme.deliver(job(1), job(2, LATE), job(3))
        programme.run()
        programme.fail("one")
        everything = [row[0] for row in sql("select delivery_id from partnero_delivery order by recorded_at")]
        sql("update partnero_delivery set kept = null where delivery_id = :id", id=everything[0])
        page = _get(client, "owner")
        chosen = [f"{digest}.0" for digest in everything]
        assert len(_choices(page)) == 2
        answer = _replay(client, "owner", chosen, event="", outcome="")
        assert answer.status_code == 303
        before = sql("select count(*) from asset_event")
        for _ in range(2):
            told = client.get(answer.headers["location"], headers=cookie("owner"))
            words = _words(told)
            assert "Sent again: 1 of 3." in words
            assert "left as it is: no DAG that is not paused listens" in words
            assert "left as it is: nothing of it is kept" in words
        assert sql("select count(*) from asset_event") == before

    def test_the_same_form_sent_twice_sends_once(self, client: TestClient, programme: Programme) -> None:
        programme.deliver(job(1))
        programme.run()
        programme.fail("one")
        chosen = _choices(_get(client, "owner"))
        first, second = (_replay(client, "owner", chosen, again="on") for _ in range(2))
        words = [_words(client.get(one.headers["location"], headers=cookie("owner"))) for one in (first, second)]
        assert "Sent again: 1 of 1." in words[0]
        assert "it was sent again or forgotten meanwhile" in words[1]
        programme.run()
        assert programme.told("one") == [(1, 0), (1, 1)]

    def test_what_a_dag_has_is_sent_only_with_the_box_for_it(self, client: TestClient, programme: Programme) -> None:
        programme.deliver(job(1))
        programme.run()
        chosen = _choices(_get(client, "owner"))
        held = _replay(client, "owner", chosen)
        assert "held" in held.headers["location"]
        assert "sent" in _replay(client, "owner", chosen, again="on").headers["location"]

    def test_a_made_up_address_does_not_tell_of_a_replay_that_never_was(
        self, client: TestClient, programme: Programme
    ) -> None:
        programme.deliver(job(1))
        [chosen] = _choices(_get(client, "owner"))
        words = _words(_get(client, "owner", f"/deliveries?results={chosen}.sent~ab.0.sent"))
        assert "Sent again: 0 of 2." in words
        assert words.count("the ledger knows of no replay") == 2

    def test_the_page_that_was_looked_at_comes_back(self, client: TestClient, programme: Programme) -> None:
        programme.deliver(*(job(number) for number in range(60)))
        [older] = re.findall(r'href="([^"]+)" rel="next"', _get(client, "owner", f"/deliveries?event={HEARD}").text)
        query = {name: values[0] for name, values in parse_qs(urlsplit(html.unescape(older)).query).items()}
        answer = _replay(client, "owner", [], **query)
        assert answer.headers["location"] == html.unescape(older)

    @pytest.mark.parametrize("chosen", [["x"], ["ab"], [f"{number:x}.0" for number in range(51)], ["ab.0"] * 70])
    def test_a_form_that_is_not_the_pages_is_refused(self, client: TestClient, chosen: list[str]) -> None:
        assert _replay(client, "owner", chosen).status_code == 400

    def test_a_body_that_is_too_large_is_not_read_to_its_end(self, client: TestClient) -> None:
        assert _replay(client, "owner", [], event="x" * 20_000).status_code == 413

    def test_a_turn_that_does_not_come_is_told_as_not_known(
        self, client: TestClient, programme: Programme, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import threading

        programme.deliver(job(1))
        chosen = _choices(_get(client, "owner"))
        gate = threading.Event()
        monkeypatch.setattr(past_routes, "_REPLAY_SECONDS", 0.05)
        monkeypatch.setattr(past_routes, "send_chosen", lambda *_, **__: gate.wait(30))
        try:
            answer = _replay(client, "owner", chosen)
        finally:
            gate.set()
        told = client.get(answer.headers["location"], headers=cookie("owner"))
        assert "What you chose may still be sent." in _words(told)

    def test_a_database_that_refuses_is_told_and_nothing_is_sent(
        self, client: TestClient, programme: Programme
    ) -> None:
        programme.deliver(job(1))
        programme.run()
        programme.fail("one")
        chosen = _choices(_get(client, "owner"))
        sql("alter table partnero_receiver_clock rename to partnero_clock_away")
        try:
            answer = _replay(client, "owner", chosen)
        finally:
            sql("alter table partnero_clock_away rename to partnero_receiver_clock")
        assert answer.status_code == 503
        assert "only if its number of replays has grown" in _words(answer)
        assert sql("select count(*) from asset_event") == [(1,)]
