"""What a contributor runs: ``uv run nox -s quick``, or ``uv run nox -l`` for all there is.

Every session runs in the environment of ``uv run``, so that there is one environment and nothing to wait for.
"""

from __future__ import annotations

import nox

nox.options.sessions = ["lint", "quick"]

# Without an Airflow process, a service, a browser, masses of webhooks or a thousand seeds.
QUICK = "not airflow and not postgres and not browser and not matrix and not large and not slow"


@nox.session(python=False)
def quick(session: nox.Session) -> None:
    """Run the tests that need no Airflow process: under a minute."""
    few_examples = "--hypothesis-profile=quick"
    # Three on two cores: while one test waits, another runs.
    session.run("pytest", "-m", QUICK, few_examples, "-n", "3", "--dist", "worksteal", "tests/unit", *session.posargs)


@nox.session(python=False)
def test(session: nox.Session) -> None:
    """Run the tests, as plain ``uv run pytest`` does."""
    session.run("pytest", *session.posargs)


@nox.session(python=False)
def e2e(session: nox.Session) -> None:
    """Run the tests on whole Airflows only, one after the other."""
    session.run("pytest", "-n", "0", "tests/dags", "tests/e2e", *session.posargs)


@nox.session(python=False)
def lint(session: nox.Session) -> None:
    """Check style and types."""
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("mypy")


@nox.session(python=False)
def docs(session: nox.Session) -> None:
    """Build the documentation's site into build/site; a dead link fails it."""
    config = "airflow_provider_partnero/docs/site/mkdocs.yml"
    session.run("mkdocs", "build", "--strict", "--config-file", config, *session.posargs)


@nox.session(python=False)
def bench(session: nox.Session) -> None:
    """Print what reading, planning, waiting and importing cost, and what hostile servers and rate limits do."""
    for name in (
        "import",
        "commands",
        "reading",
        "audit_plan",
        "sensors",
        "sandbox",
        "hostile",
        "receiver",
        "ledger",
        "deliveries",
        "rate_limit",
    ):
        session.run("python", "-m", f"tests.benchmarks.bench_{name}", *session.posargs)


@nox.session(python=False)
def demo(session: nox.Session) -> None:
    """Run the demo."""
    session.run("partnero-demo", *session.posargs)
