"""The free body as a file of SMPL's own layout and number of vertices, so that a user's body model can be tested without one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

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
