"""Files of labels as their projects write them, each with the same n people (a body in a street.png), for tests."""

from __future__ import annotations

import io
import json
import pickle
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from PIL import Image

from hmr.body import BodyParams
from hmr.camera import default_K, project
from hmr.formats.from_keypoints import HUMAN_DATA_190, MHR_70, SPIN_44
from hmr.free_body import free_body
from hmr.skeleton import KEYPOINT_NAMES

W, H, N = 320, 240, 5


def person(row: int) -> dict[str, np.ndarray]:
    """Row's body on the free body: axis-angle pose, betas, transl, keypoints (29, 3) and pixels (29, 2) under the diagonal."""
    import roma

    generator = torch.Generator().manual_seed(row)
    body = free_body(6900)
    rotvec = 0.1 * torch.randn(24, 3, generator=generator)
    rotvec[0] = torch.tensor([3.0, 0.1, 0.0])
    rotvec[22:] = 0
    betas, transl = torch.randn(10, generator=generator), torch.tensor([0.05 * row, 0.1, 4.0])
    R = roma.rotvec_to_rotmat(rotvec)
    points = body.keypoints(BodyParams(R[0], R[1:], betas, transl + body.rest_keypoints(betas)[0]))
    return {
        "pose": rotvec.numpy().reshape(-1), "R": R.numpy(), "betas": betas.numpy(), "transl": transl.numpy(),
        "points": points.numpy(), "pixels": project(points, default_K(W, H)).numpy(),
    }  # fmt: skip


def _spread(values: np.ndarray, names: dict[int, str], count: int) -> np.ndarray:
    """Our keypoints in another set, with confidences."""
    out = np.zeros((count, values.shape[1] + 1), dtype=np.float32)
    for place, name in names.items():
        out[place] = [*values[KEYPOINT_NAMES.index(name)], 1]
    return out


def _mhr(points: np.ndarray) -> np.ndarray:
    """Keypoints about the body, in MHR's frame: y up, z to the viewer."""
    return _spread((points - points[0]) * np.array([1, -1, -1]), MHR_70, 70)


def _stack(people: list[dict], key: str) -> np.ndarray:
    return np.stack([p[key] for p in people]).astype(np.float32)


def human_data(path: Path, people: list[dict], parameters: bool = True) -> None:
    pose = _stack(people, "pose")
    mask = np.zeros(190, dtype=np.uint8)
    mask[list(HUMAN_DATA_190)] = 1
    stored = np.flatnonzero(mask)
    content = {
        "image_path": np.array(["folder/street.png"] * len(people)),
        "bbox_xywh": np.tile(np.array([1, 2, 3, 4, 1], dtype=np.float64), (len(people), 1)),
        "keypoints2d": np.asfortranarray(np.stack([_spread(p["pixels"], HUMAN_DATA_190, 190)[stored] for p in people])),
        "keypoints2d_mask": mask,
        "keypoints3d": np.stack([_spread(p["points"], HUMAN_DATA_190, 190)[stored] for p in people]),
        "keypoints3d_mask": mask,
        "meta": {"gender": ["neutral"] * len(people), "focal_length": np.array([400.0, 400.0])},
        "misc": {"flat_hand_mean": True, "shared": np.arange(len(people))},
        "config": "test",
        "__key_strict__": np.array(True), "__data_len__": np.array(len(people)), "__keypoints_compressed__": np.array(True),
    }  # fmt: skip
    if parameters:
        content["smpl"] = {
            "global_orient": pose[:, :3], "body_pose": pose[:, 3:].reshape(-1, 23, 3), "betas": _stack(people, "betas"),
            "transl": _stack(people, "transl"),
        }  # fmt: skip
    np.savez_compressed(path, **content)


