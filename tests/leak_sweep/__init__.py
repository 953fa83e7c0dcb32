"""Marks every secret, runs everything at DEBUG with failures provoked, and searches whatever is left behind.

``python -m tests.leak_sweep`` prints a table, and exits with 1 if a mark is where it must not be, if a place that is
known to hold something seems empty, or if an allowance is not needed.
"""
