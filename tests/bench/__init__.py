"""`make bench`: what the product costs and how close it comes to its bounds, as ratios measured in one run."""
