"""Imported before composing; the components themselves are imported when they are used."""

from wattloom import register

register("hooks", "stranger_stop", "stranger.parts:StopAfter")
