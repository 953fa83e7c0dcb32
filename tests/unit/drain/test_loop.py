"""The drain's loop over a real folder: what is deleted, set aside, left; what hostile objects can and cannot do."""

from __future__ import annotations

import json
import os
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

import fsspec  # type: ignore[import-untyped]
import pytest

from airflow_provider_partnero.drain.loop import Drain, DrainLimits, DrainResult, ReceiverAnswer
from airflow_provider_partnero.drain.raw_delivery import RawDelivery
from airflow_provider_partnero.drain.storage import DeliveryStorage, checked_source

ACCEPTED = ReceiverAnswer(202, "accepted")
UNAVAILABLE = ReceiverAnswer(503, "unavailable")
MAX_BODY = 1024


def put(folder: Path, name: str, body: bytes = b"{}") -> None:
    whole = {
        "path": "/partnero/webhooks/c",
        "headers": {"Content-Type": "application/json"},
        "body_base64": b64encode(body).decode(),
    }
    (folder / name).write_text(json.dumps(whole))


class Receiver:
    """Answers by body, and remembers what it got."""

    def __init__(self, verdict: Callable[[bytes], ReceiverAnswer] = lambda _: ACCEPTED) -> None:
        self.got: list[bytes] = []
        self.largest_batch = 0
        self._verdict = verdict

    def hand_over(self, deliveries: Sequence[RawDelivery]) -> list[ReceiverAnswer]:
        self.largest_batch = max(self.largest_batch, len(deliveries))
        self.got += [delivery.body for delivery in deliveries]
        return [self._verdict(delivery.body) for delivery in deliveries]


def drain(folder: Path, receiver: Receiver, **options: Any) -> tuple[DrainResult, list[str]]:
    said: list[str] = []
    result = Drain(DeliveryStorage(f"file://{folder}"), receiver.hand_over, said.append, MAX_BODY, **options).run()
    return result, said


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_file())


def test_a_scheme_that_airflow_has_no_provider_for_says_what_to_install() -> None:
    with pytest.raises(ValueError, match=r"^nowhere://\*\*\*@bucket/x: .*nowhere.*Install what the scheme needs"):
        DeliveryStorage("nowhere://hush@bucket/x").waiting()


def test_what_is_taken_is_deleted_the_oldest_name_first(tmp_path: Path) -> None:
    for number in (3, 1, 2):
        put(tmp_path, f"2026-01-0{number}", b"%d" % number)
    receiver = Receiver()
    result, _ = drain(tmp_path, receiver)
    assert receiver.got == [b"1", b"2", b"3"]
    assert result.as_dict() == {"taken": 3, "set_aside": 0, "left": 0, "gone": 0, "answers": {"accepted": 3}}
    assert left_in(tmp_path) == []


def test_what_is_refused_is_set_aside_unchanged_with_the_reason_beside_it(tmp_path: Path) -> None:
    put(tmp_path, "a")
    before = (tmp_path / "a").read_bytes()
    result, said = drain(tmp_path, Receiver(lambda _: ReceiverAnswer(401, "unauthorized")))
    assert (result.set_aside, left_in(tmp_path)) == (1, [])
    assert (tmp_path / "refused" / "a").read_bytes() == before
    reason = json.loads((tmp_path / "refused" / "a.reason.json").read_text())
    assert (reason["status"], reason["reason"]) == (401, "the receiver answered 401 unauthorized")
    assert said == ["Set aside 'a': the receiver answered 401 unauthorized"]


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_what_may_be_taken_later_is_left_where_it_is(tmp_path: Path, status: int) -> None:
    put(tmp_path, "a")
    result, _ = drain(tmp_path, Receiver(lambda _: ReceiverAnswer(status, "later")))
    assert (result.left, left_in(tmp_path)) == (1, ["a"])
    result, _ = drain(tmp_path, Receiver())
    assert (result.taken, left_in(tmp_path)) == (1, [])


def test_hostile_objects_stop_nothing(tmp_path: Path) -> None:
    put(tmp_path, "z genuine")
    (tmp_path / "a folder").mkdir()
    (tmp_path / "b not json").write_bytes(b"\xff\x00")
    with (tmp_path / "c one gigabyte").open("wb") as sparse:
        sparse.truncate(1024**3)
    for name in ("d * ? [x] # %2e%2e", "e \n\x1b[2J", "f " + "é" * 100, "..g", "g" * 250):
        put(tmp_path, name, b"forged")
    put(tmp_path, "h too large a body", b"x" * 90_000)
    os.mkfifo(tmp_path / "i pipe")
    (tmp_path / "j nowhere").symlink_to(tmp_path / "missing")

    def verdict(body: bytes) -> ReceiverAnswer:
        return ReceiverAnswer(401, "unauthorized") if body == b"forged" else ACCEPTED

    result, said = drain(tmp_path, Receiver(verdict))
    assert (result.taken, result.set_aside) == (1, 6)
    assert set(left_in(tmp_path)) <= {"..g", "g" * 250, "j nowhere"}
    assert (tmp_path / "refused" / "d * ? [x] # %2e%2e").exists()
    assert not any("\x1b" in line or "\n" in line for line in said)


