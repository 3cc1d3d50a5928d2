"""What a release must satisfy: .ci/release.py."""

from __future__ import annotations

import json
import runpy
import tomllib
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest

SCRIPT = Path(__file__).resolve().parents[1] / ".ci/release.py"
pytestmark = pytest.mark.skipif(not SCRIPT.is_file(), reason="not a checkout: the sdist has no .ci")
CHANGELOG = "# Changelog\n\n## [1.2.0] - 2026-12-01\n\n### Added\n\n- A thing.\n\n## [1.1.0] - unreleased\n\n- Old.\n"
TAGS = [f"manylinux_2_17_{machine}.manylinux2014_{machine}" for machine in ("x86_64", "aarch64")]
TAGS += ["musllinux_1_2_x86_64", "musllinux_1_2_aarch64", "macosx_10_13_x86_64", "macosx_11_0_arm64"]
TAGS += ["win_amd64", "win_arm64"]


@pytest.fixture(scope="module")
def release() -> SimpleNamespace:
    return SimpleNamespace(**runpy.run_path(str(SCRIPT)))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """All files of version 1.2.0."""
    (tmp_path / "puffer_envs-1.2.0.tar.gz").write_bytes(b"source")
    for tag in TAGS:
        write_wheel(tmp_path / f"puffer_envs-1.2.0-cp311-abi3-{tag}.whl")
    (tmp_path / "puffer_envs_web-1.2.0-py3-none-any.whl").write_bytes(b"pages")
    return tmp_path


def write_wheel(path: Path, version: str = "1.2.0", code: bytes = b"code") -> None:
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(zipfile.ZipInfo("puffer_envs/core.so"), code)
        bom = {"metadata": {"component": {"version": version}}}
        wheel.writestr(zipfile.ZipInfo("puffer_envs.dist-info/sboms/puffer.cdx.json"), json.dumps(bom))


def test_tag_version_and_changelog_agree(release: SimpleNamespace) -> None:
    assert release.check_tag("v1.2.0", "1.2.0", CHANGELOG) == []
    assert "tag v1.2.0" in release.check_tag("v1.3.0", "1.2.0", CHANGELOG)[0]
    assert "'unreleased'" in release.check_tag("v1.1.0", "1.1.0", CHANGELOG)[0]
    assert "no section [1.3.0]" in release.check_tag("v1.3.0", "1.3.0", CHANGELOG)[0]


def test_the_pages_have_the_version_that_the_extra_asks_for(release: SimpleNamespace) -> None:
    assert release.version() == release.version(release.ROOT / "web")
    extras = tomllib.loads((release.ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    assert extras["web"] == [f"puffer-envs-web=={release.version()}"]


def test_every_promised_file_is_there(release: SimpleNamespace, folder: Path) -> None:
    assert release.check_files(folder, "1.2.0") == []
    (folder / f"puffer_envs-1.2.0-cp311-abi3-{TAGS[1]}.whl").unlink()
    (folder / f"puffer_envs-1.2.0-cp311-abi3-{TAGS[-1]}.whl").unlink()
    write_wheel(folder / f"puffer_envs-1.2.0-cp311-abi3-{TAGS[0]}.whl", version="1.1.0")
    write_wheel(folder / f"puffer_envs-1.2.0-cp311-abi3-{TAGS[4]}.whl", code=bytes(6_100_000))
    (folder / "puffer_envs-1.2.0.tar.gz").unlink()
    (folder / "puffer_envs_web-1.2.0-py3-none-any.whl").unlink()
    faults = " ".join(release.check_files(folder, "1.2.0"))
    for fault in ("no puffer_envs-1.2.0.tar.gz", "for manylinux on aarch64", "for win on arm64", "6.1 MB", "no SBOM"):
        assert fault in faults
    assert faults.count("there is no") == 4


def test_two_builds_are_compared(
    release: SimpleNamespace, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = tmp_path_factory.mktemp("other")
    name = f"puffer_envs-1.2.0-cp311-abi3-{TAGS[0]}.whl"
    assert "no file in common" in release.differences(folder, other)[0]
    write_wheel(other / name)
    assert release.differences(folder, other) == []
    write_wheel(other / name, code=b"other")
    assert release.differences(folder, other) == [f"{name} differs: puffer_envs/core.so"]


def test_notes_have_the_changes_and_the_hash_of_every_file(release: SimpleNamespace, folder: Path) -> None:
    notes = release.notes(folder, "1.2.0", CHANGELOG)
    assert "- A thing." in notes and "Old" not in notes
    assert "`41cf6794ba4200b839c53531555f0f3998df4cbb01a4d5cb0b94e3ca5e23947d`" in notes  # of "source"
    assert notes.count("| `puffer_envs-1.2.0") == len(TAGS) + 1


def test_a_fault_is_the_exit_status(release: SimpleNamespace, capsys: pytest.CaptureFixture[str]) -> None:
    assert release.main(["check", "v0.0.0"]) == 1
    assert capsys.readouterr().err.startswith("error: the tag is v0.0.0")


@pytest.mark.parametrize("line", [["complete", "nowhere"], ["notes", "nowhere"], ["same", "nowhere", "nowhere"]])
def test_a_folder_that_is_not_there_is_one_line(
    release: SimpleNamespace, line: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        release.main(line)
    assert "nowhere is not a folder" in capsys.readouterr().err
