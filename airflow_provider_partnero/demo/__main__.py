"""``python -m airflow_provider_partnero.demo``."""

import sys

from airflow_provider_partnero.demo.cli import main

sys.exit(main())
