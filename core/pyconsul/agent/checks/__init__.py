"""Health checks: what runs them and what their results mean. One module a kind, imported when first needed."""
