"""Preference pairs (ADHMR section 4.3): winners from the top K, losers from the bottom K, K pairs a picture."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from torch import Tensor

from hmr.body import BodyModel
from hmr.files import write_atomically
from hmr.hypotheses import Hypotheses
from hmr.pose_state import UVD_AND_TWISTS, state_from_body
from hmr.views import Views, check_same_pictures


@dataclass(frozen=True)
class PreferencePairs:
    """p pairs; no pictures inside.

    key: of the picture. winner, loser: (p, d) states in that picture's crop, packed as the generator diffuses them. margin: (p,)
    reward of the winner minus the loser's, >= 0, in the reward's unit. provenance: what judged them, which generator, seeds.
    state_kind: what the numbers of a state are (``PictureGenerator.state_kind``).
    """

    key: tuple[str, ...]
    winner: Tensor
    loser: Tensor
    margin: Tensor
    provenance: dict[str, str]
    state_kind: str = UVD_AND_TWISTS

    def __post_init__(self) -> None:
        p, d = len(self.key), self.winner.shape[-1]
        if self.winner.shape != (p, d) or self.loser.shape != (p, d) or self.margin.shape != (p,):
            raise ValueError(
                f"PreferencePairs: expected winner and loser ({p}, {d}) and margin ({p},), got "
                f"{tuple(self.winner.shape)}, {tuple(self.loser.shape)}, {tuple(self.margin.shape)}"
            )
        if bool((self.margin < 0).any()):
            raise ValueError("PreferencePairs: a margin is negative, winner and loser are swapped somewhere")
        same = (self.winner == self.loser).all(1)
        if bool(same.any()):
            raise ValueError(
                f"PreferencePairs: {int(same.sum())} of {p} pairs have a winner that is the loser, the first of picture "
                f"{self.key[int(same.nonzero()[0])]}"
            )

    def __len__(self) -> int:
        return len(self.key)


def require_made_for(pairs: PreferencePairs, source: str, size: int, body: str) -> None:
    """Raises ValueError when the pairs say that they are of another generator's candidates, crop size or body."""
    made_for = pairs.provenance
    for what, name, now in (("generator", "source", source), ("crop size", "size", str(size)), ("body", "body", body)):
        then = made_for.get(name, now)
        if then != now and (name != "source" or then.startswith("generator-")):
            raise ValueError(
                f"the pairs are of another {what} ({then}, this is {now}); make them again with `adhmr predict --data` and "
                "`adhmr pairs`, or align with --scorer"
            )


def without(pairs: PreferencePairs, keys: Collection[str]) -> PreferencePairs:
    """Those of other pictures. Raises ValueError where none are left."""
    gone = set(keys)
    rows = [i for i, key in enumerate(pairs.key) if key not in gone]
    if not rows:
        raise ValueError(
            f"all {len(pairs)} pairs are of held-out pictures; make pairs of more, or hold out fewer (--held_out)"
        )
    key = tuple(pairs.key[i] for i in rows)
    return replace(pairs, key=key, winner=pairs.winner[rows], loser=pairs.loser[rows], margin=pairs.margin[rows])


def require_state_kind(pairs: PreferencePairs, state_kind: str) -> None:
    """Raises ValueError when the pairs hold another kind of state than the generator diffuses."""
    if pairs.state_kind != state_kind:
        raise ValueError(
            f"the pairs hold states of the kind '{pairs.state_kind}', this generator diffuses '{state_kind}'; make them again "
            "with `adhmr pairs --generator` of this one, or align with --scorer"
        )


