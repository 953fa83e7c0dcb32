"""``python -m airflow_provider_partnero.standalone``: the same as ``partnero-receiver``."""

from __future__ import annotations

import sys

from airflow_provider_partnero.standalone.arguments import main

if __name__ == "__main__":
    sys.exit(main())
