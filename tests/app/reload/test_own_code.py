"""The Python that counts for a reload: what the configuration's modules lead to, and the installed packages."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from gateway.app.gateway import create_app
from gateway.app.reload.inputs import Origin
from gateway.app.reload.own_code import OwnCode, own_modules
from gateway.app.reload.part import PACKAGES, PYTHON_FILES
from gateway.testing import GatewayClient
from tests.app.conftest import Project

FILES = {
    "answers.py": "import helper, json\nimport inner.deep\nfrom gateway import resolver\nimport pytest\n",
    "helper.py": "def late():\n    from late_ones import first, second\n",
    "late_ones/__init__.py": "",
    "late_ones/first.py": "from . import sibling\nfrom .below import leaf\n",
    "late_ones/sibling.py": "",
    "late_ones/below/__init__.py": "",
    "late_ones/below/leaf.py": "from ..sibling import anything\nfrom ..cousin import thing\n",
    "late_ones/cousin.py": "",
    "late_ones/unused.py": "",
    "inner/deep.py": "import answers\n",
    "unused.py": "",
    "broken.py": "import helper\ndef (",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_it_is_what_modules_lead_to_wherever_in_them_they_import_it(folder: Path) -> None:
    found = own_modules(["answers"], folder)
    assert set(found) == {
        "answers", "helper", "inner.deep", "late_ones", "late_ones.first", "late_ones.sibling",
        "late_ones.below", "late_ones.below.leaf", "late_ones.cousin",
    }  # fmt: skip
    assert found["late_ones.below.leaf"] == folder / "late_ones" / "below" / "leaf.py"


def test_of_a_package_that_is_named_it_is_all_that_is_in_it(folder: Path) -> None:
    assert set(own_modules(["late_ones"], folder)) == {
        "late_ones", "late_ones.first", "late_ones.sibling", "late_ones.unused",
        "late_ones.below", "late_ones.below.leaf", "late_ones.cousin",
    }  # fmt: skip


def test_what_cannot_be_parsed_or_is_not_there_counts_as_far_as_it_is(folder: Path) -> None:
    assert set(own_modules(["broken", "nowhere.at_all"], folder)) == {"broken"}


def test_installed_modules_count_where_they_are_named(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = tmp_path / "site-packages"
    (installed / "bought").mkdir(parents=True)
    (installed / "bought" / "__init__.py").write_text("from bought import inside\nimport other_one")
    (installed / "bought" / "inside.py").write_text("")
    (installed / "other_one.py").write_text("")
    monkeypatch.setattr(sys, "path", [*sys.path, str(installed)])
    assert set(own_modules(["bought"], folder)) == {"bought", "bought.inside"}
    (folder / "uses.py").write_text("import bought\n")
    assert set(own_modules(["uses"], folder)) == {"uses"}


def test_equal_modules_of_other_names_and_places_are_told_apart_by_names_alone(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    first = OwnCode.now(["helper"], folder).digests
    (folder / "late_ones" / "sibling.py").rename(folder / "late_ones" / "brother.py")
    renamed = OwnCode.now(["helper"], folder).digests
    assert renamed[0] != first[0]
    (folder / "late_ones" / "brother.py").rename(folder / "late_ones" / "sibling.py")
    assert OwnCode.now(["helper"], folder).digests == first
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "moved"
    folder.rename(elsewhere)
    assert OwnCode.now(["helper"], elsewhere).digests == first


def test_another_version_of_an_installed_package_is_other_python(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = tmp_path / "site-packages"
    (installed / "bought-1.0.dist-info").mkdir(parents=True)
    monkeypatch.setattr(sys, "path", [*sys.path, str(installed)])
    modules, packages = OwnCode.now(["helper"], folder).digests
    (installed / "bought-1.0.dist-info").rename(installed / "bought-1.1.dist-info")
    assert OwnCode.now(["helper"], folder).digests[0] == modules
    assert OwnCode.now(["helper"], folder).digests[1] != packages


def test_what_changes_while_it_is_imported_is_not_what_runs(folder: Path) -> None:
    before = OwnCode.now(["answers"], folder)
    (folder / "helper.py").write_text("changed = True")
    after = OwnCode.now(["answers"], folder)
    assert after.as_of(before).digests != after.digests
    assert before.as_of(before).digests == before.digests


async def test_a_single_worker_says_what_takes_a_new_server(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    helper = project.with_helper("one")
    client = GatewayClient(project.config)
    client.app = app = create_app(project.config)
    async with client:
        assert app.reloader is not None
        assert (await app.reloader.reload()).result == "unchanged"
        installed = project.folder / "site-packages"
        (installed / "bought-1.0.dist-info").mkdir(parents=True)
        monkeypatch.setattr(sys, "path", [*sys.path, str(installed)])
        project.write_schema("new: String")
        report = await app.reloader.reload()
        assert (report.result, report.waiting) == ("reloaded", [PACKAGES])
        assert (await app.reloader.reload()).result == "waiting"
        state = Origin(project.config).state({})
        helper.write_text('ANSWER = "another"')
        assert Origin(project.config).state({}) != state
        report = await app.reloader.reload()
        assert (report.result, PYTHON_FILES in report.errors[0]) == ("refused", True)
        assert (await client.execute("{ box { old } }")).data == {"box": {"old": "one"}}
