"""The suite's own logic: statistics, scenarios, reports, comparisons. No test here measures anything."""
