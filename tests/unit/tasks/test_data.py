"""Data files: found, checked, downloaded, read."""

import gzip
import hashlib
import io
import tarfile
import urllib.error
import urllib.request

import numpy as np
import pytest
import torch
from PIL import Image

from codesign.tasks.contract import DataSettings
from codesign.tasks.digits.mnist import read_idx
from codesign.tasks.objects import cifar10
from codesign.tasks.objects.cifar10 import CIFAR10_RECORD, decode_jpegs, read_cifar10_archive
from codesign.tasks.remote import (
    DataError,
    RemoteFile,
    _HttpsOnly,
    download,
    kept,
    locate,
    noted,
    open_https,
)

CONTENT = b"one small data set"
PLAIN = RemoteFile(
    name="a.bin",
    folder="set",
    url="https://example.org/a.bin",
    size=len(CONTENT),
    sha256=hashlib.sha256(CONTENT).hexdigest(),
)
ZIPPED = RemoteFile(
    name="a.gz",
    folder="set",
    url="https://example.org/a.gz",
    size=200,
    sha256=hashlib.sha256(CONTENT).hexdigest(),
    content_size=len(CONTENT),
)


def settings(**given):
    return DataSettings(source="mnist", validation_fraction=0.1, seed=0, options={}, **given)


def serving(content):
    return lambda _url: io.BytesIO(content)


def unreachable(_url):
    raise urllib.error.URLError("no route to host")


def stored(folder, content, name="a.bin"):
    path = folder / "set" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    return path


def test_the_mirror_comes_before_the_download(tmp_path):
    """Nothing is fetched where a good copy lies in the mirror."""
    path = stored(tmp_path, CONTENT)
    given = settings(mirror=tmp_path, cache=tmp_path / "cache")
    assert locate(PLAIN, given, opener=unreachable) == (path, "mirror")


def test_a_spoilt_mirror_file_is_named_with_both_digests_and_left_alone(tmp_path):
    """It is someone else's file; a download does not paper over it."""
    path = stored(tmp_path, b"something else")
    found = hashlib.sha256(b"something else").hexdigest()
    given = settings(mirror=tmp_path, cache=tmp_path / "cache")
    with pytest.raises(DataError, match=rf"a\.bin.*expected sha256 {PLAIN.sha256}, found {found}"):
        locate(PLAIN, given, opener=serving(CONTENT))
    assert path.is_file()


def test_a_download_is_kept_in_the_cache_and_found_there(tmp_path):
    """The second time needs no network, and nothing but the file is left."""
    given = settings(cache=tmp_path)
    path, source = locate(PLAIN, given, opener=serving(CONTENT))
    assert (path, source) == (tmp_path / "set" / "a.bin", "download")
    assert locate(PLAIN, given, opener=unreachable) == (path, source)
    assert list(path.parent.iterdir()) == [path] and path.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        pytest.param(b"one smaII data set", "expected sha256 .* found", id="changed"),
        pytest.param(CONTENT[:-1], "expected sha256 .* found", id="truncated"),
        pytest.param(CONTENT + b"!", "more than the 18 bytes", id="too-long"),
    ],
)
def test_a_wrong_download_is_an_error_and_removed(tmp_path, sent, words):
    """Neither the file nor a temporary one stays."""
    with pytest.raises(DataError, match=words):
        locate(PLAIN, settings(cache=tmp_path), opener=serving(sent))
    assert not list((tmp_path / "set").iterdir())


def test_a_download_that_breaks_off_is_removed(tmp_path):
    """The message says what to do without a network."""

    class Breaking(io.BytesIO):
        def read(self, *_):
            raise ConnectionResetError("peer")

    with pytest.raises(DataError, match=r"cannot be fetched .*mirror.*source that needs none"):
        locate(PLAIN, settings(cache=tmp_path), opener=lambda _url: Breaking())
    assert not list((tmp_path / "set").iterdir())


def test_a_download_spoilt_in_the_cache_is_removed(tmp_path):
    """The next run fetches it again."""
    path = stored(tmp_path, b"rotten")
    with pytest.raises(DataError, match=r"a\.bin.*expected.*found.*was removed"):
        locate(PLAIN, settings(cache=tmp_path), opener=unreachable)
    assert not path.exists()


def test_without_mirror_and_cache_the_error_says_what_to_do(tmp_path):
    """Embedded data never stand in silently."""
    with pytest.raises(DataError, match=r"a\.bin.*cache folder.*set/.*source that needs none"):
        locate(PLAIN, settings(mirror=tmp_path))


@pytest.mark.parametrize("level", [1, 9])
def test_a_gzip_file_is_known_by_its_content(tmp_path, level):
    """Copies of one set differ in how they were compressed."""
    path = stored(tmp_path, gzip.compress(CONTENT, level), "a.gz")
    assert locate(ZIPPED, settings(mirror=tmp_path)) == (path, "mirror")


