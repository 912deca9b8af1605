"""Whole graphs, made in the test: batches, gradients, inner tensors, and graphs that contradict themselves."""

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from hmr.detection import tflite_graph
from hmr.detection.tflite_file import TfliteFile, TfliteStep, TfliteTensor
from hmr.detection.tflite_graph import TfliteGraph


def tiny(shape_of_sum: tuple[int, ...] = (1, 4, 6, 3)) -> TfliteFile:
    """A float16 1 × 1 convolution of the picture, added to it, then a logistic."""
    kernel = np.random.default_rng(0).normal(size=(3, 1, 1, 3)).astype(np.float16)
    picture = (1, 4, 6, 3)
    tensors = [
        TfliteTensor("in", picture, None), TfliteTensor("narrow", kernel.shape, kernel),
        TfliteTensor("kernel", kernel.shape, None), TfliteTensor("convolved", picture, None),
        TfliteTensor("sum", shape_of_sum, None), TfliteTensor("out", picture, None),
    ]  # fmt: skip

    class One:
        def integer(self, number: int, kind: str, default: int = 0) -> int:
            return 0 if number in (0, 3) else 1  # SAME, no activation, strides and dilations of 1

    steps = [
        TfliteStep("DEQUANTIZE", (1,), 2, None), TfliteStep("CONV_2D", (0, 2), 3, One()),  # type: ignore[arg-type]
        TfliteStep("ADD", (3, 0), 4, None), TfliteStep("LOGISTIC", (4,), 5, None),
    ]  # fmt: skip
    return TfliteFile(tuple(tensors), tuple(steps), (0,), (5,))


@pytest.fixture
def graph(monkeypatch):
    monkeypatch.setattr(tflite_graph, "read_tflite", lambda path: tiny())
    return TfliteGraph(Path("tiny.tflite"))


@pytest.fixture
def pictures():
    return torch.randn(5, 3, 4, 6, generator=torch.Generator().manual_seed(0))


def expected(pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    kernel = torch.from_numpy(tiny().tensors[1].value.astype(np.float32)).permute(0, 3, 1, 2)
    total = F.conv2d(pictures, kernel) + pictures
    return total, total.sigmoid()


def test_a_batch_comes_out_as_torch_s_own_layers_give_it(graph, pictures):
    out = graph(pictures, also=(4,))
    total, last = expected(pictures)
    assert set(out) == {4, 5}
    assert torch.allclose(out[4], total, atol=1e-6)
    assert torch.allclose(out[5], last, atol=1e-6)


def test_one_by_one_is_the_same_as_together(graph, pictures):
    assert torch.allclose(graph(pictures)[5], torch.cat([graph(p[None])[5] for p in pictures]), atol=1e-6)


def test_steps_after_the_last_wanted_tensor_are_not_done(graph, pictures):
    graph._layers[-1].forward = lambda x: pytest.fail("the last step was done")
    assert set(graph.inner(pictures, (4,))) == {4}


def test_gradients_reach_the_picture_and_weights_stay(graph, pictures):
    pictures.requires_grad_()
    graph(pictures)[5].sum().backward()
    assert pictures.grad is not None
    assert float(pictures.grad.abs().sum()) > 0
    assert not list(graph.parameters())
    assert {buffer.dtype for buffer in graph.buffers()} == {torch.float32}


def test_unknown_tensors_and_other_sizes_are_refused(graph, pictures):
    with pytest.raises(ValueError, match=r"tensors \[99\]"):
        graph(pictures, also=(99,))
    with pytest.raises(ValueError, match="expected pictures"):
        graph(pictures[..., :-1])


def test_a_file_whose_shapes_do_not_hold_is_named(monkeypatch):
    monkeypatch.setattr(tflite_graph, "read_tflite", lambda path: tiny((1, 4, 6, 9)))
    with pytest.raises(ValueError, match=r"odd\.tflite.*it says"):
        TfliteGraph(Path("odd.tflite"))
