"""The released scorers: equal to the reference code's outputs on recipe weights, and their converters refuse what they should."""

import io
import pickle
from pathlib import Path

import pytest
import torch
from recipe import normal, recipe_weights
from torch import nn

from adhmr.cli import main
from hmr.networks.hypo_decoder import HypoDecoderConfig, body_graph, within_hops
from hmr.networks.released import fill, read_released, renamed
from scorer.released.convert import HMR_SCORER, hmr_scorer_from_released, score_net_from_released
from scorer.released.hmr_scorer import ReleasedHmrScorer, upright_picture, uvd_in_upright_picture
from scorer.released.score_net import ReleasedScoreNet, ReleasedScoreNetConfig


@pytest.fixture(scope="module")
def released_hmr_scorer(official_spec) -> ReleasedHmrScorer:
    return hmr_scorer_from_released(recipe_weights(official_spec("hmr_scorer_spec.json")))


@pytest.mark.official
def test_hmr_scorer_reproduces_the_released_scores(official, released_hmr_scorer):
    f = {k: torch.from_numpy(v) for k, v in official("hmr_scorer_forward.npz").items()}
    with torch.no_grad():
        raw = released_hmr_scorer.judge(
            normal("scorer_global", 2, 768, 16, 12, scale=0.5), f["uvd"].view(2, 4, 29, 3)
        ).flatten()
        picture = nn.functional.interpolate(normal("scorer_image512", 1, 3, 512, 384), (256, 192))
        coarse = released_hmr_scorer.encode(picture)
        full = released_hmr_scorer.judge(coarse, f["uvd"][:4].view(1, 4, 29, 3)).flatten()
    torch.testing.assert_close(raw, f["score_raw"], atol=1e-5, rtol=0)
    torch.testing.assert_close(coarse, f["vit_feat"], atol=1e-4, rtol=0)
    torch.testing.assert_close(full, f["score_raw_full"], atol=1e-5, rtol=0)


@pytest.mark.official
def test_score_net_reproduces_the_released_scores(official, official_spec):
    network = score_net_from_released(recipe_weights(official_spec("scorenet_spec.json")))
    f = {k: torch.from_numpy(v) for k, v in official("scorenet_forward.npz").items()}
    uvd, twist = f["x"][:, :87].view(2, 3, 29, 3), f["x"][:, 87:].view(2, 3, 23, 2)
    with torch.no_grad():
        score = network.judge(f["ctx_global"], normal("score_local_map", 2, 256, 64, 64, scale=0.5), uvd, twist)
    torch.testing.assert_close(score.flatten(), f["score"], atol=1e-5, rtol=0)


@pytest.mark.official
def test_body_graph_is_the_released_one(official_spec_content):
    neighbour = official_spec_content("scorenet_spec.json")["neighbour"]["masks"]
    torch.testing.assert_close(body_graph(twists=True), torch.tensor(neighbour["adjacency_raw_52x52"]))
    near = within_hops(body_graph(twists=True), 2).long()
    torch.testing.assert_close(near, torch.tensor(neighbour["mask_all_52x52(knn2)"]))


SMALL = HypoDecoderConfig(width=64, heads=4, ffn=64, reach=(3, 1))


def small_score_net() -> ReleasedScoreNet:
    torch.manual_seed(0)
    network = ReleasedScoreNet(ReleasedScoreNetConfig(coarse_hw=(2, 2), token_channels=32, decoder=SMALL)).eval()
    weights = recipe_weights([(k, tuple(v.shape)) for k, v in network.state_dict().items()])
    fill(network, weights)
    return network


def small_inputs(candidates: int) -> dict[str, torch.Tensor]:
    return {
        "coarse": normal("coarse", 2, 64, 2, 2),
        "local_map": normal("local", 2, 32, 8, 8),
        "uvd": normal("uvd", 2, candidates, 29, 3, scale=0.5),
        "twist": normal("twist", 2, candidates, 23, 2),
    }


GOLDEN = [-0.06947, -0.36679, 0.30226, 0.77398, -0.75022, 0.18349]


def test_golden_scores_of_a_small_score_net():
    """Numbers of this code while it reproduced the fixtures to 1e-6: they guard it where the fixtures are not at hand."""
    with torch.no_grad():
        score = small_score_net().judge(**small_inputs(3))
    torch.testing.assert_close(score.flatten(), torch.tensor(GOLDEN), atol=1e-4, rtol=0)


def test_candidates_do_not_see_each_other():
    network, inputs = small_score_net(), small_inputs(3)
    with torch.no_grad():
        together = network.judge(**inputs)
        alone = network.judge(**{**inputs, "uvd": inputs["uvd"][:, 1:2], "twist": inputs["twist"][:, 1:2]})
    torch.testing.assert_close(together[:, 1:2], alone, atol=1e-5, rtol=1e-5)


def test_a_checkpoint_with_unknown_names_lists_them():
    with pytest.raises(ValueError, match=r"1 names that are not known: score_net\.strange"):
        renamed({"score_net.strange": torch.zeros(1), "encoder.task_tokens": torch.zeros(1)}, HMR_SCORER)


def test_a_checkpoint_with_missing_names_lists_them():
    with pytest.raises(ValueError, match=r"missing \['bias', 'weight'\]"):
        fill(nn.Linear(2, 2), {})


class _Malicious:
    def __reduce__(self):
        return (Path.touch, (Path("touched-by-a-checkpoint"),))


def test_a_checkpoint_that_would_run_code_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path, stream = tmp_path / "evil.pth.tar", io.BytesIO()
    torch.save({"network": _Malicious()}, stream, pickle_module=pickle)
    path.write_bytes(stream.getvalue())
    with pytest.raises(ValueError, match=r"evil\.pth\.tar: refused"):
        read_released(path, "network", "network")
    assert not (tmp_path / "touched-by-a-checkpoint").exists()


def test_convert_tells_a_mistake(tmp_path, capsys):
    path = tmp_path / "other.pth"
    torch.save({"model": {}}, path)
    for entry, said in (([], "expected an entry 'network', found ['model']"), (["--entry", "model"], "missing [")):
        arguments = ["--kind", "hmr-scorer", "--checkpoint", str(path), *entry, "--out", str(tmp_path / "out")]
        assert main(["convert", *arguments]) == 2
        assert said in capsys.readouterr().err
    assert main(["convert", "--kind", "hmr-scorer", "--checkpoint", "none.pth", "--out", str(tmp_path / "out")]) == 2
    assert "there is no such file" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_square_crop_goes_into_the_upright_picture():
    rgb, uvd = torch.rand(1, 3, 64, 64), torch.tensor([[0.5, 1.0, 0.3]])
    picture = upright_picture(rgb, (256, 192))
    assert picture.shape == (1, 3, 256, 192)
    assert float(picture[:, :, :32].sum()) == 0
    torch.testing.assert_close(uvd_in_upright_picture(uvd, (256, 192)), torch.tensor([[0.5, 0.75, 0.3]]))
