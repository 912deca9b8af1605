"""SAM 3D Body's annotations, .parquet: a row for each person."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hmr.files import write_atomically
from hmr.formats.labels.label_file import ParameterModel, copy_whole
from hmr.formats.labels.sam_3d_body import sam_3d_body
from hmr.formats.person_candidate import ROW_ERRORS, PersonCandidate, Unreadable, reason_of
from hmr.photographs.folder import PictureSource


@dataclass
class ParquetFile:
    path: Path
    format_name: str = "SAM 3D Body"

    @cached_property
    def _opened(self) -> pq.ParquetFile:
        """Raises ValueError naming the file."""
        try:
            opened = pq.ParquetFile(self.path)
        except (pa.ArrowInvalid, OSError) as error:
            raise ValueError(f"{self.path}: could not be read as parquet ({error})") from None
        if missing := {"keypoints_2d", "keypoints_3d"} - set(opened.schema_arrow.names):
            raise ValueError(f"{self.path}: the columns {sorted(missing)} of SAM 3D Body's annotations are missing")
        return opened

    @property
    def rows(self) -> tuple[str, ...]:
        return tuple(str(i) for i in range(self._opened.metadata.num_rows))

    def write(self, keep: np.ndarray, out: Path) -> None:
        """Row group by row group, with the schema, its metadata and the compression of the original."""
        if keep.all():
            return copy_whole(self.path, out)
        meta = self._opened.metadata
        codec = meta.row_group(0).column(0).compression.lower() if meta.num_row_groups else "none"
        start = 0
        with (
            write_atomically(out) as partial,
            pq.ParquetWriter(
                partial, self._opened.schema_arrow, compression="none" if codec == "uncompressed" else codec
            ) as writer,
        ):
            for group in range(meta.num_row_groups):
                table = self._opened.read_row_group(group)
                kept = table.filter(pa.array(keep[start : start + len(table)]))
                start += len(table)
                if len(kept):
                    writer.write_table(kept)
        return None

    def bodies(
        self, start: int, stop: int, photographs: PictureSource, body: ParameterModel
    ) -> Iterator[PersonCandidate | Unreadable]:
        """2D keypoints with the depths of the 3D ones, 20 of our 29, under cam_int (else the photograph's diagonal)."""
        del body
        first = 0
        for group in range(self._opened.metadata.num_row_groups):
            count = self._opened.metadata.row_group(group).num_rows
            if first < stop and first + count > start:
                low = max(start - first, 0)
                for i, row in enumerate(
                    self._opened.read_row_group(group).slice(low, min(stop - first, count) - low).to_pylist()
                ):
                    yield self._label(row, f"{self.path}, row {first + low + i}", photographs)
            first += count

    def _label(self, row: dict[str, Any], where: str, photographs: PictureSource) -> PersonCandidate | Unreadable:
        try:
            if row.get("mhr_valid") is False:
                raise ValueError("its fit is not valid (mhr_valid is false)")
            image = photographs.named(str(row["image"]))
            return sam_3d_body(row["keypoints_2d"], row["keypoints_3d"], row.get("cam_int"), image, where, photographs)
        except ROW_ERRORS as error:
            return Unreadable(where, reason_of(error))
