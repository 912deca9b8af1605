"""The text of a BVH file, taken apart and checked. Files come from anywhere: nothing in them is believed."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

_CHANNELS = frozenset(f"{axis}{kind}" for axis in "XYZ" for kind in ("position", "rotation"))
#: A skeleton with face and fingers has some 150; a tree of many thousands is no skeleton.
MOST_JOINTS = 2000


@dataclass
class BvhJoint:
    """As it stands in the file, in its units. end_offset: of its End Site, where there is one."""

    name: str
    parent: int
    offset: tuple[float, float, float] = (0.0, 0.0, 0.0)
    channels: tuple[str, ...] = ()
    end_offset: tuple[float, float, float] | None = field(default=None)


def sections_of(text: str) -> tuple[list[str], list[str]]:
    """Lines of HIERARCHY and of MOTION, without the words themselves and without empty lines; braces have lines of their own."""
    lines = [line.strip() for line in text.replace("{", "\n{\n").replace("}", "\n}\n").splitlines()]
    lines = [line for line in lines if line]
    if not lines or lines[0].upper() != "HIERARCHY":
        raise ValueError(f"expected HIERARCHY in the first line, got '{lines[0][:40] if lines else ''}'")
    starts = [i for i, line in enumerate(lines) if line.upper() == "MOTION"]
    if not starts:
        raise ValueError("expected a line MOTION with frames below it, there is none")
    return lines[1 : starts[0]], lines[starts[0] + 1 :]


def joints_of(lines: list[str]) -> list[BvhJoint]:
    """In the file's order, which puts parents before their children. Raises ValueError for anything that is not one tree."""
    joints: list[BvhJoint] = []
    open_joints: list[int] = []  # the joint of every brace that is open; of an End Site its own joint again
    in_end_site, opens = False, False
    for line in lines:
        word, _, rest = line.partition(" ")
        word, rest = word.upper(), rest.strip()
        if opens and line != "{":
            raise ValueError(f"expected a brace, got '{line[:40]}'")
        if word in ("ROOT", "JOINT"):
            _check_place(word, rest, joints, open_joints, in_end_site)
            joints.append(BvhJoint(rest, open_joints[-1] if open_joints else -1))
            opens = True
        elif word == "END" and open_joints and not in_end_site:
            in_end_site, opens = True, True
        elif line == "{" and opens:
            open_joints.append(open_joints[-1] if in_end_site else len(joints) - 1)
            opens = False
        elif line == "}" and open_joints:
            open_joints.pop()
            in_end_site = False
        elif word == "OFFSET" and open_joints:
            joint, offset = joints[open_joints[-1]], _three_numbers(rest)
            if in_end_site:
                joint.end_offset = offset
            else:
                joint.offset = offset
        elif word == "CHANNELS" and open_joints and not in_end_site:
            joints[open_joints[-1]].channels = _channels(rest)
        else:
            raise ValueError(f"'{line[:40]}' is not expected there")
    if open_joints or opens or not joints:
        raise ValueError("its HIERARCHY ends before every brace is closed" if joints else "it has no ROOT")
    return joints


def _check_place(word: str, name: str, joints: list[BvhJoint], open_joints: list[int], in_end_site: bool) -> None:
    if word == "ROOT" and joints:
        raise ValueError("it has more than one ROOT; one skeleton a file is read")
    if in_end_site or (word == "JOINT") != bool(open_joints):
        raise ValueError(f"{word} {name[:40]} is not expected there")
    if not name or any(joint.name == name for joint in joints):
        raise ValueError(f"expected a name of its own for every joint, got '{name[:40]}'")
    if len(joints) >= MOST_JOINTS:
        raise ValueError(f"it has more than {MOST_JOINTS} joints")


def _three_numbers(text: str) -> tuple[float, float, float]:
    values = numbers(text.split())
    if len(values) != 3:
        raise ValueError(f"expected three numbers of an OFFSET, got '{text[:40]}'")
    return float(values[0]), float(values[1]), float(values[2])


def numbers(words: list[str]) -> np.ndarray:
    """float64. Raises ValueError for what is no number, or not finite."""
    try:
        values = np.array(words, dtype=np.float64)
    except ValueError:
        raise ValueError(f"expected numbers, got '{' '.join(words)[:40]}'") from None
    if not np.isfinite(values).all():
        raise ValueError("some of its numbers are not finite")
    return values


def _channels(text: str) -> tuple[str, ...]:
    count, *names = text.split() or [""]
    found = tuple(name[:1].upper() + name[1:].lower() for name in names)
    if not count.isdigit() or int(count) != len(found):
        raise ValueError(f"expected CHANNELS with their number before them, got '{text[:60]}'")
    if unknown := [name for name in found if name not in _CHANNELS]:
        raise ValueError(f"unknown channel '{unknown[0][:40]}'; expected {', '.join(sorted(_CHANNELS))}")
    if len(set(found)) != len(found):
        raise ValueError(f"a channel comes twice: '{text[:60]}'")
    return found


def frames_of(lines: list[str], channels: int) -> tuple[np.ndarray, float]:
    """(t, channels) values and the seconds between two frames."""
    if len(lines) < 2:
        raise ValueError("expected 'Frames:' and 'Frame Time:' below MOTION")
    count, frame_time = _value_after("Frames:", lines[0]), _value_after("Frame Time:", lines[1])
    if frame_time <= 0:
        raise ValueError(f"expected a positive Frame Time, got {frame_time}")
    rows = [line.split() for line in lines[2:]]
    if len(rows) != count or not rows:
        raise ValueError(f"it says {count:g} frames, {len(rows)} follow")
    if wrong := [i for i, row in enumerate(rows) if len(row) != channels]:
        raise ValueError(f"frame {wrong[0]} has {len(rows[wrong[0]])} numbers, its channels are {channels}")
    return numbers([word for row in rows for word in row]).reshape(len(rows), channels), frame_time


def _value_after(label: str, line: str) -> float:
    words = " ".join(line.split())
    if not words.lower().startswith(label.lower()):
        raise ValueError(f"expected '{label}', got '{line[:40]}'")
    values = numbers(words[len(label) :].split())
    if len(values) != 1:
        raise ValueError(f"expected one number after '{label}', got '{line[:40]}'")
    return float(values[0])
