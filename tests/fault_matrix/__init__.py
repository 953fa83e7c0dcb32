"""Every call of the client meets every fault, and ``docs/faults.md`` tells what comes of it.

``python -m tests.fault_matrix`` writes the tables of that page; with ``--check`` it only compares.
"""
