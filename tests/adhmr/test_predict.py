"""`adhmr predict` on photographs: names, bad items, batches; and what else reads its files."""

import csv
import json

import numpy as np
import pytest
import torch
from PIL import Image

from adhmr.cli import main
from adhmr.loading import load_estimator
from adhmr.predicting import PredictConfig, Predictor, predictions_of, shots_of
from hmr.free_body import free_body
from hmr.photographs.cameras import Cameras
from hmr.photographs.folder import Photographs, output_names
from hmr.photographs.sources import WholePictures
from scorer.protocol import load_scorer


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    """Untrained networks: the files and the errors are what is tested."""
    from diffusion_hmr import Generator, GeneratorConfig
    from scorer import Scorer, ScorerConfig

    folder = tmp_path_factory.mktemp("checkpoints")
    torch.manual_seed(0)
    Generator(GeneratorConfig(sampling_steps=2)).save_pretrained(folder / "generator")
    Scorer(ScorerConfig()).save_pretrained(folder / "scorer")
    return folder


@pytest.fixture
def images(tmp_path):
    folder, rng = tmp_path / "images", np.random.default_rng(0)
    (folder / "sub").mkdir(parents=True)
    for name in ("same.jpg", "same.png", "sub/other.jpg"):
        Image.fromarray(rng.integers(255, size=(90, 120, 3), dtype=np.uint8)).save(folder / name)
    return folder


def predict(checkpoints, *arguments: object) -> int:
    folders = ["--generator", checkpoints / "generator", "--scorer", checkpoints / "scorer"]
    return main(["predict", "--candidates", "3", *map(str, folders), *map(str, arguments)])


def rows_of(path):
    with path.open() as stream:
        return list(csv.DictReader(stream))


def test_no_photograph_is_lost_by_its_name(tmp_path, images, checkpoints):
    out = tmp_path / "out"
    assert predict(checkpoints, "--images", images, "--out", out) == 0
    for name in ("same_jpg", "same_png", "sub/other"):
        assert (out / f"{name}.npz").exists()
        assert (out / f"{name}.glb").exists()
    assert {row["image"] for row in rows_of(out / "predictions.csv")} == {"same.jpg", "same.png", "sub/other.jpg"}


def test_a_bad_item_is_listed_and_the_rest_is_done(tmp_path, images, checkpoints, capsys):
    (images / "folder.jpg").mkdir()
    (images / "phone.heic").write_bytes(b"x")
    (images / "tiny.png").write_bytes(b"")
    Image.new("RGB", (1, 1)).save(images / "dot.png")
    assert predict(checkpoints, "--images", images, "--out", tmp_path / "out") == 3
    skipped = {row["what"]: row["reason"] for row in rows_of(tmp_path / "out" / "skipped.csv")}
    assert set(skipped) == {
        str(images / n) if False else n for n in ("folder.jpg", "phone.heic", "tiny.png", "dot.png")
    }
    assert len(rows_of(tmp_path / "out" / "predictions.csv")) == 9
    assert "synthetic world only" in capsys.readouterr().out


def test_coco_names_with_folders_are_found_as_in_clean_and_rank(tmp_path, images, checkpoints):
    notes = [{"id": i, "image_id": "9", "category_id": 1, "bbox": [10 + i, 10, 40, 60]} for i in range(2)]
    content = {"images": [{"id": 9, "file_name": "/data/train/sub/other.jpg"}], "annotations": notes}
    (tmp_path / "people.json").write_text(json.dumps(content))
    assert predict(checkpoints, "--images", images, "--boxes", tmp_path / "people.json", "--out", tmp_path / "out") == 3
    rows = rows_of(tmp_path / "out" / "predictions.csv")
    assert {row["key"] for row in rows} == {"sub/other-00", "sub/other-01"}
    assert {row["what"] for row in rows_of(tmp_path / "out" / "skipped.csv")} == {"same.jpg", "same.png"}


def test_a_photograph_has_the_same_people_whatever_it_is_predicted_with(images, checkpoints):
    def people(names: list[str], at_once: int) -> dict[str, torch.Tensor]:
        config = PredictConfig(3, people_at_once=at_once)
        estimator, scorer = load_estimator(checkpoints / "generator"), load_scorer(checkpoints / "scorer")
        predictor = Predictor(estimator, scorer, free_body(1200), config)
        keys = output_names(names)
        shots = (
            shot for _, shot, _ in shots_of(Photographs(images), keys, WholePictures(), Cameras()) if shot is not None
        )
        return {shot.name: found.ranked.params.t_cam_root for shot, found in predictions_of(predictor, shots)}

    names = Photographs(images).names
    together, alone = people(names, 64), people(names, 1)
    assert list(together) == list(alone) == names
    for name in names:
        torch.testing.assert_close(together[name], alone[name], rtol=1e-2, atol=1e-2)


def test_rank_reads_what_predict_writes(tmp_path, images, checkpoints):
    for name in ("a", "b"):
        seed = ["--seed", "1"] if name == "b" else []
        assert predict(checkpoints, "--images", images, "--out", tmp_path / name, *seed) == 0
    files = f"[{tmp_path / 'a'},{tmp_path / 'b'}]"
    scorer = ["--scorer", str(checkpoints / "scorer"), "--out", str(tmp_path / "ranked")]
    assert main(["rank", "--images", str(images), "--hypotheses", files, *scorer]) in (0, 3)
    rows = rows_of(tmp_path / "ranked" / "ranked.csv")
    assert {row["model"] for row in rows} == {"a", "b"}
    assert all(row["keypoints"] == "29" for row in rows)


def test_crops_give_candidates_that_pairs_and_rank_take(tmp_path, checkpoints, small_world):
    from hmr.samples import save_views

    save_views(tmp_path / "data", small_world["target"].unlabelled())
    generator = ["--generator", str(checkpoints / "generator"), "--candidates", "6"]
    assert main(["predict", "--data", str(tmp_path / "data"), *generator, "--out", str(tmp_path / "c")]) == 0
    common = ["--data", str(tmp_path / "data"), "--hypotheses", str(tmp_path / "c" / "candidates.npz")]
    assert main(["pairs", *common, "--judge", "random", "--out", str(tmp_path / "pairs")]) == 0
    scorer = ["--scorer", str(checkpoints / "scorer")]
    assert main(["rank", *common, *scorer, "--out", str(tmp_path / "ranked")]) == 0


def test_only_what_export_names_is_written(tmp_path, images, checkpoints):
    out = tmp_path / "out"
    assert predict(checkpoints, "--images", images, "--out", out, "--export", "[skinned_glb,bvh,human_data]") == 0
    found = {"".join(path.suffixes) for path in out.rglob("*") if path.is_file()}
    assert found == {".skinned.glb", ".bvh", ".npz", ".csv", ".parquet", ".json"}
    assert [path.name for path in out.rglob("*.npz")] == ["human_data.npz"]
