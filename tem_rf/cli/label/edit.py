"""Open the label editor in this terminal."""

from tem_rf.cli.output import progress_console, show_status
from tem_rf.cli.tui import prepare_terminal
from tem_rf.jobs.edit_label import EditRequest, open_label


def run_editor(request: EditRequest) -> None:
    """Open the label, show the editor until it is closed, and print where the label is."""
    prepare_terminal()
    with show_status(console=progress_console()) as on_step:
        session = open_label(request, on_step=on_step)
    try:
        from tem_rf_tui.editor_app import EditorApp

        EditorApp(session).run()
        if session.is_saved:
            print(session.label_file)
        elif session.step_count:
            print(f"{session.label_file}: not saved; run the same command again to continue where you left off.")
    finally:
        session.close()
