"""Activities in Python, for development and test: `activities_package` under [python] names this package."""
