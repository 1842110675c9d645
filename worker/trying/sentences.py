"""What is said of inputs that cannot be read; the site translates it."""

from worker.contract.base import N_

NO_PICTURE = N_("This picture cannot be read; it may be damaged. Try a JPEG or a PNG.")
NO_SOUND = N_("This recording cannot be read; try a WAV, FLAC, OGG or MP3 file.")
SILENCE = N_("There is no sound in this recording.")
NO_TEXT = N_("Write a text first.")
NO_QUESTION = N_("Write a question first.")
NO_MASK = N_("Write [MASK] where a word is to be guessed, five times at most.")
LATE_MASK = N_("The masks lie behind the end of what is read; write a shorter text.")
