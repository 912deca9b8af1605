"""A skinned .glb as a viewer shows it is our body, standing and moving."""

import dataclasses

import numpy as np
import pytest
import torch
import trimesh
from gltf_skinning import Viewer
from moving_people import moving

from adhmr.export.motion import BodyMotion
from adhmr.export.skin import strongest_weights
from adhmr.export.skinned_glb import write_skinned_glb
from hmr.camera import Camera, default_K, project
from hmr.free_body import free_body, free_body_with_hands

TURNED = np.array([1.0, -1.0, -1.0])
TENTH_OF_MM = 1e-4


def ours(model, motion: BodyMotion, frame: int) -> np.ndarray:
    """(v, 3) of one body, y up."""
    return model.posed(motion.bodies[frame]).vertices.numpy() * TURNED


@pytest.mark.parametrize("model", [free_body(1200), free_body(6900), free_body_with_hands(2500)], ids=lambda m: m.name)
def test_its_own_skeleton_poses_it_as_ours_does(tmp_path, model):
    motion = moving(model, count=1)
    write_skinned_glb(tmp_path / "a.glb", {"a": motion}, model)
    viewer = Viewer(tmp_path / "a.glb")
    assert np.abs(viewer.posed("a") - ours(model, motion, 0)).max() < TENTH_OF_MM
    assert not viewer.file.animations


def test_joints_stand_where_ours_do(tmp_path):
    model = free_body()
    motion = moving(model, count=1)
    write_skinned_glb(tmp_path / "a.glb", {"a": motion}, model)
    viewer = Viewer(tmp_path / "a.glb")
    world = viewer.transforms()
    joints = model.posed(motion.bodies[0]).joints.numpy() * TURNED
    for number, name in enumerate(model.skeleton.joint_names):
        node = next(i for i, n in enumerate(viewer.file.nodes) if n.name == name)
        assert np.abs(world[node][:3, 3] - joints[number]).max() < TENTH_OF_MM


def test_at_the_time_of_a_body_it_is_that_body(tmp_path):
    model = free_body()
    motion = moving(model, count=4, frames_per_s=10)
    write_skinned_glb(tmp_path / "a.glb", {"a": motion}, model)
    viewer = Viewer(tmp_path / "a.glb")
    for frame in range(4):
        shown = viewer.posed("a", time_s=frame / 10)
        assert np.abs(shown - ours(model, motion, frame)).max() < TENTH_OF_MM


def test_a_face_that_moves_moves(tmp_path):
    model = free_body_with_hands(2500)
    motion = moving(model, count=3)
    expression = torch.randn(3, 10, generator=torch.Generator().manual_seed(2))
    motion = BodyMotion(dataclasses.replace(motion.bodies, expression=expression), motion.time_s)
    write_skinned_glb(tmp_path / "a.glb", {"a": motion}, model)
    viewer = Viewer(tmp_path / "a.glb")
    weights = [viewer.array(s.output) for s in viewer.file.animations[0].samplers][-1]
    assert weights.min() >= 0  # Blender would cut them
    assert weights.max() <= 1
    still = BodyMotion(dataclasses.replace(motion.bodies, expression=expression.mean(0).expand(3, 10)), motion.time_s)
    for frame in range(3):
        # The joints of the face stay where the mean expression has them.
        shown, wanted = viewer.posed("a", time_s=frame / 10), ours(model, motion, frame)
        assert np.abs(shown - wanted).max() < 5e-4
        assert np.abs(ours(model, still, frame) - wanted).max() > 2e-3


def test_people_of_a_photograph_share_a_file(tmp_path):
    model = free_body()
    people = {name: moving(model, count=1, seed=seed) for seed, name in enumerate("ab")}
    write_skinned_glb(tmp_path / "all.glb", people, model)
    viewer = Viewer(tmp_path / "all.glb")
    for name, motion in people.items():
        assert np.abs(viewer.posed(name) - ours(model, motion, 0)).max() < TENTH_OF_MM


def test_through_its_camera_a_body_is_where_the_photograph_has_it(tmp_path):
    model, size_wh = free_body(), torch.tensor([320, 240])
    K = default_K(320, 240)
    K[1, 1] *= 1.1
    motion = moving(model, count=1)
    write_skinned_glb(tmp_path / "a.glb", {"a": motion}, model, Camera(K, size_wh))
    viewer = Viewer(tmp_path / "a.glb")
    camera = viewer.file.cameras[0].perspective
    x, y, z = viewer.posed("a").T
    # glTF 2.0, projection matrices: x and y of the picture from -1 to 1, y up.
    high = np.tan(camera.yfov / 2)
    shown = np.stack([x / (-z * high * camera.aspectRatio), y / (-z * high)], 1)
    pixels = (shown * [1, -1] + 1) / 2 * size_wh.numpy()
    wanted = project(model.posed(motion.bodies[0]).vertices, K).numpy()
    np.testing.assert_allclose(pixels, wanted, atol=0.01)


def test_a_camera_that_gltf_does_not_have_is_left_out(tmp_path):
    model, K = free_body(), default_K(320, 240)
    K[0, 2] += 20
    write_skinned_glb(tmp_path / "a.glb", {"a": moving(model, 1)}, model, Camera(K, torch.tensor([320, 240])))
    assert not Viewer(tmp_path / "a.glb").file.cameras


def test_trimesh_reads_its_rest_mesh(tmp_path):
    model = free_body()
    motion = moving(model, count=1)
    write_skinned_glb(tmp_path / "a.glb", {"a": motion}, model)
    mesh = trimesh.load(tmp_path / "a.glb", force="mesh", process=False)
    np.testing.assert_allclose(mesh.vertices, model.rest_vertices(motion.bodies.shape[0]).numpy(), atol=1e-6)
    np.testing.assert_array_equal(mesh.faces, model.faces.numpy())


def test_weights_that_fit_in_four_stay_in_four_and_others_are_the_strongest():
    weights = torch.tensor([[0.0, 0.7, 0.3, 0.0, 0.0], [0.1, 0.1, 0.6, 0.1, 0.1]])
    index, weight = strongest_weights(weights[:1])
    assert index.shape == (1, 4)
    assert index[0, :2].tolist() == [1, 2]
    _, weight = strongest_weights(weights, most_sets=1)
    torch.testing.assert_close(weight[1], torch.tensor([6, 1, 1, 1]) / 9)


def test_a_build_that_changes_is_refused_and_its_mean_is_taken(tmp_path):
    model = free_body()
    motion = moving(model)
    bodies = dataclasses.replace(motion.bodies, shape=torch.randn(3, 10, generator=torch.Generator().manual_seed(1)))
    changing = BodyMotion(bodies, motion.time_s)
    with pytest.raises(ValueError, match="one_build"):
        write_skinned_glb(tmp_path / "a.glb", {"a": changing}, model)
    assert not (tmp_path / "a.glb").exists()
    write_skinned_glb(tmp_path / "a.glb", {"a": changing.one_build()}, model)


def test_times_must_increase():
    motion = moving(free_body())
    with pytest.raises(ValueError, match="increase"):
        BodyMotion(motion.bodies, torch.zeros(3))
    with pytest.raises(ValueError, match="2,"):
        BodyMotion(motion.bodies, torch.zeros(2))
