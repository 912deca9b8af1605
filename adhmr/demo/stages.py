"""The demo's stages. Each reads files of the demo's folder and writes its own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from adhmr.demo.run import DemoRun
from adhmr.evaluation import (
    Judged,
    Sampling,
    average,
    base_figures,
    binary_figures,
    calibration_figures,
    judge,
    part_figures,
    ranking,
    sampled,
)
from adhmr.figures import Figure, mean_figure
from adhmr.world.domains import DOMAINS
from adhmr.world.hidden_truth import load_hidden_truth, save_hidden_truth
from adhmr.world.make import make_samples
from adhmr.world.pseudo_labels import Bias, biased_labels, mixed_labels
from data_cleaning.rules import keep_unless_gross
from data_cleaning.score import score_labels
from data_cleaning.threshold import break_even_threshold
from data_cleaning.write import write_verdicts
from diffusion_hmr import Generator, GeneratorConfig
from diffusion_hmr.train import train_generator
from dpo.align import AlignData, Replay, align
from dpo.judges import Judge, consensus_judge, pair_maker, random_judge, scorer_judge
from hmr.displacement import GROSS_MM, uvd_of, worst_displacement_mm
from hmr.estimator import name_of
from hmr.files import write_atomically, write_json
from hmr.hypotheses import Hypotheses, load_hypotheses, save_hypotheses
from hmr.metrics import errors_of_hypotheses_mm
from hmr.networks.branch_loss import Targets
from hmr.networks.conditions import Conditions, conditions_of
from hmr.samples import Samples, load_views, save_samples, save_views
from hmr.training.run import TrainingRun, to_one
from regressors import Regressor, RegressorConfig
from regressors.regressor import train_regressor_head
from scorer import Scorer, ScorerConfig
from scorer.candidates import CandidateSets, candidate_sets, noised_truth
from scorer.scorer import BlindScorer
from scorer.train import calibrate, train_blind_scorer, train_scorer

TEST_DOMAINS = ("source", "target", "target_ambiguous")
CONTROLS = ("random_pairs", "consensus_pairs", "sft")
GENERATORS = ("base", "aligned", *CONTROLS)


def make_data(run: DemoRun) -> None:
    """Every picture of the demo. Sets differ in their seeds, so no picture is in two of them."""
    sizes, size, body = run.config.data, run.config.size, run.body
    seeds = iter(range(1000 * run.seed, 1000 * run.seed + 1000))

    def make(domain: str, count: int, prefix: str) -> Samples:
        return make_samples(DOMAINS[domain], count, size, next(seeds), body, prefix)

    def save(name: str, samples: Samples) -> None:
        save_samples(run.out / "data" / name, samples)

    save("source", make("source", sizes.source, "source"))
    run.progress.at(0.3)
    half = sizes.wild // 2
    wild = Samples.cat([make("target", half, "wild-a"), make("target_ambiguous", sizes.wild - half, "wild-b")])
    save("wild", biased_labels(wild, next(seeds), Bias()))
    run.progress.at(0.5)
    save("rendered", make("rendered", sizes.rendered, "rendered"))
    run.progress.at(0.7)
    few = sizes.judged // 4
    judged = [make("source", few, "judged-a"), make("rendered", sizes.judged - few, "judged-b")]
    save("judged", Samples.cat(judged))
    save_views(run.out / "data" / "target", make("target", sizes.target, "target").unlabelled())
    save("calibration", make("rendered", sizes.calibration, "calibration"))
    labelled, truth = mixed_labels(make("target", sizes.checked, "checked"), next(seeds), body)
    save("checked", labelled)
    save_hidden_truth(run.out / "data" / "checked" / "hidden-truth.npz", truth)
    seeds = iter(
        range(1_000_000 + 1000 * run.seed, 1_001_000 + 1000 * run.seed)
    )  # apart from all that recipes were chosen on
    for domain in TEST_DOMAINS:
        count = sizes.test_target if domain == "target" else sizes.test
        save(f"test-{domain}", make(domain, count, f"test-{domain}"))
    labelled, truth = mixed_labels(make("target", sizes.to_clean, "to-clean"), next(seeds), body)
    save("to-clean", labelled)
    save_hidden_truth(run.out / "data" / "to-clean" / "hidden-truth.npz", truth)


def train_base(run: DemoRun) -> None:
    """The base generator: exact labels of the source domain and biased pseudo-labels of in-the-wild-like pictures."""
    samples = Samples.cat([run.samples("source"), run.samples("wild")])
    generator, held_back, conditions = train_generator(
        GeneratorConfig(size=run.config.size),
        run.config.generator,
        samples,
        run.body,
        run.training("generator", {"branch": (0.0, 0.65), "denoiser": (0.65, 1.0)}),
    )
    save_conditions(run, "held-back", held_back, conditions)
    generator.save_pretrained(run.out / "generator-base")


def save_conditions(run: DemoRun, name: str, rows: torch.Tensor, conditions: Conditions) -> None:
    path = run.out / "cache" / f"{name}.safetensors"
    with write_atomically(path) as partial:
        save_file({"rows": rows, **{k: v.contiguous() for k, v in vars(conditions).items()}}, partial)


def load_conditions(run: DemoRun, name: str) -> tuple[torch.Tensor, Conditions]:
    """Rows of source and wild together, and the base's conditions of those pictures."""
    arrays = load_file(run.out / "cache" / f"{name}.safetensors")
    return arrays.pop("rows"), Conditions(**arrays)


