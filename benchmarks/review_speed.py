"""How fluent the review page is: what a move of the slider, a key and a filter cost in Chromium, with the layout they ask for.

    python -m benchmarks.review_speed --out benchmarks/results/review_speed.json

Needs Chromium (apt-get install chromium) and ``pip install -e ".[test]"``. Labels are made up, 120 of them have a picture.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, sync_playwright

from adhmr.figures import Figure, single
from adhmr.review.build import page
from benchmarks.settings import settings
from hmr.files import code_version, write_json
from hmr.rendering.overlay import data_uri
from hmr.skeleton import KEYPOINT_NAMES, PARTS

#: One act each, as JavaScript; the milliseconds until the page is laid out again are taken.
ACTS = {
    "slider": "i => { const s = $('slide'); s.value = 100 + 17 * i; s.dispatchEvent(new Event('input')); }",
    "slider_list": "i => { $('slide').value = 100 + 17 * i; moved = true; limit = finite[100 + 17 * i]; recount(); pick(); }",
    "key": "i => document.dispatchEvent(new KeyboardEvent('keydown', { key: i % 2 ? 'd' : 'k' }))",
    "filter": "i => { const v = $('verdict'); v.value = String(i % 2); v.dispatchEvent(new Event('change')); }",
}
TIMED = """async ([act, count]) => {
    const act_ = eval(act), took = [];
    for (let i = 0; i < count; i++) {
        const began = performance.now(); act_(i); document.body.offsetHeight; took.push(performance.now() - began);
        await new Promise(requestAnimationFrame);
    }
    return took;
}"""


def made_up(count: int, seed: int) -> dict[str, object]:
    """Columns of ``count`` labels, as ``adhmr.review.build.page_data`` gives them."""
    random = np.random.default_rng(seed)
    gross = random.beta(0.5, 1.0, count)
    parts, tags = list(PARTS), ["sitting", "running", ""]
    noise = random.integers(0, 255, (120, 224, 224, 3), dtype=np.uint8)
    rows = random.permutation(count)[: len(noise)]
    return {
        "key": [f"photographs/part-{i // 1000:04d}/picture-{i:07d}.jpg" for i in range(count)],
        "value": gross.tolist(), "error": (60 + 250 * gross).round(1).tolist(), "gross": gross.round(4).tolist(),
        "worst": [KEYPOINT_NAMES[i].replace("_", " ") for i in random.integers(0, len(KEYPOINT_NAMES), count)],
        "keep": (gross <= 0.5).astype(int).tolist(), "fixed": [0] * count,
        "reason": [f"probability of a gross error {p:.2f}: left wrist seems off by {200 * p:.0f} mm" for p in gross],
        "kind": [parts[i].replace("_", " ") for i in random.integers(0, len(parts), count)],
        "tag": [tags[i] for i in random.integers(0, len(tags), count)],
        "pictures": {str(row): data_uri(each, 80) for row, each in zip(rows, noise, strict=True)},
        "measure": "probability of a gross error", "unit": "", "higher": False, "threshold": 0.5,
        "option": "max_gross_probability", "rule": "--max_gross_probability 0.5", "data": "labels.npz",
    }  # fmt: skip


def measured(opened: Page, repeats: int) -> dict[str, Figure]:
    """Median milliseconds of every act; low and high are the fastest and the slowest."""
    out = {}
    for name, act in ACTS.items():
        took = np.array(opened.evaluate(TIMED, [act, repeats]))
        out[f"{name}_ms"] = Figure(
            value=float(np.median(took)), low=float(took.min()), high=float(took.max()), n=repeats
        )
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--repeats", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    results = {}
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for rows in options.rows:
            file = Path(folder) / "review.html"
            file.write_text(page(made_up(rows, options.seed)), encoding="utf-8")
            opened = browser.new_page()
            opened.goto(file.as_uri())
            size = file.stat().st_size / 2**20
            results[str(rows)] = {"page_mib": single(size), **measured(opened, options.repeats)}
            acts = [
                f"{name} {f['value']:.1f} (up to {f['high']:.1f})"
                for name, f in results[str(rows)].items()
                if f["n"] > 1
            ]
            print(f"{rows:,} rows, {size:.1f} MiB: {', '.join(acts)}", flush=True)
        version = browser.version
    write_json(options.out, {
        "command": f"python -m benchmarks.review_speed --seed {options.seed}", "code": code_version(),
        "options": settings(options), "machine": f"{os.cpu_count()} cores, Chromium {version}", "results": results,
    })  # fmt: skip


if __name__ == "__main__":
    main()
