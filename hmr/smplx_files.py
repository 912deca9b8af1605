"""SMPL, SMPL-H and SMPL-X files that the user has, behind the same protocol as the free body.

The only file that imports ``smplx`` (non-commercial code and models; nothing else needs it). Bodies have SMPL's 24 body joints:
for SMPL-X and SMPL-H the hands stay at rest, and the joint ``left_hand`` is the middle finger's root.
"""

from __future__ import annotations

import contextlib
import io
import re
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from hmr.body_codec import write_arrays
from hmr.skeleton import NUM_JOINTS
from hmr.skinned_body import SkinnedBody
from hmr.untrusted.object_npz import read_object_npz
from hmr.untrusted.unpickle import read_pickle

#: Number of vertices to the leaf points: head top (of SMPL-X the highest vertex), middle finger tips, big toe tips.
LEAF_VERTICES = {6890: (411, 2445, 5905, 3216, 6617), 10475: (-1, 5058, 7794, 5770, 8463)}
SMPLX_VERTICES = 10475
#: Index, middle, pinky, ring, thumb of the left hand, then of the right one (smplx's vertex_ids).
SMPLX_FINGER_TIPS = (4933, 5058, 5286, 5169, 5361, 7669, 7794, 8022, 7905, 8079)
_WHERE = {
    "smpl": "https://smpl.is.tue.mpg.de",
    "smplh": "https://mano.is.tue.mpg.de",
    "smplx": "https://smpl-x.is.tue.mpg.de",
}


_GENDERS = {"neutral": "neutral", "female": "female", "male": "male", "f": "female", "m": "male"}


def gender_of(path: Path) -> str | None:
    """Of a model's file as the official ones are named (SMPL_FEMALE.pkl, basicModel_f_lbs_10_207_0_v1.0.0.pkl,
    smplh/female/model.npz); None where its name says nothing."""
    for name in (path.stem, path.parent.name if path.stem == "model" else ""):
        for word in re.split(r"[\W_]+", name.lower()):
            if word in _GENDERS:
                return _GENDERS[word]
    return None


def find_file(model_path: Path, model_type: str, gender: str) -> Path:
    """``model_path`` itself when it is a file, else where smplx looks: MODEL_PATH/smpl/SMPL_NEUTRAL.npz or .pkl.

    Raises ValueError that says which file, where it was looked for and where it is to be had.
    """
    if model_path.is_file():
        return model_path
    names = [f"{model_type.upper()}_{gender.upper()}{suffix}" for suffix in (".npz", ".pkl")]
    tried = [folder / name for folder in (model_path / model_type, model_path) for name in names]
    for path in tried:
        if path.exists():
            return path
    if model_path.suffix in (".npz", ".pkl"):
        raise ValueError(f"{model_path}: expected a body model's file, there is none")
    raise ValueError(
        f"{names[0]} (or .pkl) not found; looked for {', '.join(str(p) for p in tried)}. It is to be had, after signing its "
        f"licence, from {_WHERE.get(model_type, 'its authors')}. The free body (hmr.free_body) needs no file."
    )


#: Joints of a file's tree to its family.
_FAMILIES = {24: "smpl", 52: "smplh", 55: "smplx"}


def _only_type(folder: Path, gender: str) -> str:
    """The one family that a folder holds. Raises ValueError when there are several or none."""
    found = []
    for model_type in _WHERE:
        try:
            find_file(folder, model_type, gender)
            found.append(model_type)
        except ValueError:
            continue
    if len(found) > 1:
        raise ValueError(f"{folder}: holds {' and '.join(found)}; say which one by --body_model_type")
    return found[0] if found else "smpl"  # whose absence is explained next


def _type_of(raw: dict[str, Any], path: Path) -> str:
    joints = np.shape(raw.get("kintree_table", np.zeros((2, 0))))[-1]
    if joints not in _FAMILIES:
        raise ValueError(f"{path}: expected a tree of 24 (SMPL), 52 (SMPL-H) or 55 (SMPL-X) joints, it has {joints}")
    return _FAMILIES[joints]


