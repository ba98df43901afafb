// An MCP server on stdio whose tool asks the user something.
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";

const server = new McpServer({ name: "asking", version: "1.0.0" });
server.registerTool("ask", { description: "Asks the user" }, async () => {
  const answer = await server.server.elicitInput({
    message: "Your favourite colour?",
    requestedSchema: { type: "object", properties: { colour: { type: "string" } } },
  });
  return { content: [{ type: "text", text: JSON.stringify(answer) }] };
});
await server.connect(new StdioServerTransport());
