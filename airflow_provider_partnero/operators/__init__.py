"""The operators. Import them from ``operators.partnero``."""
