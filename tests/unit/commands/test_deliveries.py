"""``deliveries list|show|replay|forget`` on Airflow's own database."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from airflow_provider_partnero.commands import forget, resend
from airflow_provider_partnero.commands.delivery_filters import moment
from airflow_provider_partnero.commands.parser import main
from airflow_provider_partnero.ledger import forgetting
from airflow_provider_partnero.ledger.forgetting import DataMatch
from tests.unit.ledger.conftest import HEARD, LATE, Programme, fernet_key, job, listening, programme, sql

from .conftest import Done

__all__ = ["fernet_key", "listening", "programme"]

Deliveries = Callable[..., Done]
PERSON = {"partner": {"key": "p_1", "email": "ada@example.com"}}


@pytest.fixture
def deliveries(programme: Programme, capsys: pytest.CaptureFixture[str]) -> Deliveries:
    def run(*arguments: str) -> Done:
        capsys.readouterr()
        code = main(["deliveries", *arguments])
        captured = capsys.readouterr()
        return Done(code, captured.out, captured.err)

    return run


def _ids() -> list[str]:
    return [digest for (digest,) in sql("select delivery_id from partnero_delivery order by recorded_at")]


class TestList:
    def test_nothing_that_was_delivered_is_said_to_be_nothing(self, deliveries: Deliveries) -> None:
        assert deliveries("list") == Done(0, "No delivery.\n", "")

    def test_the_newest_come_first_and_what_is_left_out_is_counted(
        self, deliveries: Deliveries, programme: Programme
    ) -> None:
        programme.deliver(job(1), job(2, LATE), job(3))
        done = deliveries("list", "--limit", "2")
        header, *rows, _, more = done.out.splitlines()
        assert header.split() == ["RECORDED", "AT", "(UTC)", "EVENT", "CONNECTION", "OUTCOME", "REPLAYS", "ID"]
        assert [row.split()[2:6] for row in rows] == [
            [HEARD, "partnero_default", "accepted", "0"],
            [LATE, "partnero_default", "unrouted", "0"],
        ]
        assert [row.split()[6] for row in rows] == [digest[:12] for digest in reversed(_ids()[1:])]
        assert more == "... and 1 more; --limit lists more of them."

    @pytest.mark.parametrize(
        ("arguments", "found"),
        [
            (["--event", LATE], ["unrouted"]),
            (["--event", "lead.submitted"], []),
            (["--conn-id", "other"], []),
            (["--key", "whk"], ["unrouted", "failed", "failed"]),
            (["--key", "other"], []),
            (["--outcome", "unrouted"], ["unrouted"]),
            (["--outcome", "failed"], ["failed", "failed"]),
            (["--outcome", "accepted", "--event", HEARD], ["failed", "failed"]),
            (["--outcome", "forgotten"], []),
            (["--since", "1h"], ["unrouted", "failed", "failed"]),
            (["--until", "1h"], []),
            (["--since", "2099-01-01"], []),
        ],
        ids=" ".join,
    )
    def test_filters_keep_what_they_say(
        self, deliveries: Deliveries, programme: Programme, arguments: list[str], found: list[str]
    ) -> None:
        programme.deliver(job(1), job(2))
        programme.run()
        programme.fail("one")
        programme.deliver(job(3, LATE))
        done = deliveries("list", "--json", *arguments)
        assert [one["outcome"] for one in json.loads(done.out)["deliveries"]] == found

    def test_no_output_holds_what_was_delivered(self, deliveries: Deliveries, programme: Programme) -> None:
        programme.deliver(job(1, data=PERSON))
        digest = _ids()[0]
        outputs = [deliveries("list"), deliveries("list", "--json"), deliveries("show", digest)]
        outputs += [deliveries("show", digest, "--json")]
        assert "ada" not in str(outputs)
        assert "ada@example.com" in deliveries("show", digest, "--data").out

    def test_an_entry_of_the_first_edition_is_listed(self, deliveries: Deliveries) -> None:
        sql(
            "insert into partnero_delivery (delivery_id, conn_id, recorded_at) values (:id, 'c', :at)",
            id="ab" * 32,
            at="2026-05-07 10:00:00.000000",
        )
        [_, row] = deliveries("list").out.splitlines()
        assert row.split() == ["2026-05-07", "10:00:00", "-", "c", "accepted", "0", "abababababab"]
        assert deliveries("show", "abababab").code == 0

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["list", "--since", "yesterday"], "--since 'yesterday': must be so long ago (90m, 24h, 7d), or a time"),
            (["list", "--until", "24 h"], "--until '24 h': must be so long ago"),
            (["show", "3f2a"], "ID '3f2a': must be 8 to 64 digits (0-9, a-f) that a delivery's id begins with"),
            (["show", "3f2a9c1d"], "3f2a9c1d: the ledger has no delivery whose id begins so"),
            (["replay"], "nothing is named: give ids, or a filter such as --outcome failed or --since 24h"),
            (["replay", "--again", "--since", "1h"], "--again: only for deliveries that are named by their ids"),
            (["forget", "--yes"], "nothing is named: give ids, a filter such as --event, or --data-match"),
            (["forget", "--data-match", "data.key"], "--data-match 'data.key': must be PATH=VALUE"),
            (["forget", "--data-match", "a=b", "--since", "1d"], "--data-match goes with --event and --conn-id only"),
        ],
        ids=lambda given: " ".join(given) if isinstance(given, list) else "",
    )
    def test_a_mistake_is_named(self, deliveries: Deliveries, arguments: list[str], words: str) -> None:
        done = deliveries(*arguments)
        assert [done.code, done.out] == [1, ""]
        assert done.err.startswith(f"error: {words}")

    def test_text_from_outside_cannot_move_the_cursor(self, deliveries: Deliveries, programme: Programme) -> None:
        programme.deliver(job(1, data={"text": "\x1b[2J\u202e"}))
        done = deliveries("show", _ids()[0], "--data")
        assert "\x1b" not in done.out
        assert "\u202e" not in done.out
        assert "<U+202E>" in done.out

    def test_without_airflow_it_is_said_what_is_missing(
        self, deliveries: Deliveries, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("airflow_provider_partnero.commands.ledger_access.has_airflow", lambda: False)
        done = deliveries("list")
        assert done == Done(1, "", "error: deliveries are in Airflow's database, and Airflow is not installed here\n")


class TestShow:
    def test_a_delivery_is_shown_with_the_runs_that_took_it(self, deliveries: Deliveries, programme: Programme) -> None:
        programme.deliver(job(1))
        programme.run()
        programme.fail("other")
        lines = deliveries("show", _ids()[0][:8]).out.splitlines()
        assert lines[0] == f"delivery    {_ids()[0]}"
        assert "outcome     failed" in lines
        runs = [line.split()[1:3] for line in lines if line.startswith("run ")]
        assert sorted(runs) == [["failed", "other"], ["queued", "one"]]

    def test_what_no_run_has_taken_says_why(self, deliveries: Deliveries, programme: Programme) -> None:
        programme.deliver(job(1, LATE), job(2), job(3))
        [unrouted, cleaned, _] = _ids()
        sql("delete from asset_event where id = (select min(id) from asset_event)")
        said = [deliveries("show", digest).out.splitlines()[-1].split(maxsplit=1)[1] for digest in _ids()]
        assert said == [
            "none: it is no asset event",
            "not known: its asset event was deleted from Airflow's database",
            "none has taken it yet",
        ]
        assert unrouted != cleaned

    @pytest.mark.usefixtures("fernet_key")
    def test_what_another_key_has_encrypted_is_shown_without_it(
        self, deliveries: Deliveries, programme: Programme
    ) -> None:
        programme.deliver(job(1))
        sql("update partnero_delivery set kept = :kept", kept=b"gAAAAnonsense")
        done = deliveries("show", _ids()[0], "--data")
        assert done.code == 1
        assert "outcome     accepted" in done.out
        assert "it is encrypted with a key that [core] fernet_key does not name here" in done.err


class TestReplay:
    def test_a_failed_delivery_is_sent_again_once_and_marked(
        self, deliveries: Deliveries, programme: Programme
    ) -> None:
        programme.deliver(job(1), job(2))
        programme.run()
        programme.fail("one")
        done = deliveries("replay", "--outcome", "failed", "--yes")
        assert done == Done(0, f"2 failed: {HEARD} (partnero_default)\nSent again: 2 of 2.\n", "")
        assert deliveries("replay", "--outcome", "failed", "--yes").out == "Nothing to send again.\n"
        programme.run()
        assert programme.told("one") == [(1, 0), (2, 0), (1, 1), (2, 1)]

    def test_a_delivery_that_a_faster_clock_has_recorded_is_sent_again(
        self, deliveries: Deliveries, programme: Programme
    ) -> None:
        programme.deliver(job(1))
        programme.run()
        programme.fail("one")
        ahead = datetime.now(UTC).replace(tzinfo=None) + timedelta(hours=1)
        sql("update partnero_delivery set recorded_at = :ahead", ahead=ahead.isoformat(" "))
        assert deliveries("replay", "--outcome", "failed", "--yes").out.endswith("Sent again: 1 of 1.\n")

    def test_what_nobody_listens_to_is_left_and_said(self, deliveries: Deliveries, programme: Programme) -> None:
        programme.deliver(job(1, LATE))
        done = deliveries("replay", "--event", LATE, "--yes")
        assert done.code == 2
        assert done.out == (
            f"1 unrouted: {LATE} (partnero_default), which no DAG listens to that is not paused\n"
            "Sent again: 0 of 1.\nLeft as they are, no DAG that is not paused listens: 1.\n"
        )
        programme.schedule("late")
        assert deliveries("replay", "--event", LATE, "--yes").code == 0
        programme.upkeep()
        programme.run()
        assert programme.told("late") == [(1, 1)]

    def test_what_waits_for_a_dag_that_is_unpaused_now_is_no_second_event(
        self, deliveries: Deliveries, programme: Programme
    ) -> None:
        programme.pause("one")
        programme.pause("other")
        programme.deliver(job(1))
        programme.pause("one", is_paused=False)
        done = deliveries("replay", "--outcome", "paused", "--yes")
        assert [done.code, done.out.splitlines()[1:]] == [
            0,
            ["Sent again: 0 of 1.", "No need to, since a DAG that was unpaused has them now: 1."],
        ]
        programme.upkeep()
        programme.run()
        assert programme.told("one") == [(1, 0)]
        assert len(sql("select * from asset_event")) == 1

    def test_what_a_dag_has_is_sent_only_if_it_is_asked_for_by_id(
        self, deliveries: Deliveries, programme: Programme
    ) -> None:
        programme.deliver(job(1), job(2))
        first = _ids()[0][:8]
        done = deliveries("replay", first, "--yes")
        assert done == Done(1, "", f"error: {_ids()[0][:12]}: a DAG has it; --again sends it all the same\n")
        assert deliveries("replay", first, "--again", "--yes").code == 0
        programme.run()
        assert programme.told("one") == [(1, 0), (2, 0), (1, 1)]

    def test_where_nobody_can_be_asked_nothing_is_sent(
        self, deliveries: Deliveries, programme: Programme, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        programme.deliver(job(1, LATE))
        programme.schedule("late")
        monkeypatch.setattr(sys, "stdin", None)
        done = deliveries("replay", "--outcome", "unrouted")
        assert [done.code, done.err] == [
            1,
            "error: nothing was sent: there is no terminal to ask on. Give --yes\n",
        ]
        assert programme.outcomes() == ["unrouted"]

    @pytest.mark.parametrize("stopped_at", range(5))
    def test_stopped_half_way_it_is_repeated_without_sending_anything_twice(
        self, deliveries: Deliveries, programme: Programme, monkeypatch: pytest.MonkeyPatch, stopped_at: int
    ) -> None:
        programme.deliver(*[job(number, LATE) for number in range(10)])
        programme.schedule("late")
        monkeypatch.setattr(resend, "_AT_ONCE", 3)
        portions, send = [], resend._send

        def stop(portion: Any, progress: Any) -> None:
            portions.append(portion)
            if len(portions) > stopped_at:
                raise KeyboardInterrupt
            send(portion, progress)

        with monkeypatch.context() as patched:
            patched.setattr(resend, "_send", stop)
            done = deliveries("replay", "--event", LATE, "--yes")
        sent = min(stopped_at * 3, 10)
        if stopped_at < 4:
            assert done.code == 130
            assert f"Stopped. Sent again: {sent} of 10. Replay again: nothing is sent twice." in done.err
        deliveries("replay", "--event", LATE, "--yes")
        programme.run()
        assert programme.told("late") == [(number, 1) for number in range(10)]

    def test_two_at_once_send_each_delivery_once(self, deliveries: Deliveries, programme: Programme) -> None:
        programme.deliver(job(1, LATE), job(2, LATE))
        programme.schedule("late")
        conditions: list[Any] = []
        [first], [second] = (list(resend._portions(conditions)) for _ in range(2))
        progress = resend.SendingProgress(2)
        resend._send(first, progress)
        resend._send(second, progress)
        assert dict(progress.results) == {"sent": 2, "it was sent again or forgotten meanwhile": 2}
        programme.run()
        assert programme.told("late") == [(1, 1), (2, 1)]


class TestForget:
    def test_one_persons_deliveries_are_deleted_from_ledger_and_asset_events_and_no_others(
        self, deliveries: Deliveries, programme: Programme
    ) -> None:
        programme.deliver(job(1, data=PERSON), job(2), job(3, LATE, PERSON))
        programme.run()
        done = deliveries("forget", "--data-match", "data.partner.key=p_1", "--yes")
        assert done.code == 0
        assert "Deliveries to be forgotten: 2." in done.out
        assert "Forgotten: 2 ledger entries, 1 asset event." in done.out
        assert "Not reached: XComs and logs" in done.out
        everything = str(sql("select * from partnero_delivery")) + str(sql("select extra from asset_event"))
        assert "ada" not in everything
        assert programme.outcomes() == ["forgotten", "accepted", "forgotten"]
        kept = "select event, webhook_key, created_at, asset_event_id, kept from partnero_delivery"
        assert sql(f"{kept} where outcome = 'forgotten'") == [(None,) * 5] * 2
        assert programme.deliver(job(1, data=PERSON)) == ["duplicate"]
        assert deliveries("forget", "--data-match", "data.partner.key=p_1", "--yes").out.startswith("No delivery")

    def test_all_asset_events_of_a_replayed_delivery_are_emptied(
        self, deliveries: Deliveries, programme: Programme
    ) -> None:
        programme.deliver(job(1, data=PERSON))
        digest = _ids()[0]
        for _ in range(2):
            deliveries("replay", digest, "--again", "--yes")
        assert "Forgotten: 1 ledger entry, 3 asset events." in deliveries("forget", digest, "--yes").out
        extras = [json.loads(extra) for (extra,) in sql("select extra from asset_event")]
        assert extras == [{"delivery_id": digest, "event": HEARD, "forgotten": True}] * 3

    def test_what_only_an_asset_event_holds_is_found_there(self, deliveries: Deliveries, programme: Programme) -> None:
        programme.deliver(job(1, data=PERSON), job(2, data=PERSON))
        sql("update partnero_delivery set kept = null")
        sql("delete from partnero_delivery where delivery_id = :id", id=_ids()[1])
        done = deliveries("forget", "--data-match", "partner=p_1", "--yes")
        assert "Entries of which nothing is kept, or nothing that can be read: 1." in done.out
        assert "Forgotten: 1 ledger entry, 2 asset events." in done.out

    def test_a_forgotten_delivery_is_no_delivery_for_a_dag_and_is_never_sent_again(
        self, deliveries: Deliveries, programme: Programme
    ) -> None:
        programme.deliver(job(1, LATE))
        digest = _ids()[0]
        deliveries("forget", digest, "--yes")
        programme.schedule("late")
        programme.upkeep()
        done = deliveries("replay", digest, "--again", "--yes")
        assert "Left as they are, it was sent again or forgotten meanwhile: 1." in done.out
        assert sql("select * from asset_event") == []

    @pytest.mark.parametrize("stopped_at", range(3))
    def test_stopped_anywhere_no_delivery_is_half_forgotten(
        self, deliveries: Deliveries, programme: Programme, monkeypatch: pytest.MonkeyPatch, stopped_at: int
    ) -> None:
        programme.deliver(*[job(number, data=PERSON) for number in range(3)])
        for digest in _ids():
            deliveries("replay", digest, "--again", "--yes")
        monkeypatch.setattr(forget, "_READ_AT_ONCE", 2)
        monkeypatch.setattr(forget, "_DELETED_AT_ONCE", 1)
        calls, delete = [], forgetting.forget_events

        def stop(session: Any, event_ids: Any) -> int:
            calls.append(event_ids)
            if len(calls) > stopped_at:
                raise KeyboardInterrupt
            return delete(session, event_ids)

        with monkeypatch.context() as patched:
            patched.setattr(forgetting, "forget_events", stop)
            done = deliveries("forget", "--event", HEARD, "--yes")
        assert done.code == 130
        assert f"Stopped. Forgotten: {stopped_at} ledger entr" in done.err
        assert "Forget again: the rest is deleted." in done.err
        assert programme.outcomes().count("forgotten") == stopped_at
        assert str(sql("select extra from asset_event")).count("ada") == 2 * (3 - stopped_at)
        deliveries("forget", "--event", HEARD, "--yes")
        assert "ada" not in str(sql("select extra from asset_event"))

    def test_what_is_replayed_while_it_is_forgotten_leaves_nothing_behind(
        self, deliveries: Deliveries, programme: Programme, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        programme.deliver(job(1, data=PERSON))
        [digest] = _ids()

        def ask(*_: Any) -> bool:
            main(["deliveries", "replay", digest, "--again", "--yes"])
            main(["deliveries", "replay", digest, "--again", "--yes"])
            return True

        monkeypatch.setattr("airflow_provider_partnero.commands.terminal.Terminal.ask", ask)
        done = deliveries("forget", "--event", HEARD)
        assert "Forgotten: 1 ledger entry, 3 asset events." in done.out
        assert "ada" not in str(sql("select extra from asset_event"))

    def test_the_same_body_at_another_connection_stays(self, deliveries: Deliveries, programme: Programme) -> None:
        programme.deliver(job(1), job(1, conn_id="elsewhere"))
        assert "Forgotten: 1 ledger entry" in deliveries("forget", "--conn-id", "partnero_default", "--yes").out
        assert programme.outcomes() == ["forgotten", "unrouted"]

    def test_of_two_at_once_one_counts_what_was_deleted(
        self, deliveries: Deliveries, programme: Programme, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        programme.deliver(job(1, data=PERSON))

        def ask(*_: Any) -> bool:
            main(["deliveries", "forget", "--event", HEARD, "--yes"])
            return True

        monkeypatch.setattr("airflow_provider_partnero.commands.terminal.Terminal.ask", ask)
        done = deliveries("forget", "--event", HEARD)
        assert "Forgotten: 1 ledger entry, 1 asset event." in done.out + done.err
        assert "Forgotten: 0 ledger entries, 0 asset events." in done.out

    def test_a_no_deletes_nothing(
        self, deliveries: Deliveries, programme: Programme, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        programme.deliver(job(1))
        monkeypatch.setattr("airflow_provider_partnero.commands.terminal.Terminal.ask", lambda *_: False)
        assert deliveries("forget", "--event", HEARD).code == 2
        assert programme.outcomes() == ["accepted"]


@pytest.mark.parametrize(
    ("text", "is_found"),
    [
        ("data.partner.key=p_1", True),
        ("partner.key=p_1", True),
        ("partner=p_1", True),
        ("data.partner.key=p_", False),
        ("data.partner.key=P_1", False),
        ("data.n=7", True),
        ("n=7", True),
        ("items.key=b", True),
        ("data.items.key=c", False),
        ("event=transaction.created", True),
        ("data=7", False),
        ("data.gone.key=None", False),
    ],
)
def test_a_value_is_found_at_its_path(text: str, is_found: bool) -> None:
    data = {"partner": {"key": "p_1"}, "n": 7, "items": [{"key": "a"}, {"key": "b"}]}
    assert DataMatch.parse(text).is_in({"event": HEARD, "data": data}) is is_found


@pytest.mark.parametrize(
    ("text", "ago"), [("90m", timedelta(minutes=90)), ("24h", timedelta(days=1)), ("7d", timedelta(days=7))]
)
def test_a_time_may_be_so_long_ago(text: str, ago: timedelta) -> None:
    now = datetime(2026, 5, 7, tzinfo=UTC)
    assert moment(text, "--since", now) == now - ago


def test_a_time_without_an_offset_is_in_utc() -> None:
    now = datetime(2026, 5, 7, tzinfo=UTC)
    assert moment("2026-05-07T10:30", "--since", now) == datetime(2026, 5, 7, 10, 30, tzinfo=UTC)
    assert moment("2026-05-07T10:30+02:00", "--since", now) == datetime(2026, 5, 7, 8, 30, tzinfo=UTC)
