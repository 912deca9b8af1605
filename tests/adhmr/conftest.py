"""What several tests of the commands use."""

import json

import pytest
from PIL import Image

from hmr.camera import project
from hmr.keypoint_sets import COCO_17, PROMPT_POINTS


@pytest.fixture(scope="session")
def scorer(tmp_path_factory):
    """A checkpoint whose scores mean nothing."""
    from scorer import Scorer, ScorerConfig

    folder = tmp_path_factory.mktemp("scorer")
    Scorer(ScorerConfig()).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def rendered():
    """Four people, 128 px."""
    from adhmr.world.domains import DOMAINS
    from adhmr.world.make import make_samples
    from hmr.free_body import free_body

    return make_samples(DOMAINS["source"], 4, 128, 11, free_body(1200), "photo")


@pytest.fixture
def place(tmp_path, rendered, monkeypatch):
    """The folder that we are in: photographs of rendered people, and their exact keypoints as COCO writes them (k.json)."""
    from hmr.free_body import free_body
    from hmr.prompt_points import prompt_points

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ADHMR_WEIGHTS", str(tmp_path / "no weights"))
    (tmp_path / "photos").mkdir()
    points = prompt_points(rendered.label, free_body(1200))
    uv = project(points, rendered.K)[:, COCO_17.taken_to(PROMPT_POINTS)[1]]
    images, notes = [], []
    for i, picture in enumerate(rendered.rgb.permute(0, 2, 3, 1).numpy()):
        Image.fromarray(picture).save(tmp_path / "photos" / f"p{i}.png")
        images.append({"id": i, "file_name": f"p{i}.png", "width": 128, "height": 128})
        marks = [v for x, y in uv[i].tolist() for v in (x, y, 2)]
        notes.append({"id": i, "image_id": i, "category_id": 1, "bbox": [5, 5, 118, 118], "keypoints": marks})
    (tmp_path / "k.json").write_text(json.dumps({"images": images, "annotations": notes}))
    return tmp_path
