"""Pictures, and pages that are pictures: lines recognised, each with its place."""
