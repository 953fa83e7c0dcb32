"""Pages of the documentation as the tests read them: their snippets, and DAGs out of these."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "airflow_provider_partnero" / "docs"


@dataclass(frozen=True)
class DocumentationPage:
    """A Markdown file, by its path."""

    path: Path

    @cached_property
    def text(self) -> str:
        """The whole page."""
        return self.path.read_text(encoding="utf-8")

    def blocks(self, language: str) -> list[str]:
        """Its snippets in a language."""
        return re.findall(rf"^```{language}\n(.*?)^```", self.text, re.DOTALL | re.MULTILINE)

    def block(self, language: str, part: str) -> str:
        """The one snippet that has this part."""
        [block] = [block for block in self.blocks(language) if part in block]
        return block

    def dag(self, dag_id: str, folder: Path, replaced: dict[str, str] | None = None) -> Any:
        """The page's DAG of this id, out of a file of its own."""
        from airflow.dag_processing.dagbag import DagBag

        code = self.block("python", f'DAG("{dag_id}"')
        for old, new in (replaced or {}).items():
            assert old in code
            code = code.replace(old, new)
        path = folder / f"{dag_id}.py"
        path.write_text(code, encoding="utf-8")
        bag = DagBag(path)
        assert bag.import_errors == {}
        return bag.dags[dag_id]


def page(name: str) -> DocumentationPage:
    """A page of the documentation, such as ``events.md``."""
    return DocumentationPage(DOCS / name)
