"""Trust: is what a known device says credible? Checks over columns, each with its scalar twin."""
