"""The triggers, which wait in the triggerer."""
