"""The agent's own services and checks, and how the catalog comes to know them (anti-entropy)."""
