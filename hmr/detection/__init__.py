"""Detectors: the people of a photograph, their keypoints and masks, by networks that others trained."""
