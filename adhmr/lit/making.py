"""The stages of a training in which people are made, pictured and looked at; each goes on where it was stopped."""

from __future__ import annotations

from dataclasses import dataclass

from adhmr.lit.people import PictureMaker, lit_people
from adhmr.training_job import TrainingJob
from adhmr.world.people import People
from hmr.detection.eyes import Eyes
from hmr.training.config import DetectorNoise
from hmr.training.lit_people import LitPeople
from hmr.training.prompted_people import PromptedPeople

#: People that are looked at in a second, roughly: what a stage costs.
SEEN_PER_SECOND = 9.0


@dataclass(frozen=True)
class Making:
    """Who makes people, and who looks at them."""

    maker: PictureMaker
    eyes: Eyes

    def seen(self, job: TrainingJob, stage: str, count: int, seed: int) -> tuple[People, LitPeople]:
        """As a stage of the job, kept in its folder."""
        job.progress.start(stage)
        folder = job.unfinished / stage.replace(" ", "-")
        both = lit_people(self.maker, self.eyes, count, seed, folder, job.progress.at)
        job.progress.finish()
        return both

    def unseen(self, count: int, seed: int) -> PromptedPeople:
        """Of whom there is no picture: a second makes thousands."""
        people = self.maker.people(count, seed)
        return PromptedPeople.of(people.uv, people.inside, people.K, people.label, self.maker.body, DetectorNoise())