def train_regressor(run: DemoRun) -> None:
    """The deterministic opponent: the base's own image branch, the same transformer, the same steps."""
    generator = Generator.from_pretrained(run.out / "generator-base")
    rows, conditions = load_conditions(run, "held-back")
    samples = Samples.cat([run.samples("source"), run.samples("wild")])[rows]
    torch.manual_seed(run.seed)
    config = generator.config
    regressor = Regressor(RegressorConfig(size=config.size, branch=config.branch, head=config.denoiser))
    regressor.branch.load_state_dict(generator.branch.state_dict())
    train_regressor_head(
        regressor, conditions, Targets.of(samples, run.body).state,
        run.config.generator.denoiser, run.training("regressor"),
    )  # fmt: skip
    regressor.save_pretrained(run.out / "regressor")


def make_candidates(run: DemoRun) -> None:
    """The base's own samples on exactly labelled pictures: the scorer's hard cases, through a file."""
    generator = Generator.from_pretrained(run.out / "generator-base")
    judged = run.samples("judged")
    chosen = torch.randperm(len(judged), generator=torch.Generator().manual_seed(run.seed))[
        : run.config.judged_pictures
    ]
    source = name_of(run.out / "generator-base")
    hypotheses = generator.propose(judged[chosen], run.body, run.config.training_candidates, run.seed + 11, source)
    save_hypotheses(run.out / "candidates" / "training.npz", hypotheses, judged[chosen])
    run.progress.at(0.8)
    held_out = run.samples("calibration")
    hypotheses = generator.propose(held_out, run.body, run.config.candidates, run.seed + 12, source)
    save_hypotheses(run.out / "candidates" / "calibration.npz", hypotheses, held_out)


def train_judges(run: DemoRun) -> None:
    """HMR-Scorer on exact labels, and its ablation that does not see the picture."""
    config, body = run.config, run.body
    judged = run.samples("judged")
    exact = Samples.cat([run.samples("source"), run.samples("rendered"), judged])
    noised = noised_truth(judged, config.training_candidates, run.seed + 21, small=0.5, gross=0.35)
    own = load_hypotheses(run.out / "candidates" / "training.npz")
    sets = CandidateSets.cat(
        [candidate_sets(exact, noised, body, from_generator=False), candidate_sets(exact, own, body)]
    )
    scorer = train_scorer(
        ScorerConfig(size=config.size),
        config.scorer,
        exact,
        sets,
        body,
        replace(run.training("scorer", {"branch": (0.1, 0.5), "ranking": (0.5, 0.9)}), seed=run.seed + 1),
        run.out / "generator-base",
    )
    held_out = run.samples("calibration")
    labels = noised_truth(held_out, 4, run.seed + 22, small=0.5, gross=0.35)
    calibrate(scorer, held_out, load_hypotheses(run.out / "candidates" / "calibration.npz"), labels, body)
    torch.manual_seed(run.seed + 2)
    blind = BlindScorer(scorer.config)
    blind_run = TrainingRun(run.seed + 2, to_one(run.report("scorer-no-image", 0.9, 1.0)))
    train_blind_scorer(blind, sets, config.scorer, blind_run)
    with write_atomically(run.out / "scorer-no-image.safetensors") as partial:
        save_file(blind.state_dict(), partial)
    scorer.save_pretrained(run.out / "scorer")


