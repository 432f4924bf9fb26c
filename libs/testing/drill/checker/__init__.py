"""Judges a drill from the log, the cloud's books and the callbacks that came. Imports nothing of what decides, plans or schedules."""
