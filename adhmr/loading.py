"""Networks and bodies by what a command is given: folders and files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adhmr.option_types import BodyModelType
from hmr.networks.checkpoint import kind_of, weights_at
from hmr.skinned_body import SkinnedBody

if TYPE_CHECKING:
    from scorer.protocol import AnyScorer


def estimator_folder(name: Path | str) -> Path:
    """Of a checkpoint: a folder, a name of weights that come with the package, or one on the Hugging Face Hub.

    Raises ValueError when there is none.
    """
    from diffusion_hmr.generator import PACKAGED

    return weights_at(name, PACKAGED)


def load_estimator(folder: Path, offline: bool = False, tell: Callable[[str], None] = print) -> Any:
    """A generator or a regressor (``hmr.estimator.Estimator``). Raises ValueError when the folder holds neither."""
    from diffusion_hmr.protocol import load_generator
    from regressors import ExpressiveRegressor, Regressor

    for regressor in (Regressor, ExpressiveRegressor):
        if kind_of(folder) == regressor.kind:
            return regressor.from_pretrained(folder)
    return load_generator(folder, offline, tell)


def scorer_folder(name: Path | str) -> Path:
    """Of a scorer's checkpoint, named in the same ways. Raises ValueError when there is none."""
    from scorer.scorer import PACKAGED

    return weights_at(name, PACKAGED)


#: Judges that are named rather than loaded, and the scorer of the package.
MEDOID, PACKAGED_SCORER = "medoid", "photo"


def usual_judge(estimator: Any) -> str:
    """Who judges an estimator's candidates where nobody is named: the package's scorer where the estimator is told keypoints, as
    that scorer is; otherwise the medoid."""
    return PACKAGED_SCORER if getattr(estimator, "is_prompted", False) else MEDOID


def judge_of(name: str | None, estimator: Any, offline: bool = False, tell: Callable[[str], None] = print) -> AnyScorer:
    """Who ranks an estimator's candidates of photographs: a scorer by its folder or name, or the medoid.

    None: ``usual_judge``. Raises ValueError when there is no such scorer.
    """
    from scorer.medoid import MedoidScorer
    from scorer.protocol import load_scorer

    name = usual_judge(estimator) if name is None else name
    if name == MEDOID:
        return MedoidScorer(estimator.crop_size, estimator.crop_enlarge)
    return load_scorer(name, offline, tell)


def body_of(body_model: Path | None, body_model_type: BodyModelType = "auto", level: int = 1200) -> SkinnedBody:
    """``--body_model`` of every command: the user's file (or the folder it is in); without it the free body.

    level: vertices of the free body. Raises ValueError that says what is wrong with the file.
    """
    from hmr.free_body import free_body
    from hmr.smplx_files import load_body

    return free_body(level) if body_model is None else load_body(body_model, body_model_type)


def body_with_hands_of(
    body_model: Path | None, body_model_type: BodyModelType = "auto", level: int = 2500
) -> SkinnedBody:
    """The same with hands and face: the user's SMPL-X, or the free body. Raises ValueError for another type."""
    from hmr.free_body import free_body_with_hands
    from hmr.smplx_files import load_body_with_hands

    if body_model_type not in ("auto", "smplx"):
        raise ValueError(
            f"--body_model_type {body_model_type}: a body with hands and face is SMPL-X's; give smplx, or auto"
        )
    return free_body_with_hands(level) if body_model is None else load_body_with_hands(body_model)
