"""Brings the files of the repository that the documentation links to into the site, which has no other way to them.

A page links to ``../../dags_examples/x.py`` as it does on a code host. In the site, that is a page that shows the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from posixpath import dirname, normpath, relpath

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

_DOCS = "airflow_provider_partnero/docs"
_PLACE = "repository"  # the folder of the site that stands for the repository's root
_ROOT = Path(__file__).parents[3]
_ALWAYS = ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")
_LINK = re.compile(r"(?<=\]\()(?!\w+:)([^)#\s]+)(#[^)\s]*)?(?=\))")
_LANGUAGES = {".py": "python", ".yaml": "yaml", ".yml": "yaml", ".json": "json", ".toml": "toml"}


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add a page for every file of the repository that a page links to, those pages included."""
    waiting = [*_ALWAYS]
    for file in files.documentation_pages():
        waiting += _outside(file.content_string, f"{_DOCS}/{file.src_uri}")
    added: set[str] = set()
    while waiting:
        path = waiting.pop()
        if path in added:
            continue
        added.add(path)
        text = (_ROOT / path).read_text(encoding="utf-8")
        if path.endswith(".md"):
            waiting += _outside(text, path)
        files.append(File.generated(config, _place_of(path), content=_page_of(path, text)))
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001
    """Lead links between files of the repository to their pages in the site."""
    here = page.file.src_uri
    inside = here.removeprefix(f"{_PLACE}/")
    source = f"{_DOCS}/{here}" if inside == here else inside

    def to_site(link: re.Match[str]) -> str:
        path = _target(link[1], source)
        if not (_ROOT / path).is_file():
            return link[0]  # MkDocs says that it is dead
        place = path.removeprefix(f"{_DOCS}/") if path.startswith(f"{_DOCS}/") else _place_of(path)
        return relpath(place, dirname(here) or ".") + (link[2] or "")

    return _LINK.sub(to_site, markdown)


def _outside(text: str, source: str) -> Iterator[str]:
    """The files outside the documentation that a file of the repository links to."""
    paths = {_target(link[1], source) for link in _LINK.finditer(text)}
    return (path for path in sorted(paths) if not path.startswith(f"{_DOCS}/") and (_ROOT / path).is_file())


def _target(link: str, source: str) -> str:
    return normpath(f"{dirname(source) or '.'}/{link}")


def _place_of(path: str) -> str:
    return f"{_PLACE}/{path}" if path.endswith(".md") else f"{_PLACE}/{path}.md"


def _page_of(path: str, text: str) -> str:
    if path.endswith(".md"):
        return text
    language = _LANGUAGES.get(Path(path).suffix, "text")
    return f"# {path}\n\n````{language}\n{text}````\n"
