"""`tem-rf settings`: how the app looks and reports."""

from tem_rf.cli.options import takes
from tem_rf.cli.output import JsonFlag, print_json, print_table
from tem_rf.jobs.settings import SettingsRequest, load_settings, save_settings, settings_file


@takes(SettingsRequest)
def settings(request: SettingsRequest, as_json: JsonFlag = False) -> None:
    """Show your settings, or change those that are given; the app reads them when it starts.

    They are in a file that you can also edit: settings.toml in the folder that your system has for settings.

    Example: tem-rf settings --theme textual-light --no-bell
    """
    given = {name: getattr(request, name) for name in request.model_fields_set}
    current = save_settings(given) if given else load_settings()
    if as_json:
        print_json({"file": str(settings_file()), **current.model_dump(mode="json")})
        return
    about = SettingsRequest.settings()
    rows = [[name, _text(value), about[name].help] for name, value in current.values().items()]
    print_table(f"Settings in {settings_file()}", ["setting", "value", "meaning"], rows)


def _text(value: object) -> str:
    if isinstance(value, dict):
        value = ", ".join(f"{name}={key}" for name, key in value.items())
    return "–" if value in (None, "") else str(value)