def humans_4d(path: Path, people: list[dict]) -> None:
    flat = np.stack([_spread(p["pixels"], SPIN_44, 44) for p in people])
    deep = np.stack([_spread(p["points"], SPIN_44, 44) for p in people])
    n = len(people)
    np.savez(
        path, imgname=np.array(["street.png"] * n), center=np.zeros((n, 2)), scale=np.ones((n, 2)),
        body_pose=_stack(people, "pose"), has_body_pose=np.ones(n, dtype=np.float32), betas=_stack(people, "betas"),
        has_betas=np.ones(n, dtype=np.float32), body_keypoints_2d=flat[:, :25], extra_keypoints_2d=flat[:, 25:],
        body_keypoints_3d=deep[:, :25], extra_keypoints_3d=deep[:, 25:], part=np.array({"a": 1}, dtype=object),
    )  # fmt: skip


def bedlam(path: Path, people: list[dict]) -> None:
    n = len(people)
    np.savez(
        path, imgname=np.array(["street.png"] * n), pose_cam=_stack(people, "pose"), shape=_stack(people, "betas"),
        trans_cam=_stack(people, "transl") - np.array([0, 0, 1.0]), cam_int=np.stack([default_K(W, H).numpy()] * n),
        cam_ext=np.tile(np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 1], [0, 0, 0, 1.0]]), (n, 1, 1)),
        gender=np.array(["neutral"] * n), sub=np.array(["s"] * n),
    )  # fmt: skip


def camera_hmr(path: Path, people: list[dict]) -> None:
    n = len(people)
    seen = np.stack([np.concatenate([p["pixels"][:24], np.ones((24, 1))], 1) for p in people]).astype(np.float32)
    np.savez(
        path, imgname=np.array(["street.png"] * n), pose_cam=_stack(people, "pose"), shape=_stack(people, "betas"),
        cam_int=np.stack([default_K(W, H).numpy()] * n), gtkps=seen, center=np.zeros((n, 2)), scale=np.ones(n),
    )  # fmt: skip


def eft(path: Path, people: list[dict]) -> None:
    """A box of 200 px in the picture's middle; s chosen so that the depth is transl's."""
    data = [
        {
            "parm_pose": p["R"].tolist(), "parm_shape": p["betas"].tolist(),
            "parm_cam": [s := 2 * 400 / (float(p["transl"][2]) * 200), *(s * p["transl"][:2]).tolist()], "bbox_scale": 1.0,
            "bbox_center": [W / 2, H / 2], "annotId": i, "imageName": "street.png",
        }
        for i, p in enumerate(people)
    ]  # fmt: skip
    path.write_text(json.dumps({"ver": 0.1, "data": data}))


def neural_annot(path: Path, people: list[dict]) -> None:
    content = {
        str(100 + i): {
            "smplx_param": {
                "root_pose": p["pose"][:3].tolist(), "body_pose": p["pose"][3:66].tolist(), "shape": p["betas"].tolist(),
                "trans": p["transl"].tolist(),
            },
            "cam_param": {"focal": [400.0, 400.0], "princpt": [W / 2, H / 2]},
        }
        for i, p in enumerate(people)
    }  # fmt: skip
    path.write_text(json.dumps(content))
    coco(path.with_name("coco.json"), people)


def coco(path: Path, people: list[dict]) -> None:
    notes = [{"id": 100 + i, "image_id": 1, "bbox": [0, 0, 9, 9], "keypoints": [0.1] * 51} for i in range(len(people))]
    images = [{"id": 1, "file_name": "street.png"}, {"id": 2, "file_name": "empty.png"}]
    path.write_text(json.dumps({"info": {"year": 2026}, "images": images, "annotations": notes, "categories": []}))


def pairs(path: Path, people: list[dict]) -> None:
    path.write_text(json.dumps([{"img_path": "street.png", "img_idx": i, "w_joints": []} for i in range(len(people))]))


def sam_3d_body(path: Path, people: list[dict]) -> None:
    rows = [
        {
            "dataset": "d", "image": "street.png", "person_id": i, "subject_idx": i, "subject_cnt": len(people),
            "keypoints_2d": _spread(p["pixels"], MHR_70, 70).tolist(),
            "keypoints_3d": _mhr(p["points"]).tolist(),
            "cam_int": default_K(W, H).tolist(), "mhr_valid": True,
        }
        for i, p in enumerate(people)
    ]  # fmt: skip
    table = pa.Table.from_pylist(rows).replace_schema_metadata({"about": "a test"})
    pq.write_table(table, path, row_group_size=2, compression="zstd")


