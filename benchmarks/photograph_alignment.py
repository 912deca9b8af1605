"""Does a generator align on photographs that nobody labelled? Judged by humans' marks, which no row has seen.

    python -m benchmarks.photograph_alignment --base LIT --lspet LSPET --motion HELD_OUT.npz --seen SEEN --work WORK \\
        --split test --seeds 3 --out benchmarks/results/photograph_alignment.json

The policy looks at crops and is told nothing (--told: a detector's keypoints but three); the scorer for photographs, told all
that the detector marked, judges its candidates on the pool (one detected person a photograph). Rows differ in what taught
them; all have the same steps, batch and replay of rendered people. The judge: re-projection to the marks of humans on the split,
in crops about the humans' boxes, nothing fitted; told rows are told the humans' marks but three, and those three are counted.
Beside it the energy score and the mean sample's PVE on rendered people in held-out poses (HELD_OUT.npz), who are seen and of whom
as much is told. SEEN: people-seen of the base's training, whose exact labels are replayed. WORK: what is made once is kept there.
"""

from __future__ import annotations

import argparse
import copy
import platform
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch
from torch import Tensor

from adhmr.figures import Figure, bootstrap, mean_figure, percent_change, show
from adhmr.lit.people import PictureMaker, lit_people
from adhmr.loading import estimator_folder
from adhmr.photograph_loop.telling import WITHHELD, as_told
from adhmr.photographs.given import short_hash
from adhmr.world.people import People
from adhmr.world.people_config import PeopleConfig
from benchmarks.detected_photographs import DetectedMarks, pictured
from benchmarks.finetuned import on_labels, on_pairs, run_of
from benchmarks.marked_photographs import MarkedPeople, off, read_lspet, share
from benchmarks.photograph_pool import detected_people, pool_names, views_of_pool
from diffusion_hmr import Generator
from diffusion_hmr.drawn import Drawn
from diffusion_hmr.looking import Looked, LookingBranch
from diffusion_hmr.protocol import load_generator
from dpo.align import AlignData, Replay
from dpo.config import AlignConfig, ErrorKind
from dpo.judges import (
    Judge,
    consensus_judge,
    on_policy,
    pairs_of_drawn,
    random_judge,
    scorer_judge,
    with_others,
)
from hmr.body import BodyParams
from hmr.body_codec import arrays_of_bodies, bodies_of_arrays, read_arrays, write_arrays
from hmr.detection.eyes import Eyes
from hmr.files import code_version, write_json
from hmr.fit_to_marks import fit_to_marks
from hmr.formats.motion.captured import read_motion
from hmr.free_body import free_body
from hmr.hypotheses import Hypotheses
from hmr.metrics import energy_score_mm, errors_of_hypotheses_mm, spread_mm
from hmr.networks.branch_loss import Targets, estimate_loss
from hmr.networks.conditions import Conditions
from hmr.networks.lit_branch import LitBranch
from hmr.networks.stored_conditions import stored_conditions
from hmr.pose_state import crop_extent
from hmr.prompt_points import prompt_points
from hmr.skinned_body import SkinnedBody
from hmr.training.batch_random import BatchRandom
from hmr.training.batches import RowNumbers
from hmr.training.fit import fit
from hmr.training.lit_people import LitPeople
from hmr.training.train_branch import split_rows
from hmr.views import Views
from scorer import Scorer
from scorer.consensus import weighted_mean_body
from scorer.protocol import load_scorer

CANDIDATES = 10
#: Of the pseudo-labels, by the scorer.
KEPT = 0.7
#: Rendered people whose labels are replayed.
REPLAYED = 2048


@dataclass(frozen=True)
class Setting:
    """What all rows have in common.

    Attributes:
        base: the policy's beginning.
        told: whether it is told keypoints.
        pool: crops of unlabelled people with a detector's marks.
        conditions: what the base makes of them; what it is given, where its features learn too.
        replay: rendered people with exact labels, likewise.
        looked: what the branch is given of the pool; rendered: the same of the replayed people, and their labels.
    """

    base: Generator
    told: bool
    scorer: Scorer
    model: SkinnedBody
    pool: Views
    conditions: Conditions | Looked
    replay: Replay
    looked: Looked
    rendered: tuple[Looked, Targets]
    config: AlignConfig
    work: Path


def photo_judge(setting: Setting) -> Judge:
    """The scorer, with the energy score's reward for being different."""
    return scorer_judge(setting.scorer, setting.model, setting.config.diversity, error=setting.config.error)


