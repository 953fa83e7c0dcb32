"""The drain: raw deliveries that an edge function left in object storage are handed to a receiver, and deleted."""
