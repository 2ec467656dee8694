"""`tem-rf calibrate`: calibrate the probabilities of a saved model."""

from tem_rf.cli.options import takes
from tem_rf.cli.output import JsonFlag, print_json, show_status
from tem_rf.jobs.calibrate import CalibrateRequest
from tem_rf.jobs.calibrate import calibrate as run


@takes(CalibrateRequest)
def calibrate(request: CalibrateRequest, as_json: JsonFlag = False) -> None:
    """Calibrate the probabilities of a saved model on labelled micrographs; its masks do not change.

    A temperature is fitted that divides the logits (Guo et al. 2017). It is kept in the model card, and all formats in
    the folder are written again with it. Runs need no such step: `tem-rf export` fits it on the validation images.

    Example: tem-rf calibrate au-hrtem my_micrographs --output saved_models/au-hrtem-mine
    """
    with show_status() as on_step:
        folder, card = run(request, on_step=on_step)
    one = card.calibration
    assert one is not None
    if as_json:
        print_json({"model": str(folder), **one.model_dump(mode="json")})
        return
    print(
        f"{folder}: temperature {one.temperature:.3f}, expected calibration error {one.error_before:.4f} before and "
        f"{one.error_after:.4f} after, on the pixels of {one.images} micrographs"
    )
