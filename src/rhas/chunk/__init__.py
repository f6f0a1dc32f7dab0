"""Samples: windows of one person's features with labels and masks, as an index.

The chunk stage writes ``data/samples/`` (DESIGN.md, Files); nothing of the features is copied.
`Samples` reads it as a torch dataset whose items are a `rhas.base.batch.Batch` each, without B.
"""

from rhas.chunk.labels import make_boundary, make_labels
from rhas.chunk.samples import Samples
from rhas.chunk.write import write_samples

__all__ = ["Samples", "make_boundary", "make_labels", "write_samples"]
