"""A run as a page that is served here, by viser."""

from __future__ import annotations

import html
import threading
from dataclasses import replace
from typing import Any

import numpy as np

from adhmr.view.compare import Comparison, Sight
from adhmr.view.live_scene import Look, Nodes
from adhmr.view.pack import hex_colours
from adhmr.view.values import scale_colours, world_of_cam

_EVERYBODY = "all people"
_MOST_JOINTS = 8


def viser_module() -> Any:
    """Raises ValueError that says how to install it where it is missing."""
    try:
        import viser
    except ModuleNotFoundError:
        raise ValueError(
            'a page that is served needs viser: pip install "adhmr[view]"; or write one file with --export view.html'
        ) from None
    return viser


def table_html(rows: list[list[str]]) -> str:
    """The first row is the head. Everything in it is text: names of files and people are strangers'."""
    head, *body = [[html.escape(cell) for cell in row] for row in rows]
    lines = ["<tr>" + "".join(f"<th style='text-align:left'>{cell}</th>" for cell in head) + "</tr>"]
    lines += ["<tr>" + "".join(f"<td style='padding-right:8px'>{cell}</td>" for cell in row) + "</tr>" for row in body]
    return f"<table style='font-size:13px;margin:4px 12px'>{''.join(lines)}</table>"


def candidate_rows(sight: Sight, titles: list[str], look: Look) -> list[list[str]]:
    """Score and expected error of the candidate that is shown, of each chosen person in each run."""
    rows = [["run", "person", "score", "expected mm"]]
    for title, shot in zip(titles, sight.shots, strict=True):
        if shot is None:
            rows.append([title, "nobody", "", ""])
            continue
        for person in shot.people:
            if look.person in (None, person.key):
                k = min(look.rank, person.count - 1)
                error = person.expected_pve_mm[k]
                shown = f"{error:.1f}" if np.isfinite(error) else "–"
                rows.append([title, person.key, f"{person.score[k]:.3f}", shown])
    return rows


def spread_rows(sight: Sight, titles: list[str], key: str | None) -> list[list[str]]:
    """The joints of one person on which the candidates disagree most, mm; only a head where nobody is chosen."""
    shots = [
        (t, shot, shot.person(key)) for t, shot in zip(titles, sight.shots, strict=True) if shot is not None and key
    ]
    there = [(title, shot.joint_names, person) for title, shot, person in shots if person is not None]
    if not there:
        return [["choose a person to see which joints are unsure"]]
    worst = np.argsort(-np.max([person.joint_spread_mm for _, _, person in there], axis=0))[:_MOST_JOINTS]
    rows = [["spread, mm", *(title for title, _, _ in there)]]
    rows += [
        [there[0][1][j].replace("_", " "), *(f"{person.joint_spread_mm[j]:.0f}" for _, _, person in there)]
        for j in worst
    ]
    return [*rows, ["pelvis in the camera frame", *(f"{person.root_spread_mm:.0f}" for _, _, person in there)]]


class LiveView:
    """Controls and what they show. All who look see the same."""

    def __init__(self, server: Any, runs: Comparison) -> None:
        self.server, self.runs, self.lock = server, runs, threading.RLock()
        self.look, self.nodes = Look(), None
        gui = server.gui
        self.photograph = gui.add_dropdown("Photograph", tuple(runs.names))
        self.person = gui.add_dropdown("Person", (_EVERYBODY,))
        self.rank = gui.add_slider("Candidate", 1, 2, 1, 1, hint="1 has the best score")
        self.numbers = gui.add_html("")
        self.alike = gui.add_checkbox("all alike", False)
        self.others = gui.add_checkbox("others, faintly", True)
        self.spread = gui.add_checkbox("spread by joint", False, hint="how far candidates disagree")
        self.picture = gui.add_checkbox("photograph", True)
        colours = ", ".join(hex_colours(scale_colours(np.linspace(0, 1, 9))))
        gui.add_html(
            "<div style='margin:4px 12px;font-size:13px'>score, worst to best of a person"
            f"<div style='height:12px;border-radius:4px;background:linear-gradient(90deg,{colours})'></div></div>"
        )
        self.joints = gui.add_html("")
        self.photograph.on_update(lambda _: self.open(self.photograph.value))
        for control in (self.person, self.rank, self.alike, self.others, self.spread, self.picture):
            control.on_update(lambda _: self.arrange())
        self.open(runs.names[0])

    def open(self, name: str) -> None:
        with self.lock, self.server.atomic():
            if self.nodes is not None:
                self.nodes.remove()
            self.sight = self.runs.sight(name)
            self.nodes = Nodes(self.server, self.sight, self.runs.titles)
            self.person.options = (_EVERYBODY, *self.sight.keys)
            self.person.value = _EVERYBODY
            most = max(person.count for shot in self.sight.shots if shot is not None for person in shot.people)
            self.rank.max, self.rank.disabled = max(most, 2), most < 2
            self.rank.value = 1
            self._stand_at_camera()
        self.arrange()

    def _stand_at_camera(self) -> None:
        """Where new visitors stand: at the photograph's camera, or between two of them and further back."""
        assert self.nodes is not None
        middle = self.nodes.roots[-1].position[0] / 2
        shot = next(shot for shot in self.sight.shots if shot is not None)
        corners = world_of_cam(shot.corners_cam)
        camera = self.server.initial_camera
        camera.position = (middle, 0.0, 0.0 if len(self.sight.shots) == 1 else shot.depth_m)
        camera.look_at = tuple(corners.mean(0) * 0.8 + np.array([middle, 0.0, 0.0]))
        camera.fov = 1.05 * 2 * float(np.arctan(np.ptp(corners[:, 1]) / 2 / shot.depth_m))

    def arrange(self) -> None:
        with self.lock, self.server.atomic():
            key = None if self.person.value == _EVERYBODY else self.person.value
            self.look = replace(
                self.look, person=key, rank=int(self.rank.value) - 1, alike=self.alike.value,
                others=self.others.value, spread=self.spread.value, picture=self.picture.value,
            )  # fmt: skip
            assert self.nodes is not None
            self.nodes.arrange(self.look)
            titles = self.runs.titles
            self.numbers.content = table_html(candidate_rows(self.sight, titles, self.look))
            self.joints.content = table_html(spread_rows(self.sight, titles, key))


def start(runs: Comparison, host: str, port: int) -> tuple[Any, LiveView]:
    """A server that runs in threads of its own until it is stopped. Where the port is taken it has the next one that is free."""
    viser = viser_module()
    server = viser.ViserServer(host=host, port=port, label="adhmr view", verbose=False)
    server.scene.set_up_direction("+y")
    server.gui.configure_theme(show_logo=False, show_share_button=False, control_width="large")
    return server, LiveView(server, runs)


def serve_until_stopped(runs: Comparison, host: str, port: int) -> None:
    from adhmr.progress import console

    server, _ = start(runs, host, port)
    name = "localhost" if host == "0.0.0.0" else host
    console.print(f"look at http://{name}:{server.get_port()} (Ctrl+C stops it)", highlight=False)
    try:
        server.sleep_forever()
    except KeyboardInterrupt:
        pass
    finally:
        server.stop()