def load_body(model_path: Path, model_type: str = "auto", gender: str = "neutral") -> SkinnedBody:
    """A user's body model. model_type: smpl, smplh or smplx, or auto, by what the file is. Pickles are read without running code.

    gender: which file of a folder is taken; a file that is given itself is of the gender that its name says.

    Raises ValueError for a missing file, or one that is not in SMPL's layout.
    """
    if model_type not in (*_WHERE, "auto"):
        raise ValueError(f"expected auto, smpl, smplh or smplx, got '{model_type}'")
    if model_type == "auto" and model_path.is_dir():
        model_type = _only_type(model_path, gender)
    path = find_file(model_path, "smpl" if model_type == "auto" else model_type, gender)
    raw = _read(path)
    model_type = _type_of(raw, path) if model_type == "auto" else model_type
    model = _through_smplx(raw, model_type, path)
    vertices = len(model["v_template"])
    if vertices not in LEAF_VERTICES:
        raise ValueError(f"{path}: has {vertices} vertices, expected one of {sorted(LEAF_VERTICES)}")
    head_top, *others = LEAF_VERTICES[vertices]
    if head_top < 0:
        head_top = int(model["v_template"][:, 1].argmax())
    return SkinnedBody.from_smpl_arrays(
        f"{model_type}-{gender_of(path) or gender}", model, np.array([head_top, *others])
    )


def load_body_with_hands(model_path: Path, gender: str = "neutral") -> SkinnedBody:
    """A user's SMPL-X with its hands, jaw and expressions, without pose correctives.

    Raises ValueError for a missing file, or one that is not in SMPL-X's layout.
    """
    path = find_file(model_path, "smplx", gender)
    raw = _read(path)
    if len(raw.get("v_template", ())) != SMPLX_VERTICES:
        raise ValueError(
            f"{path}: expected SMPL-X with {SMPLX_VERTICES} vertices, it has {len(raw.get('v_template', ()))}"
        )
    return SkinnedBody.from_smplx_arrays(f"smplx-{gender}", raw, np.array(SMPLX_FINGER_TIPS))


def _read(path: Path) -> dict[str, Any]:
    """Official .npz hold dictionaries too (SMPL-X's part2num), so they are read like pickles: nothing in them runs."""
    return read_pickle(path) if path.suffix == ".pkl" else read_object_npz(path)


def _smplx_of(raw: dict[str, Any]) -> Any:
    """smplx.SMPLX reads a file by itself, and would run what is pickled in it: it is given one of plain arrays only."""
    import smplx

    plain = {name: value for name, value in raw.items() if isinstance(value, np.ndarray) and not value.dtype.hasobject}
    plain = {"lmk_faces_idx": np.zeros(51), "lmk_bary_coords": np.zeros((51, 3)), **plain}
    plain.setdefault("dynamic_lmk_faces_idx", np.zeros((79, 17)))
    plain.setdefault("dynamic_lmk_bary_coords", np.zeros((79, 17, 3)))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "SMPLX_NEUTRAL.npz"
        write_arrays(file, plain)
        return smplx.SMPLX(str(file), use_pca=False, flat_hand_mean=True)


def _through_smplx(raw: dict[str, Any], model_type: str, path: Path) -> dict[str, np.ndarray]:
    """Let ``smplx`` build the model from the file's arrays, and cut it to SMPL's 24 body joints."""
    import smplx
    from smplx.utils import Struct

    try:
        with contextlib.redirect_stdout(io.StringIO()):  # it prints a warning for every model of ten betas
            if model_type == "smpl":
                built: Any = smplx.SMPL(str(path), data_struct=Struct(**raw))
            elif model_type == "smplh":
                built = smplx.SMPLH(str(path), data_struct=Struct(**raw), use_pca=False, flat_hand_mean=True)
            else:
                built = _smplx_of(raw)
    except (KeyError, AttributeError, AssertionError, ValueError) as error:
        raise ValueError(f"{path}: smplx could not build a {model_type} model from it: {error}") from None
    weights, J_regressor = built.lbs_weights.numpy(), built.J_regressor.numpy()
    parents = built.parents.numpy()
    first_finger = {"smpl": NUM_JOINTS, "smplh": 22, "smplx": 25}[model_type]
    body = [*range(22), first_finger + 3, first_finger + 18] if model_type != "smpl" else list(range(NUM_JOINTS))
    kept = np.zeros((len(weights), NUM_JOINTS), dtype=np.float32)
    for joint in range(weights.shape[1]):
        if joint >= first_finger:
            owner = 22 if joint < first_finger + 15 else 23  # every finger moves with SMPL's hand joint
        else:
            ancestor = joint
            while ancestor not in body:
                ancestor = int(parents[ancestor])
            owner = body.index(ancestor)
        kept[:, owner] += weights[:, joint]
    tree = np.array([[-1, *(body.index(int(parents[j])) for j in body[1:])], range(NUM_JOINTS)])
    return {
        "v_template": built.v_template.numpy(),
        "shapedirs": built.shapedirs.numpy(),
        "J_regressor": J_regressor[body],
        "weights": kept,
        "kintree_table": tree,
        "f": built.faces.astype(np.int64),
    }
