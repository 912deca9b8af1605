"""The vocabulary: what a body, a camera, a crop, a sample and a set of hypotheses are."""
