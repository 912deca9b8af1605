"""The loop's stages from packaged weights. Each reads files of the demo's folder and writes its own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from adhmr.commands.predict import PACKAGED_GENERATOR
from adhmr.demo.packaged.metrics import ORDER
from adhmr.demo.packaged.run import MarkedPeople, PackagedRun
from adhmr.evaluation import Judged, binary_figures, compare, judge, ranking
from adhmr.figures import Figure, bootstrap, mean, mean_figure
from adhmr.loading import estimator_folder
from adhmr.world.hidden_truth import save_hidden_truth
from adhmr.world.pseudo_labels import HiddenTruth, mixed_labels
from data_cleaning.rules import ScoredLabels, keep_by_score
from data_cleaning.threshold import break_even_threshold
from data_cleaning.write import verdict_table, write_scores
from diffusion_hmr import Generator
from dpo.align import AlignData, Replay, align
from dpo.judges import Judge, consensus_judge, pair_maker, random_judge, scorer_judge
from dpo.pairs import choose_pairs, make_pairs, save_pairs
from hmr.estimator import name_of
from hmr.files import write_json
from hmr.hypotheses import Hypotheses, save_hypotheses
from hmr.metrics import errors_of_hypotheses_mm
from hmr.networks.branch_loss import Targets
from hmr.networks.conditions import Conditions, conditions_of
from hmr.samples import Samples, save_samples
from hmr.training.run import to_one

CONTROLS = ("random_pairs", "consensus_pairs")
#: Test people who are shown in the report, in pictures.
EXAMPLES = 8
TESTS = {"target": "test-target", "source": "test-source"}


def judges(run: PackagedRun, people: MarkedPeople) -> dict[str, Judge]:
    """Who says which candidate is better, by the generator that learns from it."""
    return {
        "aligned": scorer_judge(run.scorer, run.body, run.config.align.diversity, people.seen.unlabelled()),
        "random_pairs": random_judge(),
        "consensus_pairs": consensus_judge(run.body),
    }


def make_pairs_once(run: PackagedRun) -> None:
    """Pairs of some unlabelled people into pairs/, and how often the winner is the better one in truth, whoever judges.

    Alignment draws its own from the policy as it goes; these are to look at.
    """
    people, config = run.people("target")[: run.config.pairs], run.config.align
    views, seed = people.told.unlabelled(), run.seed + 11
    source = name_of(estimator_folder(PACKAGED_GENERATOR))
    hypotheses = run.generator.propose(views, run.body, config.candidates, seed, source)
    run.progress.at(0.6)
    pve_mm = errors_of_hypotheses_mm(hypotheses.params, people.told.label, run.body)["pve"]
    right: dict[str, Figure] = {}
    for name, judged_by in judges(run, people).items():
        reward = judged_by(views, hypotheses, seed)
        told = {"judge": name, "source": source, "seed": str(seed), "size": str(views.size), "body": run.body.family}
        pairs = make_pairs(
            views, hypotheses, reward, config.pairs_per_picture, run.body, torch.Generator().manual_seed(seed), told
        )
        save_pairs(run.out / "pairs" / name / "pairs-00000.parquet", pairs)
        winner, loser = choose_pairs(reward, config.pairs_per_picture, torch.Generator().manual_seed(seed))
        better = pve_mm.gather(1, winner) < pve_mm.gather(1, loser)
        right[name] = mean_figure(better.double().mean(1).numpy())
    write_json(run.out / "pairs" / "figures.json", right)


def _finetune(run: PackagedRun, names: tuple[str, ...]) -> None:
    """Alignment runs on the unlabelled people, with exact labels of the source replayed; one checkpoint for each name."""
    todo = [name for name in names if not (run.out / f"generator-{name}" / "config.json").exists()]
    people, config = run.people("target"), run.config.align
    views, seen = people.told.unlabelled(), conditions_of(run.generator.branch, people.told)
    source = run.people("source").told
    replay = Replay(conditions_of(run.generator.branch, source), Targets.of(source, run.body).state)
    for name in todo:
        generator = Generator.from_pretrained(PACKAGED_GENERATOR)
        low, high = names.index(name) / len(names), (names.index(name) + 1) / len(names)
        curve = f"align-{name}"
        training = replace(run.training(curve), seed=run.seed + 31, reports=to_one(run.report(curve, low, high)))
        pairs = pair_maker(views, seen, judges(run, people)[name], run.body, config, name)
        align(generator, AlignData(views.key, seen, replay), pairs, config, training)
        generator.save_pretrained(run.out / f"generator-{name}")


def align_generator(run: PackagedRun) -> None:
    """Diffusion-DPO on the packaged scorer's preferences."""
    _finetune(run, ("aligned",))


