"""Of which gender a body model's file is, by what the official files are called."""

from pathlib import Path

import pytest

from hmr.smplx_files import gender_of


@pytest.mark.parametrize(
    ("path", "gender"),
    [
        ("SMPL_NEUTRAL.pkl", "neutral"),
        ("models/SMPL_FEMALE.npz", "female"),
        ("SMPLX_MALE.npz", "male"),
        ("basicModel_f_lbs_10_207_0_v1.0.0.pkl", "female"),
        ("basicmodel_m_lbs_10_207_0_v1.1.0.pkl", "male"),
        ("basicModel_neutral_lbs_10_207_0_v1.0.0.pkl", "neutral"),
        ("smplh/female/model.npz", "female"),
        ("female/SMPL_NEUTRAL.pkl", "neutral"),
        ("mine.npz", None),
    ],
)
def test_names_of_files(path, gender):
    assert gender_of(Path(path)) == gender
