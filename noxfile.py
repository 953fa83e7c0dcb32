"""What a contributor runs: ``uv run nox -s quick``, or ``uv run nox -l`` for all there is.

Every session runs in the environment of ``uv run``, so that there is one environment and nothing to wait for.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

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
def system(session: nox.Session) -> None:
    """Run the tests on several machines' worth of processes: two of each part, killed; needs the group celery."""
    session.run("pytest", "-n", "0", "tests/system", *session.posargs, env={"PARTNERO_SLOW": "1"})


@nox.session(python=False)
def lint(session: nox.Session) -> None:
    """Check style and types."""
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("mypy")


@nox.session(python=False)
def audit(session: nox.Session) -> None:
    """Look for risky code (bandit), risky workflows (zizmor) and known vulnerabilities (pip-audit)."""
    code = ("airflow_provider_partnero", "dags_examples", ".ci", "noxfile.py")
    session.run("bandit", "--quiet", "--configfile", "pyproject.toml", "--recursive", *code)
    session.run("zizmor", "--offline", "--strict-collection", ".")
    session.run("python", ".ci/known_vulnerabilities.py")


@nox.session(python=False)
def leaks(session: nox.Session) -> None:
    """Run everything with marked secrets and customers at DEBUG, and search whatever is left for the marks."""
    session.run("python", "-m", "tests.leak_sweep")


@nox.session(python=False)
def lowest(session: nox.Session) -> None:
    """Run the client's tests with the oldest requests and tenacity that the package allows."""
    allowed = nox.project.load_toml("pyproject.toml")["project"]["dependencies"]
    oldest = [line.replace(">=", "==") for line in allowed if not line.startswith("apache-airflow")]
    tests = [f"tests/unit/api/test_{name}.py" for name in ("outages", "retry_table", "tls", "waiting")]
    packages = [word for line in oldest for word in ("--with", line)]
    session.run("uv", "run", "--no-sync", *packages, "pytest", "-n", "0", "-q", *tests, *session.posargs)


@nox.session(python=False)
def sbom(session: nox.Session) -> None:
    """Write artefacts/sbom.cdx.json: what an installation of the package brings along, in CycloneDX's form."""
    from airflow_provider_partnero import __version__

    with tempfile.TemporaryDirectory() as folder:
        environment, described = Path(folder, "environment"), Path(folder, "pyproject.toml")
        place = {"UV_PROJECT_ENVIRONMENT": str(environment)}
        session.run("uv", "sync", "--quiet", "--no-default-groups", "--no-editable", env=place)
        project = Path("pyproject.toml").read_text(encoding="utf-8")
        described.write_text(project.replace('dynamic = ["version"]', f'version = "{__version__}"'), encoding="utf-8")
        Path("artefacts").mkdir(exist_ok=True)
        how = ("--pyproject", str(described), "--mc-type", "library", "--output-reproducible")
        session.run("cyclonedx-py", "environment", *how, "-o", "artefacts/sbom.cdx.json", f"{environment}/bin/python")


@nox.session(python=False)
def docs(session: nox.Session) -> None:
    """Build the documentation's site into build/site; a dead link fails it."""
    config = "airflow_provider_partnero/docs/site/mkdocs.yml"
    session.run("mkdocs", "build", "--strict", "--config-file", config, *session.posargs)


@nox.session(python=False)
def fuzz(session: nox.Session) -> None:
    """Try inputs that nobody has thought of, for a minute on each target, with atheris; needs the group fuzz."""
    for corpus in sorted(Path("tests", "fuzz", "corpus").iterdir()):
        session.run("python", "-m", "tests.fuzz", corpus.name, *(session.posargs or ("--seconds", "60")))


@nox.session(python=False)
def bench(session: nox.Session) -> None:
    """Print what imports, planning, waiting, receiving and the page cost, and what hostile servers do."""
    for name in (
        "import",
        "commands",
        "audit_plan",
        "sensors",
        "sandbox",
        "hostile",
        "receiver",
        "ledger",
        "deliveries",
        "rate_limit",
        "page",
        "door",
    ):
        session.run("python", "-m", f"tests.benchmarks.bench_{name}", *session.posargs)


@nox.session(python=False)
def compare(session: nox.Session) -> None:
    """Measure this provider against the others; ``-- --write`` writes the tables of README and documentation."""
    session.run("python", "-m", "tests.benchmarks.against", *session.posargs)


@nox.session(python=False)
def demo(session: nox.Session) -> None:
    """Run the demo."""
    session.run("partnero-demo", *session.posargs)
