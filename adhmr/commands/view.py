"""Look at a run of `adhmr predict --images`, or at two side by side: adhmr view RUN [OTHER_RUN].

The photographs with all bodies that were proposed, coloured by score, and how far they disagree: on a page that is served here
(needs `pip install "adhmr[view]"`), or with --export as one html file that needs nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from adhmr.option_types import BodyModelType

#: What may be given without its name, in this order.
POSITIONAL = ("run", "other_run")


@dataclass(frozen=True)
class Options:
    """
    Args:
        run: folder that predict wrote
        other_run: another such folder of the same photographs, shown beside it
        images: folder of the photographs; without it where they were predicted from
        export: an html file to write; nothing is served then
        port: of the page that is served
        host: who may look: localhost, or 0.0.0.0 for everybody in the network (there is no password)
        body_model: file (or folder) of the SMPL-family model that the bodies are of; not needed for the free body
        body_model_type: auto (what the file is), smpl, smplh or smplx
        most_photographs: photographs in an exported page, the first ones; a page with many is large
        most_people: people shown of each photograph
        most_candidates: candidates shown of each person, the best ones
    """

    run: Path
    other_run: Path | None = None
    images: Path | None = None
    export: Path | None = None
    port: int = 8080
    host: str = "localhost"
    body_model: Path | None = None
    body_model_type: BodyModelType = "auto"
    most_photographs: int = 20
    most_people: int = 10
    most_candidates: int = 20


def run(options: Options) -> None:
    from adhmr.progress import console
    from adhmr.view.compare import Comparison
    from adhmr.view.read_run import BodyFile, Limits, open_run

    if options.most_photographs < 1:
        raise ValueError(f"expected --most_photographs of at least 1, got {options.most_photographs}")
    if not 0 <= options.port < 65536:
        raise ValueError(f"expected a port from 0 (any that is free) to 65535, got {options.port}")
    limits = Limits(options.most_people, options.most_candidates)
    folders = [options.run] if options.other_run is None else [options.run, options.other_run]
    body = BodyFile(options.body_model, options.body_model_type)
    runs = Comparison(tuple(open_run(folder, options.images, body) for folder in folders), limits)
    if options.export is None:
        from adhmr.view.serve import serve_until_stopped

        serve_until_stopped(runs, options.host, options.port)
        return
    from adhmr.view.build import write_page

    written = write_page(runs, options.export, options.most_photographs)
    console.print(
        f"{written} of {len(runs.names)} photographs in {options.export}; open it in a browser", highlight=False
    )
    if written < len(runs.names):
        console.print("the others are left out; --most_photographs takes more", highlight=False)
