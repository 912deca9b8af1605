"""Make winner/loser pairs from candidates: K pairs a picture, winners from the top K, losers from the bottom K (ADHMR
section 4.3). Without labels the scorer judges; with --judge error the true error does."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal


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
    seed: int = 0
    device: str = "cpu"


def run(options: Options) -> None:
    import torch

    from adhmr.progress import console
    from dpo.judges import Judge, consensus_judge, random_judge, scorer_judge, truth_judge
    from dpo.pairs import make_pairs, save_pairs
    from hmr.files import new_folder, write_provenance
    from hmr.free_body import free_body
    from hmr.hypotheses import load_hypotheses
    from hmr.samples import load_samples, matched
    from scorer import Scorer

    body = free_body(1200)
    hypotheses = load_hypotheses(options.hypotheses)
    samples = matched(load_samples(options.data), hypotheses.key)
    judge: Judge
    if options.judge == "scorer":
        if options.scorer is None:
            raise ValueError("--judge scorer needs --scorer FOLDER; or choose --judge error, random or consensus")
        judge = scorer_judge(Scorer.from_pretrained(options.scorer).to(options.device), body, options.diversity)
    elif options.judge == "error":
        if "none" in samples.label_kind:
            raise ValueError(f"{options.data}: --judge error needs labels, some pictures have none")
        judge = truth_judge(samples, body, options.diversity)
    else:
        judge = random_judge() if options.judge == "random" else consensus_judge(body)
    out, total = new_folder(options.out), 0
    provenance = {
        "judge": options.judge, "hypotheses": str(options.hypotheses), "source": hypotheses.source, "seed": str(options.seed),
        "size": str(samples.size), "body": body.name,
    }  # fmt: skip
    for number, start in enumerate(range(0, len(samples), options.shard)):
        rows = slice(start, start + options.shard)
        reward = judge(samples[rows], hypotheses[rows], options.seed + number)
        random = torch.Generator().manual_seed(options.seed + number)
        pairs = make_pairs(hypotheses[rows], reward, options.pairs_per_picture, samples.size, body, random, provenance)
        save_pairs(out / f"pairs-{number:05d}.parquet", pairs)
        total += len(pairs)
    inputs = [options.hypotheses, *([options.scorer] if options.scorer else [])]
    write_provenance(out, "pairs", asdict(options), options.seed, inputs)
    console.print(f"{total} pairs of {len(samples)} pictures in {out}")
