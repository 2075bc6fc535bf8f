"""The demo: what it prints is true, and the picture is there."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from sklearn.datasets import load_digits

from matfact import demo
from matfact.cli import main


@pytest.fixture(scope="module")
def digits():
    return load_digits().data


def test_the_table_has_every_method_at_every_size(digits, capsys):
    demo.compare(digits)
    rows = [line for line in capsys.readouterr().out.splitlines() if " ms" in line]
    assert [int(line.split()[0]) for line in rows] == [k for k in demo.SIZES for _ in range(4)]


def test_direct_methods_are_at_the_optimum_and_descent_is_near(digits, capsys):
    demo.compare(digits)
    for line in capsys.readouterr().out.splitlines():
        if " ms" in line:
            # Scaled descent takes at most a hundred steps in the demo: within a thousandth of the optimum.
            assert line.endswith("< 1e-10 %") or ("descent" in line and float(line.split()[-2]) < 0.1)


def test_masked_factorization_beats_the_baselines(digits):
    r = demo.restore(digits)
    assert r.rmse_masked < r.rmse_zero_filled < r.rmse_mean


def test_hidden_pixels_are_restored_and_seen_ones_kept(digits):
    r = demo.restore(digits)
    seen = ~np.isnan(r.damaged)
    np.testing.assert_array_equal(r.restored[seen], digits[seen])
    assert np.isfinite(r.restored).all()


def test_the_command_draws_the_picture_where_it_says(tmp_path, capsys):
    pytest.importorskip("matplotlib")
    picture = tmp_path / "digits.png"
    assert main(["demo", "-o", str(picture)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"Picture: {picture}"
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_without_matplotlib_it_says_what_to_install(tmp_path):
    code = "import sys; sys.modules['matplotlib'] = None; from matfact.cli import main; sys.exit(main(['demo']))"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "matplotlib is not installed (pip install 'matfact[plot]')" in done.stdout
    assert not list(tmp_path.iterdir())
