"""Score candidates of anybody's models in their pictures and write ranked.parquet and ranked.csv (a row for each candidate),
sheet.png (picture, best and worst candidate), unreadable.csv (what could not be read, and why) and, of two models or more,
leaderboard.csv (Bradley-Terry ratings with bootstrap intervals). Of our own crops also best.npz, the best bodies."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from adhmr.option_types import BodyModelType


@dataclass(frozen=True)
class Options:
    """
    Args:
        hypotheses: files of candidates, or folders of such files, one for each model. With ``data`` our own candidates.npz; with
            ``images`` what `adhmr predict` wrote, HumanData, 4D-Humans, SMPLer-X, SMPLest-X or SAM 3D Body (see docs/rank.md)
        scorer: folder of a scorer checkpoint
        out: an empty folder to write
        data: folder with pictures.npy and labels.npz (labels are not looked at)
        images: folder of photographs; give this or ``data``
        body_model: file (or folder) of the SMPL-family model that parameters are of; without it the free body
        body_model_type: auto (what the file is), smpl, smplh or smplx
        tags: .csv with the columns key and tag, a row for each tag of a picture: a leaderboard for each tag
        seed: of the bootstrap
        device: cpu or cuda
        strict: exit with 2 when something could not be read, instead of with 3
    """

    hypotheses: list[Path] | Path
    scorer: Path
    out: Path
    data: Path | None = None
    images: Path | None = None
    body_model: Path | None = None
    body_model_type: BodyModelType = "auto"
    tags: Path | None = None
    seed: int = 0
    device: str = "cpu"
    strict: bool = False


def run(options: Options) -> int:
    import pyarrow as pa
    from PIL import Image

    from adhmr.exit_code import exit_code
    from adhmr.loading import body_of
    from adhmr.progress import console
    from adhmr.ranking.field import score_field
    from adhmr.ranking.gather import gather_ours, gather_theirs
    from adhmr.ranking.tags import read_tags
    from adhmr.ranking.verdict import leaderboards, ranked_rows
    from adhmr.tables import write_table
    from hmr.files import new_folder, write_atomically, write_provenance
    from hmr.formats.person_candidate import BY_STAND_IN
    from hmr.formats.smpl_parameters import STAND_IN_NOTE
    from scorer.protocol import load_scorer

    files = options.hypotheses if isinstance(options.hypotheses, list) else [options.hypotheses]
    if (options.data is None) == (options.images is None):
        raise ValueError("give --data (our crops) or --images (photographs), one of the two")
    scorer = load_scorer(options.scorer).to(options.device)
    tags = read_tags(options.tags) if options.tags is not None else {}
    if options.data is not None:
        gathered = gather_ours(files, options.data, body_of(options.body_model, options.body_model_type))
    else:
        assert options.images is not None
        own = None if options.body_model is None else body_of(options.body_model, options.body_model_type)
        gathered = gather_theirs(files, options.images, own, scorer.crop_size)
    out = new_folder(options.out)
    field = gathered.field
    scores = score_field(scorer, field)
    write_table(out, "ranked", ranked_rows(field, scores))
    board = leaderboards(field, scores, tags, options.seed)
    if len(board):
        write_table(out, "leaderboard", board)
        for row in board.to_pylist():
            console.print(
                f"{row['category']:20s} {row['model']:24s} {row['rating']:7.0f} Elo [{row['low']:.0f}, {row['high']:.0f}]"
                f"  wins {row['win_share']:.0%} of {row['matches']} matches on {row['pictures']} pictures",
                highlight=False,
            )
    if gathered.unreadable:
        write_table(out, "unreadable", pa.Table.from_pylist([asdict(u) for u in gathered.unreadable]))
        for item in gathered.unreadable[:10]:
            console.print(f"not ranked: {item.where}: {item.reason}", highlight=False)
    with write_atomically(out / "sheet.png") as partial:
        Image.fromarray(gathered.sheet(scores)).save(partial)
    gathered.write_best(out, scores)
    inputs = [p for p in (*files, options.scorer) if p.exists()]
    write_provenance(out, "rank", asdict(options), options.seed, inputs)
    count = sum(len(row) for row in field.entrants)
    fewest = min(int(field.common(i).sum()) for i in range(len(field)))
    if fewest < 29:
        console.print(
            f"candidates of a picture were compared on the keypoints that all of them have, {fewest} at least"
        )
    if any(entry.by == BY_STAND_IN for row in field.entries for entry in row):
        console.print(f"note: {STAND_IN_NOTE}", highlight=False)
    console.print(f"ranked {count} candidates of {len(field)} pictures in {out}; {len(gathered.unreadable)} not ranked")
    return exit_code(len(gathered.unreadable), options.strict)
