"""The adapter for rtmlib, with a stand-in for it."""

import sys
import types

import numpy as np
import pytest

from hmr.detection.rtmlib_adapter import RtmlibDetector


def said(count: int, *levels: float) -> tuple[np.ndarray, np.ndarray]:
    """People with keypoints on a diagonal, each as sure everywhere; the last keypoint is astray and unsure."""
    places = np.repeat(np.linspace(10, 60, count)[None, :, None], len(levels), 0).repeat(2, 2)
    places[:, -1] = 500
    scores = np.repeat(np.array(levels)[:, None], count, 1)
    scores[:, -1] *= 0.1
    return places, scores


@pytest.mark.parametrize(("count", "name"), [(17, "coco17"), (133, "coco_wholebody")])
def test_people_come_surest_first_and_phantoms_are_left_out(count, name):
    people = RtmlibDetector(lambda picture: said(count, 0.5, 1.08, 0.1)).people(np.zeros((80, 90, 3), np.uint8))
    assert [person.keypoints.of.name for person in people] == [name] * 2
    assert people[0].score > people[1].score
    assert people[0].keypoints.px[0].tolist() == [10, 10, 1]  # 1.08 is as sure as can be
    x0, y0, x1, y1 = people[0].box_xyxy
    assert x0 == y0 < 10
    assert 55 < x1 == y1 < 70  # not as far as the one astray


def test_it_is_given_blue_first():
    seen = []
    RtmlibDetector(lambda picture: (seen.append(picture), said(17))[1]).people(np.array([[[1, 2, 3]]], np.uint8))
    assert seen[0].tolist() == [[[3, 2, 1]]]


def test_without_rtmlib_it_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "rtmlib", None)
    with pytest.raises(ValueError, match="pip install rtmlib"):
        RtmlibDetector.load()


def test_its_solutions_are_called_as_they_are_declared(monkeypatch):
    asked = {}

    class Wholebody:
        def __init__(self, **options):
            asked.update(options)

        def __call__(self, picture):
            return said(133, 0.9)

    monkeypatch.setitem(sys.modules, "rtmlib", types.SimpleNamespace(Wholebody=Wholebody))
    assert len(RtmlibDetector.load("wholebody", "lightweight").people(np.zeros((9, 9, 3), np.uint8))) == 1
    assert asked == {"mode": "lightweight", "backend": "onnxruntime", "device": "cpu"}
    with pytest.raises(ValueError, match="body, wholebody"):
        RtmlibDetector.load("hands")  # type: ignore[arg-type]
