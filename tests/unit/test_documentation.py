"""The documentation as a site: it is built as CI builds it, without a dead link and with nothing from elsewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "airflow_provider_partnero" / "docs"
CONFIG = DOCS / "site" / "mkdocs.yml"

# Attributes by which a browser fetches something on its own, by tag.
FETCHED = {"script": "src", "img": "src", "source": "srcset", "iframe": "src", "link": "href"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built strictly."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-f", str(CONFIG), "--site-dir", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


class _Fetched(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if address := dict(attrs).get(FETCHED.get(tag, "")):
            self.addresses.append(address)


def _fetched(page: Path) -> list[str]:
    parser = _Fetched()
    parser.feed(page.read_text(encoding="utf-8"))
    return parser.addresses


def test_every_page_of_the_documentation_is_in_the_site_and_no_link_is_dead(site: Path) -> None:
    pages = {path.relative_to(DOCS).with_suffix(".html") for path in DOCS.rglob("*.md")}
    assert len(pages) > 15
    assert {page for page in pages if not (site / page).is_file()} == set()


def test_the_site_fetches_nothing_from_elsewhere(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    fetched = {(page.name, address) for page in pages for address in _fetched(page)}
    assert len(fetched) > len(pages)
    assert {one for one in fetched if re.match(r"(https?:)?//", one[1])} == set()
    styles = "".join(path.read_text(encoding="utf-8") for path in site.rglob("*.css"))
    assert re.findall(r"url\([\"']?(?:https?:)?//[^)]*|@import[^;]*", styles) == []


def test_a_file_of_the_repository_that_a_page_links_to_is_shown_in_the_site(site: Path) -> None:
    page = site / "repository" / "dags_examples" / "partnero_webhooks_as_code.py.html"
    assert "PartneroReconcileWebhooksOperator" in page.read_text(encoding="utf-8")
    linking = (site / "take_over.html").read_text(encoding="utf-8")
    assert 'href="repository/dags_examples/partnero_webhooks_as_code.py.html"' in linking
