"""feature stores + annotations -> data/samples: windows of frame_len frames, an index."""

from pathlib import Path

import rhas.base.program
from rhas.chunk import write_samples
from rhas.config.chunk import ChunkConfig
from rhas.config.section import read_section
from rhas.data.annotations import read_annotations
from rhas.engine.stage import declared_params, new_folder
from rhas.stores.classes import find_classes
from rhas.stores.manifest import Manifest

RAW, FEATURES, OUT = Path("data/raw"), Path("data/features"), Path("data/samples")


def main() -> None:
    values = declared_params("chunk")
    config = read_section(ChunkConfig, values)
    films, annotations = Manifest.read(RAW).films, read_annotations(RAW)
    classes = find_classes(RAW)
    with new_folder(OUT) as folder:
        info = write_samples(films, annotations, FEATURES / values["vlm"], config, folder, classes)
    print(f"chunk: samples {dict(info.samples)}, dropped {info.count_dropped()}")


if __name__ == "__main__":
    rhas.base.program.run_script(main)