@pytest.mark.parametrize(
    "written",
    [
        pytest.param(gzip.compress(CONTENT + b" and more"), id="longer-content"),
        pytest.param(gzip.compress(CONTENT)[:-6], id="truncated"),
        pytest.param(CONTENT, id="not-gzip"),
    ],
)
def test_a_gzip_file_of_other_content_is_refused(tmp_path, written):
    """File, expected and found digest are in the message."""
    stored(tmp_path, written, "a.gz")
    with pytest.raises(DataError, match=rf"a\.gz.*{ZIPPED.sha256}.*found"):
        locate(ZIPPED, settings(mirror=tmp_path))


@pytest.mark.parametrize("url", ["http://example.org/a", "file:///etc/hostname", "ftp://example.org/a"])
def test_only_https_is_opened(url):
    """No other scheme, not even for a local file."""
    with pytest.raises(DataError, match="https only"):
        open_https(url)


def test_a_redirect_to_plain_http_is_refused():
    """A redirect is opened by the same rule."""
    request = urllib.request.Request("https://example.org/a")
    with pytest.raises(DataError, match="https only"):
        _HttpsOnly().redirect_request(request, None, 302, "Found", {}, "http://example.org/a")
    moved = _HttpsOnly().redirect_request(request, None, 302, "Found", {}, "https://example.org/b")
    assert moved.full_url == "https://example.org/b"


def test_an_unreachable_server_is_an_error_that_names_the_address(tmp_path):
    """And nothing is left behind."""
    with pytest.raises(DataError, match=r"https://example\.org/a\.bin cannot be fetched"):
        download(PLAIN, tmp_path / "a.bin", opener=unreachable)
    assert not list(tmp_path.iterdir())


def test_an_idx_file_is_read_as_its_header_says():
    """Magic number 0x0803: unsigned bytes in three dimensions, sizes big-endian."""
    data = bytes([0, 0, 8, 3]) + np.array([2, 1, 3], dtype=">u4").tobytes() + bytes(range(6))
    assert read_idx(data, name="x").tolist() == [[[0, 1, 2]], [[3, 4, 5]]]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\0\0\x0d\x01\0\0\0\x01\0\0\0\0", id="floats"),
        pytest.param(b"\0\0\x08\x01\0\0\0\x05abcd", id="too-short"),
        pytest.param(b"\0\0\x08\x01\0\0\0\x03abcd", id="too-long"),
        pytest.param(b"\0\0\x08\x03\0\0\0\x03", id="header-cut"),
    ],
)
def test_what_is_no_idx_file_of_bytes_is_refused(data):
    """The message names the file."""
    with pytest.raises(DataError, match="digits"):
        read_idx(data, name="digits")


def archive(path, members):
    with tarfile.open(path, "w:gz") as out:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            if content is None:
                entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/hostname"
                out.addfile(entry)
            else:
                entry.size = len(content)
                out.addfile(entry, io.BytesIO(content))
    return path


def records(number, seed=0):
    rows = np.random.default_rng(seed).integers(0, 256, (number, CIFAR10_RECORD), dtype=np.uint8)
    rows[:, 0] %= 10
    return rows


def test_the_binary_archive_is_read_plane_by_plane(tmp_path):
    """Label, then 1024 red, 1024 green and 1024 blue bytes, row-major."""
    first, second = records(2), records(2, seed=1)
    path = archive(tmp_path / "a.tar.gz", {"d/b": second.tobytes(), "d/a": first.tobytes()})
    images, labels = read_cifar10_archive(path, ("d/a", "d/b"), records=2)
    assert labels.tolist() == [*first[:, 0], *second[:, 0]] and images.shape == (4, 3, 32, 32)
    assert images[1, 2, 3, 5] == first[1, 1 + 2048 + 3 * 32 + 5]


@pytest.mark.parametrize(
    "members",
    [
        pytest.param({"d/other": records(2).tobytes()}, id="missing"),
        pytest.param({"d/a": records(3).tobytes()}, id="wrong-size"),
        pytest.param({"d/a": None}, id="link"),
    ],
)
def test_an_archive_without_the_plain_file_is_refused(tmp_path, members):
    """A link under the right name is not followed."""
    path = archive(tmp_path / "a.tar.gz", members)
    with pytest.raises(DataError, match=r"a\.tar\.gz: no file of 2 records.*d/a"):
        read_cifar10_archive(path, ("d/a",), records=2)


def test_an_archive_cannot_write_outside(tmp_path):
    """Members are read in place; one that climbs out of the folder is never written."""
    inner = tmp_path / "inner"
    inner.mkdir()
    path = archive(inner / "a.tar.gz", {"../evil": b"x", "d/a": records(2).tobytes()})
    read_cifar10_archive(path, ("d/a",), records=2)
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["a.tar.gz", "inner"]


def test_a_truncated_archive_is_named(tmp_path):
    """The error of the tar reader, with the file."""
    path = archive(tmp_path / "a.tar.gz", {"d/a": records(2).tobytes()})
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(DataError, match=r"a\.tar\.gz: not a readable archive"):
        read_cifar10_archive(path, ("d/a",), records=2)


