"""Where a run stands, on disk: one file that is whole or absent, from which it goes on as if never interrupted."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from ..bootstrap.files import replacing
from .learner import State

NAME = "checkpoint.safetensors"


class CheckpointError(ValueError):
    """The file cannot be used; the message says what to do."""


@dataclass(frozen=True)
class Place:
    """How far a run is."""

    run: str  # what is trained on what, as a digest: a checkpoint of another run is refused
    step: int = 0
    epoch: int = 0
    index: int = 0  # of the next batch in the epoch
    tokens: int = 0  # trained on, padding not counted
    seconds: float = 0.0  # spent on training, validation not counted
    best_loss: float = float("inf")  # of the validation set
    best_step: int = 0
    since_best: int = 0  # validations
    ended: str = ""  # why the run is over; empty: it is not

    def moved(self, **changes) -> Place:
        """A copy with changes."""
        return replace(self, **changes)


def save(folder: Path, state: State, place: Place) -> None:
    """Write the checkpoint; the one before it stands until this one is whole."""
    tensors = {f"{name}.{i:04}": np.asarray(value) for name, values in state.items() for i, value in enumerate(values)}
    with replacing(folder / NAME) as temp:
        save_file(tensors, temp, {"place": json.dumps(asdict(place))})


def load(folder: Path, like: State, run: str) -> tuple[State, Place] | None:
    """The state and place of an earlier run of the same name, None where there is none. Raises CheckpointError."""
    path = folder / NAME
    if not path.exists():
        return None
    again = f"{path}: {{}}; add --fresh to train anew, or choose another --out"
    try:
        with safe_open(path, "numpy") as f:
            place = Place(**json.loads(f.metadata()["place"]))
            if place.run != run:
                raise CheckpointError(again.format("made with another configuration, corpus or code"))
            state = {name: [jnp.array(f.get_tensor(f"{name}.{i:04}")) for i in range(len(values))]
                     for name, values in like.items()}
    except (SafetensorError, KeyError, TypeError, ValueError) as err:
        if isinstance(err, CheckpointError):
            raise
        raise CheckpointError(again.format(f"damaged ({err})")) from err
    same = jax.tree.map(lambda a, b: a.shape == b.shape and a.dtype == b.dtype, state, like)
    if not all(jax.tree.leaves(same)):
        raise CheckpointError(again.format("its arrays have other shapes"))
    return state, place
