"""Make winner/loser pairs from candidates: K pairs a picture, winners from the top K, losers from the bottom K (ADHMR
section 4.3). Of our crops (--data) or of the people in photographs (--images); candidates are read (--hypotheses) or drawn
(--generator). A scorer judges where one is given, otherwise how near candidates are to each other; with --judge error the true
error does."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from adhmr.option_types import BodyModelType
from adhmr.picture_options import CutPictureOptions
from dpo.config import ErrorKind


@dataclass(frozen=True, kw_only=True)
class Options(CutPictureOptions):
    """
    Args:
        out: an empty folder for the parquet shards
        hypotheses: .npz of candidates for pictures of ``data``; give this or ``generator``
        generator: whose candidates are drawn: a folder of a checkpoint, photo (it comes with the package), or a name on the
            Hugging Face Hub
        candidates: drawn for each person
        judge: scorer; error (exact labels); consensus: the candidate that is nearest to all others wins; random. Without it the
            scorer where one is given, else consensus
        scorer: folder of a scorer checkpoint
        pairs_per_picture: K; needs at least 2 K candidates a picture
        error: which of the scorer's words is a candidate's error: expected (PVE), displacement (of keypoints), across (the
            picture), or both (of these two)
        diversity: reward for being far from the other candidates (0: the plain score)
        shard: pictures in a shard
        body_model: file (or folder) of the SMPL-family model that the candidates are of; without it the free body
        body_model_type: auto (what the file is), smpl, smplh or smplx
        seed: of the candidates, and of the random choice within the top and bottom K
        device: cpu or cuda
        strict: exit with 2 when photographs or people were skipped, instead of with 3
    """

    out: Path
    hypotheses: Path | None = None
    generator: str | None = None
    candidates: int = 10
    judge: Literal["scorer", "error", "random", "consensus"] | None = None
    scorer: Path | None = None
    pairs_per_picture: int = 3
    error: ErrorKind = "expected"
    diversity: float = 0.2
    shard: int = 4096
    body_model: Path | None = None
    body_model_type: BodyModelType = "auto"
    seed: int = 0
    device: str = "cpu"
    strict: bool = False


def run(options: Options) -> int:
    from dataclasses import asdict

    from adhmr.exit_code import exit_code
    from adhmr.loading import body_of
    from adhmr.pairing import PairInputs, check_options, write_pairs
    from adhmr.photographs.told import list_skipped
    from adhmr.progress import console
    from hmr.files import new_folder, write_provenance

    check_options(options)
    body = body_of(options.body_model, options.body_model_type)
    inputs = PairInputs.load(options, body)
    out = new_folder(options.out)
    total = write_pairs(inputs, options, body, out)
    write_provenance(out, "pairs", asdict(options), options.seed, inputs.paths)
    list_skipped(inputs.skipped, out)
    console.print(f"{total} pairs of {len(inputs.views)} pictures in {out}")
    return exit_code(len(inputs.skipped), options.strict)
