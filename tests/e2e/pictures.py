"""The pictures that the tests leave: all of them as artefacts, three of them for the README."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Page

ROOT = Path(__file__).parents[2]
README_PICTURES = ROOT / "airflow_provider_partnero" / "docs" / "pictures"
THEMES = ("light", "dark")


def keep_picture(page: Page, subject: str, name: str, *, is_whole: bool = True) -> Path:
    """Take a picture and keep it under ``artefacts``.

    :param subject: a folder there.
    :param is_whole: take all of the page, not only what the window shows.
    """
    path = ROOT / "artefacts" / subject / f"{name}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=path, full_page=is_whole)
    return path


def picture_for_readme(page: Page, name: str, theme: str) -> None:
    """Take a picture of the window; ``PARTNERO_PICTURES=1`` puts it where the README shows it."""
    path = keep_picture(page, "readme", f"{name}-{theme}", is_whole=False)
    if os.environ.get("PARTNERO_PICTURES") == "1":
        README_PICTURES.mkdir(exist_ok=True)
        shutil.copy(path, README_PICTURES)


def window(width: int, height: int, theme: str) -> dict[str, Any]:
    """Options of a page of the browser."""
    return {"viewport": {"width": width, "height": height}, "color_scheme": theme}