def preferences(
    judge_of: Callable[[Setting], Judge], loss: str = "sigmoid", beside_lifted: bool = False
) -> Callable[[Setting, int], Generator]:
    """A row of pairs; with the lifted body of each person among the candidates, or without."""

    def row(setting: Setting, seed: int) -> Generator:
        config, pool = replace(setting.config, loss_type=(loss,)), setting.pool
        draw = on_policy(pool, setting.conditions, setting.model, config.candidates)
        if beside_lifted:
            draw = with_others(draw, lifted(setting)[0])
        maker = pairs_of_drawn(pool, draw, judge_of(setting), setting.model, config, "table")
        return on_pairs(setting.base, AlignData(pool.key, setting.conditions, setting.replay), maker, config, seed)

    return row


def labels(kept: float) -> Callable[[Setting, int], Generator]:
    """A row of pseudo-labels: the share of the lifted bodies that the scorer likes best."""

    def row(setting: Setting, seed: int) -> Generator:
        drawn, error = lifted(setting)
        best = error.argsort()[: round(kept * len(error))]
        labelled = Replay(setting.conditions[best], drawn.states[best, 0])
        return on_labels(setting.base, labelled, setting.replay, setting.config, seed)

    return row


def lifted(setting: Setting) -> tuple[Drawn, Tensor]:
    """Of each person of the pool one body [n, 1], and what the scorer says of it (n,), mm: of ten of the packaged generator, told
    and fitted to the detector's marks, the one that the scorer likes best. Kept by who the people are."""
    views, model = setting.pool, setting.model
    path = setting.work / f"lifted-{short_hash(views.key)}.npz"
    if not path.exists():
        assert views.prompts is not None
        drawn = setting.base.propose(views, model, CANDIDATES, 0, "photo").params
        fitted = fit_to_marks(drawn, views.prompts.keypoints_px, views.K, model)
        error = setting.scorer.score(
            views, Hypotheses(views.key, fitted, model.family, "photo", 0), model
        ).expected_error_mm
        rows, best = torch.arange(len(views)), error.argmin(1)
        write_arrays(path, arrays_of_bodies(fitted[rows, best]) | {"error_mm": error[rows, best].numpy()})
    arrays = read_arrays(path)
    bodies = bodies_of_arrays(arrays, str(path)).reshape_batch(len(views), 1)
    return Drawn(bodies, setting.base.states_of(bodies, views.K, model)), torch.from_numpy(arrays["error_mm"])


def estimate_on_labels(setting: Setting, seed: int) -> Generator:
    """A row of pseudo-labels that teach the branch's own estimate, about which the denoiser draws; the denoiser stays."""
    own = copy.deepcopy(setting.base)
    branch, (looked, targets) = own.branch, setting.rendered
    assert isinstance(branch, LitBranch)
    drawn, pool = lifted(setting)[0], setting.pool
    bodies = drawn.bodies[:, 0]
    labels = Targets(drawn.states[:, 0], bodies.shape, crop_extent(bodies.t_cam_root, pool.K, pool.size))

    def loss(rows: Tensor, random: BatchRandom) -> tuple[Tensor, dict[str, Tensor]]:
        others = random.integers(len(looked), len(rows)).cpu()
        of_labels = estimate_loss(branch.lifted(*setting.looked[rows].inputs)[1], labels[rows])[0]
        return of_labels + estimate_loss(branch.lifted(*looked[others].inputs)[1], targets[others])[0], {}

    fit(branch, loss, RowNumbers(len(pool)), replace(setting.config.fit, batch_size=96), run_of(seed))
    return own


def then_aligned(setting: Setting, seed: int) -> Generator:
    """Both: the estimate on labels, and then pairs by the scorer."""
    learnt = estimate_on_labels(setting, seed)
    looking = LookingBranch.of(learnt)
    given: Callable[[Looked], Conditions | Looked] = looking.conditions
    if isinstance(setting.conditions, Looked):
        given = lambda looked: looked  # noqa: E731
    replay = Replay(given(setting.rendered[0]), setting.replay.states)
    return ROWS["aligned"](replace(setting, base=learnt, conditions=given(setting.looked), replay=replay), seed)


