// An MCP server made with mcp-go that writes down what it does.
//
//	ledger FILE        # over stdio
//	ledger FILE PORT   # over Streamable HTTP, at /mcp
package main

import (
	"context"
	"log"
	"os"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

func noting(name string) server.ToolHandlerFunc {
	return func(context.Context, mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		file, err := os.OpenFile(os.Args[1], os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		if _, err := file.WriteString(name + "\n"); err != nil {
			return nil, err
		}
		return mcp.NewToolResultText(name), nil
	}
}

func main() {
	ledger := server.NewMCPServer("ledger", "1.0.0", server.WithToolCapabilities(false))
	for _, name := range []string{"safe", "delete_all"} {
		ledger.AddTool(mcp.NewTool(name), noting(name))
	}
	var err error
	if len(os.Args) > 2 {
		err = server.NewStreamableHTTPServer(ledger).Start("127.0.0.1:" + os.Args[2])
	} else {
		err = server.ServeStdio(ledger)
	}
	log.Fatal(err)
}
