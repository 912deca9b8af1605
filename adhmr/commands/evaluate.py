"""Compare generators and regressors on labelled pictures: every figure with its 95 % interval and n, and the paired change
against the first. Writes metrics.json."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Options:
    """
    Args:
        generators: folders of checkpoints of generators and regressors; the first is what the others are compared with
        data: folder with exactly labelled pictures, with hands or without
        scorer: folder of a scorer checkpoint, for the selected figures
        out: an empty folder to write
        candidates: M, hypotheses for each picture
        seed: of the sampling
        device: cpu or cuda
    """

    generators: list[Path]
    data: Path
    scorer: Path
    out: Path
    candidates: int = 10
    seed: int = 0
    device: str = "cpu"


def run(options: Options) -> None:
    from rich.table import Table

    from adhmr.estimators import load_estimator
    from adhmr.evaluation import PROTOCOL, Judged, judge
    from adhmr.figures import show
    from adhmr.pictures import load_pictures
    from adhmr.progress import console
    from diffusion_hmr import Generator
    from hmr.estimator import name_of
    from hmr.files import new_folder, write_json, write_provenance
    from hmr.free_body import free_body
    from hmr.hypotheses import Hypotheses
    from hmr.networks.image_branch import conditions_of
    from scorer import Scorer

    body, samples = free_body(1200), load_pictures(options.data)
    if "none" in samples.label_kind:
        raise ValueError(f"{options.data}: has pictures without labels, there is nothing to compare with")
    scorer = Scorer.from_pretrained(options.scorer).to(options.device)
    judged: dict[str, Judged] = {}
    loaded = [(folder, load_estimator(folder).to(options.device)) for folder in options.generators]
    out = new_folder(options.out)
    for folder, estimator in loaded:
        estimator.check_size(samples)
        zero = None
        if isinstance(estimator, Generator):
            conditions = conditions_of(estimator.branch, samples)
            params = estimator.sample_bodies(conditions, samples.K, body, options.candidates, options.seed)
            zero = estimator.sample_bodies(conditions, samples.K, body, 1, options.seed, zero_noise=True)
            hypotheses = Hypotheses(samples.key, params, samples.K, name_of(folder), options.seed)
        else:
            hypotheses = estimator.propose(samples, body, options.candidates, options.seed, name_of(folder))
        judged[folder.name] = judge(hypotheses, zero, samples, scorer.score(samples, hypotheses, body).value, body)
    base = judged[options.generators[0].name]
    metrics = {
        "generators": {name: j.figures() for name, j in judged.items()},
        "change": {name: j.change_percent(base) for name, j in judged.items() if j is not base},
        "protocol": PROTOCOL,
    }
    write_json(out / "metrics.json", metrics)
    write_provenance(
        out, "evaluate", asdict(options), options.seed, [*options.generators, options.data, options.scorer]
    )
    table = Table(
        title=f"PVE in mm [95 % interval], {len(samples)} pictures, M = {options.candidates}", title_justify="left"
    )
    keys = ["selected_pve_mm", "mean_pve_mm", "min_pve_mm", "zero_noise_pve_mm", "mean_sample_pve_mm", "energy_score_mm",
            "spread_mm"]  # fmt: skip
    for column in ("generator", *(k.removesuffix("_mm").removesuffix("_pve").replace("_", " ") for k in keys)):
        table.add_column(column)
    for name, figures in metrics["generators"].items():
        table.add_row(name, *[show(figures[k], 0) for k in keys])
    console.print(table)
    console.print(PROTOCOL)
