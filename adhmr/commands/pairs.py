"""Make winner/loser pairs from candidates: K pairs a picture, winners from the top K, losers from the bottom K (ADHMR
section 4.3). Without labels the scorer judges; with --judge error the true error does."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from adhmr.option_types import BodyModelType


@dataclass(frozen=True)
class Options:
    """
    Args:
        data: folder with pictures.npy and labels.npz
        hypotheses: .npz of candidates for pictures of ``data``
        out: an empty folder for the parquet shards
        judge: scorer; error (exact labels); random and consensus are controls
        scorer: folder of a scorer checkpoint, for --judge scorer
        pairs_per_picture: K; needs at least 2 K candidates a picture
        diversity: reward for being far from the other candidates (0: the plain score)
        shard: pictures in a shard
        body_model: file (or folder) of the SMPL-family model that the candidates are of; without it the free body
        body_model_type: auto (what the file is), smpl, smplh or smplx
        seed: of the random choice within the top and bottom K
        device: cpu or cuda
    """

    data: Path
    hypotheses: Path
    out: Path
    judge: Literal["scorer", "error", "random", "consensus"] = "scorer"
    scorer: Path | None = None
    pairs_per_picture: int = 3
    diversity: float = 0.2
    shard: int = 4096
    body_model: Path | None = None
    body_model_type: BodyModelType = "auto"
    seed: int = 0
    device: str = "cpu"


def run(options: Options) -> None:
    import torch

    from adhmr.loading import body_of
    from adhmr.progress import console
    from dpo.judges import Judge, consensus_judge, random_judge, scorer_judge, truth_judge
    from dpo.pairs import make_pairs, save_pairs
    from hmr.files import new_folder, write_provenance
    from hmr.hypotheses import load_hypotheses, require_body
    from hmr.samples import load_samples, load_views
    from hmr.views import matched
    from scorer import Scorer

    if options.shard < 1:
        raise ValueError(f"expected --shard of at least 1 picture, got {options.shard}")
    body = body_of(options.body_model, options.body_model_type)
    every = load_views(options.data)
    hypotheses = load_hypotheses(options.hypotheses, every)
    require_body(hypotheses, body, str(options.hypotheses))
    views = matched(every, hypotheses.key)
    judge: Judge
    if options.judge == "scorer":
        if options.scorer is None:
            raise ValueError("--judge scorer needs --scorer FOLDER; or choose --judge error, random or consensus")
        judge = scorer_judge(Scorer.from_pretrained(options.scorer).to(options.device), body, options.diversity)
    elif options.judge == "error":
        judge = truth_judge(matched(load_samples(options.data), hypotheses.key), body, options.diversity)
    else:
        judge = random_judge() if options.judge == "random" else consensus_judge(body)
    out, total = new_folder(options.out), 0
    provenance = {
        "judge": options.judge, "hypotheses": str(options.hypotheses), "source": hypotheses.source, "seed": str(options.seed),
        "size": str(views.size), "body": body.family,
    }  # fmt: skip
    for number, start in enumerate(range(0, len(views), options.shard)):
        rows = slice(start, start + options.shard)
        reward = judge(views[rows], hypotheses[rows], options.seed + number)
        random = torch.Generator().manual_seed(options.seed + number)
        pairs = make_pairs(views[rows], hypotheses[rows], reward, options.pairs_per_picture, body, random, provenance)
        save_pairs(out / f"pairs-{number:05d}.parquet", pairs)
        total += len(pairs)
    inputs = [options.hypotheses, *([options.scorer] if options.scorer else [])]
    write_provenance(out, "pairs", asdict(options), options.seed, inputs)
    console.print(f"{total} pairs of {len(views)} pictures in {out}")
