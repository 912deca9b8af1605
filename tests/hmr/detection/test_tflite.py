"""Replaying .tflite graphs: steps against hand-worked numbers, and files that are not what they say."""

import struct

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from hmr.detection.flatbuffer import Table, number_at
from hmr.detection.tf_layers import convolved, padded_same, resized, same_padding
from hmr.detection.tflite_file import TfliteFile, TfliteStep, TfliteTensor, read_tflite
from hmr.detection.tflite_graph import TfliteGraph
from hmr.detection.tflite_layers import Convolution, Flatten, MaxPool, Pad


class Settings:
    """Stands for a step's table of settings."""

    def __init__(self, **numbers: int) -> None:
        self.numbers = {int(name[1:]): value for name, value in numbers.items()}

    def integer(self, number: int, kind: str, default: int = 0) -> int:
        return self.numbers.get(number, default)


def step(kind: str, settings: Settings, *values: np.ndarray, made: tuple[int, ...] = ()):
    """A step whose first tensor is computed and whose others have these values, and its file."""
    tensors = [TfliteTensor("in", (), None), *(TfliteTensor("w", v.shape, v) for v in values)]
    file = TfliteFile((*tensors, TfliteTensor("out", made, None)), (), (0,), (len(tensors),))
    return TfliteStep(kind, tuple(range(len(tensors))), len(tensors), settings), file  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "expected"),
    [(256, 3, 2, (0, 1)), (5, 3, 1, (1, 1)), (7, 2, 3, (0, 1)), (4, 1, 2, (0, 0))],
)
def test_same_padding_by_hand(size, kernel, stride, expected):
    assert same_padding(size, kernel, stride) == expected
    padded = F.pad(torch.zeros(1, 1, size, size), [*expected, *expected])
    assert F.max_pool2d(padded, kernel, stride).shape[-1] == -(-size // stride)


def test_a_dilated_kernel_covers_more():
    x = padded_same(torch.ones(1, 1, 6, 6), (3, 3), (1, 1), (2, 2))
    assert tuple(x.shape[2:]) == (10, 10)


@pytest.mark.parametrize("size", [8, 9])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("kernel", [1, 2, 3, 5])
def test_a_convolution_pads_as_one_of_a_padded_map(size, stride, kernel):
    random = torch.Generator().manual_seed(0)
    x, bias = torch.rand(2, 4, size, size + 3, generator=random), torch.rand(4, generator=random)
    for channels, groups in ((4, 1), (1, 4)):
        weight = torch.rand(4, channels, kernel, kernel, generator=random)
        padded = padded_same(x, (kernel, kernel), (stride, stride))
        expected = torch.nn.functional.conv2d(padded, weight, bias, stride, groups=groups)
        made = convolved(x, weight, bias, (stride, stride), (1, 1), same=True)
        assert torch.allclose(made, expected, atol=1e-5)
    assert convolved(x, weight, None, (stride, stride), (1, 1), same=False).shape[2] == (size - kernel) // stride + 1


def test_resizing_the_old_way_by_hand():
    """Twice as wide: each new place looks at half its number, and the last is repeated."""
    x = torch.tensor([[[[0.0, 2.0, 6.0]]]])
    assert resized(x, (1, 6), False, False).flatten().tolist() == [0, 1, 2, 4, 6, 6]


@pytest.mark.parametrize("align", [True, False])
def test_resizing_the_newer_ways_is_torch_s(align):
    x = torch.rand(2, 3, 5, 4, generator=torch.Generator().manual_seed(0))
    expected = F.interpolate(x, size=(9, 7), mode="bilinear", align_corners=align)
    assert torch.equal(resized(x, (9, 7), align, not align), expected)


def test_sides_that_no_picture_has_are_refused():
    with pytest.raises(ValueError, match="expected sides"):
        resized(torch.zeros(1, 1, 2, 2), (2, 1 << 30), False, True)


def test_a_convolution_with_its_kernel_in_tensorflow_s_order():
    """One output, one row of kernel over two channels: 1·a + 2·b + 3·c + 4·d + bias."""
    kernel = np.array([1, 2, 3, 4], np.float16).reshape(1, 1, 2, 2)  # out, h, w, in
    layer = Convolution(*step("CONV_2D", Settings(_0=1, _1=1, _2=1, _3=1), kernel, np.array([-5], np.float32)))
    x = torch.tensor([[[[1.0, 2.0, 0.0]], [[0.5, 1.0, -9.0]]]])  # channels first
    # windows: (1, .5, 2, 1) and (2, 1, 0, -9)
    assert layer(x).flatten().tolist() == [1 + 1 + 6 + 4 - 5, 0.0]


def test_channels_with_their_own_kernels():
    kernel = np.array([2.0, 3.0], np.float32).reshape(1, 1, 1, 2)
    layer = Convolution(*step("DEPTHWISE_CONV_2D", Settings(_0=1, _1=2, _2=1, _3=1), kernel))
    x = torch.arange(8.0).reshape(1, 2, 1, 4)
    assert layer(x).flatten().tolist() == [0, 4, 12, 18]


def test_pooling_ignores_the_padding():
    layer = MaxPool(*step("MAX_POOL_2D", Settings(_0=0, _1=2, _2=2, _3=2, _4=2)))
    assert layer(-torch.ones(1, 1, 3, 3)).flatten().tolist() == [-1] * 4


def test_padding_of_channels_comes_after_them():
    amounts = np.array([[0, 0], [0, 0], [0, 0], [0, 2]], np.int32)
    assert Pad(*step("PAD", Settings(), amounts))(torch.ones(1, 1, 1, 1)).flatten().tolist() == [1, 0, 0]


def test_a_map_is_flattened_channels_last():
    layer = Flatten(*step("RESHAPE", Settings(), made=(1, 4)))
    x = torch.tensor([[[[1.0, 2.0]], [[3.0, 4.0]]]]).repeat(2, 1, 1, 1)
    assert layer(x).tolist() == [[1, 3, 2, 4]] * 2


def table(*fields: bytes) -> bytes:
    """A flatbuffer of one table whose fields are four bytes each."""
    offsets = [4 + 4 * i for i in range(len(fields))]
    virtual = struct.pack(f"<HH{len(fields)}H", 4 + 2 * len(fields), 4 + 4 * len(fields), *offsets)
    place = 4 + len(virtual)
    return struct.pack("<I", place) + virtual + struct.pack("<i", len(virtual)) + b"".join(fields)


def test_a_table_by_hand():
    root = Table.root(table(struct.pack("<i", -7), struct.pack("<I", 4) + struct.pack("<I2i", 2, 5, 6)))
    assert root.integer(0, "i") == -7
    assert root.array(1, np.int32).tolist() == [5, 6]
    assert root.integer(9, "i", 3) == 3
    assert root.table(9) is None
    assert root.tables(9) == []


@pytest.mark.parametrize("count", [3, 1 << 31])
def test_a_vector_that_ends_after_the_file_is_refused(count):
    root = Table.root(table(struct.pack("<I", 4) + struct.pack("<I2i", count, 5, 6)))
    with pytest.raises(ValueError, match="end before"):
        root.array(0, np.int32)


@pytest.mark.parametrize("place", [-1, -4, 1, 100])
def test_places_outside_the_data_are_refused(place):
    with pytest.raises(ValueError, match="is asked for"):
        number_at(b"abcd", place, "I")


@pytest.mark.parametrize(
    "content", [b"", b"TFL3", bytes(64), b"\x08\0\0\0TFL3" + bytes(40), b"\xff" * 4 + b"TFL3" + b"\xff" * 90]
)
def test_files_that_are_none_are_named(tmp_path, content):
    path = tmp_path / "model.tflite"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"model\.tflite: expected a TensorFlow Lite file"):
        TfliteGraph(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ValueError, match="no such file"):
        read_tflite(tmp_path / "none.tflite")
