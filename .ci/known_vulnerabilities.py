"""Ask OSV, which keeps PyPA's and GitHub's lists, about the packages that a user gets with this one.

``python .ci/known_vulnerabilities.py``. A vulnerability fails it. Where OSV cannot be reached, it says so and does not
fail: not everybody who runs the checks is on the internet.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
OSV = "https://api.osv.dev/v1/query"
# The last line of the traceback; a page that is no JSON is that of a proxy.
_OUT_OF_REACH = ("ConnectionError", "ServiceError", "Timeout", "ProxyError", "SSLError", "JSONDecodeError")


@dataclass(frozen=True)
class Verdict:
    """What came out, and whether it fails the checks."""

    failed: bool
    loud: bool
    lines: tuple[str, ...]


def verdict(report: str, error: str) -> Verdict:
    """Judge what pip-audit has said.

    :param report: its standard output; JSON, or nothing if it broke down.
    :param error: its standard error.
    """
    if not report.strip():
        last = (error.strip().splitlines() or ["pip-audit said nothing"])[-1]
        out_of_reach = last.split(":")[0].endswith(_OUT_OF_REACH)
        return Verdict(not out_of_reach, True, ("NOTHING WAS ASKED FOR VULNERABILITIES", last))
    packages = json.loads(report)["dependencies"]
    found = [
        f"{package['name']} {package['version']}: {flaw['id']}, mended in {flaw['fix_versions'] or 'no version'}"
        for package in packages
        for flaw in package.get("vulns", ())
    ]
    unknown = [package["name"] for package in packages if "skip_reason" in package]
    if found:
        return Verdict(True, True, tuple(found))
    if unknown or not packages:
        return Verdict(False, True, (f"{len(unknown)} OF {len(packages)} PACKAGES WERE NOT LOOKED UP", *unknown[:10]))
    return Verdict(False, False, (f"no known vulnerability in {len(packages)} packages",))


def ask(requirements: Path, service: str = OSV) -> Verdict:
    """Have pip-audit ask the service about each line of the file, such as ``requests==2.34.2``."""
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(requirements), "--no-deps", "--disable-pip"]
    command += ["--progress-spinner", "off", "--format", "json", "--vulnerability-service", "osv", "--osv-url", service]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return verdict(done.stdout, done.stderr)


def main() -> int:
    """Ask about what ``uv`` resolves for a user, without the tools of development."""
    with tempfile.TemporaryDirectory() as folder:
        requirements = Path(folder) / "requirements.txt"
        export = ["uv", "export", "--quiet", "--no-dev", "--no-emit-project", "--no-hashes"]
        subprocess.run([*export, "--output-file", str(requirements)], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        came_out = ask(requirements)
    if came_out.loud:
        sys.stdout.write("!" * 100 + "\n")
    sys.stdout.writelines(f"{line}\n" for line in came_out.lines)
    if came_out.loud:
        sys.stdout.write("!" * 100 + "\n")
        if os.environ.get("GITHUB_ACTIONS"):
            sys.stdout.write(f"::{'error' if came_out.failed else 'warning'}::{came_out.lines[0]}\n")
    return int(came_out.failed)


if __name__ == "__main__":
    sys.exit(main())
