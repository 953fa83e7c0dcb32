"""``schema``: the JSON Schema of declaration files."""

from __future__ import annotations

import json
from argparse import Namespace
from typing import TYPE_CHECKING

from airflow_provider_partnero.commands.execution import CLEAN
from airflow_provider_partnero.webhooks.schema import declaration_schema

if TYPE_CHECKING:
    from airflow_provider_partnero.commands.terminal import Terminal


def run(_options: Namespace, terminal: Terminal) -> int:
    """Print it."""
    terminal.show(json.dumps(declaration_schema(), indent=2))
    return CLEAN
