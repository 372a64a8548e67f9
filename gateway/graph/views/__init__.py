"""Views: the parts of one schema that different clients see."""
