"""The reward: photographs of the synthetic world, and the bodies that `adhmr predict` finds in them."""

from __future__ import annotations

import shutil

from PIL import Image

from adhmr.commands.predict import PACKAGED_GENERATOR, Options
from adhmr.demo.packaged.contact_sheet import write_sheet
from adhmr.demo.packaged.run import PackagedRun
from adhmr.export.kinds import DEFAULT_EXPORTS
from adhmr.loading import PACKAGED_SCORER, body_of, estimator_folder
from adhmr.photographs.predict_run import Loaded, photographs_into
from adhmr.predicting import PredictConfig, Predictor
from adhmr.progress import console
from adhmr.told_labels import marks_in_photograph
from adhmr.view.build import write_page
from adhmr.view.compare import Comparison
from adhmr.view.read_run import BodyFile, Limits, open_run
from adhmr.world.photographs import make_photographs
from hmr.camera import Camera
from hmr.estimator import name_of
from hmr.files import write_atomically, write_json
from hmr.photographs.csv_keypoints import write_csv_keypoints
from hmr.photographs.folder import Photographs

NO_EYES = (
    "note: the scorer judges by keypoints alone here: what it looks at photographs through (adhmr weights fetch) is not part of "
    "the package."
)


def make_photograph_set(run: PackagedRun) -> None:
    """photographs/images, and beside it keypoints.csv and cameras.json, as `adhmr predict` takes them."""
    config, folder = run.config.made, run.out / "photographs"
    body, seed = body_of(None, level=6900), run.seed_of("photographs")
    made = make_photographs(config, run.config.photographs, seed, body)
    names = [f"photograph-{number + 1}.png" for number in range(len(made))]
    for name, photograph in zip(names, made, strict=True):
        with write_atomically(folder / "images" / name) as partial:
            Image.fromarray(photograph.rgb).save(partial)
    camera = Camera.of_squares(config.K, config.size)
    marks = {
        name: marks_in_photograph(photograph.people, camera, body, run.config.marks, 1000 * seed + number)
        for number, (name, photograph) in enumerate(zip(names, made, strict=True))
    }
    write_csv_keypoints(folder / "keypoints.csv", marks)
    fx, fy, cx, cy = (float(config.K[i]) for i in ((0, 0), (1, 1), (0, 2), (1, 2)))
    write_json(folder / "cameras.json", {name: [fx, fy, cx, cy] for name in names})


def predict_photographs(run: PackagedRun) -> None:
    """bodies/ as `adhmr predict` writes it, a contact sheet, and a page to look around in."""
    folder, out = run.out / "photographs", run.out / "bodies"
    shutil.rmtree(out, ignore_errors=True)
    options = Options(
        images=folder / "images", keypoints=folder / "keypoints.csv", intrinsics=folder / "cameras.json", out=out,
        scorer=PACKAGED_SCORER, candidates=run.config.candidates, seed=run.seed,
    )  # fmt: skip
    source = name_of(estimator_folder(PACKAGED_GENERATOR))
    config = PredictConfig(options.candidates, seed=run.seed, source=source)
    predictor = Predictor(run.generator, run.scorer, body_of(None, level=6900), config)
    loaded = Loaded(predictor, prompted=True, of_world=False)
    photographs = Photographs.at(folder / "images")
    console.print(NO_EYES, highlight=False)
    photographs_into(options, photographs, loaded, out, DEFAULT_EXPORTS, lambda share: run.progress.at(0.5 * share))
    seen = Comparison((open_run(out, None, BodyFile()),), Limits())
    write_sheet(run.out / "photographs.png", seen, out, folder / "keypoints.csv")
    run.progress.at(0.8)
    write_page(seen, run.out / "photographs.html", len(photographs.names))
    console.print(
        f"[bold]{run.out / 'photographs.png'}[/] shows the photographs and their bodies, [bold]{run.out / 'photographs.html'}[/] "
        f"lets you walk around them; now the loop …"
    )