def load_blind_scorer(run: DemoRun, scorer: Scorer) -> BlindScorer:
    blind = BlindScorer(scorer.config)
    blind.load_state_dict(load_file(run.out / "scorer-no-image.safetensors"))
    return blind


def folder_name(name: str, repeat: int) -> str:
    """Checkpoint folder of a generator; repeats are finetuning seeds, the first has the plain name."""
    return f"generator-{name}" if repeat == 0 else f"generator-{name}-seed{repeat}"


def _finetune(run: DemoRun, name: str, repeat: int, low: float, high: float) -> None:
    """One alignment run on the unlabelled target pictures, with exact source labels replayed; ``name`` of GENERATORS."""
    folder = run.out / folder_name(name, repeat)
    if (folder / "config.json").exists():
        return
    generator = Generator.from_pretrained(run.out / "generator-base")
    scorer = Scorer.from_pretrained(run.out / "scorer")
    body, unlabelled = run.body, load_views(run.out / "data" / "target")
    config = replace(run.config.align, loss_type=("sft",)) if name == "sft" else run.config.align
    judges: dict[str, Judge] = {
        "aligned": scorer_judge(scorer, body, config.diversity),
        "sft": scorer_judge(scorer, body, config.diversity),
        "random_pairs": random_judge(),
        "consensus_pairs": consensus_judge(body),
    }
    conditions = conditions_of(generator.branch, unlabelled)
    rows, seen = load_conditions(run, "held-back")
    source = run.samples("source")
    exact = rows < len(source)
    replay = Replay(seen[exact], Targets.of(source[rows[exact]], body).state)
    curve = folder_name(name, repeat).replace("generator", "align")
    align(
        generator,
        AlignData(unlabelled.key, conditions, replay),
        pair_maker(unlabelled, conditions, judges[name], body, config, name),
        config,
        TrainingRun(run.seed + 31 + 1000 * repeat, to_one(run.report(curve, low, high)), run.state(curve)),
    )
    generator.save_pretrained(folder)


def align_generator(run: DemoRun) -> None:
    """Diffusion-DPO on the scorer's preferences."""
    for repeat in range(run.config.seeds):
        _finetune(run, "aligned", repeat, repeat / run.config.seeds, (repeat + 1) / run.config.seeds)


def align_controls(run: DemoRun) -> None:
    """The same budget on random pairs, on the crowd's pairs, and supervised on the winners."""
    todo = [(name, repeat) for repeat in range(run.config.seeds) for name in CONTROLS]
    for i, (name, repeat) in enumerate(todo):
        _finetune(run, name, repeat, i / len(todo), (i + 1) / len(todo))


def clean_labels(run: DemoRun) -> None:
    """Keep or drop each pseudo-label; the threshold comes from other labels of the kind, that somebody checked."""
    scorer = Scorer.from_pretrained(run.out / "scorer")
    checked, samples = run.samples("checked"), run.samples("to-clean")
    truth = load_hidden_truth(run.out / "data" / "checked" / "hidden-truth.npz")
    threshold = break_even_threshold(score_labels(scorer, checked, run.body).gross_probability, truth.gross)
    scored = score_labels(scorer, samples, run.body)
    verdicts = keep_unless_gross(scored, threshold)
    write_verdicts(run.out / "cleaning", verdicts, samples)
    kept = np.array([v.keep for v in verdicts])
    hidden = load_hidden_truth(run.out / "data" / "to-clean" / "hidden-truth.npz")
    off = worst_displacement_mm(samples, hidden.label, run.body) > GROSS_MM
    figures = binary_figures(kept, hidden.gross)
    figures["brier_score"] = mean_figure((scored.gross_probability - off) ** 2)
    write_json(run.out / "cleaning" / "figures.json", {"figures": figures, "max_gross_probability": threshold})


