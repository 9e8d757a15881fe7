"""Sessions for agents: tools with schemas, served over the Model Context Protocol. Serving needs the extra `mcp`."""
