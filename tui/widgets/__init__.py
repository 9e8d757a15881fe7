"""The widgets: each draws a frozen view and posts messages; none knows the session or another widget."""