ROWS: dict[str, Callable[[Setting, int], Generator]] = {
    "aligned": preferences(photo_judge),
    "random pairs": preferences(lambda s: random_judge()),
    "consensus pairs": preferences(lambda s: consensus_judge(s.model)),
    "SFT on winners": preferences(photo_judge, "sft"),
    "SFT on lifted pseudo-labels": labels(1.0),
    "SFT on cleaned pseudo-labels": labels(KEPT),
    "aligned, lifted bodies among the candidates": preferences(photo_judge, "sigmoid", True),
    "the branch's estimate on lifted pseudo-labels": estimate_on_labels,
    "the branch's estimate on lifted pseudo-labels, then aligned": then_aligned,
}


@dataclass(frozen=True)
class Tests:
    """Who says how good a generator is.

    Attributes:
        people, looked, K: of photographs that humans marked.
        counted: (n, 24) bool: which of the marks.
        known, known_looked: rendered people, half of them in held-out poses.
    """

    people: MarkedPeople
    looked: Looked
    K: Tensor
    counted: Tensor
    known: People
    known_looked: Looked

    def measure(self, generator: Generator, model: SkinnedBody) -> dict[str, np.ndarray]:
        """Per person: hits of each threshold and kind of body, the marks that count, and errors in mm."""
        looking = LookingBranch.of(generator)
        drawn = generator.sample_bodies(looking.conditions(self.looked), self.K, model, CANDIDATES, 0)
        mean = weighted_mean_body(drawn, torch.full(drawn.batch_shape, 1 / CANDIDATES))
        of_each = torch.stack([self._off(drawn[:, i], model) for i in range(CANDIDATES)])
        out: dict[str, np.ndarray] = {"marks": self.counted.sum(1).double().numpy()}
        for kind, distance in (("a sample", of_each), ("mean of ten", self._off(mean, model)[None])):
            for within in (0.1, 0.05):
                hits = ((distance <= within) & self.counted).sum(-1).double().mean(0)
                out[f"{kind} @{within}"] = hits.numpy()
        size = generator.crop_size
        K = torch.diag(torch.tensor([size, size, 1.0])) @ self.known.K
        bodies = generator.sample_bodies(looking.conditions(self.known_looked), K, model, CANDIDATES, 0)
        errors = errors_of_hypotheses_mm(bodies, self.known.label, model)
        out["energy score"] = energy_score_mm(errors["pve"], errors["pairwise"]).numpy()
        out["PVE, mean sample"] = errors["mean_sample_pve"].numpy()
        out["spread"] = spread_mm(errors["pairwise"]).numpy()
        return out

    def _off(self, params: BodyParams, model: SkinnedBody) -> Tensor:
        return off(prompt_points(params, model), self.people)


_PCK = ("a sample @0.1", "a sample @0.05", "mean of ten @0.1", "mean of ten @0.05")
_MM = ("energy score", "PVE, mean sample", "spread")


def figures(measured: list[dict[str, np.ndarray]], base: dict[str, np.ndarray]) -> dict[str, Any]:
    """Of the seeds' means, with paired changes to the base, and each seed's own."""
    mean = {name: np.mean([one[name] for one in measured], 0) for name in measured[0]}
    marks = base["marks"]
    out: dict[str, Any] = {"seeds": len(measured)}
    for name in _PCK:
        change: Figure = bootstrap(lambda a, b, of: share(a, of) - share(b, of), mean[name], base[name], marks)
        out[name] = {"value": bootstrap(share, mean[name], marks), "points above the base": change}
        out[name]["of each seed"] = [round(float(share(one[name], marks)), 2) for one in measured]
    for name in _MM:
        out[name] = {
            "value": mean_figure(mean[name]),
            "% of the base": bootstrap(percent_change, mean[name], base[name]),
        }
    return out


def photographs_of(base: Generator, args: argparse.Namespace) -> tuple[MarkedPeople, Views, Tensor]:
    """The split's people, their crops as the policy is given them, and which marks count."""
    people = read_lspet(args.lspet, args.split).first(args.most)
    if args.told:
        fewer, gone = people.without(WITHHELD, 0)
    else:
        fewer, gone = people, people.px[..., 2] > 0
    views = pictured(people, DetectedMarks(fewer.px, people.boxes()), args.lspet / "images", base.crop_size)
    return people, views if args.told else as_told(views, "nothing"), gone