def _humans_4d_in_a_tar(p: dict) -> dict:
    return {
        "keypoints_2d": _spread(p["pixels"], SPIN_44, 44), "keypoints_3d": _spread(p["points"], SPIN_44, 44),
        "body_pose": p["pose"], "betas": p["betas"], "has_body_pose": np.float32(1), "extra_info": {"a": "b"},
    }  # fmt: skip


def _sam_3d_body_in_a_tar(p: dict) -> dict:
    return {
        "person_id": 0, "keypoints_2d": _spread(p["pixels"], MHR_70, 70),
        "keypoints_3d": _mhr(p["points"]),
        "proto_params": {"shape_params": np.zeros(45)}, "metadata": {"cam_int": default_K(W, H).numpy(), "loss": 0.0},
    }  # fmt: skip


def tar(path: Path, people: list[dict], malicious: object = None, of=_humans_4d_in_a_tar, member="data.pyd") -> None:
    """A sample of two people, then of one each."""
    groups = [people[:2], *[[p] for p in people[2:]]]
    with tarfile.open(path, "w") as archive:
        for i, group in enumerate(groups):
            picture = io.BytesIO()
            Image.new("RGB", (W, H), "grey").save(picture, "PNG")
            content = [of(p) for p in group]
            pickled = pickle.dumps(content if malicious is None else malicious)
            for name, data in ((f"00/{i:04d}.png", picture.getvalue()), (f"00/{i:04d}.{member}", pickled)):
                info = tarfile.TarInfo(name)
                info.size, info.mtime = len(data), 1700000000
                archive.addfile(info, io.BytesIO(data))


def sam_3d_body_tar(path: Path, people: list[dict]) -> None:
    tar(path, people, of=_sam_3d_body_in_a_tar, member="annotation.pyd")


def sequence(path: Path, people: list[dict]) -> None:
    """One person through as many frames as there are people; the camera is the world's."""
    n = len(people)
    content = {
        "sequence": "walk", "poses": [_stack(people, "pose")], "betas": [people[0]["betas"]],
        "trans": [_stack(people, "transl")], "cam_poses": np.stack([np.eye(4)] * n), "cam_intrinsics": default_K(W, H).numpy(),
        "jointPositions": [np.stack([p["points"][:24].reshape(-1) for p in people])], "campose_valid": [np.ones(n)],
    }  # fmt: skip
    path.write_bytes(pickle.dumps(content))


WRITERS: dict[str, tuple[str, Callable[[Path, list[dict]], None]]] = {
    "human_data": ("labels.npz", human_data),
    "humans_4d": ("labels.npz", humans_4d),
    "bedlam": ("labels.npz", bedlam),
    "camera_hmr": ("labels.npz", camera_hmr),
    "eft": ("labels.json", eft),
    "neural_annot": ("labels.json", neural_annot),
    "coco": ("labels.json", coco),
    "pairs": ("labels.json", pairs),
    "sam_3d_body": ("labels.parquet", sam_3d_body),
    "tar": ("labels.tar", tar),
    "sam_3d_body_tar": ("labels.tar", sam_3d_body_tar),
    "sequence": ("labels.pkl", sequence),
}


def make(kind: str, folder: Path, count: int = N) -> Path:
    """A file of ``count`` people in ``folder``, with its photograph in ``folder``/images."""
    name, write = WRITERS[kind]
    images = folder / "images"
    (images / "walk").mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(0).integers(0, 255, (H, W, 3), dtype=np.uint8)
    Image.fromarray(noise).save(images / "street.png")
    for frame in range(count):
        Image.fromarray(noise).save(images / "walk" / f"image_{frame:05d}.jpg")
    write(folder / name, [person(i) for i in range(count)])
    return folder / name
