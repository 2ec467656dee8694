"""Follow the studies of a folder."""

from tem_rf.study.view import Happening, StudyTracker
from tem_rf.study.view import StudyView as TrackedStudy

__all__ = ["Happening", "StudyTracker", "TrackedStudy"]