def test_an_archive_that_unpacks_to_more_than_a_data_set_is_refused(tmp_path, monkeypatch):
    """A small file of zeros in front of what is wanted is not unpacked to the end."""
    monkeypatch.setattr(cifar10, "LARGEST_ARCHIVE", 1 << 20)
    path = archive(tmp_path / "a.tar.gz", {"d/zeros": bytes(1 << 22), "d/a": records(2).tobytes()})
    with pytest.raises(DataError, match=r"a\.tar\.gz: not a readable archive .*more than"):
        read_cifar10_archive(path, ("d/a",), records=2)


def jpeg(value):
    buffer = io.BytesIO()
    Image.new("RGB", (32, 32), value).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


def test_training_images_are_decoded_without_touching_the_test_images(tmp_path):
    """The test images' bytes are no JPEG at all, and it does not matter until they are asked for."""
    blobs = [jpeg((200, 10, 10)), b"no image", jpeg((10, 10, 200))]
    np.savez(
        tmp_path / "a.npz",
        jpeg=np.frombuffer(b"".join(blobs), dtype=np.uint8),
        offsets=np.cumsum([0, *map(len, blobs)]),
        label=np.array([3, 4, 5], dtype=np.uint8),
        is_test=np.array([False, True, False]),
    )
    images, labels = decode_jpegs(tmp_path / "a.npz", test=False)
    assert labels.tolist() == [3, 5] and images.dtype == torch.uint8
    expected = torch.tensor([[200, 10, 10], [10, 10, 200]])
    assert (images[:, :, 16, 16].int() - expected).abs().max() <= 3  # quality 95
    with pytest.raises(Image.UnidentifiedImageError):
        decode_jpegs(tmp_path / "a.npz", test=True)


def test_what_was_kept_is_not_made_again(tmp_path):
    """The second reading finds the tensors of the first and calls nothing."""
    made = {"images": torch.arange(6, dtype=torch.uint8).reshape(2, 3), "labels": torch.tensor([1, 0])}

    def never():
        raise AssertionError("made again")

    first, again = kept(tmp_path, "set/one-1.0", lambda: made), kept(tmp_path, "set/one-1.0", never)
    for found in (first, again):
        assert set(found) == set(made) and all(torch.equal(found[name], made[name]) for name in made)
    assert [path.name for path in (tmp_path / "set").iterdir()] == ["one-1.0.safetensors"]


def test_another_name_is_made_on_its_own(tmp_path):
    """The name holds what the content depends on: another version is other content."""
    kept(tmp_path, "set/one-1.0", lambda: {"a": torch.zeros(1)})
    assert kept(tmp_path, "set/one-1.1", lambda: {"a": torch.ones(1)})["a"] == 1


def test_files_that_are_made_or_read_are_noted_while_somebody_wants_to_know(tmp_path):
    """Made and read alike, each once; what is kept elsewhere in between is not mixed in."""
    kept(tmp_path, "before", lambda: {"a": torch.zeros(1)})
    with noted() as files:
        kept(tmp_path, "before", lambda: {"a": torch.zeros(1)})
        with noted() as inner:
            kept(tmp_path, "inside", lambda: {"a": torch.zeros(1)})
        kept(tmp_path, "new", lambda: {"a": torch.zeros(1)})
        kept(tmp_path, "new", lambda: {"a": torch.zeros(1)})
    kept(tmp_path, "after", lambda: {"a": torch.zeros(1)})
    assert files == {tmp_path / "before.safetensors", tmp_path / "new.safetensors"}
    assert inner == {tmp_path / "inside.safetensors"}


def test_without_a_cache_nothing_is_kept(tmp_path, monkeypatch):
    """Each reading makes its own, and writes nothing."""
    monkeypatch.chdir(tmp_path)
    calls = []

    def make():
        calls.append(1)
        return {"a": torch.zeros(1)}

    for _ in range(2):
        kept(None, "one", make)
    assert len(calls) == 2 and not list(tmp_path.iterdir())


def test_a_making_that_fails_leaves_nothing_to_be_read(tmp_path):
    """Neither a half file nor an empty one."""

    def failing():
        raise DataError("no")

    with pytest.raises(DataError, match="no"):
        kept(tmp_path, "set/one", failing)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.parametrize("left", [b"", b"rotten", None], ids=["empty", "other", "truncated"])
def test_what_was_kept_and_is_damaged_is_refused_with_what_to_do(tmp_path, left):
    """It is not read as far as it goes, and not made anew unasked: the file is named."""
    kept(tmp_path, "one", lambda: {"a": torch.arange(100)})
    path = tmp_path / "one.safetensors"
    path.write_bytes(path.read_bytes()[:-5] if left is None else left)
    with pytest.raises(DataError, match=r"one\.safetensors: not readable .*; remove it to make it anew"):
        kept(tmp_path, "one", lambda: {"a": torch.arange(100)})
    path.unlink()
    assert torch.equal(kept(tmp_path, "one", lambda: {"a": torch.arange(100)})["a"], torch.arange(100))
