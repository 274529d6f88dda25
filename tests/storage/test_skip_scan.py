"""Which keys are there is found in few pages, and exactly."""

from hypothesis import given
from hypothesis import strategies as st

from reelmend.pipelines.storage.location import Entry, RemotePath
from reelmend.pipelines.storage.skip_scan import scan

PAGE = 3
NAMES = st.text(st.sampled_from("ab0/-. é~"), min_size=1, max_size=5).filter(lambda name: name.strip("/") == name)


class Listing:
    """A bucket's listing, a few keys a page."""

    def __init__(self, keys: list[str] | set[str]) -> None:
        self.keys = sorted(keys, key=str.encode)
        self.pages = 0

    def page_after(self, after: str) -> tuple[list[Entry], str | None]:
        self.pages += 1
        behind = [key for key in self.keys if key.encode() > after.encode()]
        entries = [Entry(RemotePath("b", key), 1, "tag", 0.0) for key in behind[:PAGE] if not key.endswith("/")]
        return entries, behind[PAGE - 1] if len(behind) > PAGE else None


def test_keys_that_lie_together_cost_a_page_a_thousand() -> None:
    keys = [f"in/{n:05d}.mp4" for n in range(300)]
    listing = Listing(keys)
    assert [key for key, _ in scan(keys, listing.page_after)] == keys
    assert listing.pages == 100


def test_keys_far_apart_cost_a_page_each_and_what_lies_between_is_not_read() -> None:
    listing = Listing([f"in/{n:05d}.mp4" for n in range(3000)])
    wanted = ["in/00010.mp4", "in/01500.mp4", "in/02999.mp4", "in/absent.mp4"]
    assert [key for key, _ in scan(wanted, listing.page_after)] == wanted[:3]
    assert listing.pages <= 4


def test_a_page_that_holds_markers_of_folders_only_is_no_end() -> None:
    listing = Listing([*(f"in/{n}/" for n in range(10)), "in/z.mp4"])
    assert [key for key, _ in scan(["in/0.mp4", "in/z.mp4"], listing.page_after)] == ["in/z.mp4"]


def test_a_buckets_own_folder_is_no_key() -> None:
    assert [key for key, _ in scan(["", "a.png"], Listing(["a.png"]).page_after)] == ["a.png"]


@given(st.sets(NAMES, max_size=20), st.sets(NAMES, max_size=10))
def test_nothing_is_found_that_is_not_there_nor_twice(there: set[str], wanted: set[str]) -> None:
    found = [key for key, _ in scan(wanted, Listing(there).page_after)]
    assert len(found) == len(set(found))
    assert set(found) <= there & wanted
