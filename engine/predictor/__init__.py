"""The serving process: the champion behind HTTP, with nothing that trains in its memory."""
