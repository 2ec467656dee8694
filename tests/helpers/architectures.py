"""Architectures at random, for property tests."""

from hypothesis import strategies as st

from tem_rf import Architecture


@st.composite
def architectures(draw: st.DrawFn) -> Architecture:
    pooling_sequence = tuple(draw(st.lists(st.integers(1, 20), min_size=1, max_size=4)))
    blocks = len(pooling_sequence) + 1
    dilations = draw(st.just((1,) * blocks) | st.tuples(*[st.integers(1, 12)] * blocks))
    return Architecture(
        pooling_sequence,
        filter_sequence=draw(st.tuples(st.integers(1, 64)) | st.tuples(*[st.integers(1, 64)] * blocks)),
        dilation_sequence=dilations,
        kernel_size=draw(st.sampled_from([1, 3, 5, 11])),
        convolutions_per_block=draw(st.integers(1, 4)),
        pooling=draw(st.sampled_from(["max", "average"])),
        upsampling=draw(st.sampled_from(["nearest", "bilinear"])),
        smoothing=draw(st.sampled_from(["none", "shared"])) if max(dilations) > 1 else "none",
        normalization=draw(st.sampled_from(["batch", "instance"])),
        second_output=draw(st.sampled_from(["none", "distance"])),
    )
