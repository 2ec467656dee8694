"""What is installed, and under which name; everything else is declared in pyproject.toml.

The app and the models that ship have folders of their own in the repository, but no top-level name in a user's
environment that another distribution could own: `tui/tem_rf_tui` installs as `tem_rf_tui`, each model of
`saved_models/` as a folder of `tem_rf/shipped_models/`.
"""

from setuptools import find_packages, setup

MODELS = {f"tem_rf.shipped_models.{name}": f"saved_models/{name}" for name in ("au-hrtem", "bright-field", "hrtem")}

setup(
    packages=[*find_packages(include=["tem_rf", "tem_rf.*"]), *find_packages("tui"), *MODELS],
    package_dir={"tem_rf_tui": "tui/tem_rf_tui", **MODELS},
    package_data={
        "tem_rf": [
            "py.typed",
            "study/report.html.j2",
            "experiment/report.html.j2",
            "data/simulation/scattering_factors.json",
        ],
        "tem_rf_tui": ["*.tcss"],
        **{model: ["**"] for model in MODELS},
    },
)
