"""What numpy would believe of a pickle, and must not: pointers that are bytes of the file."""

import io
import pickle

import numpy as np
import pytest
import scipy.sparse

from hmr.untrusted.unpickle import plain, restricted_load


class Made:
    """Pickles as a call, and a state for what it makes."""

    def __init__(self, *reduced):
        self.reduced = reduced

    def __reduce__(self):
        return self.reduced


def loaded(content, protocol=4):
    return restricted_load(io.BytesIO(pickle.dumps(content, protocol=protocol)))


POINTERS = np.dtype("O")
HIDDEN = (3, "|", None, ("a",), {"a": (POINTERS, 0)}, 8, 1, 0)


@pytest.mark.parametrize(
    "content",
    [
        Made(np.dtype, ("V8", False, True), HIDDEN),
        Made(np.dtype, ("S8", False, True), HIDDEN),
        Made(np.dtype, ("f8", False, True), (3, "<", None, None, None, 800, 1, 0)),
        Made(np.dtype, ("O", False, True), (3, "|", None, None, None, -1, -1, 0)),
        Made(np.dtype, ([("a", "O")],)),
        Made(np.ndarray, ((2,), POINTERS, b"A" * 16)),
        Made(np.ndarray, ((2,),)),
    ],
    ids=["record", "fields", "size", "flags", "list of fields", "objects of bytes", "raw memory"],
)
@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_what_would_hide_a_pointer_is_refused(content, protocol):
    with pytest.raises(pickle.UnpicklingError):
        loaded(content, protocol)


def test_a_class_is_not_changed():
    wanted = b"cscipy.sparse._csr\ncsr_matrix\nN}Vcheck_format\nNs\x86b."
    with pytest.raises(Exception, match="harmless"):
        restricted_load(io.BytesIO(wanted))
    assert callable(scipy.sparse.csr_matrix.check_format)


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_arrays_of_every_plain_kind_come_back(protocol):
    arrays = {
        "f": np.linspace(0, 1, 7, dtype=np.float32), "big": np.arange(3, dtype=">i4"), "b": np.array([True, False]),
        "s": np.array([b"ab", b"c"]), "u": np.array(["street", "märz"]), "o": np.array([{"a": 1}, None], dtype=object),
        "c": np.zeros(2, complex), "empty": np.zeros((0, 3)), "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "scalar": np.float64(3.5), "t": np.array(["2026-01-01"], dtype="datetime64[D]"),
    }  # fmt: skip
    found = loaded(arrays, protocol)
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)
        assert np.asarray(found[name]).dtype.newbyteorder("=") == np.asarray(array).dtype.newbyteorder("=")


def test_a_sparse_matrix_whose_indices_point_elsewhere_is_refused():
    matrix = scipy.sparse.csr_matrix(np.eye(3))
    np.testing.assert_array_equal(plain(loaded(matrix)), np.eye(3))
    matrix.indices[1] = 1 << 20
    with pytest.raises(ValueError, match="ind"):
        plain(loaded(matrix))
