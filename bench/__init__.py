"""Figures beside any other agent binary. Run ``python bench/run.py``; what is measured stands in ``groups``."""
