"""What the README tells a reader to type is typed, in order, with few pictures and few steps."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from adhmr.cli import main

ROOT = Path(__file__).resolve().parents[1]
FEW_STEPS = {
    "generator_quick": "training: {branch: {steps: 2, batch_size: 8}, denoiser: {steps: 2, batch_size: 8}}\n",
    "scorer_quick": "training: {branch: {steps: 2, batch_size: 8}, ranking: {steps: 2, batch_size: 4}}\nnoised: 8\n",
    "align_quick": "align: {fit: {steps: 2, batch_size: 4}, candidates: 4, pictures_per_round: 4, replay_weight: 1.0}\n",
}


def blocks() -> list[tuple[str, str]]:
    """(language, text) of the blocks of "The three users"."""
    text = (ROOT / "README.md").read_text()
    section = text[text.index("## The three users") : text.index("## metrics.json")]
    return re.findall(r"```(\w*)\n(.*?)```", section, re.S)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder that holds what the README's reader has."""
    (tmp_path / "configs").mkdir()
    for name, text in FEW_STEPS.items():
        (tmp_path / "configs" / f"{name}.yaml").write_text(text)
    (tmp_path / "photographs").mkdir()
    noise = np.random.default_rng(0).integers(255, size=(90, 120, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "photographs" / "a.jpg")
    (tmp_path / "coco.json").write_text(
        '{"images": [{"id": 1, "file_name": "a.jpg", "width": 120, "height": 90}],'
        ' "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [10, 10, 60, 70]}]}'
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_three_users_can_type_what_the_readme_says(place):
    assert {language for language, _ in blocks()} == {"", "python"}
    for language, text in blocks():
        if language == "python":
            few = text.replace("AlignConfig()", "AlignConfig(fit=FEW, candidates=4, pictures_per_round=4)")
            from hmr.training.config import FitConfig

            exec(compile(few, "README.md", "exec"), {"FEW": FitConfig(steps=2, batch_size=4)})
            continue
        for line in text.strip().splitlines():
            words = shlex.split(re.sub(r"--count \d+", "--count 16", line))
            assert words[0] == "adhmr"
            assert main(words[1:]) == 0, line
    for made in ("checkpoints/aligned-too/model.safetensors", "cleaned-too/scores.parquet", "ranked/ranked.csv"):
        assert (place / made).exists()
