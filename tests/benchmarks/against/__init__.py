"""This provider against what else people use, in one run: ``python -m tests.benchmarks.against``.

A module for each subject; ``tables.py`` has what they give, and ``pages.py`` where it is written.
"""
