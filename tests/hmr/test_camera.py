import numpy as np
import pytest
import torch

from hmr.camera import Camera, backproject, bearing, default_K, project, square_crop_affine
from hmr.photographs.people import Person, crops


def test_a_crop_carries_its_own_exact_camera():
    g = torch.Generator().manual_seed(0)
    points = torch.randn(20, 3, generator=g) + torch.tensor([0.0, 0.0, 5.0])
    K = default_K(640, 480)
    A = square_crop_affine(torch.tensor([100.0, 50.0, 300.0, 420.0]), 128)
    in_picture = torch.cat([project(points, K), torch.ones(20, 1)], -1) @ A.T
    camera = Camera(K, torch.tensor([640, 480])).transformed(A, torch.tensor([128, 128]))
    assert torch.allclose(project(points, camera.K), in_picture[:, :2], atol=1e-3)
    assert torch.allclose(backproject(project(points, camera.K), points[:, 2], camera.K), points, atol=1e-4)


def test_the_centre_of_a_box_is_the_centre_of_its_crop():
    A = square_crop_affine(torch.tensor([100.0, 50.0, 300.0, 420.0]), 128)
    assert torch.allclose(A @ torch.tensor([200.0, 235.0, 1.0]), torch.tensor([64.0, 64.0, 1.0]), atol=1e-4)
    with pytest.raises(ValueError, match="x1 > x0"):
        square_crop_affine(torch.tensor([10.0, 10.0, 10.0, 20.0]), 64)


def test_bearing_is_zero_on_the_axis_and_its_width_is_the_field_of_view():
    K = torch.tensor([[320.0, 0, 32], [0, 320.0, 32], [0, 0, 1]])
    assert torch.allclose(bearing(K, 64), torch.tensor([0.0, 0.0, 0.2]))


def test_the_crop_of_a_photograph_shows_what_its_camera_says():
    photograph = np.zeros((200, 300, 3), dtype=np.uint8)
    photograph[90:110, 140:160] = 255
    samples = crops(photograph, [Person("p", (100.0, 60.0, 200.0, 140.0))], 64, default_K(300, 200))
    spot = torch.tensor([[0.0, 0.0, 4.0]])  # on the axis: the middle of the photograph
    u, v = project(spot, samples.K[0])[0].tolist()
    assert samples.rgb[0, 0, int(v), int(u)] == 255
    assert samples.rgb[0, 0, 2, 2] == 0


@pytest.mark.parametrize("left_top", [(100, 60), (-30, 10), (270, 150), (-30, -30), (298, 50), (-45, 150)])
def test_a_crop_is_black_where_it_is_outside_the_photograph(left_top):
    photograph = np.random.default_rng(0).integers(1, 255, (200, 300, 3), dtype=np.uint8)
    left, top = left_top
    person = Person("p", (left, top, left + 50.0, top + 50.0))
    samples = crops(photograph, [person], 60, default_K(300, 200))  # enlarged to 60 px
    padded = np.pad(photograph, [(200, 200), (200, 200), (0, 0)])
    expected = padded[top + 195 : top + 255, left + 195 : left + 255]
    assert (samples.rgb[0].permute(1, 2, 0).numpy() == expected).all()


def test_a_turned_photographs_size_is_known_without_decoding_it(tmp_path):
    import numpy as np
    from PIL import Image

    from hmr.photographs.folder import Photographs

    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        Image.new("RGB", (40, 30)).save(tmp_path / "a.jpg", exif=exif)
        source = Photographs(tmp_path)
        assert source.size_wh("a.jpg") == np.shape(source.read("a.jpg"))[1::-1]
