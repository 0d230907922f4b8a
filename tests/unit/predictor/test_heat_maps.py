from __future__ import annotations

import numpy as np

from engine.predictor.heat_maps import COLOURS, coloured, heat_of


def test_what_was_drawn_is_read_again_from_its_colours() -> None:
    heat = np.random.default_rng(1).random((7, 9))

    assert np.abs(heat_of(coloured(heat)) - heat).max() <= 0.5 / 255 + 1e-9
    assert heat_of(COLOURS[np.newaxis]).ravel().tolist() == (np.arange(256) / 255).tolist()
