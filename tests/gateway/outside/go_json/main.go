// Reads messages as JSON texts from standard input, one a line, and writes what encoding/json makes of the
// members that decide what is run.
package main

import (
	"bufio"
	"encoding/json"
	"os"
)

type params struct {
	Name      string          `json:"name"`
	URI       string          `json:"uri"`
	Arguments json.RawMessage `json:"arguments"`
}

type message struct {
	Method string `json:"method"`
	Params params `json:"params"`
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	out := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		var read message
		if json.Unmarshal(lines.Bytes(), &read) != nil {
			out.Encode(nil)
			continue
		}
		out.Encode([]string{read.Method, read.Params.Name, read.Params.URI})
	}
}
