"""Sweep, and print what was searched and found."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from .sweep import sweep


def main() -> int:
    """Return 1 if anything is where it must not be."""
    with TemporaryDirectory(prefix="partnero-leaks-") as folder:
        subprocess.run(
            [str(Path(sys.executable).parent / "airflow"), "db", "migrate"],
            env=os.environ | {"AIRFLOW_HOME": folder},
            capture_output=True,
            check=True,
        )
        found = sweep(Path(folder, "run"), Path(folder, "airflow.db"))
        print(found.text())
    return 0 if found.is_clean else 1


if __name__ == "__main__":
    sys.exit(main())
