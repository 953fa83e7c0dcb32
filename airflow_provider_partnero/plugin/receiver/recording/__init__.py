"""How a proven delivery is kept: as an asset event and an entry in the ledger, in one transaction."""
