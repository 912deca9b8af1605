"""Ranking candidates of anybody's models: gather them by picture, score them, table and leaderboard."""