def align_controls(run: PackagedRun) -> None:
    """The same budget on random pairs and on the crowd's pairs."""
    _finetune(run, CONTROLS)


def clean_labels(run: PackagedRun) -> None:
    """Keep or drop each pseudo-label; the threshold comes from other labels of the kind, that somebody checked.

    By how far the scorer says that they are off across the picture: what it is told says little of their depth.
    """
    checked, known = _pseudo_labels(run, "checked")
    threshold = break_even_threshold(-_across_the_picture(run, checked).score, known.gross)
    run.progress.at(0.3)
    samples, hidden = _pseudo_labels(run, "to-clean")
    verdicts = keep_by_score(_across_the_picture(run, samples), -threshold)
    write_scores(run.out / "cleaning", verdict_table(verdicts))
    save_hidden_truth(run.out / "cleaning" / "hidden-truth.npz", hidden)
    kept = np.array([v.keep for v in verdicts])
    figures = {
        **binary_figures(kept, hidden.gross),
        # Whoever drops as many labels blindly is right as often as labels are wrong, and finds that share of the errors.
        "precision_by_chance": bootstrap(mean, hidden.gross.astype(float)),
        "recall_by_chance": bootstrap(mean, (~kept).astype(float)),
    }
    write_json(run.out / "cleaning" / "figures.json", {"figures": figures, "most_mm": threshold})


def _across_the_picture(run: PackagedRun, samples: Samples) -> ScoredLabels:
    """Labels with displacements across the picture alone; score: the mean of them over a body's keypoints, negative."""
    labels = Hypotheses(samples.key, samples.label.reshape_batch(len(samples), 1), run.body.family, "label", 0)
    scores = run.scorer.score(samples, labels, run.body)
    assert scores.in_plane_mm is not None
    off_mm = scores.in_plane_mm[:, 0].numpy()
    expected, gross = (column[:, 0].numpy() for column in (scores.expected_error_mm, scores.gross_probability))
    return ScoredLabels(samples.key, -off_mm.mean(-1), expected, gross, off_mm)


def _pseudo_labels(run: PackagedRun, name: str) -> tuple[Samples, HiddenTruth]:
    """At the scorer's size: small errors in all, gross ones in some; and the truth."""
    return mixed_labels(run.people(name).seen, run.seed_of(name), run.body)


def evaluate_all(run: PackagedRun) -> None:
    """Every generator on held-out people of both worlds, and how well the scorer orders the base's candidates."""
    blocks, scorer = {}, {}
    for place, (domain, name) in enumerate(TESTS.items()):
        people = run.people(name)
        seen = conditions_of(run.generator.branch, people.told)
        judged: dict[str, Judged] = {}
        for number, generator in enumerate(ORDER):
            hypotheses = _candidates(run, generator, people, seen)
            score = run.scorer.score(people.seen, hypotheses, run.body).value
            judged[generator] = _without_zero_noise(judge(hypotheses, None, people.told, score, run.body))
            if generator == "base":
                scorer[domain] = ranking(hypotheses, people.told, score, run.body).figures()
            save_hypotheses(run.out / "evaluation" / f"{generator}-{domain}.npz", hypotheses, people.told)
            run.progress.at((place * len(ORDER) + number + 1) / (len(TESTS) * len(ORDER)))
        blocks[domain] = compare(judged)
    save_samples(run.out / "data" / "examples", run.people("test-target", pictured=EXAMPLES).seen)
    write_json(
        run.out / "evaluation" / "figures.json",
        {
            "generators": {g: {d: blocks[d]["generators"][g] for d in TESTS} for g in ORDER},
            "change": {g: {d: blocks[d]["change"][g] for d in TESTS} for g in ORDER[1:]},
            "scorer": scorer,
        },
    )


def _without_zero_noise(judged: Judged) -> Judged:
    """Nobody starts a sampler at zeros here."""
    return Judged({key: column for key, column in judged.columns.items() if not key.startswith("zero_noise")})


def _candidates(run: PackagedRun, name: str, people: MarkedPeople, seen: Conditions) -> Hypotheses:
    """Of one generator; the same random numbers for all."""
    folder = estimator_folder(PACKAGED_GENERATOR) if name == "base" else run.out / f"generator-{name}"
    generator, seed = Generator.from_pretrained(folder), run.seed + 41
    params = generator.sample_bodies(seen, people.told.K, run.body, run.config.candidates, seed)
    return Hypotheses(people.told.key, params, run.body.family, name_of(folder), seed)
