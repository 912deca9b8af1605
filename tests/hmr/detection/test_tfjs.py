"""Replaying TensorFlow.js graphs: whole ones that the test writes, steps by hand, and files that are not what they say."""

import base64
import json
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from hmr.detection.tfjs_file import TfjsNode
from hmr.detection.tfjs_graph import TfjsGraph
from hmr.detection.tfjs_steps import STEPS


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def ints(*values: int) -> dict:
    return {"list": {"i": [str(v) for v in values]}}  # json has large integers as strings


KERNEL = np.random.default_rng(0).normal(size=(3, 3, 2, 4)).astype(np.float16)
BIAS = np.arange(4, dtype=np.float32)


def content() -> dict:
    """A fused convolution of half the picture's size, then its channels apart, of which the second is added to the first."""
    fused = {
        "padding": {"s": b64("SAME")},
        "strides": ints(1, 2, 2, 1),
        "fused_ops": {"list": {"s": [b64("BiasAdd"), b64("Relu6")]}},
    }
    nodes = [
        {"name": "a/sum", "op": "AddV2", "input": ["a/apart", "a/apart:1"]},  # before what it takes
        {"name": "input", "op": "Placeholder"},
        {"name": "a/kernel", "op": "Const"},
        {"name": "a/bias", "op": "Const"},
        {"name": "a/convolved", "op": "_FusedConv2D", "input": ["input", "a/kernel", "a/bias"], "attr": fused},
        {"name": "a/apart", "op": "Unpack", "input": ["a/convolved:0", "^input"], "attr": {"axis": {"i": "3"}}},
    ]
    weights = [
        {"name": "a/kernel", "shape": [3, 3, 2, 4], "dtype": "float32", "quantization": {"dtype": "float16"}},
        {"name": "a/bias", "shape": [4], "dtype": "float32"},
    ]
    return {
        "modelTopology": {"node": nodes},
        "signature": {"outputs": {"o": {"name": "a/sum:0"}}},
        "weightsManifest": [{"paths": ["w.bin"], "weights": weights}],
    }


def written(folder: Path, told: dict, raw: bytes = KERNEL.tobytes() + BIAS.tobytes()) -> Path:
    (folder / "model.json").write_text(json.dumps(told))
    (folder / "w.bin").write_bytes(raw)
    return folder / "model.json"


def test_a_graph_comes_out_as_torch_s_own_layers_give_it(tmp_path):
    graph = TfjsGraph(written(tmp_path, content()))
    pictures = torch.randn(3, 6, 8, 2, generator=torch.Generator().manual_seed(0)).requires_grad_()
    out = graph(pictures, also=("a/convolved",))
    kernel = torch.from_numpy(KERNEL.astype(np.float32)).permute(3, 2, 0, 1)
    padded = F.pad(pictures.permute(0, 3, 1, 2), (0, 1, 0, 1))
    convolved = F.relu6(F.conv2d(padded, kernel, torch.from_numpy(BIAS), 2))
    assert torch.allclose(out["a/convolved"], convolved.permute(0, 2, 3, 1), atol=1e-5)
    assert torch.allclose(out["a/sum"], convolved[:, 0] + convolved[:, 1], atol=1e-5)
    out["a/sum"].sum().backward()
    assert pictures.grad is not None
    assert not list(graph.parameters())


def step(op: str, *given, **settings):
    tensors = [torch.as_tensor(each) for each in given]
    return STEPS[op](TfjsNode("n", op, (), settings), tensors)


def test_slices_with_masks_by_hand():
    x = torch.arange(24).reshape(2, 3, 4)
    masks = {"begin_mask": {"i": 1}, "end_mask": {"i": 1}, "shrink_axis_mask": {"i": "2"}}
    assert step("StridedSlice", x, [0, 1, 1], [0, 2, 4], [1, 1, 2], **masks).tolist() == [[5, 7], [17, 19]]
    new = {"new_axis_mask": {"i": 2}, "ellipsis_mask": {"i": 1}, "shrink_axis_mask": {"i": 4}}
    assert step("StridedSlice", x, [0, 0, 3], [0, 0, 4], [1, 1, 1], **new).shape == (2, 3, 1)


def test_other_steps_by_hand():
    assert step("GatherNd", [[1, 2], [3, 4]], [[1, 0], [0, 1]]).tolist() == [3, 2]
    assert step("Select", [True, False], [[1, 1], [1, 1]], [[2, 2], [2, 2]]).tolist() == [[1, 1], [2, 2]]
    assert step("FloorDiv", -3, 2).item() == -2
    assert step("Range", 1, 7, 2).tolist() == [1, 3, 5]
    assert step("Fill", [2, 2], 5).tolist() == [[5, 5], [5, 5]]
    assert step("Sum", [[1, 2], [3, 4]], [1], keep_dims={"b": True}).tolist() == [[3], [7]]
    assert step("AddN", [1.0], [2.0], [4.0]).tolist() == [7]
    assert [part.tolist() for part in step("Split", 0, [1, 2, 3, 4], num_split={"i": 2})] == [[1, 2], [3, 4]]
    values, places = step("TopKV2", [5.0, 9.0, 7.0], 2)
    assert values.tolist() == [9, 7]
    assert places.tolist() == [1, 2]
    assert step("Squeeze", torch.zeros(1, 2, 1), squeeze_dims=ints(2)).shape == (1, 2)


@pytest.mark.parametrize(("op", "given"), [("Fill", ([1 << 20, 1 << 20], 1.0)), ("Range", (0, 1 << 40, 1)),
                                           ("Tile", ([1.0], [1 << 40]))])  # fmt: skip
def test_more_numbers_than_memory_are_refused(op, given):
    with pytest.raises(ValueError, match="numbers at once"):
        step(op, *given)


def without(told: dict, *path) -> dict:
    inner = told
    for key in path[:-1]:
        inner = inner[key]
    del inner[path[-1]]
    return told


def changed(key: str, value, node: int = 4) -> dict:
    told = content()
    told["modelTopology"]["node"][node][key] = value
    return told


def elsewhere() -> dict:
    told = content()
    told["weightsManifest"][0]["paths"] = ["../w.bin"]
    return told


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ([], "could not use"),
        (without(content(), "modelTopology"), "could not use"),
        (without(content(), "modelTopology", "node", 1), "one input"),
        (changed("op", "ReadFile"), "ReadFile is not known"),
        (changed("input", ["input", "nowhere"]), "nowhere"),
        (changed("input", ["a/sum", "a/kernel", "a/bias"]), "needs itself"),
        (elsewhere(), "elsewhere"),
    ],
)
def test_files_that_are_none_are_named(tmp_path, told, words):
    with pytest.raises(ValueError, match=rf"model\.json: expected a TensorFlow\.js graph model.*{words}"):
        TfjsGraph(written(tmp_path, told))


@pytest.mark.parametrize("raw", [b"", KERNEL.tobytes(), KERNEL.tobytes() + BIAS.tobytes() + b"x"])
def test_truncated_weights_are_refused(tmp_path, raw):
    with pytest.raises(ValueError, match=r"model\.json"):
        TfjsGraph(written(tmp_path, content(), raw))


def test_a_picture_that_does_not_fit_is_said_with_the_file(tmp_path):
    with pytest.raises(ValueError, match=r"model\.json"):
        TfjsGraph(written(tmp_path, content()))(torch.zeros(1, 4, 4, 5))
