"""``python -m airflow_provider_partnero``: the commands, on every version of Airflow, and without it."""

from __future__ import annotations

import sys

from airflow_provider_partnero.commands.parser import main

if __name__ == "__main__":
    sys.exit(main())
