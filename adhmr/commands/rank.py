"""Score candidates in their pictures and write ranked.parquet, ranked.csv, best.npz (the best body of each picture) and
sheet.png (picture, best and worst candidate)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Options:
    """
    Args:
        data: folder with pictures.npy and labels.npz (labels are not looked at)
        hypotheses: .npz of candidates for pictures of ``data``
        scorer: folder of a scorer checkpoint
        out: an empty folder to write
        seed: kept in the provenance
        device: cpu or cuda
    """

    data: Path
    hypotheses: Path
    scorer: Path
    out: Path
    seed: int = 0
    device: str = "cpu"


def run(options: Options) -> None:
    import torch
    from PIL import Image

    from adhmr.progress import console
    from adhmr.report.overlay import GREEN, RED, draw_body, enlarged, sheet
    from hmr.files import new_folder, write_atomically, write_provenance
    from hmr.free_body import free_body
    from hmr.hypotheses import Hypotheses, load_hypotheses, save_hypotheses
    from hmr.samples import load_samples, matched
    from scorer import Scorer
    from scorer.ranked import ranked_table, write_table

    scorer = Scorer.from_pretrained(options.scorer).to(options.device)
    hypotheses = load_hypotheses(options.hypotheses)
    samples = matched(load_samples(options.data), hypotheses.key)
    out = new_folder(options.out)
    body = free_body(1200)
    scores = scorer.score(samples, hypotheses, body)
    write_table(out, "ranked", ranked_table(scores, hypotheses.source))
    best = scores.value.argmax(1)
    rows = torch.arange(len(samples))
    chosen = hypotheses.params[rows, best].reshape_batch(len(samples), 1)
    save_hypotheses(out / "best.npz", Hypotheses(samples.key, chosen, hypotheses.K, hypotheses.source, hypotheses.seed))
    drawn = []
    factor = max(1, 192 // samples.size)
    for i in range(min(len(samples), 12)):
        picture, K = enlarged(samples.rgb[i].permute(1, 2, 0).numpy(), hypotheses.K[i].numpy(), factor)
        worst = int(scores.value[i].argmin())
        drawn += [
            picture,
            draw_body(picture, hypotheses.params[i, int(best[i])], K, body, GREEN),
            draw_body(picture, hypotheses.params[i, worst], K, body, RED),
        ]
    with write_atomically(out / "sheet.png") as partial:
        Image.fromarray(sheet(drawn, 6)).save(partial)
    write_provenance(out, "rank", asdict(options), options.seed, [options.hypotheses, options.scorer])
    console.print(f"ranked {hypotheses.count} candidates of {len(samples)} pictures in {out}")
