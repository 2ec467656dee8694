"""The section of the model card that says when to trust the masks."""

from tem_rf.trust.record import TRUSTED_DICE, DiceMap, TrustRecord


def trust_section(record: TrustRecord | None, picture: str = "") -> str:
    """Return the section in Markdown; empty without a record.

    Args:
        record: The record.
        picture: File beside the page with its maps; empty if there is none.
    """
    if record is None:
        return ""
    error = record.error
    lines = [
        "## When to trust its masks",
        "",
        f"Tried on {record.images} images: {', '.join(record.tried_on)}, under other doses, defoci, pixel sizes, "
        "contrasts and illuminations, and images that are no micrographs. `tem-rf segment` reports the expected dice "
        f"of every image and flags masks whose expected dice is below {record.threshold:.2f}, or whose image is unlike "
        "all of these.",
        "",
        f"On {error.images} images that it was not fitted to, the mean absolute error of the expected dice is "
        f"{error.mean_absolute:.3f}; {error.within_interval:.0%} are within their interval.",
    ]
    if error.flagged is not None and error.false_alarms is not None:
        lines[-1] += (
            f" Of the masks with a dice below {TRUSTED_DICE:g}, {error.flagged:.0%} are flagged, and "
            f"{error.false_alarms:.0%} of the others."
        )
    if picture:
        lines += ["", f"![Dice over dose and defocus, and over the pixel size]({picture})"]
    for one in record.maps:
        lines += ["", *_table(one)]
    return "\n".join(lines)


def _table(one: DiceMap) -> list[str]:
    """A map of dice as a table in Markdown."""
    head = f"{one.rows}, by {one.columns}" if one.rows else one.columns
    lines = [
        f"Mean dice of {one.images} specimens:",
        "",
        f"| {head} | {' | '.join(f'{value:g}' for value in one.column_values)} |",
        "|---" * (len(one.column_values) + 1) + "|",
    ]
    for value, row in zip(one.row_values, one.dice, strict=True):
        cells = " | ".join("–" if dice is None else f"{dice:.2f}" for dice in row)
        lines.append(f"| {f'{value:g}' if one.rows else 'dice'} | {cells} |")
    return lines
