"""What several tests of the commands use."""

import pytest


@pytest.fixture(scope="session")
def scorer(tmp_path_factory):
    """A checkpoint whose scores mean nothing."""
    from scorer import Scorer, ScorerConfig

    folder = tmp_path_factory.mktemp("scorer")
    Scorer(ScorerConfig()).save_pretrained(folder)
    return folder
