"""The operators; all are imported from ``operators.partnero``."""
