"""Photographs as they come are read as one would see them."""

import numpy as np
import pytest
from PIL import Image

from hmr.photographs.read import read_photograph

RED = (200, 30, 40)


def test_sixteen_bits_of_grey(tmp_path):
    ramp = np.linspace(0, 65535, 100).astype(np.uint16).reshape(10, 10)
    Image.fromarray(ramp).save(tmp_path / "a.png")
    pixels = read_photograph(tmp_path / "a.png")
    assert pixels.dtype == np.uint8
    np.testing.assert_allclose(pixels[..., 1], ramp / 257, atol=1)


def test_inks_of_a_printer(tmp_path):
    Image.new("RGB", (16, 16), RED).convert("CMYK").save(tmp_path / "a.jpg", quality=95)
    np.testing.assert_allclose(read_photograph(tmp_path / "a.jpg")[8, 8], RED, atol=6)


@pytest.mark.parametrize("name", ["a.gif", "a.webp"])
def test_moving_pictures_are_their_first_frame(tmp_path, name):
    frames = [Image.new("RGB", (16, 16), colour) for colour in (RED, "blue", "green")]
    frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:], duration=100, loop=0)
    pixels = read_photograph(tmp_path / name)
    assert pixels.shape == (16, 16, 3)
    np.testing.assert_allclose(pixels[8, 8], RED, atol=6)
