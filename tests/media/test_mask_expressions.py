"""Mask expressions say what they say: their terms, ranges and regions, and what is wrong with them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelmend.pipelines.errors import ConfigError, MaskError
from reelmend.pipelines.media.masks.expression import is_expression, read_expression


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("text", "text"),
        ("  text  ", "text"),
        ("text:0,70%,100%,30%@0s:30s", "text:0,70%,100%,30%@0:30s"),
        ("text@:250", "text@0:250"),
        ("text+overlay", "text + overlay"),
        ("overlay + damage", "overlay + damage"),
        ("text - box:0,0,100%,10%", "text - box:0,0,100%,10%"),
        ("text & polygon:0,0,9,0,9,9", "text & polygon:0,0,9,0,9,9"),
        ("masks/{stem}.png - box:0,0,8,8", "file:masks/{stem}.png - box:0,0,8,8"),
        ("masks/a@2.png@2s:5s + text", "file:masks/a@2.png@2s:5s + text"),
        ("text+overlay:0,0,50%,50%@:3s+box:0,0,8,8", "text + overlay:0,0,50%,50%@0:3s + box:0,0,8,8"),
        ("track:first.png@2s", "track:first.png@2s"),
        ("box:0,0,8,8+box:8,8,8,8@1s:", "box:0,0,8,8 + box:8,8,8,8@1s:"),
        ("box:0,0,8,8+text", None),
        ("text+box:0,0,8,8", "text + box:0,0,8,8"),
        ("track:1,2,3,4@2s", "track:1,2,3,4@2s"),
        ("track:1,2,3,4@2s:5s", "track:1,2,3,4@2s:5s"),
        ("track:first frame.png", "track:first frame.png"),
        ("points:150, 25%, -9,6@2s", "points:150,25%,-9,6@2s"),
        ("points:1,2@2s:5s+sam:1,2,3,4", "points:1,2@2s:5s + sam:1,2,3,4"),
        ("sam:first.png@2s - text", "sam:first.png@2s - text"),
    ],
)
def test_an_expression_is_written_one_way(text: str, read: str | None) -> None:
    assert is_expression(text)
    if read is not None:
        assert str(read_expression(text)) == read
        assert read_expression(read) == read_expression(text)


@pytest.mark.parametrize(
    "path",
    ["mask.png", "masks/{stem}_mask.png", "text.png", "./text", "mask-box", "my text", "a + b.png", "textures", "box"],
)
def test_the_name_of_a_file_is_not_an_expression(path: str) -> None:
    assert not is_expression(path)


@pytest.mark.parametrize(
    ("text", "part_of_the_message"),
    [
        ("text +", "nothing stands next to '+'"),
        ("text:1,2,3", "4 numbers, not 3"),
        ("text:1,2,0,4", "above 0"),
        ("text:1,2,x,4", "not a number of pixels"),
        ("text@10", "not a range"),
        ("text@5:2", "contains no frame"),
        ("track", "needs a box or a mask file"),
        ("points", "needs a point; use points:X,Y"),
        ("points:1,2,3", "pairs of numbers, not 3 numbers"),
        ("points:-1,2", "no point is on the object"),
        ("points:1,-2", "'-2' is not a number"),
        ("a.png + b.png + text", "at most one"),
        ("text - box:0,0,8,8+box:0,0,9,9", "spaces around each sign"),
        ("file: + text", "names no file"),
    ],
)
def test_what_is_wrong_is_named(text: str, part_of_the_message: str) -> None:
    with pytest.raises(ConfigError, match=part_of_the_message.replace("+", r"\+")):
        read_expression(text)


WORDS = st.sampled_from(
    [
        "text",
        "track",
        "box:",
        "polygon:",
        "file:",
        "overlay",
        "@",
        ":",
        "1",
        "5%",
        ",",
        " + ",
        " - ",
        " & ",
        "+",
        "a.png",
        "2s",
        " ",
    ]
)


@given(st.lists(WORDS, max_size=12).map("".join))
def test_whatever_is_typed_is_read_or_refused_in_words(text: str) -> None:
    try:
        expression = read_expression(text)
    except ConfigError:
        return
    assert read_expression(str(expression)) == expression


def test_a_region_outside_the_picture_is_refused() -> None:
    expression = read_expression("text:200,0,10,10 + box:0,0,8,8")
    expression.refuse_outside((300, 100))
    with pytest.raises(MaskError, match="is outside the picture, which has 100x100 pixels"):
        expression.refuse_outside((100, 100))
