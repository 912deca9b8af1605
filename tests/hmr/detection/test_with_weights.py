"""The networks themselves against numbers of independent replays of the same files (tests/fixtures/README.md). These tests need
the weights, and are skipped where they are not kept: adhmr weights fetch."""

import os
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

from hmr.detection.blazepose import FEATURES, BlazePose
from hmr.detection.config import DetectorConfig
from hmr.detection.movenet import MoveNet
from hmr.detection.photo_detector import PhotoDetector
from hmr.detection.region import Region
from hmr.detection.regions_of import region_of
from hmr.detection.weights import MOVENET, WeightsMissing, blazepose_name, weights_file
from hmr.files import read_json
from hmr.keypoint_sets import BLAZEPOSE_33
from hmr.photographs.read import read_photograph

ROOT = Path(__file__).resolve().parents[3]
FIXTURES = ROOT / "tests" / "fixtures" / "detection"
#: COCO's photographs may not be handed on; where they lie on this machine.
COCO = Path(os.environ.get("ADHMR_TEST_PHOTOS", ROOT.parent / "shared" / "photos"))
EXPECTED = read_json(FIXTURES / "reference.json")


def kept(name: str) -> Path:
    try:
        return weights_file(name)
    except WeightsMissing as error:
        pytest.skip(str(error))


@cache
def movenet() -> MoveNet:
    json, _ = (kept(name) for name in MOVENET)  # the json reads the other one beside it
    return MoveNet(json)


@cache
def blazepose() -> BlazePose:
    return BlazePose(kept(blazepose_name("full")))


@pytest.fixture(params=EXPECTED)
def photograph(request):
    """A picture and what is expected of it."""
    path = next((p for p in (FIXTURES / request.param, COCO / request.param) if p.exists()), None)
    if path is None:
        pytest.skip(f"{request.param} is one of COCO's photographs, and not in {COCO}")
    return read_photograph(path), EXPECTED[request.param]


def test_people_are_found_as_elsewhere(photograph):
    pixels, expected = photograph
    people = movenet().people(pixels, (256, 512))
    assert len(people) == len(expected)
    for person, row in zip(people, expected, strict=True):
        assert np.allclose(person.box_xyxy, row["box"], atol=0.1)
        assert np.allclose(person.px[:, :2], row["coco"], atol=0.1)
        assert person.score == pytest.approx(row["score"], abs=1e-3)
        x, y, side, turn = row["roi"]
        region = region_of(person)
        assert np.allclose([*region.centre_px, region.side_px], [x, y, side], atol=0.3)
        assert region.turn_rad == pytest.approx(turn, abs=2e-3)


def test_landmarks_are_as_elsewhere(photograph):
    pixels, expected = photograph
    regions = [Region((row["roi"][0], row["roi"][1]), row["roi"][2], row["roi"][3]) for row in expected]
    size_wh = (pixels.shape[1], pixels.shape[0])
    for look, row in zip(blazepose().look(pixels, regions), expected, strict=True):
        assert np.allclose(look.px[:, :2], row["px"], atol=0.1)
        assert np.allclose(1000 * look.world_m, row["world_mm"], atol=2)
        assert look.flag == pytest.approx(row["flag"], abs=1e-3)
        assert look.mask(size_wh).sum() == pytest.approx(row["mask_px"], rel=0.01)


def test_a_rendered_person_is_seen_the_same_in_a_mirror_and_turned():
    pixels = read_photograph(FIXTURES / "two_people.png")
    x, y, side, turn = EXPECTED["two_people.png"][0]["roi"]
    region = Region((x, y), side, turn)
    plain, mirrored, turned = blazepose().look(
        pixels, [region, region.changed(mirrored=True), region.changed(turn_rad=0.2)]
    )
    for other in (mirrored, turned):
        assert np.linalg.norm(other.px[:, :2] - plain.px[:, :2], axis=1).mean() < 0.04 * side
        assert np.linalg.norm(other.world_m - plain.world_m, axis=1).mean() < 0.12


def test_upside_down_people_are_found_in_turned_tries():
    pixels = np.ascontiguousarray(read_photograph(FIXTURES / "two_people.png")[::-1, ::-1])
    people = movenet().people(pixels, (256,), quarters=(0, 2))
    expected = EXPECTED["two_people.png"]
    h, w = pixels.shape[:2]
    for row in expected:
        back = np.array([w, h]) - np.array(row["coco"])
        nearest = min(people, key=lambda person: float(np.abs(person.px[:, :2] - back).mean()))
        assert np.abs(nearest.px[:, :2] - back).mean() < 4


def test_the_whole_detector_on_a_rendered_picture():
    config = DetectorConfig((256,), turned="never", landmarks="full", looks=2)
    people = PhotoDetector(config, movenet(), blazepose()).people(read_photograph(FIXTURES / "two_people.png"))
    assert len(people) == 2
    for person in people:
        assert person.keypoints.of is BLAZEPOSE_33
        x0, y0, x1, y1 = person.box_xyxy
        assert person.mask is not None
        assert person.mask[int(y0) : int(y1), int(x0) : int(x1)].sum() > 0.8 * person.mask.sum() > 0
        assert person.keypoints.px[:, 2].mean() > 0.7


def test_inner_maps_are_there_and_gradients_reach_the_picture():
    crops = torch.rand(2, 3, 256, 256, generator=torch.Generator().manual_seed(0)).requires_grad_()
    deep = blazepose().features(crops, FEATURES["full"])[269]
    assert tuple(deep.shape) == (2, 144, 8, 8)
    deep.sum().backward()
    assert crops.grad is not None
    assert float(crops.grad.abs().sum()) > 0
    with torch.no_grad():
        one = blazepose().features(crops[1:], (269,))[269]
    assert torch.allclose(one, deep[1:], atol=1e-3)


def test_a_truncated_model_is_named(tmp_path):
    whole = kept(blazepose_name("full")).read_bytes()
    path = tmp_path / "half.tflite"
    for length in (30, 1000, len(whole) // 2, len(whole) - 100):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"half\.tflite"):
            BlazePose(path)


def test_a_damaged_model_never_ends_in_another_error(tmp_path):
    """Bytes of the graph's description (it lies after the weights, or before) changed at random: it loads, or says why not."""
    whole = np.frombuffer(kept(blazepose_name("lite")).read_bytes(), np.uint8)
    random = np.random.default_rng(0)
    path = tmp_path / "damaged.tflite"
    refused = loaded = 0
    for _ in range(12):
        damaged = whole.copy()
        places = np.concatenate([random.integers(0, 3000, 20), len(whole) - 1 - random.integers(0, 60_000, 100)])
        damaged[places] = random.integers(0, 256, len(places))
        path.write_bytes(damaged.tobytes())
        try:
            BlazePose(path)
        except ValueError as error:
            refused += "damaged.tflite" in str(error)
        else:
            loaded += 1
    assert refused + loaded == 12
    assert refused > 6
