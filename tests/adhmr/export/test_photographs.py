"""What is asked for of photographs is written, and nothing else; what cannot be meant is refused first."""

from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh
from gltf_skinning import Viewer
from moving_people import moving

from adhmr.cli import main
from adhmr.export.kinds import DEFAULT_EXPORTS, EXPORTS, checked_exports
from adhmr.export.meshes import write_mesh
from adhmr.export.photographs import PhotographExporter, PhotographPeople
from hmr.body import BodyParams
from hmr.camera import Camera, default_K
from hmr.free_body import free_body
from hmr.hypotheses import Hypotheses
from hmr.prediction import Prediction
from hmr.views import Views


def two_people() -> PhotographPeople:
    """Of a photograph of 80 x 60 px, two candidates each."""
    bodies = moving(free_body(), count=2).bodies
    keys = ("sub/a-00", "sub/a-01")
    K, eye = default_K(80, 60).expand(2, 3, 3), torch.eye(3).expand(2, 3, 3)
    views = Views(keys, torch.zeros(2, 3, 32, 32, dtype=torch.uint8), Camera(K, torch.tensor([[80, 60]] * 2)), eye)
    ranked = Hypotheses(keys, BodyParams.stack([bodies, bodies], dim=1), free_body().family, "test", 0)
    prediction = Prediction(views, ranked, torch.zeros(2, 2), torch.zeros(2, 2), bodies)
    boxes = np.array([[1, 2, 30, 50], [20, 5, 60, 55]], dtype=np.float64)
    return PhotographPeople("sub/a.png", "sub/a", np.zeros((60, 80, 3), dtype=np.uint8), boxes, prediction)


def files(folder: Path) -> set[str]:
    return {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}


def each(ending: str) -> set[str]:
    return {f"sub/a-00{ending}", f"sub/a-01{ending}"}


@pytest.mark.parametrize(
    ("exports", "names"),
    [
        (DEFAULT_EXPORTS, {"sub/a.npz", "sub/a.png", *each(".obj"), *each(".glb")}),
        (["ply"], each(".ply")),
        (["skinned_glb"], {"sub/a.skinned.glb", *each(".skinned.glb")}),
        (["bvh"], each(".bvh")),
        (["human_data"], {"human_data.npz"}),
    ],
)
def test_files_by_name(tmp_path, exports, names):
    exporter = PhotographExporter(tmp_path, free_body(), exports)
    exporter.add(two_people())
    exporter.finish()
    assert files(tmp_path) == names


def test_every_export_has_a_writer(tmp_path):
    exporter = PhotographExporter(tmp_path, free_body(), ["npz"])
    assert set(exporter._writers) == set(EXPORTS)


def test_meshes_lie_in_the_frame_of_their_format(tmp_path):
    model, people = free_body(), two_people()
    body = people.prediction.estimate[0]
    posed = model.posed(body).vertices
    vertices = posed.numpy()
    for suffix, turned in ((".obj", 1), (".ply", 1), (".glb", np.array([1, -1, -1]))):
        write_mesh(tmp_path / f"a{suffix}", posed, model.faces)
        mesh = trimesh.load(tmp_path / f"a{suffix}", force="mesh", process=False)
        np.testing.assert_allclose(mesh.vertices, vertices * turned, atol=1e-5)
    with pytest.raises(ValueError, match="expected a mesh file"):
        write_mesh(tmp_path / "a.stl", posed, model.faces)


def test_a_skinned_scene_shows_everybody_where_their_meshes_are(tmp_path):
    model, people = free_body(), two_people()
    exporter = PhotographExporter(tmp_path, model, ["skinned_glb", "glb"])
    exporter.add(people)
    viewer = Viewer(tmp_path / "sub/a.skinned.glb")
    for key in people.prediction.views.key:
        mesh = trimesh.load(tmp_path / f"{key}.glb", force="mesh", process=False)
        assert np.abs(viewer.posed(key) - mesh.vertices).max() < 1e-4


def test_names_are_checked_with_the_nearest():
    assert checked_exports(["glb", "glb", "npz"]) == ("glb", "npz")
    with pytest.raises(ValueError, match="did you mean 'skinned_glb'"):
        checked_exports(["skined_glb"])
    with pytest.raises(ValueError, match="known are npz"):
        checked_exports(["fbx"])
    with pytest.raises(ValueError, match="at least one"):
        checked_exports([])


@pytest.mark.parametrize(
    ("value", "words"), [("[glb,plyy]", "did you mean 'ply'"), ("[smpl]", "--body_model"), ("[]", "at least one")]
)
def test_a_mistake_is_told_before_anything_is_done(tmp_path, capsys, value, words):
    options = ["--generator", "g", "--images", "i", "--scorer", "s", "--out", str(tmp_path / "o"), "--export", value]
    assert main(["predict", *options]) == 2
    assert words in capsys.readouterr().err
    assert not (tmp_path / "o").exists()
