"""The screen of data and configuration: what its three tabs show, and how a file is edited."""