def test_an_object_that_is_still_being_written_has_a_dot_before_its_name(tmp_path: Path) -> None:
    (tmp_path / ".half").write_text('{"path": ')
    result, _ = drain(tmp_path, Receiver())
    assert (result.set_aside, left_in(tmp_path)) == (0, [".half"])


def test_few_are_handed_over_at_once_and_few_bytes_are_held(tmp_path: Path) -> None:
    for number in range(20):
        put(tmp_path, f"{number:02}", b"x" * 900)
    receiver = Receiver()
    drain(tmp_path, receiver)
    assert receiver.largest_batch == 8
    put(tmp_path, "1")
    put(tmp_path, "2")
    receiver = Receiver()
    drain(tmp_path, receiver, limits=DrainLimits(bytes_at_once=10))
    assert receiver.largest_batch == 1


def test_an_outage_is_not_waited_out_but_forged_ones_before_a_genuine_one_are_passed(tmp_path: Path) -> None:
    for number in range(100):
        put(tmp_path, f"{number:03}", b"genuine" if number == 90 else b"x")
    ticks = count(step=3)
    now: Iterator[float] = (float(tick) for tick in ticks)
    receiver = Receiver(lambda body: ACCEPTED if body == b"genuine" else UNAVAILABLE)
    result, _ = drain(tmp_path, receiver, limits=DrainLimits(gives_up_after=60), clock=lambda: next(now))
    assert (result.taken, result.left) == (1, 99)
    now = (float(tick) for tick in count(step=30))
    result, said = drain(tmp_path, Receiver(lambda _: UNAVAILABLE), clock=lambda: next(now))
    assert (result.left, len(left_in(tmp_path))) == (99, 99)
    assert "the rest is left for the next time" in said[-1]


def test_the_log_does_not_grow_with_what_strangers_leave(tmp_path: Path) -> None:
    for number in range(200):
        put(tmp_path, f"{number:03}")
    _, said = drain(tmp_path, Receiver(lambda _: ReceiverAnswer(401, "unauthorized")))
    assert len(said) == 21


def test_two_drains_at_once_take_each_object_and_fail_at_none(tmp_path: Path) -> None:
    for number in range(30):
        put(tmp_path, f"{number:02}", b"bad" if number % 3 == 0 else b"good")

    def verdict(body: bytes) -> ReceiverAnswer:
        return ACCEPTED if body == b"good" else ReceiverAnswer(401, "unauthorized")

    second = Receiver(verdict)

    class Meanwhile(Receiver):
        def hand_over(self, deliveries: Sequence[RawDelivery]) -> list[ReceiverAnswer]:
            if not second.got:
                drain(tmp_path, second)
            return super().hand_over(deliveries)

    result, _ = drain(tmp_path, Meanwhile(verdict))
    assert (result.left, left_in(tmp_path)) == (0, [])
    assert len(list((tmp_path / "refused").iterdir())) == 20


def test_a_missing_folder_is_an_error_and_an_empty_one_is_not(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        drain(tmp_path / "missing", Receiver())
    result, _ = drain(tmp_path, Receiver())
    assert result.as_dict() == {"taken": 0, "set_aside": 0, "left": 0, "gone": 0, "answers": {}}


def test_it_works_on_a_storage_without_folders() -> None:
    fs, root = fsspec.filesystem("memory"), f"/bucket-{uuid4().hex}/deliveries"
    storage = DeliveryStorage(f"s3:/{root}")
    vars(storage)["_root"] = fs, root  # Airflow knows no scheme for it
    whole = {"path": "/partnero/webhooks/c", "headers": {}, "body_base64": b64encode(b"good").decode()}
    fs.pipe_file(f"{root}/1", json.dumps(whole).encode())
    fs.pipe_file(f"{root}/2", b"nothing")
    result = Drain(storage, Receiver().hand_over, lambda _: None, MAX_BODY).run()
    assert (result.taken, result.set_aside, storage.waiting()) == (1, 1, [])
    assert fs.cat_file(f"{root}/refused/2") == b"nothing"


@pytest.mark.parametrize("source", ["", "/var/spool", "s3://", "bucket/x", None, 7, "file:///"])
def test_a_source_that_is_no_url_of_a_folder_is_refused(source: object) -> None:
    with pytest.raises(ValueError, match=r"source=.*: must be the URL of a folder, such as"):
        checked_source(source, argument="source")
