"""The leak sweep can fail: what is planted is found, in each kind of place and in each form, and is not shown."""

from __future__ import annotations

import json
from base64 import b64encode
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.leak_sweep import places
from tests.leak_sweep.allowances import ALLOWANCES, Allowance
from tests.leak_sweep.forms import Search, packed
from tests.leak_sweep.markers import WINDOW, Kind, Marker, Marks
from tests.leak_sweep.places import Piece, Place, log_pieces
from tests.leak_sweep.tally import tally

MARKS = Marks()
SECRET = MARKS.secret
TOKEN = MARKS.token
NAMES = [value for name, value in vars(places).items() if name.isupper() and isinstance(value, str) and " " in value]
FORMS = {
    "plain": SECRET.encode(),
    "percent-encoded": quote(MARKS.name).encode(),
    "JSON": json.dumps({"name": MARKS.name}).encode(),
    "repr of bytes": repr(MARKS.name.encode()).encode(),
    "hexadecimal": SECRET.encode().hex().encode(),
    "capital hexadecimal": SECRET.encode().hex().upper().encode(),
    "UTF-16, little end first": SECRET.encode("utf-16-le"),
    "UTF-16, big end first": SECRET.encode("utf-16-be"),
    "base64 at its start": b64encode(SECRET.encode() + b"?"),
    "base64 after one": b64encode(b"?" + SECRET.encode() + b"??"),
    "base64 after two": b64encode(b"??" + SECRET.encode() + b"???"),
    "compressed": packed(SECRET.encode()),
    "compressed amid others": b"log" + packed(b"a" * 99 + SECRET.encode()),
    "a number": str(MARKS.amount).encode(),
    "a token in a URL": quote(TOKEN, safe="").encode(),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_mark_is_found_in_each_form(form: str) -> None:
    assert Search(MARKS.markers()).hits(b"before " + FORMS[form] + b" behind")


@pytest.mark.parametrize("start", range(len(SECRET) - WINDOW + 1))
def test_twelve_characters_of_a_mark_are_found_and_eleven_are_not(start: int) -> None:
    search = Search([Marker(Kind.SECRET, SECRET)])
    for encode in (str.encode, lambda text: text.encode().hex().encode(), lambda text: text.encode("utf-16-le")):
        assert search.hits(b"..." + encode(SECRET[start : start + WINDOW]) + b"...")
        assert not search.hits(b"..." + encode(SECRET[start : start + WINDOW - 1]) + b"...")
    for shift in range(3):
        assert search.hits(b64encode(b"." * shift + SECRET[start : start + WINDOW].encode() + b"..."))


def test_what_looks_like_a_mark_is_none() -> None:
    other = Marks()
    content = b"".join(marker.value.encode() + b" " for marker in other.markers()) + SECRET[::-1].encode()
    assert not Search(MARKS.markers()).hits(content)


@pytest.mark.parametrize("name", NAMES)
def test_a_planted_secret_is_reported_with_place_kind_and_form_and_is_not_shown(name: str) -> None:
    place = Place(name, (b"harmless",), (Piece("somewhere", b"harmless"), Piece("there", f"x{TOKEN}x".encode())))
    found = tally([place], MARKS.markers())
    assert not found.is_clean
    assert f"found: {name}: there: API token, plain" in found.text().splitlines()
    assert all(TOKEN[start : start + WINDOW] not in found.text() for start in range(len(TOKEN) - WINDOW + 1))


def test_a_place_that_was_not_read_fails_the_sweep() -> None:
    found = tally([Place("logs", (b"harmless",), (Piece("there", b"nothing"),))], MARKS.markers(), [])
    assert not found.is_clean
    assert "not searched: logs: no harmless" in found.text()


def test_what_is_allowed_is_no_leak_and_an_allowance_that_is_not_needed_fails_the_sweep() -> None:
    allowance = Allowance("logs", "*.log", frozenset({Kind.EMAIL, Kind.KEY}), "a reason")
    pieces = (Piece("a.log", f"{MARKS.email} {MARKS.key}".encode()),)
    assert tally([Place("logs", (), pieces)], MARKS.markers(), [allowance]).is_clean
    found = tally([Place("logs", (), (Piece("a.log", MARKS.email.encode()),))], MARKS.markers(), [allowance])
    assert not found.is_clean
    assert found.text().splitlines()[-1] == "not needed: logs, *.log: customer's key"
    assert tally([Place("pages", (), pieces)], MARKS.markers(), [allowance]).rows[0].leaks


def test_only_the_known_lines_of_airflow_are_searched_apart() -> None:
    lines = [
        b"a line",
        b"[debug] Sending request msg=MaskSecret(value='s')",
        b"another",
        b"[debug] asset event added [x]",
    ]
    pieces = {piece.where: piece.content for piece in log_pieces("a.log", b"\n".join(lines))}
    assert pieces == {
        "a.log": b"a line\nanother",
        "a.log (MaskSecret)": lines[1],
        "a.log (asset event added)": lines[3],
    }


def test_every_allowance_has_a_reason_and_a_place_that_is_searched() -> None:
    assert {one.place for one in ALLOWANCES} <= set(NAMES)
    assert all(one.reason for one in ALLOWANCES)


def test_no_report_of_marks_shows_one() -> None:
    assert SECRET not in repr(MARKS) + repr(MARKS.markers())


def test_the_examples_that_the_sweep_runs_are_all_there_are() -> None:
    from tests.leak_sweep.runs import check_that_all_examples_run

    check_that_all_examples_run()


def test_every_view_of_the_page_is_visited() -> None:
    visited = Path(places.__file__).with_name("pages.py").read_text(encoding="utf-8")
    routes = Path(__file__).parents[2] / "airflow_provider_partnero" / "plugin" / "page"
    ends = {
        line.partition('"')[2].partition('"')[0].rpartition("/")[2].strip("{}")
        for path in routes.glob("*.py")
        for line in path.read_text(encoding="utf-8").splitlines()
        if "@router." in line
    }
    assert {"health", "replay", "payload"} <= ends
    assert {end for end in ends - {"name", ""} if end not in visited} == set()
