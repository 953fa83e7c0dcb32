"""How far the provider goes beyond the machines that it is tested on: on paper, and by a simulation of events."""
