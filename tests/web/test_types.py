"""The page's sources compile strictly against the types that the OpenAPI file says now."""

import os
import pathlib
import shutil
import subprocess

WEB = pathlib.Path(__file__).resolve().parents[2] / "web"


def run(*command, cwd):
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_sources_fit_the_api(tmp_path):
    shutil.copytree(WEB / "src", tmp_path / "src")
    shutil.copy(WEB / "tsconfig.json", tmp_path)
    os.symlink(WEB / "node_modules", tmp_path / "node_modules")
    run(WEB / "node_modules/.bin/openapi-typescript", WEB.parent / "src/http/openapi.yaml", "--output", tmp_path / "src/api/schema.d.ts", cwd=tmp_path)
    run(WEB / "node_modules/.bin/tsc", "--noEmit", cwd=tmp_path)
