"""Speed and tables, measured side by side; never timed tests."""
