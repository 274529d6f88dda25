"""Huge pages for large tensors, which are slow when written for the first time."""

import os


def use_huge_pages() -> None:
    """Let torch ask Linux for pages of 2 MiB for its large tensors on a CPU, unless the environment says otherwise.

    The system hands out memory a page at a time, when it is first written. The networks make and drop tensors of tens
    of MiB; with pages of 4 KiB, up to a quarter of their time goes into getting them again. Peak memory grows by about
    a tenth. Must be called before torch makes its first tensor of 2 MiB or more, which is when it looks; elsewhere it
    does nothing.
    """
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
