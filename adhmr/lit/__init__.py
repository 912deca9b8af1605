"""People in pictures that nobody took, as eyes that know photographs see them: what a scorer for photographs learns from."""