def evaluate_all(run: DemoRun) -> None:
    """Every generator on every test set, the scorer on noised truths and on the base's samples."""
    scorer = Scorer.from_pretrained(run.out / "scorer")
    blind = load_blind_scorer(run, scorer)
    repeats = {name: 1 if name == "base" else run.config.seeds for name in GENERATORS}
    judged: dict[str, dict[str, list[Judged]]] = {name: {} for name in (*GENERATORS, "regressor")}
    rankings: dict[str, dict[str, dict[str, Figure]]] = {"scorer": {}, "scorer_no_image": {}}
    calibrations: dict[str, dict[str, Figure]] = {}
    parts: dict[str, dict[str, Figure]] = {}
    done, total = 0, len(TEST_DOMAINS) * (sum(repeats.values()) + 2)
    for domain in TEST_DOMAINS:
        truth = run.samples(f"test-{domain}")
        conditions = conditions_of(Generator.from_pretrained(run.out / "generator-base").branch, truth)
        for name in GENERATORS:
            judged[name][domain] = []
            for repeat in range(repeats[name]):
                judged[name][domain].append(_evaluate(run, name, repeat, domain, truth, conditions, scorer))
                done += 1
                run.progress.at(done / total)
        judged["regressor"][domain] = [_evaluate_regressor(run, truth, conditions)]
        base = load_hypotheses(run.out / "evaluation" / f"base-{domain}.npz")
        noised = noised_truth(truth, run.config.candidates, run.seed + 42)
        for kind, candidates, plain in (("noised_truth", noised, "source"), ("generator_samples", base, "target")):
            block = kind if domain == plain else f"{kind}_{domain}"
            scores = scorer.score(truth, candidates, run.body)
            uvd = uvd_of(candidates.params, truth.K, truth.size, run.body)
            rankings["scorer"][block] = ranking(candidates, truth, scores.value, run.body).figures()
            error = errors_of_hypotheses_mm(candidates.params, truth.label, run.body)["pve"]
            calibrations[block] = calibration_figures(scores, error.numpy())
            parts[block] = part_figures(scores, candidate_sets(truth, candidates, run.body).displacement_mm.numpy())
            rankings["scorer_no_image"][block] = ranking(candidates, truth, blind.score_uvd(uvd), run.body).figures()
        done += 2
        run.progress.at(done / total)
    check_base(run)
    mean = {name: {d: average(repeated) for d, repeated in by.items()} for name, by in judged.items()}
    finetuned = [name for name in judged if name != "base"]
    write_json(
        run.out / "evaluation" / "figures.json",
        {
            "generators": {n: {d: j.figures() for d, j in by.items()} for n, by in mean.items()},
            "change": {n: {d: j.change_percent(mean["base"][d]) for d, j in mean[n].items()} for n in finetuned},
            "change_by_seed": {
                n: {d: [j.change_percent(mean["base"][d]) for j in repeated] for d, repeated in judged[n].items()}
                for n in finetuned
            },
            **rankings,
            "calibration": calibrations,
            "scorer_parts": parts,
        },
    )


def _evaluate(
    run: DemoRun, name: str, repeat: int, domain: str, truth: Samples, conditions: Conditions, scorer: Scorer
) -> Judged:
    """One generator on one test set; its hypotheses are kept in a file."""
    folder, seed = run.out / folder_name(name, repeat), run.seed + 41
    generator = Generator.from_pretrained(folder)
    sampling = Sampling(run.config.candidates, seed)
    hypotheses, zero = sampled(generator, conditions, truth, run.body, sampling, name_of(folder))
    if repeat == 0:
        save_hypotheses(run.out / "evaluation" / f"{name}-{domain}.npz", hypotheses, truth)
    return judge(hypotheses, zero, truth, scorer.score(truth, hypotheses, run.body).value, run.body)


def _evaluate_regressor(run: DemoRun, truth: Samples, conditions: Conditions) -> Judged:
    regressor = Regressor.from_pretrained(run.out / "regressor")
    bodies = regressor.bodies(conditions, truth.K, run.body).reshape_batch(len(truth), 1)
    hypotheses = Hypotheses(truth.key, bodies, run.body.family, "regressor", 0)
    return judge(hypotheses, None, truth, torch.zeros(len(truth), 1), run.body)


def check_base(run: DemoRun, pictures: int = 128, candidates: int = 64) -> None:
    """Is the base sound on its source domain? With many samples: the mean of ten still carries a tenth of their variance."""
    base, regressor = (
        Generator.from_pretrained(run.out / "generator-base"),
        Regressor.from_pretrained(run.out / "regressor"),
    )
    truth = run.samples("test-source")[:pictures]
    conditions = conditions_of(base.branch, truth)
    params = base.sample_bodies(conditions, truth.K, run.body, candidates, run.seed + 43)
    bodies = regressor.bodies(conditions, truth.K, run.body)
    write_json(run.out / "evaluation" / "base-check.json", base_figures(params, bodies, truth, run.body))
