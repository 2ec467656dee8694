"""File formats: each module opens one family of files as a `Recording`."""
