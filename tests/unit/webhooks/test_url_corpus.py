"""Realistic URLs (url_corpus.txt), and which rules an audit must break for each: these, and no others."""

from __future__ import annotations

import random
import re
import string
import uuid
from collections import Counter
from pathlib import Path

import pytest

from airflow_provider_partnero.api.redaction import redact_url
from airflow_provider_partnero.webhooks.audit import RULES, audit

from .builders import webhook

LINES = (Path(__file__).parent / "url_corpus.txt").read_text(encoding="utf-8").splitlines()
CORPUS = [tuple(line.split(maxsplit=1)) for line in LINES if line and not line.startswith("#")]
ALPHABETS = {
    "a": string.ascii_letters + string.digits,
    "low": string.ascii_lowercase + string.digits,
    "UP": string.ascii_uppercase + string.digits,
    "hex": string.digits + "abcdef",
    "num": string.digits,
    "b64": string.ascii_letters + string.digits + "-_",
}
SEEDS = range(3)

corpus = pytest.mark.parametrize(("verdict", "form"), CORPUS, ids=[form[:60] for _, form in CORPUS])


def drawn(form: str, seed: int) -> tuple[str, list[str]]:
    """A URL of this form with secrets drawn at random, and these secrets."""
    chance = random.Random(f"{form}{seed}")
    secrets: list[str] = []

    def draw(found: re.Match[str]) -> str:
        if found[0] == "{uuid}":
            secrets.append(str(uuid.UUID(int=chance.getrandbits(128), version=4)))
        else:
            alphabet = ALPHABETS[found[1]]
            secrets.append("".join(chance.choice(alphabet) for _ in range(int(found[2]))))
        return secrets[-1]

    return re.sub(r"\{(?:uuid|(\w+):(\d+))\}", draw, form), secrets


def test_the_corpus_has_a_few_hundred_urls_and_many_that_are_sound() -> None:
    verdicts = Counter(verdict for verdict, _ in CORPUS)
    assert len({form for _, form in CORPUS}) == len(CORPUS) >= 200
    assert min(verdicts["-"], verdicts["PW013"], verdicts["PW018"]) >= 50
    assert {rule for verdict in verdicts for rule in verdict.split(",")} - {"-"} <= {rule.id for rule in RULES}


@corpus
def test_a_url_breaks_the_rules_that_it_should_and_no_others(verdict: str, form: str) -> None:
    expected = set() if verdict == "-" else set(verdict.split(","))
    for seed in SEEDS:
        url, _ = drawn(form, seed)
        report = audit([webhook(url=url)])
        assert {finding.rule for finding in report.findings} == expected, (url, [one.words for one in report.findings])


@corpus
def test_what_is_reported_as_a_secret_is_hidden_when_the_url_is_shown(verdict: str, form: str) -> None:
    if not {"PW013", "PW018"} & set(verdict.split(",")):
        return
    for seed in SEEDS:
        url, secrets = drawn(form, seed)
        shown = redact_url(url) + str(audit([webhook(url=url)], allowed_hosts=[]).to_dict())
        assert [secret for secret in secrets if len(secret) > 5 and secret in shown] == []
        assert redact_url(redact_url(url)) == redact_url(url)
