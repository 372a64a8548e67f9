"""Tests of `@override`: who is drawn, what is asked, and what is refused."""
