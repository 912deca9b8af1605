"""The page that is served: its scene, without a browser."""

import socket
import sys

import numpy as np
import pytest

from adhmr.view.live_scene import Look, frustum_lines, run_offsets_m
from adhmr.view.serve import candidate_rows, spread_rows, table_html, viser_module


def test_one_is_solid_and_the_others_are_faint():
    look = Look(rank=1)
    assert [look.opacity(k, 3) for k in range(3)] == [0.12, None, 0.12]
    assert [Look(rank=7).opacity(k, 2) for k in range(2)] == [0.12, None]  # of fewer candidates the last one
    assert Look(others=False).opacity(1, 2) == 0.0
    assert {Look(alike=True).opacity(k, 3) for k in range(3)} == {0.4}
    assert Look(spread=True).opacity(0, 2) < 1  # joints are inside


def test_runs_stand_side_by_side(comparison):
    shots = comparison.sight("two people.jpg").shots
    left, right = run_offsets_m(shots)
    assert left == 0
    assert right > max(np.ptp(shot.corners_cam[:, 0]) for shot in shots)


def test_the_camera_is_marked_at_its_place_and_the_photograph_has_edges():
    corners = np.array([[-1.0, 1, -4], [1, 1, -4], [1, -1, -4], [-1, -1, -4]])
    lines = frustum_lines(corners, 0.25)
    assert lines.shape == (12, 2, 3)
    np.testing.assert_allclose(lines[0], corners[:2])
    np.testing.assert_allclose(lines[8], [[0, 0, 0], [-0.25, 0.25, -1]])


def test_tables_are_text(comparison):
    assert "<script>" not in table_html([["<script>"], ["<b>"]])
    sight, titles = comparison.sight("two people.jpg"), comparison.titles
    assert [row[:2] for row in candidate_rows(sight, titles, Look(person="two people-00"))[1:]] == [
        ["base", "two people-00"], ["aligned", "two people-00"],
    ]  # fmt: skip
    assert spread_rows(sight, titles, "two people-00")[0] == ["spread, mm", "base", "aligned"]
    assert len(spread_rows(sight, titles, None)) == 1


def test_without_viser_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "viser", None)
    with pytest.raises(ValueError, match=r'pip install "adhmr\[view\]"'):
        viser_module()


def test_a_server_has_the_scene_and_its_controls_change_it(comparison):
    pytest.importorskip("viser")
    from adhmr.view.serve import start

    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    server, view = start(comparison, "localhost", port)
    try:
        nodes = view.nodes
        assert set(nodes.candidates) == {(r, f"two people-0{p}", k) for r in (0, 1) for p in (0, 1) for k in range(4)}
        assert nodes.candidates[0, "two people-00", 0].opacity is None
        assert nodes.roots[1].position[0] > 1
        view.rank.value, view.spread.value, view.person.value = 3, True, "two people-01"
        view.arrange()
        assert not nodes.candidates[0, "two people-00", 0].visible
        assert nodes.candidates[1, "two people-01", 2].opacity > 0.5
        assert nodes.joints[1, "two people-01"].visible
        assert not nodes.joints[1, "two people-00"].visible
        view.open(comparison.names[1])
        assert {run for run, _, _ in view.nodes.candidates} == {0}
        assert view.person.value == "all people"
    finally:
        server.stop()
