"""The paper's experiment as commands: released networks, small and with random weights, and a file in SMPL's layout."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from body_file import write_smpl_file
from PIL import Image
from small_released import BRANCH, DECODER, small_released_generator

from adhmr.cli import main
from dpo.pairs import PreferencePairs, load_pairs, save_pairs
from hmr.files import read_json
from hmr.samples import load_samples, load_views, save_samples

FEW = {"fit.steps": 2, "fit.batch_size": 2, "candidates": 2, "pairs_per_picture": 1, "pictures_per_round": 2}


def words(**values: object) -> list[str]:
    return [word for name, value in {**FEW, **values}.items() for word in (f"--align.{name}", str(value))]


@pytest.fixture(scope="module")
def files(tmp_path_factory, small_world):
    """Folders: a released generator, both released scorers, crops, photographs with boxes; and an SMPL file."""
    from scorer.released.hmr_scorer import ReleasedHmrScorer, ReleasedHmrScorerConfig
    from scorer.released.score_net import ReleasedScoreNetConfig
    from scorer.released.score_net_scorer import ReleasedScoreNetScorer, ReleasedScoreNetScorerConfig

    place = tmp_path_factory.mktemp("released")
    small_released_generator().save_pretrained(place / "hypo-net")
    torch.manual_seed(1)
    vit = ReleasedHmrScorerConfig("vit_tiny_patch16_224", (64, 48), 3, 32, 32, DECODER)
    ReleasedHmrScorer(vit).save_pretrained(place / "hmr-scorer")
    branch = replace(BRANCH, with_shape=False)
    score_net = ReleasedScoreNetScorerConfig(64, branch, ReleasedScoreNetConfig((2, 2), 32, DECODER))
    ReleasedScoreNetScorer(score_net).save_pretrained(place / "score-net")
    save_samples(place / "data", small_world["target"][:2])
    (place / "photos").mkdir()
    images, notes = [], []
    for i, picture in enumerate(small_world["target"][:2].rgb[:].permute(0, 2, 3, 1).numpy()):
        Image.fromarray(picture).save(place / "photos" / f"p{i}.png")
        images.append({"id": i, "file_name": f"p{i}.png", "width": 64, "height": 64})
        notes.append({"id": i, "image_id": i, "category_id": 1, "bbox": [4, 4, 56, 56]})
    (place / "boxes.json").write_text(json.dumps({"images": images, "annotations": notes}))
    write_smpl_file(place)
    return place


def smpl(files) -> list[str]:
    return ["--body_model", str(files / "SMPL_NEUTRAL.npz")]


@pytest.mark.parametrize("scorer", ["hmr-scorer", "score-net"])
def test_photographs_a_released_generator_and_a_released_scorer(files, tmp_path, capsys, scorer):
    """Each network looks at crops of its own size; two steps."""
    arguments = ["align", "--generator", files / "hypo-net", "--scorer", files / scorer, "--images", files / "photos",
                 "--boxes", files / "boxes.json", "--out", tmp_path / "out", *smpl(files), *words()]  # fmt: skip
    assert main([str(x) for x in arguments]) == 0
    assert "its plain score judges" in " ".join(capsys.readouterr().out.split())
    assert read_json(tmp_path / "out" / "config.json")["kind"] == "released-generator"
    sizes = {folder.name.split("px")[0] for folder in (tmp_path / "crops").glob("*px-*")}
    assert sizes == ({"64", "48"} if scorer == "hmr-scorer" else {"64"})


def test_pairs_are_made_and_aligned_on_offline_and_the_result_is_evaluated(files, tmp_path):
    base, pairs, out = files / "hypo-net", tmp_path / "pairs", tmp_path / "out"
    of_all = ["--data", files / "data", *smpl(files)]
    arguments = ["pairs", "--generator", base, "--scorer", files / "hmr-scorer", "--candidates", 4, "--pairs_per_picture", 1,
                 "--out", pairs, *of_all]  # fmt: skip
    assert main([str(x) for x in arguments]) == 0
    assert load_pairs(pairs).state_kind == "released-uvd-and-twists"
    arguments = ["align", "--generator", base, "--pairs", pairs, "--out", out, *of_all, *words(loss_type="[released]")]
    assert main([str(x) for x in arguments]) == 0
    shutil.copytree(base, tmp_path / "base")
    labelled = replace(load_samples(files / "data"), body="smpl-neutral")
    save_samples(tmp_path / "labelled", labelled)
    arguments = ["evaluate", "--generators", f"[{tmp_path / 'base'},{out}]", "--data", tmp_path / "labelled", "--scorer",
                 files / "hmr-scorer", "--candidates", 2, "--out", tmp_path / "figures", *smpl(files)]  # fmt: skip
    assert main([str(x) for x in arguments]) == 0
    figures = read_json(tmp_path / "figures" / "metrics.json")["generators"]
    assert figures["out"]["min_pve_mm"]["value"] > 0


@pytest.mark.parametrize(
    ("body", "words_of_the_error"),
    [
        ([], ["smpl-neutral", "free-body", "give --body_model of that body"]),
        (["female"], ["smpl-neutral", "smpl-female"]),
        (["joints"], ["expected a tree of 24"]),
    ],
)
def test_another_body_is_refused(files, tmp_path, capsys, body, words_of_the_error):
    chosen = tmp_path / "SMPL_FEMALE.npz"
    if body == ["female"]:
        shutil.copyfile(files / "SMPL_NEUTRAL.npz", chosen)
    elif body == ["joints"]:
        with np.load(files / "SMPL_NEUTRAL.npz") as file:
            np.savez(chosen, **{**file, "kintree_table": file["kintree_table"][:, :22]})
    given = ["--body_model", chosen] if body else []
    for command in (["align", *words()], ["pairs", "--candidates", 4, "--pairs_per_picture", 1]):
        arguments = [*command, "--generator", files / "hypo-net", "--data", files / "data", "--out", tmp_path / "out"]
        assert main([str(x) for x in (*arguments, *given)]) == 2
        printed = " ".join(capsys.readouterr().err.split())
        assert all(word in printed for word in words_of_the_error)


def test_pairs_of_our_generators_are_refused_by_name(files, tmp_path, capsys):
    keys = load_views(files / "data").key
    save_pairs(tmp_path / "pairs-0.parquet", PreferencePairs(keys, *torch.randn(2, 2, 133), torch.ones(2), {}))
    arguments = ["align", "--generator", files / "hypo-net", "--pairs", tmp_path, "--data", files / "data", "--out",
                 tmp_path / "out", *smpl(files), *words()]  # fmt: skip
    assert main([str(x) for x in arguments]) == 2
    assert "'uvd-and-twists'" in capsys.readouterr().err


@pytest.mark.official
def test_a_released_file_of_another_age_is_refused_with_all_that_it_lacks(tmp_path, capsys, official_spec_content):
    """Of the released shapes; weights are zeros, whose file is made at once."""
    zero = torch.zeros(())

    def zeros(spec: str) -> dict[str, torch.Tensor]:
        content = official_spec_content(spec)["state_dict"]
        return {f"module.{key}": zero.expand(shape) for key, shape, _ in content}

    hypo_net = zeros("hyponet_spec.json")
    lacking = ["module.blocks.5.norm3.weight", "module.temb_dense.1.bias"]
    for name in lacking:
        del hypo_net[name]
    torch.save({"model": hypo_net, "model_cond": zeros("hrnet_spec.json")}, tmp_path / "old.pth")
    arguments = [
        "convert",
        "--kind",
        "hypo-net",
        "--checkpoint",
        str(tmp_path / "old.pth"),
        "--out",
        str(tmp_path / "out"),
    ]
    assert main(arguments) == 2
    printed = capsys.readouterr().err
    assert "decoder.blocks.5.norm_ffn.weight" in printed
    assert "time_out.bias" in printed
    assert not (tmp_path / "out").exists()
