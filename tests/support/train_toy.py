"""One of several processes that train the toy of test_fit.py; writes its curve to the folder that it is given. Further arguments:
whether its parameters are dealt out, and at which steps it is stopped and goes on."""

import json
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "hmr" / "training"))

import torch
from test_fit import train_toy

losses: list[float] = []
states = Path(sys.argv[1], "states")
model = None
for stop in [*map(int, sys.argv[3:]), None]:
    model = train_toy(
        folder=states, report=lambda step, steps, values: losses.append(values["loss"]), shard=sys.argv[2:3] == ["shard"],
        stop_at=stop,
    )[1]  # fmt: skip
assert model is not None
torch.save(model.state_dict(), Path(sys.argv[1], f"weights-{os.environ['RANK']}.pt"))
Path(sys.argv[1], f"curve-{os.environ['RANK']}.json").write_text(json.dumps(losses))
