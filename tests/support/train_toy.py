"""One of several processes that train the toy of test_fit.py; writes its curve to the folder that it is given."""

import json
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "networks"))

from test_fit import train_toy

losses: list[float] = []
train_toy(report=lambda step, steps, values: losses.append(values["loss"]))
Path(sys.argv[1], f"curve-{os.environ['RANK']}.json").write_text(json.dumps(losses))
