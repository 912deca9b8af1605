"""Ordinary photographs: reading them, the people in them, and their crops."""
