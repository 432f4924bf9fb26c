"""The demonstration behind `make run`: a live database moved on real servers, then another move that rolls itself back."""