def choose_pairs(reward: Tensor, k: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Indices of winners and losers, (b, k) each: winners are a random order of the top k, losers of the bottom k.

    reward: (b, n). Raises ValueError when the two would overlap (n < 2 k).
    """
    b, n = reward.shape
    if k < 1 or n < 2 * k:
        raise ValueError(f"K = {k} pairs need at least {2 * max(k, 1)} candidates a picture, got {n}")
    order = reward.argsort(dim=1, descending=True)

    def shuffled(block: Tensor) -> Tensor:
        return block.gather(1, torch.rand(b, k, generator=generator).argsort(1))

    return shuffled(order[:, :k]), shuffled(order[:, -k:])


@dataclass(frozen=True)
class CandidateStates:
    """Candidates of b pictures as a generator diffuses them.

    key: of the pictures. packed: (b, n, d). kind: what the numbers are.
    """

    key: tuple[str, ...]
    packed: Tensor
    kind: str = UVD_AND_TWISTS

    @classmethod
    def of_bodies(cls, views: Views, hypotheses: Hypotheses, model: BodyModel) -> CandidateStates:
        """Of candidates of which only the bodies are known. Raises ValueError when they are of other pictures."""
        check_same_pictures(views, hypotheses.key)
        packed = state_from_body(hypotheses.params, model, views.K[:, None], views.size).pack()
        return cls(hypotheses.key, packed)


def pairs_of_states(
    states: CandidateStates, reward: Tensor, k: int, generator: torch.Generator, provenance: dict[str, str]
) -> PreferencePairs:
    """reward: (b, n), higher is better. Pairs of equal reward (no preference) are left out."""
    winner, loser = choose_pairs(reward, k, generator)
    margin = (reward.gather(1, winner) - reward.gather(1, loser)).flatten()
    kept = margin > 0

    def take(index: Tensor) -> Tensor:
        return states.packed.gather(1, index[..., None].expand(-1, -1, states.packed.shape[-1])).flatten(0, 1)[kept]

    keys = np.repeat(np.array(states.key), k)[kept.numpy()]
    return PreferencePairs(
        key=tuple(str(x) for x in keys),
        winner=take(winner),
        loser=take(loser),
        margin=margin[kept],
        provenance=provenance,
        state_kind=states.kind,
    )


def make_pairs(
    views: Views,
    hypotheses: Hypotheses,
    reward: Tensor,
    k: int,
    model: BodyModel,
    generator: torch.Generator,
    provenance: dict[str, str],
) -> PreferencePairs:
    """``pairs_of_states`` of candidates of which only the bodies are known."""
    return pairs_of_states(CandidateStates.of_bodies(views, hypotheses, model), reward, k, generator, provenance)


#: Where a file says of which kind its states are; older files hold the one kind that there was.
_STATE_KIND = b"adhmr.state_kind"


def save_pairs(path: Path, pairs: PreferencePairs) -> None:
    """One parquet shard; the provenance is in the file's metadata."""

    def rows(x: Tensor) -> pa.FixedSizeListArray:
        return pa.FixedSizeListArray.from_arrays(pa.array(x.flatten().numpy()), x.shape[-1])

    table = pa.table(
        {
            "key": pa.array(list(pairs.key), pa.string()),
            "winner": rows(pairs.winner),
            "loser": rows(pairs.loser),
            "margin": pa.array(pairs.margin.numpy()),
        }
    ).replace_schema_metadata({_STATE_KIND: pairs.state_kind, **{f"adhmr.{k}": v for k, v in pairs.provenance.items()}})
    with write_atomically(path) as partial:
        pq.write_table(table, partial)


def load_pairs(path: Path) -> PreferencePairs:
    """A shard, or a folder of shards. Raises ValueError naming what is missing or broken, or shards of several kinds."""
    shards = sorted(path.glob("pairs-*.parquet")) or sorted(path.glob("*.parquet")) if path.is_dir() else [path]
    if not shards:
        raise ValueError(f"{path}: expected parquet shards of pairs, the folder has none; make them with `adhmr pairs`")
    try:
        tables = [pq.read_table(shard) for shard in shards]
    except (FileNotFoundError, pa.ArrowInvalid) as error:
        raise ValueError(f"{path}: could not be read as parquet ({error})") from None
    table = pa.concat_tables([t.replace_schema_metadata(None) for t in tables])
    missing = {"key", "winner", "loser", "margin"} - set(table.column_names)
    if missing:
        raise ValueError(f"{path}: expected columns key, winner, loser, margin; missing {sorted(missing)}")
    if len(table) == 0:
        raise ValueError(f"{path}: holds no pairs; were all margins zero?")
    metadata = tables[0].schema.metadata or {}
    kinds = {(t.schema.metadata or {}).get(_STATE_KIND, UVD_AND_TWISTS.encode()).decode() for t in tables}
    if len(kinds) > 1:
        raise ValueError(f"{path}: shards hold states of several kinds, {sorted(kinds)}; keep those of one generator")

    def states(name: str) -> Tensor:
        flat = table.column(name).combine_chunks().flatten().to_numpy()
        return torch.from_numpy(flat.astype(np.float32)).unflatten(0, (len(table), -1))

    return PreferencePairs(
        key=tuple(table.column("key").to_pylist()),
        winner=states("winner"),
        loser=states("loser"),
        margin=torch.from_numpy(table.column("margin").to_numpy().astype(np.float32)),
        provenance={
            k.decode().removeprefix("adhmr."): v.decode()
            for k, v in metadata.items()
            if k.startswith(b"adhmr.") and k != _STATE_KIND
        },
        state_kind=kinds.pop(),
    )
