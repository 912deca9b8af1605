import json

import pytest

from adhmr.cli import main
from adhmr.demo import stages


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A tiny demo from scratch that is interrupted in its middle, and continued by the same command."""
    out = tmp_path_factory.mktemp("demo") / "run"
    arguments = ["demo", "--from_scratch", "--budget", "tiny", "--out", str(out)]
    real = stages.align_generator

    def interrupted(run):
        raise KeyboardInterrupt

    stages.align_generator = interrupted
    try:
        assert main(arguments) == 130
    finally:
        stages.align_generator = real
    assert not (out / "metrics.json").exists()
    assert main(arguments) == 0
    return out


def figures(tree, path=()):
    if set(tree) == {"value", "low", "high", "n"}:
        yield ".".join(path), tree
        return
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from figures(value, (*path, key))


def test_the_contract_of_metrics_json(finished):
    found = dict(figures(json.loads((finished / "metrics.json").read_text())))
    wanted = []
    for generator in ("base", "aligned", "random_pairs", "consensus_pairs", "sft", "regressor"):
        for domain in ("source", "target", "target_ambiguous"):
            block = f"generators.{generator}.{domain}"
            for kind in ("selected", "mean", "min", "zero_noise", "mean_sample"):
                wanted += [f"{block}.{kind}_{m}_mm" for m in ("pve", "mpjpe", "pa_mpjpe")]
            wanted += [f"{block}.energy_score_mm", f"{block}.spread_mm", f"{block}.recovered_fraction"]
    for block in ("scorer", "scorer_no_image"):
        for kind in ("noised_truth", "generator_samples"):
            for where in ("within", "pooled"):
                wanted += [f"{block}.{kind}.{where}_{c}_{m}" for c in ("srcc", "plcc") for m in ("pve", "mpjpe")]
    wanted += ["cleaning.precision", "cleaning.recall", "cleaning.kept", "seconds.align"]
    assert [key for key in wanted if key not in found] == []
    for figure in found.values():
        assert figure["low"] <= figure["value"] + 1e-3
        assert figure["value"] <= figure["high"] + 1e-3


def test_the_report_is_one_self_contained_page(finished):
    page = (finished / "report.html").read_text()
    assert page.count("<img") >= 20
    assert page.count("<svg") >= 5
    assert "http://" not in page.replace("http://www.w3.org", "").replace("http://purl.org", "").replace(
        "http://creativecommons.org", ""
    )


def test_the_checkpoints_go_into_every_other_command(finished, tmp_path):
    from hmr.files import read_json

    data = str(finished / "data" / "test-target")
    base, scorer = str(finished / "generator-base"), str(finished / "scorer")
    candidates = str(finished / "evaluation" / "base-target.npz")
    common = ["--scorer", scorer]
    assert main(["rank", "--data", data, "--hypotheses", candidates, *common, "--out", str(tmp_path / "rank")]) == 0
    assert (tmp_path / "rank" / "ranked.csv").exists()
    assert main(["pairs", "--data", data, "--hypotheses", candidates, *common, "--out", str(tmp_path / "pairs")]) == 0
    few = ["--align.fit.steps", "2", "--align.fit.batch_size", "4"]
    arguments = ["--generator", base, "--data", data, "--pairs", str(tmp_path / "pairs"), *few]
    assert main(["align", *arguments, "--out", str(tmp_path / "aligned")]) == 0
    arguments = ["--generators", f"[{base},{tmp_path / 'aligned'}]", "--data", data, *common, "--candidates", "4"]
    assert main(["evaluate", *arguments, "--out", str(tmp_path / "evaluation")]) == 0
    assert "aligned" in read_json(tmp_path / "evaluation" / "metrics.json")["change"]
    to_clean = str(finished / "data" / "to-clean")
    assert main(["clean", "--data", to_clean, *common, "--fraction", "0.5", "--out", str(tmp_path / "clean")]) == 0
    assert main(["report", "--out", str(finished), "--examples", "2"]) == 0


def test_another_seed_does_not_continue_this_run(finished, capsys):
    assert main(["demo", "--from_scratch", "--budget", "tiny", "--seed", "1", "--out", str(finished)]) == 2
    assert "another seed" in capsys.readouterr().err