def looked_at(lit: LitPeople, told: bool) -> Looked:
    """What a lit branch is given of people of the world."""
    marks = lit.detected if told else torch.zeros_like(lit.detected)
    everyone = torch.arange(len(lit))
    return Looked.of(*lit.shown(everyone, marks, torch.ones(len(lit), dtype=torch.bool)).inputs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", required=True)
    parser.add_argument("--lspet", type=Path, required=True)
    parser.add_argument("--motion", type=Path, required=True, help="held out")
    parser.add_argument("--seen", type=Path, required=True)
    parser.add_argument("--seen-motion", type=Path, help="of the people of --seen")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--told", action="store_true")
    parser.add_argument("--learns", choices=["denoiser", "features"], default="denoiser", help="features: those too")
    parser.add_argument("--split", choices=["validation", "test"], default="validation")
    parser.add_argument("--most", type=int, help="of the split's people")
    parser.add_argument("--photographs", type=int, help="of the pool")
    parser.add_argument("--rows", nargs="*", default=list(ROWS))
    parser.add_argument("--error", choices=list(get_args(ErrorKind)), default="both")
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--lr", type=float, default=1e-4)
    parser.add_argument("--diversity", type=float, default=0.4)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    setting, tests = read_setting(args)
    content: dict[str, Any] = {
        "command": " ".join(["python -m benchmarks.photograph_alignment", *sys.argv[1:]]), "code": code_version(),
        "machine": {"processor": platform.processor() or platform.machine(), "threads": torch.get_num_threads()},
        "split": args.split, "people": len(tests.people), "pool": len(setting.pool), "rows": {},
    }  # fmt: skip
    base = tests.measure(setting.base, setting.model)
    content["rows"]["base"] = _shown("base", figures([base], base))
    for name in args.rows:
        measured = []
        for seed in range(args.seeds):
            measured.append(tests.measure(ROWS[name](setting, seed), setting.model))
            content["rows"][name] = _shown(name, figures(measured, base))
            write_json(args.out, content)


def read_setting(args: argparse.Namespace) -> tuple[Setting, Tests]:
    model, base = free_body(1200), load_generator(estimator_folder(args.base))
    scorer = load_scorer("photo")
    assert isinstance(base, Generator)
    assert isinstance(scorer, Scorer)
    names, marks = detected_people(pool_names(args.lspet, args.photographs), args.lspet / "images", args.work / "pool")
    pool = views_of_pool(names, marks, args.lspet / "images", base.crop_size)
    features = args.work / "features"
    looking = LookingBranch.of(base)
    pool_looked = stored_conditions(looking, as_told(pool, "fewer" if args.told else "nothing"), features)
    people, views, counted = photographs_of(base, args)
    looked = stored_conditions(looking, views, features)

    def maker(motion: Path | None) -> PictureMaker:
        return PictureMaker(PeopleConfig(any_rotation=0.2), model, None if motion is None else read_motion(motion))

    known, lit = lit_people(maker(args.motion), Eyes.load(), 512, 7000, args.work / "known", lambda done: None)
    replayed, targets = replay_people(maker(args.seen_motion), args)
    given: Callable[[Looked], Conditions | Looked] = looking.conditions if args.learns == "denoiser" else lambda x: x
    config = AlignConfig(diversity=args.diversity, error=args.error)
    config = replace(config, fit=replace(config.fit, steps=args.steps, lr=args.lr))
    replay = Replay(given(replayed), targets.state)
    setting = Setting(
        base,
        args.told,
        scorer,
        model,
        pool,
        given(pool_looked),
        replay,
        pool_looked,
        (replayed, targets),
        config,
        args.work,
    )
    return setting, Tests(people, looked, views.K, counted, known, looked_at(lit, args.told))


def replay_people(maker: PictureMaker, args: argparse.Namespace) -> tuple[Looked, Targets]:
    """Of the people that the base's denoiser learnt from, by the command's own split, and their labels."""
    count = 512 * len(list(args.seen.glob("*.npz")))
    _, lit = lit_people(maker, Eyes.load(), count, 700, args.seen, lambda done: None)
    some = lit[split_rows(count, 0.75, 0)[1][:REPLAYED]]
    return looked_at(some, args.told), some.people.targets


def _shown(name: str, row: dict[str, Any]) -> dict[str, Any]:
    print(f"{name:30s}", *(f"{metric} {show(row[metric]['value'])};" for metric in (*_PCK, *_MM)), flush=True)
    changes = {metric: list(row[metric].values())[1] for metric in (*_PCK, *_MM)}
    print(f"{'':30s}", *(f"{metric} {show(change)};" for metric, change in changes.items()), flush=True)
    return row


if __name__ == "__main__":
    main()
