"""Two runs over the same photographs, without networks."""

import pytest
from run_folder import MadeUp, make_run

#: A file's name is a stranger's text.
HOSTILE = "street/<img src=x onerror=document.title='ran'><script>ran=1<&lt;.jpg".replace("</", "<")


@pytest.fixture(scope="session")
def runs(tmp_path_factory):
    """Folder with images, base and aligned; the aligned run did not see the second photograph."""
    folder = tmp_path_factory.mktemp("runs")
    names = ["two people.jpg", HOSTILE]
    make_run(folder / "base", folder / "images", names, MadeUp(sigma=0.15))
    make_run(folder / "aligned", folder / "images", names[:1], MadeUp(sigma=0.05, seed=1))
    return folder


@pytest.fixture(scope="session")
def comparison(runs):
    from adhmr.view.compare import Comparison
    from adhmr.view.read_run import BodyFile, Limits, open_run

    folders = (runs / "base", runs / "aligned")
    return Comparison(tuple(open_run(folder, None, BodyFile()) for folder in folders), Limits())
