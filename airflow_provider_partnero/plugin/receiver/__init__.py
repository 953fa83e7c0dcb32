"""The receiver of Partnero's deliveries: who signs them (``signers``), and how they are kept (``recording``)."""
