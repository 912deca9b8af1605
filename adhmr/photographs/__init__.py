"""Predictions for photographs, as files."""
