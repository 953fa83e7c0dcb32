"""Proven deliveries become asset events and entries of the ledger, in batches."""
