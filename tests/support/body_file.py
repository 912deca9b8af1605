"""The free bodies as files of SMPL's and SMPL-X's own layout, so that a user's body model can be tested without one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

import hmr.free_body
from hmr.free_body import free_body
from hmr.skeleton import JOINT_PARENTS
from hmr.smplx_files import LEAF_VERTICES

_COUNT = 6890


def write_smpl_file(path: Path) -> Path:
    """SMPL_NEUTRAL.npz in ``path``: the free body's joints and leaf points; of its skin ten vertices are left out."""
    body = free_body(6900)
    leaves = dict(zip(LEAF_VERTICES[_COUNT], body.point_vertices.tolist(), strict=True))
    others = iter(v for v in range(len(body.v_template)) if v not in set(leaves.values()))
    order = torch.tensor([leaves[place] if place in leaves else next(others) for place in range(_COUNT)])
    # Any regressor with these joints does: exact at rest, and by least squares under the betas.
    shown = torch.cat([body.v_template[order], *body.directions[order].unbind(-1)], 1)
    wanted = torch.cat([body.joint_template, *body.joint_directions.unbind(-1)], 1)
    regressor = torch.linalg.lstsq(shown.T.double(), wanted.T.double(), driver="gelsd").solution.T
    np.savez(
        path / "SMPL_NEUTRAL.npz", v_template=body.v_template[order].numpy(), shapedirs=body.directions[order].numpy(),
        posedirs=np.zeros((_COUNT, 3, 207)), J_regressor=regressor.numpy(), weights=body.weights[order].numpy(),
        f=np.array([[0, 1, 2]]), kintree_table=np.array([[2**32 - 1, *JOINT_PARENTS[1:]], range(24)], dtype=np.int64),
    )  # fmt: skip
    return path / "SMPL_NEUTRAL.npz"


def write_smplx_file(path: Path) -> Path:
    """SMPLX_NEUTRAL.npz in ``path`` that smplx.SMPLX reads: the free body with hands and face, of 2,500 vertices."""
    with np.load(hmr.free_body.__path__[0] + "/free_expressive_body_2500.npz") as file:
        arrays = {
            key: file[key].astype(np.float64) if file[key].dtype == np.float16 else file[key] for key in file.files
        }
    v = len(arrays["v_template"])
    arrays["weights"] = arrays["weights"] / arrays["weights"].sum(1, keepdims=True)
    arrays |= {
        "posedirs": np.zeros((v, 3, 54 * 9)), "lmk_faces_idx": np.zeros(51, dtype=np.int64),
        "lmk_bary_coords": np.zeros((51, 3)), "dynamic_lmk_faces_idx": np.zeros((79, 17), dtype=np.int64),
        "dynamic_lmk_bary_coords": np.zeros((79, 17, 3)), "hands_componentsl": np.eye(45), "hands_componentsr": np.eye(45),
        "hands_meanl": np.zeros(45), "hands_meanr": np.zeros(45),
    }  # fmt: skip
    np.savez(path / "SMPLX_NEUTRAL.npz", **arrays)
    return path / "SMPLX_NEUTRAL.npz"
