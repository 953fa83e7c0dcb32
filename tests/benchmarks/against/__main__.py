"""Measure this provider against the others, and print the tables: some seven minutes on two quiet cores."""

from __future__ import annotations

import argparse
import logging
import os
import tempfile


def main() -> None:
    """Print each subject when it is measured, and the summary."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.against", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write them into README.md and docs/comparison.md, too")
    asked = parser.parse_args()
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory(prefix="partnero-against-", ignore_cleanup_errors=True) as home:
        # Airflow reads them when it is imported, which the peers do.
        os.environ |= {"AIRFLOW_HOME": home, "AIRFLOW__LOGGING__LOGGING_LEVEL": "CRITICAL"}
        from . import imports, lost_answer, pages, rate_limit, reading, receiving, waiting
        from .tables import summary

        subjects = []
        for module in (reading, lost_answer, rate_limit, waiting, imports, receiving):
            subject = module.measured()
            print(f"{subject}\n", flush=True)
            subjects.append(subject)
        print(f"{pages.circumstances()}\n\n{summary(subjects)}", flush=True)
        if asked.write:
            pages.write(subjects)


if __name__ == "__main__":
    main()
