"""Whether what is checked out may be released as a tag: ``python .ci/ready_to_release.py v0.2.0``.

It needs nothing but Python, so that the release workflow can ask before anything is installed.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
_RELEASED = re.compile(r"\d{1,2} [A-Z][a-z]+ \d{4}")
_RESERVED = (".example", ".invalid", ".test")  # addresses that can reach nobody


def complaints(tag: str, version: str, project: dict[str, Any], changelog: str, readme: str) -> Iterator[str]:
    """What must change before the release; nothing if it is ready.

    :param tag: the release's, such as ``v0.2.0``.
    :param version: the package's.
    :param project: pyproject.toml's table ``project``.
    :param changelog: the text of CHANGELOG.md.
    :param readme: the text of README.md.
    """
    if tag != f"v{version}":
        yield f"the tag is {tag!r}, and the package's version asks for 'v{version}'"
    newest, when = (re.findall(r"^## (\S+)(?: \((.*)\))?$", changelog, re.MULTILINE) or [("", "")])[0]
    if newest != version:
        yield f"the newest section of CHANGELOG.md is {newest!r}, and not {version!r}"
    if not _RELEASED.fullmatch(when):
        yield f"CHANGELOG.md says {when!r} of it, and not the day, such as '7 December 2026'"
    if "not on pypi" in readme.lower():
        yield "README.md says that the package is not on PyPI"
    if any(author["email"].endswith(_RESERVED) for author in project["authors"]):
        yield "the authors' address in pyproject.toml reaches nobody"
    for name in sorted({"Source", "Issues", "Changelog"} - set(project["urls"])):
        yield f"[project.urls] in pyproject.toml has no {name!r}"


def package_version() -> str:
    """The version that the package says it has."""
    text = (ROOT / "airflow_provider_partnero" / "__init__.py").read_text(encoding="utf-8")
    [version] = re.findall(r'^__version__ = "(.+)"$', text, re.MULTILINE)
    return str(version)


def main(tag: str) -> int:
    """Print what must change; 0 if nothing must."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    changelog, readme = ((ROOT / name).read_text(encoding="utf-8") for name in ("CHANGELOG.md", "README.md"))
    found = list(complaints(tag, package_version(), project, changelog, readme))
    sys.stdout.writelines(f"not ready: {complaint}\n" for complaint in found)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
