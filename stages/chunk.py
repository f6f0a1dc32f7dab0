"""feature stores + annotations -> data/samples: windows of frame_len frames, an index."""

from pathlib import Path

from rhas.base.config import from_mapping
from rhas.chunk import ChunkConfig, write_samples
from rhas.data.annotations import read_annotations
from rhas.engine.stage import new_folder, params, run
from rhas.stores.manifest import Manifest

RAW, FEATURES, OUT = Path("data/raw"), Path("data/features"), Path("data/samples")


def main() -> None:
    values = params("chunk")
    shared = {name: values[name] for name in ("fps", "frame_len", "split")}
    config = from_mapping(ChunkConfig, {**shared, **values["chunk"]}, "params.yaml, chunk")
    with new_folder(OUT) as folder:
        info = write_samples(
            Manifest.read(RAW).films,
            read_annotations(RAW),
            FEATURES / values["vlm"],
            config,
            folder,
        )
    print(f"chunk: samples {dict(info.samples)}, dropped {dict(info.dropped)}")


if __name__ == "__main__":
    run(main)
